"""The tray: shows the monitor's snapshots as icon, tooltip and menu, sends its alerts, and does what is clicked.

Three kinds of threads meet here. The main thread runs the icon. One thread runs the monitor, and only notes for the
icon what has changed. Workers do what may take its time: notifications and opening a terminal.
"""

import dataclasses
import functools
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from queue import SimpleQueue
from typing import Any, Protocol

from claude_session_status import view
from claude_session_status.desktop import backend
from claude_session_status.desktop.actions import ActionHandler, SystemActions
from claude_session_status.desktop.alert_notifications import AlertNotifications
from claude_session_status.desktop.capabilities import Autostart, CapabilityProbe, SetUp
from claude_session_status.desktop.icon import IconPainter
from claude_session_status.desktop.notify import Notifier, chain_for
from claude_session_status.desktop.worker import TaskRunner, Worker
from claude_session_status.errors import SessionStatusError, file_and_reason
from claude_session_status.model import Alert, EventKind, Pause, Snapshot
from claude_session_status.signals import ENDING, handling

log = logging.getLogger(__name__)

NOTIFICATION_PIXELS = 64
MONITOR_END_SECONDS = 0.8  # how long the monitor may take to end
WORKER_END_SECONDS = 0.3
END_SECONDS = (
    1.6  # longer than these three: what has not ended by then is left behind: a person, or a session that ends, waits
)
LOOK_SECONDS = 15.0  # how often the files behind the menu's other lines are looked at
TROUBLE_SECONDS = 60.0  # how long the menu says what became of a click
RETRY_SECONDS = (5.0, 15.0, 60.0)  # before the monitor is started again after it failed

Listener = Callable[[Snapshot, Sequence[Alert]], None]


class Monitor(Protocol):
    """Whoever watches the sessions."""

    def run(self, stop: threading.Event, listener: Listener) -> None:
        """Call `listener` about once a second and at each alert's mark, until `stop` is set."""

    def wake(self) -> None:
        """Look now, or see at once that `stop` is set."""

    def submit(self, kind: EventKind, session_id: str) -> None:
        """Have a session muted, unmuted or forgotten. Raises OSError."""

    def pause(self, wanted: Pause) -> None:
        """Give no alerts for a while, or give them again. Raises OSError."""


class TrayOutcome(StrEnum):
    """How `run_tray` ended."""

    ENDED = "ended"  # a person, or a signal, ended it
    NO_DISPLAY = "no display"  # nothing was shown, and the monitor has not been run


@dataclass(frozen=True, slots=True)
class TrayResult:
    """The outcome, and for NO_DISPLAY in one line why."""

    outcome: TrayOutcome
    reason: str = ""


def run_tray(
    monitor: Monitor,
    table_command: Sequence[str],
    *,
    check_command: Sequence[str] = (),
    autostart: Autostart | None = None,
    set_up: SetUp | None = None,
    environ: Mapping[str, str] | None = None,
    on_shortcoming: Callable[[str], None] = log.warning,
    on_icon: Callable[[backend.Choice], None] = lambda _choice: None,
) -> TrayResult:
    """Show the tray until Quit, SIGTERM or SIGINT. Blocks; call it in the main thread.

    `table_command` shows the table when it is run in a terminal, `check_command` whether all is set up.
    Without `check_command`, `autostart` or `set_up` their lines are not in the menu. `on_shortcoming` hears in one line
    what a person should know of the way that was found, such as that no panel takes icons yet; `on_icon` hears of the
    way once the icon is there.

    Raises:
        SessionStatusError: the icon could not be made.

    """
    surroundings = os.environ if environ is None else environ
    choice = backend.choose(backend.gather(surroundings))
    if choice.route is backend.Route.NONE:
        return TrayResult(TrayOutcome.NO_DISPLAY, choice.reason)
    if choice.reason:
        on_shortcoming(choice.reason)
    log.info("tray icon by %s", choice.route)
    # Only now, since without a display there is nothing to import it for.
    from claude_session_status.desktop.menu import MenuPrinter  # noqa: PLC0415
    from claude_session_status.desktop.pystray_base import Menu  # noqa: PLC0415

    painter = IconPainter()
    tray = Tray(
        monitor,
        SystemActions(table_command, check_command, surroundings),
        CapabilityProbe(autostart, set_up, checks_set_up=bool(check_command)),
        clicks=Worker("clicks"),
        notices=Worker("notifications"),
        painter=painter,
    )
    printer = MenuPrinter(tray.perform)
    menu = Menu(lambda: printer.items(tray.items))
    title = view.tooltip(Snapshot(now=0))
    try:
        icon = backend.make_icon(choice, surroundings, painter, title, menu)
    except Exception as error:  # each backend has errors of its own
        log.exception("the icon")
        raise SessionStatusError(
            f"The tray icon can't be shown: {error}", "Run: claude-session-status watch"
        ) from error
    tray.attach(icon, chain_for(sys.platform, surroundings, _notifying(icon), tray.press))
    on_icon(choice)
    tray.run()
    return TrayResult(TrayOutcome.ENDED)


