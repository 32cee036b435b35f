"""The session rows that a monitor holds in memory, and which of their changes are not in the database yet.

A change comes before its row in two cases: an event of ours, whose note waits in the spool (`assume`), and what a
transcript or the client's own file says (`refresh`), which is written at most every WRITE_SECONDS.
"""

import math
from collections.abc import Callable, Iterator

from claude_session_status import policy, reducer
from claude_session_status.claude.ingest import Ingester
from claude_session_status.model import Event, EventKind, Session
from claude_session_status.session_faults import SessionFaults
from claude_session_status.store.database import Stamp, Store

WRITE_SECONDS = 10.0  # a busy transcript costs at most one write in this time

_APPLYING = "applying an event"


class SessionCache:
    """Sessions by id. `everything`: also those that ended or were silent for long."""

    def __init__(self, store: Store, ingester: Ingester, faults: SessionFaults, *, everything: bool = False) -> None:
        self._store = store
        self._ingester = ingester
        self._faults = faults
        self._everything = everything
        self.sessions: dict[str, Session] = {}
        self._loaded: Stamp = None  # the database's stamp when the rows were read
        self._assumed: dict[tuple[str, EventKind, float | None], Event] = {}
        self._unwritten: set[str] = set()
        self._written_at = -math.inf

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self.sessions.values()))

    def invalidate(self) -> None:
        """Read the rows again at the next `reload`, whether or not the database changed."""
        self._loaded = None

    def reload(self, now: float) -> None:
        """Read the rows again if somebody changed the database. Raises SessionStatusError.

        Independent of the notes that wait: also where they can't be applied, as on a full disk, the rows are shown.
        """
        stamp = self._store.stamp()
        if stamp == self._loaded:
            return
        since = () if self._everything else (now - policy.SHOWN_SECONDS, now - policy.ENDED_SHOWN_SECONDS)
        self.sessions = {session.session_id: session for session in self._store.load(*since)}
        self._loaded = stamp  # taken before the rows were read, so that a change in between is seen next time
        self._assumed = {key: event for key, event in self._assumed.items() if event.session_id in self.sessions}
        self._faults.keep(self.sessions)
        self._faults.clear(_APPLYING)
        for event in self._assumed.values():
            self._apply(event, now)

    def assume(self, event: Event, now: float) -> bool:
        """Show an event of ours at once, and until the database has it. False when it can't be applied."""
        self._assumed[event.session_id, event.kind, event.lead_seconds] = event
        return self._apply(event, now)

    def _apply(self, event: Event, now: float) -> bool:
        session = self.sessions.get(event.session_id)
        if session is None:
            return False
        after = self._faults.attempt(session, _APPLYING, lambda: reducer.apply(session, event, now), None)
        if after is not None:
            self.sessions[event.session_id] = after
        return after is not None

    def refresh(self, between: Callable[[], None] = lambda: None) -> None:
        """Update all sessions from their files, which are read only if they changed. `between`: called between two."""
        for session in self:
            fresh = self._ingester.refresh(session)
            if fresh is not session and fresh != session:
                self.sessions[session.session_id] = fresh
                self._unwritten.add(session.session_id)
            between()

    def write(self, now: float, *, force: bool = False) -> None:
        """Persist changes read from transcripts, at most every WRITE_SECONDS. Raises SessionStatusError.

        While another process ingests, they wait.
        """
        if not self._unwritten or (not force and 0 <= now - self._written_at < WRITE_SECONDS):
            return
        stamps = self._ingester.write_refreshed(sorted(self._unwritten))
        if stamps is None:
            return
        self._unwritten.clear()
        self._written_at = now
        before, after = stamps
        if before == self._loaded:
            self._loaded = after  # only we changed the database: the rows in memory are the same already
