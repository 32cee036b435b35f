"""What DuckDB's errors mean.

A locked file must never count as a damaged one, nor a full disk as a damaged file. So only DuckDB's own phrases for
damage count as damage, and they are searched outside the file's path, which may hold any text.
"""

import os
import re
import sys

from claude_session_status.errors import StoreBrokenError, StoreLockedError, StoreUnusableError, reason_of
from claude_session_status.store.driver import duckdb

_UNUSABLE_ADVICE = "Check the folder's owner and the free space"
_BROKEN_ADVICE = "Move it away, and its .wal: the next event starts a new one"

_LOCKED = ("Could not set lock on file", "being used by another process", "with a different configuration")
_OUTSIDE = (
    "No space left",
    "File too large",
    "Permission denied",
    "Read-only file system",
    "Disk quota",
    "Input/output error",
)
_DAMAGED = (
    "not a valid DuckDB database",
    "Corrupt",
    "Could not read enough bytes",
    "version number",  # of a newer DuckDB
    "replaying WAL",
    "deserialize",
)
_DAMAGE = (
    duckdb.CatalogException,  # the table is gone, or has other columns than ours
    duckdb.BinderException,
    duckdb.SerializationException,
    duckdb.InternalException,
    duckdb.FatalException,
)


def failure(
    path: str, error: "duckdb.Error", platform: str = sys.platform
) -> StoreLockedError | StoreBrokenError | StoreUnusableError:
    """What an error of DuckDB means. An error that is not surely damage may pass by itself, and is no damage."""
    text = str(error).replace(path, "")
    # Windows gives its reason in the user's language; but a file that exists and can't be opened is in use there.
    in_use = platform == "win32" and "Cannot open file" in text and os.path.isfile(path)
    if in_use or any(phrase in text for phrase in _LOCKED):
        return StoreLockedError(f"{path} is locked by {_holder(text)}", "Close it there; no event is lost meanwhile")
    is_damage = isinstance(error, _DAMAGE) or any(phrase in text for phrase in _DAMAGED)
    if is_damage and not is_outside(path, error):
        return broken(path, first_line(error))
    return StoreUnusableError(f"{path} can't be used: {first_line(error)}", _UNUSABLE_ADVICE)


def _holder(text: str) -> str:
    """Return the process that DuckDB's message names: `dbeaver (process 4939)`."""
    found = re.search(r"held in (\S.*) \(PID (\d+)\)", text)
    return f"{os.path.basename(found[1])} (process {found[2]})" if found else "another program"


def is_of_a_value(error: "duckdb.Error") -> bool:
    """Whether the reason of an error is a value that no row can hold, such as a text with lone surrogates."""
    is_unconvertible = isinstance(error, duckdb.InvalidInputException) and "Conversion Failure" in str(error)
    return isinstance(error, duckdb.DataError) or is_unconvertible


def is_outside(path: str, error: "duckdb.Error") -> bool:
    """Whether the reason of an error lies outside the file: a full disk, a missing permission."""
    text = str(error).replace(path, "")
    return any(phrase in text for phrase in _OUTSIDE)


def broken(path: str, reason: str) -> StoreBrokenError:
    """The error for a file that is not a database, or a damaged one."""
    return StoreBrokenError(f"{path} can't be read: {reason}", _BROKEN_ADVICE)


def unusable(problem: str, error: OSError) -> StoreUnusableError:
    """The error for a `problem` that the system gives the reason of."""
    return StoreUnusableError(f"{problem}: {reason_of(error)}", _UNUSABLE_ADVICE)


def is_interrupt(error: BaseException) -> bool:
    """Whether this is what DuckDB makes of a Ctrl-C within a query."""
    return isinstance(error, RuntimeError) and "interrupted" in str(error)


def first_line(error: BaseException) -> str:
    """The first line of an error's text; DuckDB's errors go on with advice."""
    return str(error).strip().partition("\n")[0].strip().rstrip(".!")