def _notifying(icon: Any) -> Any:  # pystray's icons have no types
    return icon if getattr(icon, "HAS_NOTIFICATION", False) else None


class Tray:
    """The tray itself: no platform. `attach` an icon and a notifier before `run`.

    `clock` gives epoch seconds. `leave` ends the process at once: what holds `run` then holds it for ever.
    """

    def __init__(
        self,
        monitor: Monitor,
        deeds: ActionHandler,
        facilities: CapabilityProbe | None = None,
        *,
        clicks: TaskRunner,
        notices: TaskRunner,
        painter: IconPainter,
        clock: Callable[[], float] = time.time,
        leave: Callable[[], None] = lambda: os._exit(0),
    ) -> None:
        self._monitor = monitor
        self._deeds = deeds
        self._facilities = facilities or CapabilityProbe()
        self._offers = view.Capabilities()
        self._looked_at: float | None = None
        self._clicks = clicks
        self._alert_notifications = AlertNotifications(notices, clock)
        self._leave = leave
        self._painter = painter
        self._icon: backend.TrayIcon | None = None
        self._spec: view.IconSpec | None = None
        self._tooltip = ""
        self._items: tuple[view.MenuItem, ...] = view.menu(Snapshot(now=0))
        self._last = Snapshot(now=0)
        self._trouble: view.ClickProblem | None = None  # the clicks' thread's; a new value with each click
        self._trouble_shown: tuple[view.ClickProblem, float] | None = None  # the monitor's thread's: since when
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._wish_to_end: SimpleQueue[str] = SimpleQueue()  # the one thing a signal handler may safely touch

    @property
    def items(self) -> tuple[view.MenuItem, ...]:
        """The menu as it should be now."""
        return self._items

    def attach(self, icon: backend.TrayIcon, notifier: Notifier) -> None:
        """Say where to show things."""
        self._icon = icon
        self._alert_notifications.attach(notifier)

    def run(self) -> None:
        """Show and watch until somebody wants it to end."""
        if self._icon is None:
            raise RuntimeError("attach an icon first")
        watching = threading.Thread(target=self._watch, name="monitor", daemon=True)
        ending = threading.Thread(target=self._await_end, name="end", daemon=True)
        with handling(ENDING, self._wish_to_end.put):
            try:
                watching.start()
                ending.start()
                self._icon.run(self._ready)
            finally:
                self._stop.set()
                self._wish_to_end.put("the icon has gone")
                self._monitor.wake()
                watching.join(MONITOR_END_SECONDS)
                self._clicks.stop(WORKER_END_SECONDS)
                self._alert_notifications.stop(WORKER_END_SECONDS)
                self._ended.set()

    def end(self) -> None:
        """Have `run` return soon. For any thread."""
        self._wish_to_end.put("asked to")

    def perform(self, item: view.MenuItem) -> None:
        """Do what a line of the menu is for. Returns at once."""
        log.debug("clicked %s", item.key)
        if item.command is view.Command.QUIT:
            self.end()
        elif item.command is not None:
            ids = (item.session_id,) if item.session_id is not None else ()
            self._clicks.submit(functools.partial(self._do, item.command, ids, item.folder))

    def press(self, notification: view.Notification, command: view.Command) -> None:
        """Do what a notification's button is for. Returns at once."""
        log.debug("pressed %s on %s", command, notification.key)
        self._clicks.submit(functools.partial(self._do, command, notification.session_ids, None))

    def show(self, snapshot: Snapshot, alerts: Sequence[Alert] = ()) -> None:
        """Take the monitor's news. Never raises: the monitor has better things to do."""
        self._last = snapshot
        try:
            self._show(snapshot)
            image = self._painter.image(self._spec or view.IconSpec(), NOTIFICATION_PIXELS)
            self._alert_notifications.show(snapshot, alerts, image)
        except Exception:
            log.exception("showing a snapshot")

    # ---- private ------------------------------------------------------------

    def _ready(self, icon: backend.TrayIcon) -> None:
        icon.show_spec(self._spec or view.IconSpec())
        icon.visible = True
        if self._stop.is_set():  # ended before there was anything to end
            icon.stop()

    def _await_end(self) -> None:
        log.info("ending: %s", self._wish_to_end.get())
        self._stop.set()
        self._monitor.wake()
        if self._icon is not None:
            self._icon.stop()
        if not self._ended.wait(END_SECONDS):
            log.warning("not all has ended within %g s; it is left behind", END_SECONDS)
            self._leave()

    def _watch(self) -> None:
        """Run the monitor, and run it again when it breaks: a tray that shows old countdowns would be lying."""
        failures = 0
        while not self._stop.is_set():
            try:
                self._monitor.run(self._stop, self.show)
                if self._stop.is_set():
                    return
                reason = "it ended by itself"
            except SessionStatusError as error:
                log.exception("the monitor failed")
                reason = error.title
            except Exception as error:
                log.exception("the monitor failed")
                reason = f"{type(error).__name__}: {error}"
            problem = f"Not watching at the moment: {reason}"
            self.show(dataclasses.replace(self._last, stale=True, problem=problem))
            self._stop.wait(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
            failures += 1

    def _show(self, snapshot: Snapshot) -> None:
        icon = self._icon
        if icon is None:
            return
        spec = view.icon(snapshot)
        if spec != self._spec:
            self._spec = spec
            icon.show_spec(spec)
        tooltip = view.tooltip(snapshot)
        if tooltip != self._tooltip:
            self._tooltip = tooltip
            icon.title = tooltip
        if self._looked_at is None or not 0 <= snapshot.now - self._looked_at < LOOK_SECONDS:
            self._looked_at = snapshot.now
            self._clicks.submit(self._look)
        items = view.menu(snapshot, self._offers, self._trouble_at(snapshot.now))
        if items != self._items:
            self._items = items
            icon.update_menu()
        icon.poke()

    def _trouble_at(self, now: float) -> view.ClickProblem | None:
        """What the menu says of the last click. It goes after a while: nobody can click it away."""
        trouble = self._trouble
        if trouble is None:
            return None
        if self._trouble_shown is None or self._trouble_shown[0] is not trouble:
            self._trouble_shown = (trouble, now)
        return trouble if 0 <= now - self._trouble_shown[1] < TROUBLE_SECONDS else None

    # ---- what is asked for: in the clicks' thread ---------------------------

    def _do(self, command: view.Command, session_ids: Sequence[str], folder: str | None) -> None:
        try:
            if command in _EVENT_OF_COMMAND:
                for session_id in session_ids:
                    self._monitor.submit(_EVENT_OF_COMMAND[command], session_id)
            elif command in _PAUSES:
                self._monitor.pause(_PAUSES[command])
            elif command is view.Command.COPY_RESUME and session_ids:
                self._deeds.copy_resume_command(folder, session_ids[0])
            elif command is view.Command.OPEN_FOLDER and folder is not None:
                self._deeds.open_folder(folder)
            elif command is view.Command.SHOW_TABLE:
                self._deeds.show_table()
            elif command is view.Command.CHECK_SET_UP:
                self._deeds.check_set_up()
            else:
                self._set_up(command)
        except SessionStatusError as error:
            log.warning("%s", error)
            self._stumble(view.ClickProblem(error.title, error.next_step))
        except OSError as error:
            log.warning("%s", error)
            self._stumble(view.ClickProblem(file_and_reason(error, "A file")))
        else:
            self._trouble = None
        self._monitor.wake()

    def _set_up(self, command: view.Command) -> None:
        """Change what is about the program rather than a session; the menu shows it at once."""
        autostart, set_up = self._facilities.autostart, self._facilities.set_up
        if autostart is not None and command in (view.Command.START_AT_LOGIN, view.Command.START_BY_HAND):
            autostart.turn(command is view.Command.START_AT_LOGIN)
        elif set_up is not None and command is view.Command.SET_UP_HOOKS:
            done = set_up.install_hooks()
            self._say(view.set_up_notification(done))
        self._look()

    def _stumble(self, trouble: view.ClickProblem) -> None:
        self._trouble = trouble
        self._say(view.problem_notification(trouble))

    def _say(self, told: view.Notification) -> None:
        self._alert_notifications.say(told, self._painter.image(view.IconSpec(), NOTIFICATION_PIXELS))

    def _look(self) -> None:
        before, self._offers = self._offers, self._facilities.look()
        if self._offers != before:
            self._monitor.wake()


_EVENT_OF_COMMAND = {
    view.Command.MUTE: EventKind.MUTE,
    view.Command.UNMUTE: EventKind.UNMUTE,
    view.Command.FORGET: EventKind.FORGET,
}
_PAUSES = {
    view.Command.PAUSE_HOUR: Pause.HOUR,
    view.Command.PAUSE_TOMORROW: Pause.TOMORROW,
    view.Command.PAUSE_OFF: Pause.OFF,
}
