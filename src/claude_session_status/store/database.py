"""The table of sessions in DuckDB, in short opens. With `rescue` the only module that opens the database.

DuckDB lets one process write or several read, and an open handle of either kind shuts the other kind out. So nobody
keeps one: every access opens, works and closes within milliseconds, and tries again where another was quicker.

DuckDB's checkpoint writes over blocks that are in use, so that a kill or a power cut within one can tear the whole file
(seen: a wrong checksum of the block at 12288). So changes go to DuckDB's log, the `.wal` beside the file, which is only
added to; a checkpoint is made once in some 45 changes, and while it lasts there is a copy of what was before.
For the same reason a new file gets its name when it is whole.

A database that can't be read is set aside under its date, never deleted and never mistaken for a locked one: it must
have said twice, half a second apart, and in DuckDB's own words, that its content is damaged or from a newer DuckDB.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from claude_session_status.errors import (
    StoreBrokenError,
    StoreLockedError,
    StoreMigrationError,
    StoreNewerError,
    StoreRowError,
    StoreUnusableError,
)
from claude_session_status.model import Session
from claude_session_status.private import give_to_owner, make_private, make_private_folder, open_private
from claude_session_status.store import files, schema
from claude_session_status.store.driver import duckdb
from claude_session_status.store.rows import FORGET, INSERT, UPDATE, row_of, select, sessions_of, to_timestamp

_LAST_SIGN = "greatest(last_event_at, last_turn_at, transcript_at, started_at, found_at)"  # columns of version 1

_OPTIONS: dict[str, Any] = {
    "threads": "1",  # queries this small only wait for more to start
    "storage_compatibility_version": "v1.0.0",  # of a new file: else no DuckDB could read it but the newest
    "wal_autocheckpoint": "1TB",  # that is, never: when there is one is decided here
}
LOG_BYTES = 32 << 10  # some 45 changes, which cost an opening 2 ms: more would be felt
TRIES = 6
_FIRST_WAIT_SECONDS = 0.02  # doubled after each try: 0.02 + 0.04 + ... + 0.32 = 0.62 s in all
SECOND_LOOK_SECONDS = 0.5  # a file that somebody is just copying looks broken for less
Stamp = tuple[int, ...] | None  # changes whenever somebody writes the database; None when there is none yet
ASIDE_AT_MOST = 3  # times an hour: a disk that breaks each new file is not helped by one more


@dataclass(frozen=True, slots=True)
class SetAside:
    """A broken database that was moved away: where to, why, and how many sessions the new one has."""

    path: str
    reason: str
    sessions: int


@dataclass(frozen=True, slots=True)
class _Open:
    """An open database and the queries for its rows. Until the next write a reader meets the schema of before."""

    connection: "duckdb.DuckDBPyConnection"
    sessions: str = select(schema.SESSIONS)
    forgotten: str = select(schema.FORGOTTEN)

    def select(self, query: str, session_ids: list[str]) -> dict[str, Session]:
        """The sessions of a query that have one of these ids."""
        if not session_ids:
            return {}
        query += f" WHERE session_id IN ({', '.join('?' * len(session_ids))})"
        return {s.session_id: s for s in sessions_of(self.connection.execute(query, session_ids).fetchall())}

    def remembered(self, session_ids: list[str]) -> dict[str, Session]:
        """Those of the sessions that have a row."""
        return self.select(self.sessions, session_ids)

    def forgotten_ones(self, session_ids: list[str]) -> dict[str, Session]:
        """Those of the sessions that are remembered as forgotten.

        Their rows are gone. What is kept is when, since notes from before must not bring a session back, and what came
        afterwards, such as that it is muted: that counts once a late note has brought it back.
        """
        return self.select(self.forgotten, session_ids)

    def forget(self, sessions: Iterable[Session]) -> None:
        """Remove the rows of these sessions, and remember that."""
        for session in sessions:
            self.connection.execute("DELETE FROM session_status WHERE session_id = ?", [session.session_id])
            self.connection.execute(FORGET, row_of(session))

    def read_all(self) -> None:
        """Read every row. Raises what damage anywhere raises."""
        for query in (self.sessions, self.forgotten):
            self.connection.execute(query).fetchall()


class Store:
    """The database at `path`. Nothing is opened before a method is called, and nothing stays open after it."""

    def __init__(
        self,
        path: str,
        sleep: Callable[[float], None] = time.sleep,
        tries: int = TRIES,
        migrations: Sequence[schema.Migration] = schema.MIGRATIONS,
    ) -> None:
        self._named = path
        self.tries = tries
        self._sleep = sleep
        self._migrations = migrations

    @cached_property
    def path(self) -> str:
        """Where the database is: a link leads to it, and what belongs to it lies beside the file itself."""
        return os.path.realpath(self._named) if os.path.islink(self._named) else self._named

    def stamp(self) -> Stamp:
        """Which state of the database this is, by two stat calls; one that can't be looked at is as if never read.

        What a killed writer committed, or one whose disk was full, is in the log beside the database only.
        """
        try:
            status = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            return ()
        try:
            log = os.stat(self.path + ".wal")
        except OSError:
            return status.st_mtime_ns, status.st_size
        return status.st_mtime_ns, status.st_size, log.st_mtime_ns, log.st_size

    def load(self, since: float | None = None, ended_since: float | None = None) -> list[Session]:
        """All sessions; with `since` (epoch seconds) only those heard of after it, ended ones after `ended_since`.

        Raises StoreLockedError, StoreNewerError, StoreBrokenError or StoreUnusableError.
        """
        if not self._is_there():
            return []
        where, values = "", []
        if since is not None:
            where = f" WHERE {_LAST_SIGN} >= CASE WHEN status = 'ended' THEN ? ELSE ? END"
            values = [to_timestamp(ended_since), to_timestamp(since)]
        with self._open(read_only=True) as there:
            if there is None:
                return []
            return sessions_of(there.connection.execute(there.sessions + where, values).fetchall())

    def select(self, session_ids: Iterable[str]) -> list[Session]:
        """Those of the sessions that are remembered, however old, or as forgotten. Raises what `load` raises."""
        ids = list(dict.fromkeys(session_ids))
        if not ids or not self._is_there():
            return []
        with self._open(read_only=True) as there:
            if there is None:
                return []
            found = there.remembered(ids)
            return [*found.values(), *there.forgotten_ones([i for i in ids if i not in found]).values()]

    def update(self, session_ids: Iterable[str], change: Callable[[dict[str, Session]], Iterable[Session]]) -> None:
        """Hand the remembered ones of `session_ids` to `change` and remember what it returns, in one transaction.

        Raises StoreLockedError, StoreNewerError, StoreBrokenError or StoreUnusableError, and StoreRowError for a row
        that can't be held; then nothing was changed.
        """
        ids = list(dict.fromkeys(session_ids))
        with self._writable() as there:
            connection = there.connection
            connection.execute("BEGIN")
            before = there.remembered(ids)
            rows = set(before)
            before |= there.forgotten_ones([session_id for session_id in ids if session_id not in before])
            after = list(change(before))
            changed = [row_of(s) for s in after if not s.is_forgotten]
            new = [row for row in changed if row[0] not in rows]
            old = [(*row[1:], row[0]) for row in changed if row[0] in rows]
            if new:
                connection.executemany(INSERT, new)
            if old:
                connection.executemany(UPDATE, old)
            there.forget(s for s in after if s.is_forgotten)
            connection.execute("COMMIT")

    def renew(self, now: float, remember: Callable[[tuple[Session, ...]], Iterable[Session]]) -> SetAside | None:
        """Set a broken database aside, the log beside it too, and put a new one there; None where it can be used.

        `remember` gets the rows that can still be read, and returns those of the new one, which takes the place of the
        old when it is whole: a kill in between loses nothing. The caller holds the ingest lock, so that nobody else
        does the same. Raises StoreLockedError, StoreNewerError, StoreUnusableError, and StoreBrokenError where it was
        done too often within the hour.
        """
        self._finish_exchange()
        if self._flaw() is None:
            return None
        self._sleep(SECOND_LOOK_SECONDS)
        flaw = self._flaw()
        if flaw is None:
            return None
        lately = [path for path in files.broken_files(self.path) if now - os.path.getmtime(path) < 3600]
        if len(lately) >= ASIDE_AT_MOST:
            advice = f"It broke {len(lately)} times within the hour: check the disk"
            raise StoreBrokenError(flaw.title, advice) from flaw
        from claude_session_status.store import rescue  # noqa: PLC0415 - hooks come by here, and need it only now

        new, copy = f"{self.path}.rebuilt", files.checkpoint_copy(self.path)
        try:
            files.remove(new)
            readable = {s.session_id: s for path in (copy, self.path) for s in rescue.rows(path, new)}
            sessions = list(remember(tuple(readable.values())))
            try:
                held = Store(new, self._sleep, self.tries, self._migrations)._hold(sessions)
                with closing(duckdb.connect(new, config=_OPTIONS)) as connection:
                    connection.execute("CHECKPOINT")  # it moves without its log
                target = files.exchange(self.path, new, now)
            finally:
                for left in (new, files.checkpoint_copy(new)):
                    files.discard(left)
            files.discard(copy)
        except duckdb.Error as error:
            raise files.failure(new, error) from error
        except OSError as error:
            raise StoreUnusableError(
                f"{self.path} is broken and can't be set aside: {error.strerror}", files.UNUSABLE_ADVICE
            ) from error
        return SetAside(target, flaw.title, held)

    def _finish_exchange(self) -> None:
        """What a kill within `renew` left undone. Raises StoreUnusableError."""
        if not files.is_exchanged(self.path):
            return
        try:
            files.finish_exchange(self.path, time.time())
        except OSError as error:
            raise StoreUnusableError(
                f"{self.path} can't be put in its place: {error.strerror}", files.UNUSABLE_ADVICE
            ) from error

    def _is_there(self) -> bool:
        """Raises StoreUnusableError where that can't be seen: another user's folder is no empty one."""
        try:
            os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise StoreUnusableError(f"{self.path} can't be used: {error.strerror}", "Make its folder yours") from error
        return True

    def _hold(self, sessions: list[Session]) -> int:
        """Remember the sessions, and how many could be: one with something odd in it must not cost the others."""
        try:
            self.update([], lambda _: sessions)
        except (StoreRowError, ValueError, TypeError, ArithmeticError):
            half = len(sessions) // 2
            return self._hold(sessions[:half]) + self._hold(sessions[half:]) if half else 0
        return len(sessions)

    def _flaw(self) -> StoreBrokenError | None:
        """What is wrong with the database, by reading all of it and by an update that is taken back."""
        try:
            with self._open(read_only=False) as there:
                assert there is not None  # noqa: S101 - a writable open makes the table
                there.read_all()
                there.connection.execute("BEGIN")
                there.connection.execute("UPDATE session_status SET project = project")
                there.connection.execute("ROLLBACK")
        except StoreBrokenError as error:
            return error
        return None

    @contextmanager
    def _writable(self) -> Iterator[_Open]:
        """A connection to write with, after a checkpoint where one is due. The caller holds the ingest lock."""
        self._finish_exchange()
        copy, stamp = files.checkpoint_copy(self.path), self.stamp()
        was_killed = os.path.lexists(copy)
        is_long = files.log_size(self.path) > LOG_BYTES
        # Copied before it is opened: closing any other handle on an open database would drop DuckDB's lock.
        is_due = is_long and not was_killed and files.take_copy(self.path, copy)
        with self._open(read_only=False) as there:
            assert there is not None  # noqa: S101 - a writable open makes the table
            if was_killed:
                there.read_all()  # damage raises here, while the copy is still there
            if is_due and self.stamp() == stamp:  # else somebody wrote it meanwhile, and the copy lacks that
                there.connection.execute("CHECKPOINT")
                self._own_log()
            if was_killed or is_due:
                files.discard(copy)
            yield there

    @contextmanager
    def _open(self, *, read_only: bool) -> Iterator[_Open | None]:
        """The open database, upgraded where it may be written; None where a reader finds one without any table."""
        old_mask = os.umask(0o077)  # DuckDB makes the file, and its log beside it
        written_at = files.written_at(self.path)  # before it is opened: that alone can write
        try:
            connection = self._connect(read_only=read_only)
            try:
                version = schema.version_of(connection)
                if version == 0 and schema.column_names(connection, schema.SESSIONS):
                    connection.close()  # closing any other handle on the file would drop DuckDB's lock
                    files.keep_copy(self.path, f"{self.path}.original")
                    # The original left them open to all.
                    make_private(self.path, self.path + ".wal", os.path.dirname(self.path))
                    connection, read_only = self._connect(read_only=False), False
                    version = schema.version_of(connection)
                if version > len(self._migrations):
                    raise StoreNewerError(
                        f"{self.path} was written by a newer version of claude-session-status",
                        "Upgrade: pip install --upgrade claude-session-status",
                    )
                if version == len(self._migrations):
                    yield _Open(connection)
                elif not read_only:
                    self._upgrade(connection, version, written_at)
                    yield _Open(connection)
                elif version > 0:
                    yield _Open(connection, *(select(t, schema.column_names(connection, t)) for t in schema.TABLES))
                else:
                    yield None
            finally:
                connection.close()
        except duckdb.DataError as error:
            raise StoreRowError(
                f"{self.path} can't hold a value: {files.first_line(error)}",
                "The note is kept in the spool, as .refused",
            ) from error
        except duckdb.Error as error:
            raise files.failure(self.path, error) from error
        except RuntimeError as error:
            if "interrupted" not in str(error):
                raise
            raise KeyboardInterrupt from error  # what a Ctrl-C within a query becomes
        finally:
            os.umask(old_mask)

    def _upgrade(self, connection: "duckdb.DuckDBPyConnection", version: int, written_at: float) -> None:
        """Apply the migrations that a database of this version lacks. Raises StoreMigrationError, and duckdb.Error."""
        for number, migration in enumerate(self._migrations[version:], version + 1):
            try:
                schema.apply(connection, number, migration, written_at)
            except Exception as error:
                if isinstance(error, RuntimeError) and "interrupted" in str(error):
                    raise  # what a Ctrl-C within a query becomes
                if isinstance(error, duckdb.Error):
                    if files.is_outside(self.path, error):
                        raise
                    self._raise_damage(connection)
                reason = files.first_line(error) or type(error).__name__
                raise StoreMigrationError(
                    f"{self.path} can't be upgraded ({migration.__name__}): {reason}",
                    "It is left as it was, and no event is lost: install the newest version of claude-session-status,"
                    " or the one that you had before",
                ) from error

    def _raise_damage(self, connection: "duckdb.DuckDBPyConnection") -> None:
        """Read the whole database by a new connection, since an error can spoil one. Raises what damage raises."""
        connection.close()
        if not os.path.exists(self.path):
            return
        with closing(duckdb.connect(self.path, read_only=True, config=_OPTIONS)) as second:
            for table in schema.TABLES:
                if names := schema.column_names(second, table):
                    second.execute(select(table, names)).fetchall()

    def _connect(self, *, read_only: bool) -> "duckdb.DuckDBPyConnection":
        wait = _FIRST_WAIT_SECONDS
        if not read_only:
            make_private_folder(os.path.dirname(self.path))
        for attempt in range(self.tries):
            try:
                return self._connect_once(read_only=read_only)
            except duckdb.Error as error:
                failure = files.failure(self.path, error)
                if not isinstance(failure, StoreLockedError) or attempt + 1 == self.tries:
                    raise failure from error
            self._sleep(wait)
            wait *= 2
        raise AssertionError("unreachable")

    def _connect_once(self, *, read_only: bool) -> "duckdb.DuckDBPyConnection":
        if not read_only and not os.path.lexists(self.path):
            self._begin()
        connection = duckdb.connect(self.path, read_only=read_only, config=_OPTIONS)
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        if not read_only:
            self._own_log()
        return connection

    def _begin(self) -> None:
        """Make an empty database, which gets its name when it is whole: a kill leaves either that or none."""
        new = f"{self.path}.new"
        files.remove(new)
        try:
            with closing(duckdb.connect(new, config=_OPTIONS)) as connection:
                self._upgrade(connection, 0, 0.0)
                connection.execute("CHECKPOINT")  # it moves without its log
            give_to_owner(new, os.path.dirname(new))
            files.appear(new, self.path)
        except BaseException:
            files.discard(new)
            raise

    def _own_log(self) -> None:
        """Make the log before DuckDB does at the first change: one that is root's would shut its user out.

        Never through a link: root would write to what the user had planted there. Raises OSError.
        """
        if sys.platform != "win32" and os.geteuid() == 0:
            os.close(open_private(self.path + ".wal", os.O_WRONLY | os.O_NOFOLLOW))
