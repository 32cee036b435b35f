"""What clicks do: in the menu, on a notification, on its buttons. Runs in the clicks' thread, since some take long."""

import logging
from collections.abc import Callable, Sequence
from typing import Protocol, assert_never

from claude_session_status import menu_items, notification, view
from claude_session_status.desktop.actions import ActionHandler
from claude_session_status.desktop.capabilities import CapabilityProbe
from claude_session_status.desktop.recent_clicks import ClickMemory
from claude_session_status.errors import SessionStatusError, file_and_reason
from claude_session_status.keep_warm_times import Choice
from claude_session_status.model import EventKind, Pause, Session, SessionState

log = logging.getLogger(__name__)


class SessionActions(Protocol):
    """What a click can have done to sessions; the monitor does it."""

    def wake(self) -> None:
        """Poll now."""

    def submit(self, kind: EventKind, session_id: str) -> None:
        """Mute, unmute or forget a session. Raises OSError."""

    def keep_warm(self, session_id: str, choice: Choice, *, consents: bool = False) -> tuple[str, ...]:
        """Keep a session warm, or no longer; return sentences about it. Raises SessionStatusError and OSError."""

    def pause(self, wanted: Pause) -> None:
        """Pause the alerts, or resume them. Raises OSError."""


class Clicks:
    """Does what menu items and buttons are for.

    `sessions` returns those that were shown last. `notify` sends a notification, `end` ends the tray, and `on_change`
    is called when a capability has changed. `as_called` returns a hint with our commands as the user must type them.
    """

    def __init__(
        self,
        monitor: SessionActions,
        handler: ActionHandler,
        probe: CapabilityProbe,
        memory: ClickMemory,
        *,
        sessions: Callable[[], Sequence[SessionState]],
        notify: Callable[[notification.Notification], None],
        end: Callable[[], None],
        on_change: Callable[[], None],
        as_called: Callable[[str], str],
    ) -> None:
        self._monitor = monitor
        self._handler = handler
        self._probe = probe
        self._memory = memory
        self._sessions = sessions
        self._notify = notify
        self._end = end
        self._on_change = on_change
        self._as_called = as_called

    def perform(self, action: menu_items.Action) -> None:
        """Do it; a failure is shown in the menu and as a notification."""
        try:
            self._perform(action)
        except SessionStatusError as error:
            log.warning("%s", error)
            self._report(view.ClickProblem(error.title, error.next_step))
        except OSError as error:
            log.warning("%s", error)
            self._report(view.ClickProblem(file_and_reason(error, "A file")))
        else:
            self._memory.succeeded()
        self._monitor.wake()

    def _perform(self, action: menu_items.Action) -> None:
        match action:
            case menu_items.MuteSessions(session_ids, muted):
                for session_id in session_ids:
                    self._monitor.submit(EventKind.MUTE if muted else EventKind.UNMUTE, session_id)
            case menu_items.ForgetSession(session_id):
                self._forget(session_id)
            case menu_items.UndoForget(session_id):
                self._memory.undo_forget(session_id)
            case menu_items.ChangeSetting(key, value):
                if self._probe.settings is not None:
                    self._probe.settings.change(key, value)
            case menu_items.OpenSettings():
                if self._probe.settings is not None:
                    self._handler.edit_file(self._probe.settings.make())
            case menu_items.PauseNotifications(pause):
                self._monitor.pause(pause)
            case menu_items.CopyResumeCommand():
                self._copy(action)
            case menu_items.GoToSession(session_id, token):
                self._handler.go_to_session(self._session(session_id), token)
            case menu_items.KeepSessionWarm(session_id, choice, consents):
                sentences = self._monitor.keep_warm(session_id, choice, consents=consents)
                self._notify(notification.of_keep_warm(session_id, sentences))
            case menu_items.OpenFolder(folder):
                self._handler.open_folder(folder)
            case menu_items.ShowTable():
                self._handler.show_table()
            case menu_items.CheckSetUp():
                self._handler.check_set_up()
            case menu_items.ShowHistory():
                self._handler.show_history()
            case menu_items.StartAtLogin(on):
                if self._probe.autostart is not None:
                    self._probe.autostart.turn(on)
                    self._on_change()
            case menu_items.SetUpHooks():
                if self._probe.set_up is not None:
                    self._notify(notification.of_set_up(self._probe.set_up.install_hooks()))
                    self._on_change()
            case menu_items.Quit():
                self._end()
            case _:
                assert_never(action)

    def _session(self, session_id: str) -> Session:
        """The session as it is now. Raises SessionStatusError for one that is gone."""
        for state in self._sessions():
            if state.session.session_id == session_id:
                return state.session
        raise SessionStatusError("The session has ended", "Copy its resume command from watch to open it again")

    def _copy(self, action: menu_items.CopyResumeCommand) -> None:
        own_id = Session(action.session_id, host=action.host).own_id
        copied = self._handler.copy_resume_command(action.folder, own_id, action.host)
        if copied is not None:  # otherwise a terminal shows it
            self._memory.copied(action.session_id)
            self._notify(notification.of_copy(copied))

    def _forget(self, session_id: str) -> None:
        state = next((s for s in self._sessions() if s.session.session_id == session_id), None)
        if state is None:  # it has ended meanwhile
            self._monitor.submit(EventKind.FORGET, session_id)
        else:
            self._memory.forget(state)

    def forget_due(self, *, all_of_them: bool = False) -> None:
        """Forget the sessions whose minute to undo it is over."""
        for session_id in self._memory.take_due(all_of_them=all_of_them):
            try:
                self._monitor.submit(EventKind.FORGET, session_id)
            except OSError as error:
                log.warning("a session was not forgotten: %s", error)

    def _report(self, problem: view.ClickProblem) -> None:
        problem = view.ClickProblem(problem.title, self._as_called(problem.next_step))
        self._memory.failed(problem)
        self._notify(notification.of_problem(problem))
