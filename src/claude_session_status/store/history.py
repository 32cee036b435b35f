"""The file of the history, `history.duckdb`. Its tables: `history_tables`.

A change is made in a copy, which then takes the file's place: readers never wait, and a kill at any moment leaves
either the old state or the new one. The history can be made again from the transcripts only as far as Claude Code still
has them, so a damaged one is set aside under its date, never deleted.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from claude_session_status.private import give_to_owner, open_private
from claude_session_status.store import connection as opening
from claude_session_status.store import failures, files
from claude_session_status.store.driver import duckdb, open_file, quoted
from claude_session_status.store.history_tables import SCHEMA

if TYPE_CHECKING:
    Connection = duckdb.DuckDBPyConnection
else:
    Connection = Any

_WRITER = {
    "threads": "2",
    "storage_compatibility_version": "v1.0.0",  # older DuckDBs can read it
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
}


class HistoryStore:
    """The history at `path`. Nothing is opened before a method is called, and nothing stays open after it."""

    def __init__(self, path: str) -> None:
        self._path = path

    def exists(self) -> bool:
        """Whether there is a history."""
        return os.path.lexists(self._path)

    @contextmanager
    def open(self) -> Iterator[Connection]:
        """A connection that can only read. Raises StoreBrokenError, StoreUnusableError, StoreLockedError."""
        with _errors(self._path), closing(opening.connect(self._path, read_only=True)) as connection:
            yield connection

    @contextmanager
    def changing(self, reads: Sequence[str] = ()) -> Iterator[Connection]:
        """A connection to a copy that takes the history's place when the block ends without an error.

        It can read the files `reads` and no others. The caller holds the history's lock. Raises StoreUnusableError and
        StoreBrokenError.
        """
        new = f"{self._path}.new"
        try:
            files.discard(new)
            files.discard(f"{new}.wal")
            os.close(open_private(new, os.O_WRONLY))
            if self.exists():
                with open(self._path, "rb") as source, open(new, "wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
            else:
                os.unlink(new)  # DuckDB takes no empty file for a database
        except OSError as error:
            raise failures.unusable(f"{new} can't be written", error) from error
        with _errors(new):
            is_new = not os.path.lexists(new)
            with closing(open_file(new, config=_WRITER)) as connection:
                if is_new and os.name == "posix":
                    os.chmod(new, 0o600)
                connection.execute(f"SET allowed_paths = [{', '.join(map(quoted, reads))}]")
                connection.execute("SET enable_external_access = false")
                connection.execute("BEGIN")
                if is_new:
                    connection.execute(SCHEMA)
                yield connection
                connection.execute("COMMIT")
                connection.execute("CHECKPOINT")
        try:
            give_to_owner(new, os.path.dirname(new))
            os.replace(new, self._path)
            files.discard(f"{new}.wal")
        except OSError as error:
            raise failures.unusable(f"{self._path} can't be written", error) from error

    def set_aside(self, now: float) -> str:
        """Move a history that can't be read away, under its date; return where to. Raises StoreUnusableError."""
        target = files.aside_name(self._path, now)
        try:
            os.rename(self._path, target)
        except OSError as error:
            raise failures.unusable(f"{self._path} is broken and can't be set aside", error) from error
        return target

    def delete(self) -> bool:
        """Delete the history and what was set aside of it; return whether there was any. Raises StoreUnusableError."""
        found = False
        for path in (self._path, f"{self._path}.new", *files.set_aside(self._path)):
            for name in (path, f"{path}.wal"):
                if os.path.lexists(name):
                    found = True
                    try:
                        os.unlink(name)
                    except OSError as error:
                        raise failures.unusable(f"{name} can't be deleted", error) from error
        return found


@contextmanager
def _errors(path: str) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise failures.failure(path, error) from error
    except OSError as error:
        raise failures.unusable(f"{path} can't be used", error) from error
