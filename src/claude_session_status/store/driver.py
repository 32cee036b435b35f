"""DuckDB's native module, where it exists: the same `connect`, imported in a fifth of the package's time.

DuckDB takes only paths that are UTF-8. A file in a folder with another name is opened through a descriptor of the
folder, as Linux offers it; macOS and Windows have no such names.
"""

import os
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb
else:
    try:
        import _duckdb as duckdb
    except ImportError:
        import duckdb

__all__ = ["duckdb", "open_file", "quoted"]


def open_file(path: str, **options: Any) -> "duckdb.DuckDBPyConnection":
    """A connection to the database at `path`, whatever the name of its folder. Raises OSError and duckdb.Error."""
    try:
        path.encode()
    except UnicodeEncodeError:
        folder, name = os.path.split(path)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            connection = duckdb.connect(f"/proc/self/fd/{handle}/{name}", **options)
        except BaseException:
            os.close(handle)
            raise
        weakref.finalize(connection, os.close, handle)
        return connection
    return duckdb.connect(path, **options)


def quoted(text: str) -> str:
    """The text as a literal in SQL, for statements that take no parameters."""
    return "'" + text.replace("'", "''") + "'"
