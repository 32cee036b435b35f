"""Turns notes and transcripts into rows. One process at a time does it; the others leave their notes to that one.

The process that holds the ingest lock ingests. One that finds it taken leaves at once: the holder looks at the spool
again after it has released the lock, so that no note stays behind. A note is removed only after its row is committed;
a crash in between applies it twice, which changes nothing.

A note that can't be read, applied or removed never stops the notes behind it, and neither does a session whose files
can't be read.
"""

import math
import os
import time
from collections.abc import Callable, Iterable
from enum import Enum
from functools import partial

from claude_session_status import client_files, config, future_times, last_request, notes, reducer
from claude_session_status.claude.idle_compaction import IdleCompaction
from claude_session_status.claude.registry import Registry, ReportedStatus
from claude_session_status.claude.transcript_files import TranscriptFinder, first_folder, is_ahead, stat_mark
from claude_session_status.errors import SessionStatusError, StoreBrokenError, StoreRowError, file_and_reason
from claude_session_status.heartbeat import monitor_runs
from claude_session_status.lazy_log import Log
from claude_session_status.lock import FileLock
from claude_session_status.model import ClientStatus, Event, Session
from claude_session_status.paths import Paths
from claude_session_status.session_faults import SessionFaults
from claude_session_status.spool import Spool
from claude_session_status.store.database import Stamp, Store

PAUSE_SECONDS = 0.02  # between slices without a monitor: `status` and others get the lock
FOUND_SECONDS = 86400.0  # a new database is made from transcripts that were written within the last day
BUSY_SECONDS = 7200.0  # how long a client's "busy" is trusted without a live process
BATCH = 500  # notes per transaction: a crowded spool is worked off in slices

log = Log(__name__)


class DrainResult(Enum):
    """How a drain ended."""

    DONE = "no note waits"
    MORE = "notes wait that another drain can apply"
    LOCKED = "another process holds the ingest lock"


class _EventError(Exception):
    """An event that can't be applied to its session, whatever the reason."""


