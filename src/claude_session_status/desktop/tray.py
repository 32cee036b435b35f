"""The tray: shows the monitor's snapshots as icon, tooltip and menu, sends its alerts as notifications, handles clicks.

Three kinds of threads meet here. The main thread runs the icon. One thread runs the monitor, and only stores for the
icon what has changed. Workers run what may take long: notifications, and what a click does.
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
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from claude_session_status import glance, menu_items, notification, policy, view
from claude_session_status.desktop import backend
from claude_session_status.desktop.actions import ActionHandler, SystemActions
from claude_session_status.desktop.alert_notifications import AlertNotifications
from claude_session_status.desktop.capabilities import Autostart, CapabilityProbe, History, SetUp
from claude_session_status.desktop.clicks import Clicks, SessionActions
from claude_session_status.desktop.icon import IconPainter
from claude_session_status.desktop.notify import Notifier, chain_for
from claude_session_status.desktop.recent_clicks import ClickMemory
from claude_session_status.desktop.settings import SettingsFile
from claude_session_status.desktop.task_runner import TaskRunner, Worker
from claude_session_status.errors import SessionStatusError
from claude_session_status.model import Alert, Host, Snapshot
from claude_session_status.signals import ENDING, handling

log = logging.getLogger(__name__)

NOTIFICATION_PIXELS = 64
FIRST_SNAPSHOT_SECONDS = 2.0  # the icon waits this long for the sessions, so that its first menu shows them
MONITOR_END_SECONDS = 0.8  # how long the monitor may take to end
WORKER_END_SECONDS = 0.3
END_SECONDS = 1.6  # longer than the monitor and both workers; then the process ends anyway: a user or a logout waits
SIGNAL_SECONDS = 1.0  # how long a signal may wait where it does not wake the icon's loop
CAPABILITIES_SECONDS = 15.0  # between two reads of the files behind the menu's commands
RETRY_SECONDS = (5.0, 15.0, 60.0)  # before the monitor is started again after it failed

Listener = Callable[[Snapshot, Sequence[Alert]], float | None]  # as in `monitor`
OnAlerts = Callable[[Snapshot, Sequence[Alert]], None]


class Monitor(SessionActions, Protocol):
    """Watches the sessions. After setting `stop`, `wake` ends the wait of `run` at once."""

    def run(self, stop: threading.Event, listener: Listener) -> None:
        """Call `listener` when something is new, when an alert is due, and at the time that it returns, until `stop`.

        Where it returns None, that is a second later.
        """


class TrayOutcome(StrEnum):
    """How `run_tray` ended."""

    ENDED = "ended"  # by the user, or by a signal
    NO_DISPLAY = "no display"  # nothing was shown, and the monitor has not been run


@dataclass(frozen=True, slots=True)
class TrayResult:
    """The outcome, and for NO_DISPLAY the reason in one line."""

    outcome: TrayOutcome
    reason: str = ""


def run_tray(
    monitor: Monitor,
    table_command: Sequence[str],
    *,
    check_command: Sequence[str] = (),
    autostart: Autostart | None = None,
    set_up: SetUp | None = None,
    settings: SettingsFile | None = None,
    history: History | None = None,
    history_command: Sequence[str] = (),
    hosts: Callable[[], Sequence[Host]] = lambda: (),
    as_called: Callable[[str], str] = lambda text: text,
    environ: Mapping[str, str] | None = None,
    least_notified_seconds: float = 0.0,
    on_alerts: OnAlerts = lambda _shot, _alerts: None,
    on_end: Callable[[], None] = lambda: None,
    on_shortcoming: Callable[[str], None] = log.warning,
    on_icon: Callable[[backend.Choice], None] = lambda _choice: None,
) -> TrayResult:
    """Show the tray until Quit, SIGTERM or SIGINT. Blocks; call it in the main thread.

    `table_command` shows the table when it is run in a terminal, `check_command` whether everything is set up, and
    `history_command` shows a page. Without `check_command`, `autostart`, `set_up`, `settings` or `history` their items
    are not in the menu. `hosts` returns the other machines of the settings. `as_called` returns a hint with our
    commands as the user must type them. A notification stays for `least_notified_seconds` even if it stops being true
    sooner. `on_alerts` is called with the alerts that are given, and must return at once; `on_end` when the tray ends;
    `on_shortcoming` with one line about a limit of the icon, such as that no panel takes icons yet; `on_icon` with the
    route of the icon once it has been made.

    Raises:
        SessionStatusError: the icon could not be made.

    """
    env = os.environ if environ is None else environ
    choice = backend.choose(backend.gather(env))
    if choice.route is backend.Route.NONE:
        return TrayResult(TrayOutcome.NO_DISPLAY, choice.reason)
    if choice.reason:
        on_shortcoming(choice.reason)
    log.info("tray icon: %s", choice.route)
    painter = IconPainter()
    tray = Tray(
        monitor,
        SystemActions(table_command, check_command, env, history_command=history_command, hosts=hosts),
        CapabilityProbe(autostart, set_up, settings, history, checks_set_up=bool(check_command)),
        clicks=Worker("clicks"),
        notifications=Worker("notifications"),
        painter=painter,
        least_notified_seconds=least_notified_seconds,
        on_alerts=on_alerts,
        on_end=on_end,
        as_called=as_called,
    )
    title = glance.tooltip(Snapshot(now=0))
    try:
        icon = backend.make_icon(
            choice,
            env,
            painter,
            title=title,
            menu=tray.menu,
            perform=tray.perform,
            on_opening=tray.count,
            on_terminate=tray.finish,
        )
    except Exception as error:  # each backend has errors of its own
        log.exception("the icon could not be made")
        raise SessionStatusError(
            f"The tray icon can't be shown: {error}", as_called("Run: claude-session-status watch")
        ) from error
    tray.attach(icon, chain_for(sys.platform, env, _notifying(icon), tray.run_action))
    on_icon(choice)
    tray.run()
    return TrayResult(TrayOutcome.ENDED)


def _notifying(icon: Any) -> Any:  # pystray's icons have no types
    return icon if getattr(icon, "HAS_NOTIFICATION", False) else None


class Tray:
    """The tray itself, without any platform. `attach` an icon and a notifier before `run`.

    `clock` returns epoch seconds. `leave` ends the process at once, for when something blocks the end of `run`.
    """

    def __init__(
        self,
        monitor: Monitor,
        handler: ActionHandler,
        probe: CapabilityProbe | None = None,
        *,
        clicks: TaskRunner,
        notifications: TaskRunner,
        painter: IconPainter,
        as_called: Callable[[str], str] = lambda text: text,
        clock: Callable[[], float] = time.time,
        least_notified_seconds: float = 0.0,
        on_alerts: OnAlerts = lambda _shot, _alerts: None,
        on_end: Callable[[], None] = lambda: None,
        leave: Callable[[], None] = lambda: os._exit(0),
    ) -> None:
        self._monitor = monitor
        self._probe = probe or CapabilityProbe()
        self._capabilities = view.Capabilities()
        self._capabilities_read_at: float | None = None
        self._clicks = clicks
        self._alert_notifications = AlertNotifications(notifications, clock, least_seconds=least_notified_seconds)
        self._on_alerts = on_alerts
        self._on_end = on_end
        self._clock = clock
        self._memory = ClickMemory(clock)
        self._as_called = as_called
        self._leave = leave
        self._painter = painter
        self._icon: backend.TrayIcon | None = None
        self._spec: glance.IconSpec | None = None
        self._tooltip = ""
        self._items = view.starting_menu()
        self._performing = Clicks(
            monitor,
            handler,
            self._probe,
            self._memory,
            sessions=lambda: self._last.sessions,
            notify=self._notify,
            end=self.end,
            on_change=self._read_capabilities,
            as_called=as_called,
        )
        self._menu_facts: tuple[object, ...] = ()  # all that the menu shows but the countdowns
        self._menu_details: tuple[object, ...] = ()
        self._counts = True  # whether `_items` is brought up to date by the second
        self._last, self._last_at = Snapshot(now=0), 0.0  # the last snapshot, and when it came
        self._watching: threading.Thread | None = None
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._has_snapshot = threading.Event()
        self._end_requests: SimpleQueue[str] = SimpleQueue()

    def menu(self) -> tuple[menu_items.MenuItem, ...]:
        """The menu as it should be at this moment. For any thread."""
        if self._counts or not self._has_snapshot.is_set():
            return self._items
        # By the snapshot's own clock: the demo's is ahead of this machine's.
        now = self._last.now + max(0.0, self._clock() - self._last_at)
        return view.menu(policy.later(self._last, now), self._menu_capabilities(), self._memory.now())

    def attach(self, icon: backend.TrayIcon, notifier: Notifier) -> None:
        """Set where to show things."""
        self._icon = icon
        self._alert_notifications.attach(notifier)

    def run(self) -> None:
        """Show the icon and watch the sessions until `end` or a signal."""
        if self._icon is None:
            raise RuntimeError("attach an icon first")
        watching = self._watching = threading.Thread(target=self._watch, name="monitor", daemon=True)
        ending = threading.Thread(target=self._await_end, name="end", daemon=True)
        with handling(ENDING, self._end_requests.put):
            try:
                watching.start()
                ending.start()
                self._icon.run(self._ready)
            finally:
                self.finish()

    def end(self) -> None:
        """Make `run` return soon. For any thread."""
        self._end_requests.put("requested")

    def finish(self) -> None:
        """End the monitor and the workers, and wait for them a little. `run` does that by itself when it returns."""
        if self._ended.is_set():
            return
        self._stop.set()
        self._end_requests.put("the icon has gone")
        self._monitor.wake()
        if self._watching is not None:
            self._watching.join(MONITOR_END_SECONDS)
        self._performing.forget_due(all_of_them=True)
        self._clicks.stop(WORKER_END_SECONDS)
        self._alert_notifications.stop(WORKER_END_SECONDS)
        self._on_end()
        self._ended.set()

    def perform(self, item: menu_items.MenuItem) -> None:
        """Do what a menu item is for. Returns at once."""
        log.debug("clicked %s", item.key)
        if item.action is not None:
            self.run_action(item.action)

    def run_action(self, action: menu_items.Action) -> None:
        """Do what a menu item or a notification's button is for. Returns at once."""
        log.debug("action: %s", action)
        if isinstance(action, menu_items.Quit):
            self.end()  # never waits for a click that takes long
        else:
            self._clicks.submit(functools.partial(self._performing.perform, action))

    def show(self, snapshot: Snapshot, alerts: Sequence[Alert] = ()) -> float | None:
        """Show a snapshot and its alerts. Never raises: an error here must not stop the monitor.

        Returns when the icon will have changed, at most CAPABILITIES_SECONDS later (in the snapshot's time); None where
        the menu counts by the second. The monitor itself knows when a session changes by the clock alone.
        """
        snapshot, alerts = self._memory.without_forgotten(snapshot, alerts)
        if snapshot.problem:
            snapshot = dataclasses.replace(snapshot, problem=self._as_called(snapshot.problem))
        self._last, self._last_at = snapshot, self._clock()
        try:
            self._show(snapshot)
        except Exception:
            log.exception("showing a snapshot")
        try:
            self._alert_notifications.show(snapshot, alerts)
            self._alert_notifications.show_hosts(snapshot)
            if alerts:
                self._on_alerts(snapshot, alerts)
        except Exception:
            log.exception("sending alerts")
        self._has_snapshot.set()
        if self._counts or self._memory.is_busy or self._alert_notifications.are_shown:
            return None
        return min(glance.next_change(snapshot), snapshot.now + CAPABILITIES_SECONDS)

    def count(self) -> None:
        """Count by the second from now on, as long as the menu may be open. For any thread."""
        self._monitor.wake()

    # ---- private ------------------------------------------------------------

    def _ready(self, icon: backend.TrayIcon) -> None:
        self._has_snapshot.wait(FIRST_SNAPSHOT_SECONDS)
        icon.show_spec(self._spec or glance.IconSpec())
        icon.visible = True
        if self._stop.is_set():  # ended before it began
            icon.stop()

    def _await_end(self) -> None:
        log.info("ending: %s", self._end_request())
        self._stop.set()
        self._has_snapshot.set()
        self._monitor.wake()
        if self._icon is not None:
            self._icon.stop()
        if not self._ended.wait(END_SECONDS):
            log.warning("not everything has ended within %g s; leaving anyway", END_SECONDS)
            self._leave()

    def _end_request(self) -> str:
        """Wait for a request to end. Meanwhile let signal handlers run, where they wait for that."""
        run_pending_signals = self._icon.run_pending_signals if self._icon is not None else None
        while run_pending_signals is not None:
            try:
                return self._end_requests.get(timeout=SIGNAL_SECONDS)
            except Empty:
                run_pending_signals()
        return self._end_requests.get()

    def _watch(self) -> None:
        """Run the monitor, and restart it when it fails: a tray that shows old countdowns would be wrong."""
        failures = 0
        while not self._stop.is_set():
            try:
                self._monitor.run(self._stop, self.show)
                if self._stop.is_set():
                    return
                reason = "it ended unexpectedly"
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
        set_up = not glance.needs_set_up(snapshot, hooks_installed=self._capabilities.hooks_installed)
        spec = glance.icon(snapshot, set_up=set_up)
        if spec != self._spec:
            self._spec = spec
            icon.show_spec(spec)
        tooltip = glance.tooltip(snapshot, set_up=set_up, today=self._capabilities.today)
        if tooltip != self._tooltip:
            self._tooltip = tooltip
            icon.title = tooltip
        read_at = self._capabilities_read_at
        if read_at is None or not 0 <= snapshot.now - read_at < CAPABILITIES_SECONDS:
            self._capabilities_read_at = snapshot.now
            self._clicks.submit(self._read_capabilities)
        if self._memory.has_due:
            self._clicks.submit(self._performing.forget_due)
        self._show_menu(snapshot, icon)

    def _show_menu(self, snapshot: Snapshot, icon: backend.TrayIcon) -> None:
        """Bring the menu up to date: by the second while it may be open, else where more than a countdown changed."""
        capabilities, clicks = self._menu_capabilities(), self._memory.now()
        states = [(s.session, s.cache, s.activity, s.urgency) for s in snapshot.sessions]
        rest = dataclasses.replace(snapshot, now=0.0, sessions=())
        before, self._menu_facts = self._menu_facts, (states, rest, capabilities, clicks)
        # What an open menu says beside the countdowns: some of it counts minutes.
        details_before, self._menu_details = (
            self._menu_details,
            (
                int(snapshot.now // 60),
                [s.keep_warm for s in snapshot.sessions],
            ),
        )
        self._counts = icon.menu_may_be_open
        is_same = before == self._menu_facts
        if is_same and not self._counts:
            return
        if is_same and details_before == self._menu_details:
            items = view.recounted(self._items, snapshot)
        else:
            items = view.menu(snapshot, capabilities, clicks)
        if items != self._items:
            self._items = items
            icon.update_menu()

    def _menu_capabilities(self) -> view.Capabilities:
        settings = self._probe.settings.read() if self._probe.settings is not None else None
        return dataclasses.replace(self._capabilities, settings=settings)

    def _notify(self, content: notification.Notification) -> None:
        self._alert_notifications.send(
            content, self._painter.image(self._spec or glance.IconSpec(), NOTIFICATION_PIXELS)
        )

    def _read_capabilities(self) -> None:
        before, self._capabilities = self._capabilities, self._probe.read()
        if self._capabilities != before:
            self._monitor.wake()
