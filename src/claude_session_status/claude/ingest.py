"""Turns notes and transcripts into rows. One process at a time does it; the others leave their notes to it.

Who ingests? Whoever gets the lock. Who finds it taken leaves at once: the holder looks at the spool once more after
letting go, so that nobody's last note is left lying. A note is removed only after its row is committed; a crash in
between applies it twice, which changes nothing.
"""

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from claude_session_status import notes, reducer
from claude_session_status.claude import transcript
from claude_session_status.claude.registry import Registry, ReportedStatus
from claude_session_status.errors import SessionStatusError, StoreBrokenError, StoreRowError, file_and_reason
from claude_session_status.lock import FileLock
from claude_session_status.model import ClientStatus, Event, Session
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool, moment_of
from claude_session_status.store.database import Stamp, Store

HOOK_TRIES = 4  # to open the database, 0.14 s in all: somebody waits for a hook, and the note is safe already
LATELY_SECONDS = 1.0  # a note that waits for longer says that hooks before this one met a lock: no use in waiting
FOUND_SECONDS = 86400.0  # a new database is made from transcripts that were written within the last day
BUSY_SECONDS = 7200.0  # so long a client is believed to be busy that can't be seen to run, as one in a container
BATCH = 500  # notes a transaction: a crowded spool is worked off in pieces
HOOK_BATCHES = 2  # what one hook does of them, some 0.5 s of work, and the next ones go on


class Outcome(Enum):
    """How a drain ended."""

    NOTHING = "nothing to do"
    DONE = "notes were applied"
    TAKEN = "another process is at it"


@dataclass(frozen=True, slots=True)
class Drained:
    """The outcome, and the sessions that changed, as they are now."""

    outcome: Outcome
    sessions: tuple[Session, ...] = ()


