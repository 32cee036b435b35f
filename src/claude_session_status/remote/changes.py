"""What another machine's report changes here, as events to note. Pure.

A report is complete: a session that is not in it has ended there. Nothing is noted of what is known already, nor of
sessions too old to be shown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from claude_session_status import policy, remote_session
from claude_session_status.last_request import DEFAULT_TTL_SECONDS
from claude_session_status.model import Activity, Event, EventKind, RemoteState, Session
from claude_session_status.values import Value

NOTES_AT_ONCE, NOTES_A_SECOND = 1000, 20.0
NEW_AT_ONCE, NEW_A_SECOND = 1000, 3000 / 86400.0


class Received(Value):
    """A report with times by this machine's clock."""

    host: str
    states: Mapping[str, RemoteState]  # by the key of the row
    is_cut: bool = False


class Budget:
    """How many times something may happen: some at once, then at a steady rate."""

    def __init__(self, at_once: int, a_second: float) -> None:
        self._most = float(at_once)
        self._left = float(at_once)
        self._a_second = a_second
        self._filled_at: float | None = None

    def fill(self, now: float) -> None:
        """Take the time that has passed into account; `now` is of a clock that is never set."""
        passed = 0.0 if self._filled_at is None else max(0.0, now - self._filled_at)
        self._left = min(self._most, self._left + passed * self._a_second)
        self._filled_at = now

    def spend(self) -> bool:
        """Whether it may happen once more; then that is counted."""
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


@dataclass(slots=True)
class Noted:
    """What was noted of one host's sessions, and how much more may be noted."""

    states: dict[str, RemoteState | None] = field(default_factory=dict)  # None: it has ended there
    notes: Budget = field(default_factory=lambda: Budget(NOTES_AT_ONCE, NOTES_A_SECOND))
    new: Budget = field(default_factory=lambda: Budget(NEW_AT_ONCE, NEW_A_SECOND))
    is_behind: bool = False  # more was due than the budget allowed

    def fill(self, now: float) -> None:
        """Take the time that has passed into account; `now` is of a clock that is never set."""
        self.notes.fill(now)
        self.new.fill(now)


def due_events(received: Received, noted: Noted, rows: Mapping[str, Session], now: float) -> Iterator[Event]:
    """Yield the events that the report makes due, within the budget; `remember` each one that was noted.

    What the budget leaves out is still due when the same report, or a newer one, is looked at again.
    """
    noted.is_behind = False
    for key, state in received.states.items():
        before, row = noted.states.get(key), rows.get(key)
        if before is not None and remote_session.is_alike(before, state):
            continue
        if key not in noted.states and _is_known(row, state, now):
            continue
        is_new = row is None and key not in noted.states
        if (is_new and not noted.new.spend()) or not noted.notes.spend():
            noted.is_behind = True
            continue
        yield Event(EventKind.REMOTE, key, now, remote=state)
    if received.is_cut:
        return
    for key, row in rows.items():
        if row.host != received.host or row.is_ended or key in received.states or is_noted_as_ended(noted, key):
            continue
        if not noted.notes.spend():
            noted.is_behind = True
            continue
        yield Event(EventKind.GONE, key, now)


def is_noted_as_ended(noted: Noted, key: str) -> bool:
    """Whether it was noted that the host no longer lists the session."""
    return key in noted.states and noted.states[key] is None


def remember(noted: Noted, event: Event) -> None:
    """Take the event as noted."""
    noted.states[event.session_id] = event.remote


def prune(noted: Noted, received: Received, rows: Mapping[str, Session]) -> None:
    """Drop what is remembered of sessions that are neither in the report nor shown."""
    kept = {key: state for key, state in noted.states.items() if key in received.states or key in rows}
    noted.states = kept


def _is_known(row: Session | None, state: RemoteState, now: float) -> bool:
    """Whether nothing needs to be noted of a session of which this process has noted nothing yet."""
    if row is not None:
        return remote_session.says_nothing_new(row, state, now, default_ttl=DEFAULT_TTL_SECONDS)
    silent = now - remote_session.seen_at(state, now)
    return silent > (policy.ENDED_SHOWN_SECONDS if state.activity is Activity.ENDED else policy.SHOWN_SECONDS)
