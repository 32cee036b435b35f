"""What clicks have left in the menu for a while: why one failed, what was copied, which sessions are to be forgotten.

A session is forgotten a minute after the click, and until then only hidden: that leaves time to undo it, and nothing
needs to be restored. A session that is used again in that minute is not forgotten.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from claude_session_status.last_request import SAME_EXPIRY_SECONDS
from claude_session_status.model import Activity, Alert, SessionState, Snapshot
from claude_session_status.view import ClickProblem, RecentClicks

KEPT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Forgotten:
    state: SessionState
    at: float
    is_done: bool = False  # the monitor was asked to forget it; the next snapshot will be without it


class ClickMemory:
    """Remembers clicks. For any thread. `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._problem: tuple[ClickProblem, float] | None = None
        self._copied: tuple[str, float] | None = None
        self._forgotten: dict[str, _Forgotten] = {}

    def failed(self, problem: ClickProblem) -> None:
        """Remember why the last click failed."""
        self._problem = (problem, self._clock())

    def succeeded(self) -> None:
        """Forget why an earlier click failed."""
        self._problem = None

    def copied(self, session_id: str) -> None:
        """Remember that the session's resume command was copied."""
        self._copied = (session_id, self._clock())

    def forget(self, state: SessionState) -> None:
        """Hide the session, and forget it in a minute."""
        with self._lock:
            self._forgotten[state.session.session_id] = _Forgotten(state, self._clock())

    def undo_forget(self, session_id: str) -> None:
        """Show the session again."""
        with self._lock:
            self._forgotten.pop(session_id, None)

    @property
    def is_busy(self) -> bool:
        """Whether the menu shows a click that it will show no more in a minute."""
        return self.now() != RecentClicks()

    @property
    def has_due(self) -> bool:
        """Whether a session's minute is over."""
        now = self._clock()
        with self._lock:
            return any(not one.is_done and not self._is_recent(one.at, now) for one in self._forgotten.values())

    def take_due(self, *, all_of_them: bool = False) -> list[str]:
        """The sessions whose minute is over, each once; or all that were hidden, where the tray ends."""
        now = self._clock()
        with self._lock:
            due = [
                session_id
                for session_id, one in self._forgotten.items()
                if not one.is_done and (all_of_them or not self._is_recent(one.at, now))
            ]
            for session_id in due:
                self._forgotten[session_id] = replace(self._forgotten[session_id], is_done=True)
        return due

    def now(self) -> RecentClicks:
        """What the menu shows of them."""
        now = self._clock()
        problem, copied = self._problem, self._copied
        with self._lock:
            forgotten = tuple(one.state for one in self._forgotten.values() if not one.is_done)
        return RecentClicks(
            problem[0] if problem is not None and self._is_recent(problem[1], now) else None,
            copied[0] if copied is not None and self._is_recent(copied[1], now) else None,
            forgotten,
        )

    def without_forgotten(self, snapshot: Snapshot, alerts: Sequence[Alert]) -> tuple[Snapshot, tuple[Alert, ...]]:
        """The snapshot and the alerts without the sessions that are to be forgotten."""
        if not self._forgotten:
            return snapshot, tuple(alerts)
        states = {state.session.session_id: state for state in snapshot.sessions}
        with self._lock:
            for session_id, one in list(self._forgotten.items()):
                state = states.get(session_id)
                if one.is_done if state is None else _was_used(state, one.state):
                    del self._forgotten[session_id]
            hidden = set(self._forgotten)
        kept = tuple(state for state in snapshot.sessions if state.session.session_id not in hidden)
        return replace(snapshot, sessions=kept), tuple(a for a in alerts if a.state.session.session_id not in hidden)

    @staticmethod
    def _is_recent(at: float, now: float) -> bool:
        return 0 <= now - at < KEPT_SECONDS


def _was_used(now: SessionState, before: SessionState) -> bool:
    """Whether a hook has reported the session since, or it has made a request."""
    if now.activity is Activity.ENDED:
        return False
    if (now.session.last_event_at or 0.0) > (before.session.last_event_at or 0.0):
        return True
    return _request_at(now) > _request_at(before) + SAME_EXPIRY_SECONDS


def _request_at(state: SessionState) -> float:
    return state.session.request.started_at if state.session.request is not None else 0.0