class Ingester:
    """Applies the notes of one folder. `default_ttl` (seconds) is used where no source knows the TTL."""

    def __init__(
        self,
        paths: Paths,
        store: Store,
        default_ttl: int = last_request.DEFAULT_TTL_SECONDS,
        clock: Callable[[], float] = time.time,
        faults: SessionFaults | None = None,
    ) -> None:
        self._paths = paths
        self._store = store
        self.default_ttl = default_ttl
        self._clock = clock
        self._faults = faults or SessionFaults()
        self._spool = Spool(paths.spool)
        self._is_utf8 = not any("\ud800" <= character <= "\udfff" for character in paths.projects)
        self._registry = Registry(paths.client_registry)
        self._idle_compaction = IdleCompaction(paths.claude_dir)
        self._transcripts = TranscriptFinder(paths.projects, clock)
        self._applied: dict[str, OSError] = {}  # notes that are applied and could not be removed
        self._refused: dict[str, OSError] = {}  # notes that can't be applied and could not be renamed

    def drain(self, batches: int | None = None, held: FileLock | None = None) -> DrainResult:
        """Apply all notes to the database, or at most so many batches of them, the oldest first.

        `held`: the ingest lock, where the caller holds it already; it is released. Raises SessionStatusError (locked,
        broken); the notes then stay.
        """
        self._remove(list(self._applied))
        left = math.inf if batches is None else batches
        passed_over: set[str] = set()  # unreadable for now
        while self._names(passed_over) or held is not None:
            if left <= 0:
                return DrainResult.MORE
            lock, held = held or FileLock(self._paths.ingest_lock), None
            if not lock.is_held and not lock.acquire():
                return DrainResult.LOCKED
            try:
                while left > 0 and (batch := self._next_batch(passed_over)):
                    self._apply(batch)
                    left -= 1
            finally:
                lock.release()
        self._spool.sweep(time.time())
        return DrainResult.DONE

    @property
    def problem(self) -> SessionStatusError | None:
        """What is wrong with notes that can't be removed or renamed; None when all could be."""
        for name, error in (self._applied | self._refused).items():
            title = f"{os.path.join(self._spool.folder, name)} can't be moved: {error.strerror or error}"
            is_applied = name in self._applied
            return SessionStatusError(title, "Its event is recorded: delete it" if is_applied else "It is no event")
        return None

    def _names(self, passed_over: set[str]) -> list[str]:
        """The notes that wait, oldest first."""
        known = passed_over.union(self._applied, self._refused)
        return [name for name in self._spool.names() if name not in known]

    def _next_batch(self, passed_over: set[str]) -> list[tuple[str, Event]]:
        """The oldest notes that can be read. Sets aside what is no note; adds what can't be read to `passed_over`."""
        batch: list[tuple[str, Event]] = []
        for name in self._names(passed_over):
            raw = self._spool.read(name)
            if raw is None:
                passed_over.add(name)
                continue
            try:
                batch.append((name, notes.decode(raw)))
            except notes.NoteError as error:
                self._refuse(name, error)
            if len(batch) == BATCH:
                break
        return batch

    def _apply(self, batch: list[tuple[str, Event]]) -> None:
        """Commit the events of the batch, then remove their notes."""
        try:
            self._commit([event for _, event in batch])
        except (StoreRowError, _EventError, ValueError, TypeError, ArithmeticError) as error:
            self._apply_halves(batch, error)  # one event that can't be applied must not stop the others
        else:
            self._remove([name for name, _ in batch])

    def _apply_halves(self, batch: list[tuple[str, Event]], error: Exception) -> None:
        if len(batch) == 1:
            self._refuse(batch[0][0], error)
            return
        half = len(batch) // 2
        self._apply(batch[:half])
        self._apply(batch[half:])

    def _commit(self, events: list[Event]) -> None:
        def change(before: dict[str, Session]) -> list[Session]:
            after: dict[str, Session] = {}
            now = self._clock()
            for event in sorted(events, key=lambda e: (e.at, e.kind)):
                session = after.get(event.session_id) or before.get(event.session_id) or Session(event.session_id)
                try:
                    after[event.session_id] = reducer.apply(session, event, now)
                except Exception as error:
                    raise _EventError(f"{type(error).__name__}: {error}") from error
            return [self.refresh(session) for session in after.values()]

        self._store.update((event.session_id for event in events), change)

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            try:
                self._spool.remove(name)
            except OSError as error:
                self._applied[name] = error
            else:
                self._applied.pop(name, None)

    def _refuse(self, name: str, error: Exception) -> None:
        try:
            self._spool.refuse(name)
        except OSError as failure:
            self._refused[name] = failure
        log.warning("%s is set aside as .refused: %s: %s", name, type(error).__name__, error)

    def refresh(self, session: Session) -> Session:
        """Update the session from its files, which are read only if they changed; the same object where nothing is new.

        Never raises: a session whose files can't be read stays as it is, and is named among the faults.
        """
        if session.host is not None:
            return session  # its files are on another machine
        return self._faults.attempt(session, "reading its files", lambda: self._refresh(session), session)

    def _refresh(self, session: Session) -> Session:
        reported = self._reported_status(session)
        session = client_files.apply_client_status(
            session, reported.status if reported else None, reported.since if reported else None
        )
        path = self._transcript_path(session)
        mark = stat_mark(path) if path else None
        is_there = mark is not None and mark == session.transcript_mark
        if not is_there:
            path = self._transcripts.path_of(session.session_id, path)
            mark = stat_mark(path) if path else None
            is_there = mark is not None and mark == session.transcript_mark
        if path is not None and mark is not None and not is_there:
            from claude_session_status.claude import transcript  # noqa: PLC0415 - slow, and most have not changed

            now = self._clock()
            facts = transcript.read(path, now)
            is_there = facts is not None
            if facts is not None:
                session = future_times.drop_future(session, now)
                seen = None if is_ahead(mark, now) else mark  # None: look again when the clock is right
                session = client_files.apply_transcript(session, facts, seen, self.default_ttl)
                if session.project_folder is None:
                    session = client_files.apply_first_folder(session, first_folder(path))
        session = client_files.apply_idle_compaction(session, self._idle_compaction.tokens_of(session))
        return last_request.assume_request(session, self.default_ttl, transcript_is_there=is_there)

    def _transcript_path(self, session: Session) -> str | None:
        """Where the transcript is. A row can't hold a path that is not UTF-8: only what is below our folder is used."""
        path = session.transcript_path
        if path is None or self._is_utf8:
            return path
        below = path.rpartition("/projects/")[2]
        return os.path.join(self._paths.projects, below)

    def _reported_status(self, session: Session) -> ReportedStatus | None:
        """The client's self-reported status.

        A killed container stays "busy", so without a live process trust it for BUSY_SECONDS.
        """
        reported = self._registry.status_of(session.session_id, session.process)
        if reported is None or reported.status is not ClientStatus.BUSY:
            return reported
        if self._clock() - reported.since <= BUSY_SECONDS:
            return reported
        from claude_session_status.claude.liveness import Liveness, liveness  # noqa: PLC0415 - not for hooks

        return reported if liveness(session.process, session.last_event_at) is Liveness.ALIVE else None

    def write_refreshed(self, session_ids: Iterable[str]) -> tuple[Stamp, Stamp] | None:
        """Update the rows of these sessions from their files; return the database's stamps before and after that.

        None when another process is ingesting. Raises SessionStatusError.
        """
        lock = FileLock(self._paths.ingest_lock)
        if not lock.acquire():
            return None
        try:
            before = self._store.stamp()
            ids = list(session_ids)
            try:
                self._refresh_rows(ids)
            except StoreRowError:  # what one session's files say can't be held: write the others
                for session_id in ids:
                    work = partial(self._refresh_rows, [session_id])
                    self._faults.attempt(Session(session_id), "writing its row", work, otherwise=None)
            return before, self._store.stamp()
        finally:
            lock.release()

    def _refresh_rows(self, session_ids: list[str]) -> None:
        self._store.update(session_ids, lambda rows: [self.refresh(session) for session in rows.values()])

    def replace_database(self, known: Iterable[Session] = ()) -> bool:
        """Set a broken database aside and make a new one from its readable rows, `known` sessions and transcripts.

        True: try again what failed. False: another process is ingesting. Raises SessionStatusError and OSError.
        """
        from claude_session_status.claude import discovery  # noqa: PLC0415 - hooks import this module, and rarely need it

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
        log.warning(
            "%s. It was set aside as %s; a new one was made, with %d sessions",
            aside.reason,
            os.path.basename(aside.path),
            aside.sessions,
        )
        return True


def run_alone(paths: Paths, lock: FileLock | None = None) -> None:
    """Apply the notes that wait, slice by slice, until none is left or a monitor runs, as the detached ingester does.

    `lock`: the ingest lock, where it is held already. Raises SessionStatusError; the notes then wait for the next hook
    or monitor.
    """
    default_ttl = config.load(paths.config).config.default_ttl_seconds
    ingester = Ingester(paths, Store(paths.database), default_ttl)
    is_renewed = False
    try:
        while True:
            try:
                if ingester.drain(1, lock) is not DrainResult.MORE or monitor_runs(paths.monitor_alive, time.time()):
                    return
            except StoreBrokenError:
                if is_renewed or not ingester.replace_database():
                    raise
                is_renewed = True
            lock = None
            time.sleep(PAUSE_SECONDS)
    except OSError as error:
        raise SessionStatusError(file_and_reason(error, paths.folder), "The event waits in the spool") from error
