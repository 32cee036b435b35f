"""Opens the database file: only a DuckDB file, for its owner only, and again while another program holds it.

DuckDB opens whatever it finds at a path. So the path is checked first: a FIFO would block, a link that a user planted
would lead root to any file, and for an SQLite file DuckDB would download an extension. The check closes a handle on the
file, which drops DuckDB's own lock on it: so a process must open a database from one thread at a time.

DuckDB makes files with the process's umask, which programs inherit that are started meanwhile: so it stays as it is. A
new database is made in a folder that only its owner can enter, and the log is made before DuckDB would make it.
"""

import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from typing import Any

from claude_session_status.errors import (
    StoreLockedError,
    StoreMigrationError,
    StoreNewerError,
    StoreRowError,
    StoreUnusableError,
)
from claude_session_status.private import give_to_owner, make_private, make_private_folder
from claude_session_status.store import failures, files, schema
from claude_session_status.store.driver import duckdb, open_file
from claude_session_status.store.rows import select
from claude_session_status.store.tables import Tables

_OPTIONS: dict[str, Any] = {
    "threads": "1",  # starting more takes longer than such small queries
    "storage_compatibility_version": "v1.0.0",  # of a new file: older DuckDBs can read it
    "wal_autocheckpoint": "1TB",  # never: `database` decides when to make a checkpoint
    "enable_external_access": "false",  # no other file, no extension, no network
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
}
_FIRST_WAIT_SECONDS = 0.02  # doubled after each try: 0.02 + 0.04 + ... + 0.32 = 0.62 s for six tries
_MAGIC = slice(8, 12)  # where a database's first bytes say "DUCK"
_MOVE_IT = "Move it away: the next event starts a new one"


class Opener:
    """Opens the database at `path`, at most `tries` times. Nothing stays open."""

    def __init__(
        self, path: str, sleep: Callable[[float], None], tries: int, migrations: Sequence[schema.Migration]
    ) -> None:
        self._named = path
        self._sleep = sleep
        self.tries = tries
        self.migrations = migrations
        self.openings = 0  # how often it was opened: DuckDB's library holds memory after that

    @cached_property
    def path(self) -> str:
        """Where the database is: a link leads to it, and its log and copies lie beside the file itself.

        Raises StoreUnusableError for a link in another user's folder, who may have made it for root to follow.
        """
        if not os.path.islink(self._named):
            return self._named
        if _is_others(os.path.dirname(self._named)):
            raise StoreUnusableError(
                f"{self._named} is a link in another user's folder, and root follows none",
                "Use claude-session-status as that user; no event is lost meanwhile",
            )
        path = os.path.realpath(self._named)
        if os.path.exists(path) and not os.path.isfile(path):
            raise StoreUnusableError(f"{self._named} is a link to {path}, which is not a regular file", _MOVE_IT)
        return path

    @contextmanager
    def open(self, *, read_only: bool) -> Iterator[Tables | None]:
        """The open database, which a writer upgrades; None where a reader finds no table in it."""
        self.openings += 1
        try:
            written_at = files.written_at(self.path)  # taken first: opening it can write
            connection = self._connect(read_only=read_only)
            try:
                version = schema.version_of(connection)
                if version == 0 and schema.column_names(connection, schema.SESSIONS):
                    connection.close()  # copying closes a handle, which would drop DuckDB's lock
                    files.keep_copy(self.path, f"{self.path}.original")
                    # The original let everybody read them.
                    make_private(self.path, self.path + ".wal", os.path.dirname(self.path))
                    connection, read_only = self._connect(read_only=False), False
                    version = schema.version_of(connection)
                yield self._tables(connection, version, written_at, read_only=read_only)
            finally:
                connection.close()
        except duckdb.Error as error:
            if failures.is_of_a_value(error):
                raise StoreRowError(
                    f"{self.path} can't hold a value: {failures.first_line(error)}",
                    "The note is kept in the spool, as .refused",
                ) from error
            raise failures.failure(self.path, error) from error
        except RuntimeError as error:
            if failures.is_interrupt(error):
                raise KeyboardInterrupt from error
            raise

    def own_log(self) -> None:
        """Make the log, unless there is one, before DuckDB does at the first change. Raises OSError."""
        if sys.platform == "win32":
            return  # which has no modes
        try:
            os.close(files.open_new(self.path + ".wal"))
        except FileExistsError:
            pass

    # ---- the schema ---------------------------------------------------------

    def _tables(
        self, connection: schema.Connection, version: int, written_at: float, *, read_only: bool
    ) -> Tables | None:
        if version > len(self.migrations):
            raise StoreNewerError(
                f"{self.path} was written by a newer version of claude-session-status",
                "Upgrade: pip install --upgrade claude-session-status",
            )
        if version == len(self.migrations):
            return Tables(connection)
        if not read_only:
            self._upgrade(connection, version, written_at)
            return Tables(connection)
        if version == 0:
            return None
        # The next write upgrades it. Until then a reader reads what is there.
        return Tables(connection, *(select(table, schema.column_names(connection, table)) for table in schema.TABLES))

    def _upgrade(self, connection: schema.Connection, version: int, written_at: float) -> None:
        """Apply the migrations that a database of this version lacks. Raises StoreMigrationError and duckdb.Error."""
        for number, migration in enumerate(self.migrations[version:], version + 1):
            try:
                schema.apply(connection, number, migration, written_at)
            except Exception as error:
                if failures.is_interrupt(error):
                    raise
                if isinstance(error, duckdb.Error):
                    if failures.is_outside(self.path, error):
                        raise
                    self._raise_damage(connection)
                reason = failures.first_line(error) or type(error).__name__
                raise StoreMigrationError(
                    f"{self.path} can't be upgraded ({migration.__name__}): {reason}",
                    "It is left as it was, and no event is lost: install the newest version of claude-session-status,"
                    " or the one that you had before",
                ) from error

    def _raise_damage(self, connection: schema.Connection) -> None:
        """Read the whole database by a new connection, since an error can spoil one. Raises what damage raises."""
        connection.close()
        if not os.path.exists(self.path):
            return  # it is a new one
        with closing(connect(self.path, read_only=True)) as second:
            for table in schema.TABLES:
                if names := schema.column_names(second, table):
                    second.execute(select(table, names)).fetchall()

    # ---- the file -----------------------------------------------------------

    def _connect(self, *, read_only: bool) -> schema.Connection:
        wait = _FIRST_WAIT_SECONDS
        if not read_only:
            make_private_folder(os.path.dirname(self._named))  # a link leads to a folder of the user's, left as it is
        for attempt in range(self.tries):
            try:
                return self._connect_once(read_only=read_only)
            except duckdb.Error as error:
                failure = failures.failure(self.path, error)
                if not isinstance(failure, StoreLockedError) or attempt + 1 == self.tries:
                    raise failure from error
            self._sleep(wait)
            wait *= 2
        raise AssertionError("unreachable")

    def _connect_once(self, *, read_only: bool) -> schema.Connection:
        if not read_only and not os.path.lexists(self.path):
            self._make()
        connection = connect(self.path, read_only=read_only)
        if not read_only:
            connection.execute("PRAGMA disable_checkpoint_on_shutdown")
            self.own_log()
        return connection

    def _make(self) -> None:
        """Make an empty database. It gets its name when it is complete: a kill leaves either that or none."""
        folder = f"{self.path}.new"
        new = os.path.join(folder, os.path.basename(self.path))
        files.make_empty_folder(folder)
        try:
            with closing(open_file(new, config=_OPTIONS)) as connection:
                self._upgrade(connection, 0, 0.0)
                connection.execute("CHECKPOINT")  # it is renamed without its log
            if sys.platform != "win32":
                os.chmod(new, 0o600)
            give_to_owner(new, os.path.dirname(folder))
            files.appear(new, self.path)
        finally:
            files.discard_folder(folder)


