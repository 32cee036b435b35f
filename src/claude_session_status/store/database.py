"""The sessions in DuckDB. Every access opens the database, works and closes it.

DuckDB lets one process write or several read, and an open handle of one kind shuts the other kind out. So no process
keeps one: an access takes milliseconds, and is tried again while another process has the database.

DuckDB's checkpoint writes over blocks that are in use, so that a kill or a power cut within one can tear the whole file
(seen: a wrong checksum of the block at 12288). So changes go to DuckDB's log, the `.wal` beside the file, which only
grows; a checkpoint is made once in some 45 changes, and while it lasts there is a copy of the file as it was before.
For the same reason a new file gets its name when it is complete.

A database that can't be read is set aside under its date, never deleted. A locked one is never set aside: DuckDB must
report twice, half a second apart, that the content is damaged or from a newer DuckDB.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager

from claude_session_status.errors import StoreBrokenError, StoreRowError, StoreUnusableError, reason_of
from claude_session_status.model import Session
from claude_session_status.store import failures, files, schema
from claude_session_status.store.connection import Opener, connect
from claude_session_status.store.driver import duckdb
from claude_session_status.store.tables import Notified, Tables
from claude_session_status.values import Value

LOG_BYTES = 32 << 10  # some 45 changes, which make an opening 2 ms slower
TRIES = 6
SECOND_LOOK_SECONDS = 0.5  # a file that is being copied looks damaged for a shorter time
Stamp = tuple[int, ...] | None  # changes whenever the database is written; None when there is none yet
ASIDE_AT_MOST = 3  # times an hour: on a broken disk another new file does not help


class SetAside(Value):
    """A broken database that was moved away: where to, why, and how many sessions the new one has."""

    path: str
    reason: str
    sessions: int


class Store:
    """The database at `path`. Nothing is opened before a method is called, and nothing stays open after it."""

    def __init__(
        self,
        path: str,
        sleep: Callable[[float], None] = time.sleep,
        tries: int = TRIES,
        migrations: Sequence[schema.Migration] = schema.MIGRATIONS,
    ) -> None:
        self._sleep = sleep
        self._opener = Opener(path, sleep, tries, migrations)

    @property
    def path(self) -> str:
        """Where the database is, links resolved. Raises StoreUnusableError for one that root must not follow."""
        return self._opener.path

    @property
    def tries(self) -> int:
        """How many times it tries to open a database that another program holds."""
        return self._opener.tries

    @property
    def openings(self) -> int:
        """How many times this process has opened the database through this object."""
        return self._opener.openings

    def stamp(self) -> Stamp:
        """The state that the database is in, by two stat calls. Raises StoreUnusableError.

        What a killed writer committed, or one whose disk was full, is in the log beside the database only.
        """
        try:
            status = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            return ()  # differs from every stamp, so that a reader tries it and reports the reason
        try:
            log = os.stat(self.path + ".wal")
        except OSError:
            return status.st_mtime_ns, status.st_size
        return status.st_mtime_ns, status.st_size, log.st_mtime_ns, log.st_size

    def load(self, since: float | None = None, ended_since: float | None = None) -> list[Session]:
        """All sessions, or those with a sign of life after `since`, ended ones after `ended_since` (epoch seconds).

        Raises StoreLockedError, StoreNewerError, StoreBrokenError, StoreMigrationError or StoreUnusableError.
        """
        if not self._exists():
            return []
        with self._opener.open(read_only=True) as tables:
            return tables.load(since, ended_since) if tables is not None else []

    def select(self, session_ids: Iterable[str]) -> list[Session]:
        """The sessions with these ids that are known, however old, or as forgotten. Raises what `load` raises."""
        ids = list(dict.fromkeys(session_ids))
        if not ids or not self._exists():
            return []
        with self._opener.open(read_only=True) as tables:
            if tables is None:
                return []
            found = tables.with_rows(ids)
            return [*found.values(), *tables.without_rows(i for i in ids if i not in found).values()]

    def update(self, session_ids: Iterable[str], change: Callable[[dict[str, Session]], Iterable[Session]]) -> None:
        """Pass the known ones of `session_ids` to `change` and write what it returns, in one transaction.

        The caller holds the ingest lock. Raises what `load` raises, and StoreRowError for a value that no row can hold;
        then nothing was changed.
        """
        ids = list(dict.fromkeys(session_ids))
        with self._writable() as tables:
            tables.connection.execute("BEGIN")
            rows = tables.with_rows(ids)
            forgotten = tables.without_rows(i for i in ids if i not in rows)
            changed = list(change(rows | forgotten))
            tables.write(changed, existing=rows.keys())
            tables.add_notified(_newly_notified(rows, changed))
            tables.connection.execute("COMMIT")

    def notified(self) -> list[Notified]:
        """Of which expiries the user was notified in the last weeks. Raises what `load` raises."""
        if not self._exists():
            return []
        with self._opener.open(read_only=True) as tables:
            return tables.notified() if tables is not None else []

    def renew(self, now: float, remember: Callable[[tuple[Session, ...]], Iterable[Session]]) -> SetAside | None:
        """Set a broken database aside, with its log, and put a new one in its place; None where it can be used.

        `remember` gets the rows that can still be read, and returns the rows of the new one, which takes the place of
        the old when it is complete: a kill in between loses nothing. The caller holds the ingest lock, so that no other
        process does the same. Raises what `load` raises; StoreBrokenError where it was done too often within the hour.
        """
        self._finish_exchange()
        if self._damage() is None:
            return None
        self._sleep(SECOND_LOOK_SECONDS)
        damage = self._damage()
        if damage is None:
            return None
        lately = [path for path in files.broken_files(self.path) if now - os.path.getmtime(path) < 3600]
        if len(lately) >= ASIDE_AT_MOST:
            advice = f"It broke {len(lately)} times within the hour: check the disk"
            raise StoreBrokenError(damage.title, advice) from damage
        from claude_session_status.store import rescue  # noqa: PLC0415 - seldom needed

        new, copy = f"{self.path}.rebuilt", files.checkpoint_copy(self.path)
        try:
            files.remove(new)
            readable = {s.session_id: s for path in (copy, self.path) for s in rescue.rows(path, new)}
            sessions = list(remember(tuple(readable.values())))
            try:
                written = Store(new, self._sleep, self.tries, self._opener.migrations)._write_all(sessions)
                with closing(connect(new, read_only=False)) as connection:
                    connection.execute("CHECKPOINT")  # it is renamed without its log
                target = files.exchange(self.path, new, now)
            finally:
                for left in (new, files.checkpoint_copy(new)):
                    files.discard(left)
            files.discard(copy)
        except duckdb.Error as error:
            raise failures.failure(new, error) from error
        except OSError as error:
            raise failures.unusable(f"{self.path} is broken and can't be set aside", error) from error
        return SetAside(target, damage.title, written)

    def _finish_exchange(self) -> None:
        """Complete what a kill within `renew` left undone. Raises StoreUnusableError."""
        if not files.is_exchanged(self.path):
            return
        try:
            files.finish_exchange(self.path, time.time())
        except OSError as error:
            raise failures.unusable(f"{self.path} can't be put in its place", error) from error

    def _exists(self) -> bool:
        """Whether there is a database. Raises StoreUnusableError where it can't be looked at: it may have rows."""
        try:
            os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise StoreUnusableError(
                f"{self.path} can't be used: {reason_of(error)}", "Make its folder yours"
            ) from error
        return True

    def _write_all(self, sessions: list[Session]) -> int:
        """Write the sessions that can be held, and return how many: an odd one must not cost the others."""
        try:
            self.update([], lambda _: sessions)
        except (StoreRowError, ValueError, TypeError, ArithmeticError):
            half = len(sessions) // 2
            return self._write_all(sessions[:half]) + self._write_all(sessions[half:]) if half else 0
        return len(sessions)

    def _damage(self) -> StoreBrokenError | None:
        """What is broken, found by reading all of the database and by an update that is rolled back."""
        try:
            with self._opener.open(read_only=False) as tables:
                assert tables is not None  # noqa: S101 - a writable open makes the tables
                tables.read_all()
                tables.connection.execute("BEGIN")
                tables.connection.execute("UPDATE session_status SET project = project")
                tables.connection.execute("ROLLBACK")
        except StoreBrokenError as error:
            return error
        return None

    @contextmanager
    def _writable(self) -> Iterator[Tables]:
        """The database opened for writing, after a checkpoint where one is due. The caller holds the ingest lock."""
        self._finish_exchange()
        copy, stamp = files.checkpoint_copy(self.path), self.stamp()
        was_killed = os.path.lexists(copy)
        is_long = files.log_size(self.path) > LOG_BYTES
        # Copied before it is opened: copying closes a handle, which would drop DuckDB's lock.
        is_due = is_long and not was_killed and files.take_copy(self.path, copy)
        with self._opener.open(read_only=False) as tables:
            assert tables is not None  # noqa: S101 - a writable open makes the tables
            if was_killed:
                tables.read_all()  # raises if it is damaged, while the copy still exists
            if is_due and self.stamp() == stamp:  # otherwise another process wrote it after the copy
                tables.connection.execute("CHECKPOINT")
                self._opener.own_log()
            if was_killed or is_due:
                files.discard(copy)
            yield tables


def _newly_notified(before: Mapping[str, Session], after: Iterable[Session]) -> Iterator[Notified]:
    """The expiries that sessions were notified of since `before`."""
    for session in after:
        known = before[session.session_id].alerts if session.session_id in before else ()
        for lead_seconds, expires_at in session.alerts:
            if not session.is_forgotten and (lead_seconds, expires_at) not in known:
                yield session.session_id, expires_at, lead_seconds