class Ingester:
    """Does the work for one folder. `default_ttl` (seconds) is used where no source tells the TTL."""

    def __init__(
        self,
        paths: Paths,
        store: Store,
        default_ttl: int = reducer.DEFAULT_TTL_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._paths = paths
        self._store = store
        self.default_ttl = default_ttl
        self._clock = clock
        self._spool = Spool(paths.spool)
        self._registry = Registry(paths.client_registry)

    def drain(self, batches: int | None = None) -> Drained:
        """Apply all notes to the database, or as many as are in so many batches, the oldest first.

        Raises SessionStatusError (locked, broken) and OSError; the notes then stay.
        """
        changed: dict[str, Session] = {}
        seen: set[str] = set()  # a note that can't be taken away must not be met for ever

        def waiting() -> list[str]:
            if batches is not None and len(seen) >= batches * BATCH:
                return []
            return [name for name in self._spool.names() if name not in seen]

        outcome = Outcome.NOTHING
        while names := waiting():
            lock = FileLock(self._paths.ingest_lock)
            if not lock.acquire():
                return Drained(Outcome.TAKEN, tuple(changed.values()))
            try:
                while names:
                    for session in self._apply(names[:BATCH]):
                        changed[session.session_id] = session
                    seen.update(names[:BATCH])
                    names = waiting()
            finally:
                lock.release()
            outcome = Outcome.DONE
        if outcome is Outcome.DONE:
            self._spool.sweep(time.time())
        return Drained(outcome, tuple(changed.values()))

    def _apply(self, names: list[str]) -> tuple[Session, ...]:
        told: list[tuple[str, Event]] = []
        for name in names:
            raw = self._spool.read(name)
            if raw is None:
                continue
            try:
                told.append((name, notes.decode(raw)))
            except notes.NoteError:
                self._spool.refuse(name)
        try:
            after = self._remember([event for _, event in told])
        except (StoreRowError, ValueError, TypeError, ArithmeticError):
            # Something in one of them can't be held. One session's oddity must not stop the others.
            if len(told) == 1:
                self._spool.refuse(told[0][0])
                return ()
            return tuple(session for name, _ in told for session in self._apply([name]))
        for name, _ in told:
            self._spool.remove(name)
        return after

    def _remember(self, events: list[Event]) -> tuple[Session, ...]:
        after: tuple[Session, ...] = ()

        def change(before: dict[str, Session]) -> tuple[Session, ...]:
            nonlocal after
            after = self._after(before, events)
            return after

        if events:
            self._store.update((e.session_id for e in events), change)
        return after

    def _after(self, before: dict[str, Session], events: list[Event]) -> tuple[Session, ...]:
        """The sessions after the events, each with its files looked at once."""
        after: dict[str, Session] = {}
        now = self._clock()
        for event in sorted(events, key=lambda e: (e.at, e.kind)):
            session = after.get(event.session_id) or before.get(event.session_id) or Session(event.session_id)
            after[event.session_id] = reducer.apply(session, event, now)
        return tuple(self.refresh(session) for session in after.values())

    def refresh(self, session: Session) -> Session:
        """The session with what its files say, which are read only if they changed; itself where nothing is new."""
        said = self._client_word(session)
        session = reducer.apply_client_status(session, said.status if said else None, said.since if said else None)
        path = session.transcript_path
        mark = transcript.stat_mark(path) if path else None
        is_there = mark is not None and mark == session.transcript_mark
        if path is not None and mark is not None and not is_there:
            now = self._clock()
            facts = transcript.read(path, now)
            is_there = facts is not None
            if facts is not None:
                session = reducer.drop_future(session, now)
                seen = None if transcript.is_ahead(mark, now) else mark  # None: look again when the clock is right
                session = reducer.apply_transcript(session, facts, seen, self.default_ttl)
        return reducer.assume_request(session, self.default_ttl, transcript_is_there=is_there)

    def _client_word(self, session: Session) -> ReportedStatus | None:
        """What the client says of itself; that of a killed container's, which says busy for ever, only for a while."""
        said = self._registry.status_of(session.session_id, session.process)
        if said is None or said.status is not ClientStatus.BUSY:
            return said
        if self._clock() - said.since <= BUSY_SECONDS:
            return said
        from claude_session_status.claude.liveness import Liveness, liveness  # noqa: PLC0415 - not for hooks

        return said if liveness(session.process, session.last_event_at) is Liveness.ALIVE else None

    def write_refreshed(self, session_ids: Iterable[str]) -> tuple[Stamp, Stamp] | None:
        """Bring the rows of these sessions up to their files; returns the database's stamps before and after that.

        None when another process is ingesting. Raises SessionStatusError.
        """
        lock = FileLock(self._paths.ingest_lock)
        if not lock.acquire():
            return None
        try:
            before = self._store.stamp()
            self._store.update(session_ids, lambda before: [self.refresh(s) for s in before.values()])
            return before, self._store.stamp()
        finally:
            lock.release()

    def mend(self, known: Iterable[Session] = ()) -> bool:
        """Set a broken database aside and make a new one: of what it still tells, of `known`, and of transcripts.

        True: try again what failed. False: another process is at it. Raises SessionStatusError and OSError.
        """
        from claude_session_status.claude import discovery  # noqa: PLC0415 - hooks come by here, and need it only now

        lock = FileLock(self._paths.ingest_lock)
        if not lock.acquire():
            return False
        now = time.time()

        def remember(readable: tuple[Session, ...]) -> list[Session]:
            sessions = {s.session_id: s for s in (*readable, *known)}
            for session in discovery.sessions(self._paths.claude_dir, now - FOUND_SECONDS):
                sessions.setdefault(session.session_id, session)
            return [self.refresh(session) for session in sessions.values()]

        try:
            aside = self._store.renew(now, remember)
        finally:
            lock.release()
        if aside is None:
            return True
        import logging  # noqa: PLC0415 - hooks come through this module, and pay for it only here

        logging.getLogger(__name__).warning(
            "%s. It was set aside as %s; a new one was made, with %d sessions",
            aside.reason,
            os.path.basename(aside.path),
            aside.sessions,
        )
        return True


def run_alone(paths: Paths) -> None:
    """What a hook does when no monitor lives: apply its note, and any that lie there, now.

    Raises SessionStatusError; the notes then wait for the next hook or monitor.
    """
    ttl = reducer.DEFAULT_TTL_SECONDS
    if os.path.exists(paths.config):
        from claude_session_status import config  # noqa: PLC0415 - few have one, and it would cost the others

        ttl = config.load(paths.config).config.default_ttl_seconds
    waiting = Spool(paths.spool).names()
    stuck = bool(waiting) and time.time() - moment_of(waiting[0]) > LATELY_SECONDS
    ingester = Ingester(paths, Store(paths.database, tries=1 if stuck else HOOK_TRIES), ttl)
    try:
        try:
            ingester.drain(HOOK_BATCHES)
        except StoreBrokenError:
            if not ingester.mend():
                raise
            ingester.drain(HOOK_BATCHES)
    except OSError as error:
        title = file_and_reason(error, paths.folder)
        raise SessionStatusError(title, "The event waits in the spool") from error