def connect(path: str, *, read_only: bool) -> schema.Connection:
    """A connection to an existing database, which can reach no other file.

    Raises StoreUnusableError and StoreBrokenError for what DuckDB must not open, and duckdb.Error.
    """
    checked = _check(path)
    connection = open_file(path, read_only=read_only, config=_OPTIONS)
    if checked is not None and _is_others(os.path.dirname(path)) and not os.path.samestat(checked, os.lstat(path)):
        connection.close()
        raise StoreUnusableError(f"{path} was replaced while it was opened", "Try again")
    return connection


def _check(path: str) -> os.stat_result | None:
    """The stat result of the file at `path`, if there is one. Raises StoreUnusableError and StoreBrokenError."""
    for name in (path + ".wal", path):
        try:
            _check_file(name, os.lstat(name))
        except OSError:
            continue  # there is none, or DuckDB reports the reason
    try:
        descriptor = files.open_regular(path)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        _check_file(path, found)
        if os.read(descriptor, _MAGIC.stop)[_MAGIC] != b"DUCK":
            raise failures.broken(path, "it is not a DuckDB database")
    finally:
        os.close(descriptor)
    return found


def _check_file(path: str, found: os.stat_result) -> None:
    """Raise StoreUnusableError for what is no regular file, and for another user's."""
    if not stat.S_ISREG(found.st_mode):
        raise StoreUnusableError(f"{path} is not a regular file", _MOVE_IT)
    if sys.platform == "win32":
        return
    folder = os.path.dirname(path)
    if not _is_others(folder):
        is_trusted = found.st_uid in (os.geteuid(), 0)
    elif found.st_uid == 0:
        is_trusted = found.st_nlink == 1  # otherwise the user may have hard-linked a file of root's
    else:
        is_trusted = found.st_uid == os.stat(folder).st_uid
    if not is_trusted:
        raise StoreUnusableError(f"{path} belongs to another user", _MOVE_IT)


def _is_others(folder: str) -> bool:
    """Whether this process is root and `folder` belongs to a user."""
    return sys.platform != "win32" and os.geteuid() == 0 and os.stat(folder).st_uid != 0
