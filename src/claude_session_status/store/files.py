"""The database's files on disk: what DuckDB's errors say of them, which were set aside, copies with their dates.

A locked file must never be taken for a broken one, nor a full disk for a damaged file: so only DuckDB's own words for
damage count as that, and they are looked for outside the file's path, which may hold any word.
"""

import os
import sys
import time
from datetime import UTC, datetime

from claude_session_status.errors import StoreBrokenError, StoreLockedError, StoreUnusableError
from claude_session_status.private import give_to_owner
from claude_session_status.store.driver import duckdb

_ASIDE = ".broken-"
_WHOLE = ".whole"  # a new database that has everything, on its way to its name
_BROKEN_ADVICE = "Move it away, and its .wal: the next event starts a new one"
UNUSABLE_ADVICE = "Check the folder's owner and the free space; no event is lost meanwhile"

_SPARE_BYTES = 1 << 20  # of a disk, for others

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
    """What an error of DuckDB means. Only what is surely damage is called so: the rest may pass by itself."""
    said = str(error).replace(path, "")  # a path may hold any word
    # Windows gives its reason in the person's language; but there a file that is there and can't be opened is in use.
    in_use = platform == "win32" and "Cannot open file" in said and os.path.isfile(path)
    if in_use or any(sign in said for sign in _LOCKED):
        return StoreLockedError(f"{path} is locked by another program", "Close it there; no event is lost meanwhile")
    is_damage = isinstance(error, _DAMAGE) or any(sign in said for sign in _DAMAGED)
    if is_damage and not is_outside(path, error):
        return StoreBrokenError(f"{path} can't be read: {first_line(error)}", _BROKEN_ADVICE)
    return StoreUnusableError(f"{path} can't be used: {first_line(error)}", UNUSABLE_ADVICE)


def is_outside(path: str, error: Exception) -> bool:
    """Whether the reason of an error lies outside the file: a full disk, a missing permission."""
    said = str(error).replace(path, "")
    return any(sign in said for sign in _OUTSIDE)


def set_aside(path: str) -> list[str]:
    """What was set aside beside the database at `path`, logs too, oldest first."""
    folder, name = os.path.split(path)
    try:
        found = sorted(n for n in os.listdir(folder) if n.startswith(name + _ASIDE))
    except OSError:
        return []
    return [os.path.join(folder, n) for n in found]


def broken_files(path: str) -> list[str]:
    """The databases among them."""
    return [name for name in set_aside(path) if not name.endswith(".wal")]


def aside_name(path: str, now: float) -> str:
    """A free name for the database at `path` to be set aside under, with the date in it (`now`: epoch seconds)."""
    path += _ASIDE + datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H-%M-%S")
    number, candidate = 1, path
    while os.path.lexists(candidate) or os.path.lexists(candidate + ".wal"):
        number += 1
        candidate = f"{path}-{number}"
    return candidate


def remove(path: str) -> None:
    """Delete a database and its log, where there are any; the log first, since nobody looks for it alone.

    Raises OSError.
    """
    for name in (path + ".wal", path):
        try:
            os.unlink(name)
        except FileNotFoundError:
            pass


def appear(new: str, path: str) -> None:
    """Give a new, whole database its name, unless somebody has just made one there. Raises OSError.

    A log that lies there without its database is set aside: it would be taken for the new one's.
    """
    if os.path.lexists(path):
        remove(new)
        return
    _part_with_log(path, aside_name(path, time.time()))
    os.rename(new, path)


def _part_with_log(path: str, target: str) -> None:
    """Keep the log of the database at `path` as that of `target`; an empty one goes."""
    if log_size(path):
        os.rename(path + ".wal", target + ".wal")
    elif os.path.lexists(path + ".wal"):
        os.unlink(path + ".wal")


def exchange(path: str, new: str, now: float) -> str:
    """Put the whole database `new` in the place of the one at `path`; where that is kept, dated `now`. Raises OSError.

    At each moment there is one at `path`, where the file system lets a file have two names. From the first step on
    `finish_exchange` brings it to its end, also after a kill.
    """
    os.replace(new, path + _WHOLE)
    return finish_exchange(path, now)


def is_exchanged(path: str) -> bool:
    """Whether an exchange has begun and not come to its end."""
    return os.path.lexists(path + _WHOLE)


def finish_exchange(path: str, now: float) -> str:
    """Do what is left to do of an exchange; returns where the old database is kept. Raises OSError."""
    kept = (name for name in broken_files(path) if os.path.exists(path) and os.path.samefile(name, path))
    target = next(kept, None)
    if target is None:
        target = aside_name(path, now)
        if os.path.lexists(path):
            try:
                os.link(path, target)
            except OSError:
                os.rename(path, target)
    # Before the new one comes: it must never meet the old one's log.
    _part_with_log(path, target)
    if os.path.lexists(target):
        os.utime(target, (now, now))
    os.replace(path + _WHOLE, path)
    return target


def written_at(path: str) -> float:
    """When the database, or the log beside it, was last written (epoch seconds); 0 when there is none."""
    latest = 0.0
    for name in (path, path + ".wal"):
        try:
            latest = max(latest, os.stat(name).st_mtime)
        except OSError:
            continue
    return latest


def log_size(path: str) -> int:
    """The bytes in the log beside the database."""
    try:
        return os.stat(path + ".wal").st_size
    except OSError:
        return 0


def checkpoint_copy(path: str) -> str:
    """Where a copy of the database is while its log is written into it."""
    return path + ".checkpoint"


def take_copy(source: str, target: str) -> bool:
    """Copy the database and its log; False, and no copy, where that can't be or would leave others no room."""
    try:
        if hasattr(os, "statvfs"):
            disk = os.statvfs(os.path.dirname(source))
            # The checkpoint takes about as much as the copy.
            if disk.f_bavail * disk.f_frsize < 2 * (os.stat(source).st_size + log_size(source)) + _SPARE_BYTES:
                return False
        for suffix in ("", ".wal"):
            copy_file(source + suffix, target + suffix)
    except OSError:
        discard(target)
        return False
    return True


def discard(path: str) -> None:
    """Delete a copy, now or, where something holds it, another time."""
    try:
        remove(path)
    except OSError:
        pass


def keep_copy(source: str, target: str) -> None:
    """Copy the database, and its log where there is one, with their dates. Raises OSError; then there is no copy."""
    if os.path.exists(target):
        return
    for suffix in (".wal", ""):
        if not suffix or os.path.exists(source + suffix):
            half = f"{target}{suffix}.{os.getpid()}"
            copy_file(source + suffix, half)
            os.replace(half, target + suffix)


def copy_file(source: str, target: str) -> None:
    """Copy a file with its date, for its owner only, and onto the disk for good. Raises OSError; then there is none."""
    try:
        with open(source, "rb") as old, open(open_anew(target), "wb") as new:
            while block := old.read(1 << 20):
                new.write(block)
            new.flush()
            os.fsync(new.fileno())
            status = os.fstat(old.fileno())
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    except OSError:
        if os.path.exists(target):
            os.unlink(target)
        raise


def open_anew(path: str) -> int:
    """A new file to be written, for its owner only, who is that of its folder. Raises OSError.

    Whatever has this name goes first: it may be a link to a file that is not ours to write or to give away.
    """
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o600)
    give_to_owner(descriptor, os.path.dirname(path))
    return descriptor


def first_line(error: Exception) -> str:
    """The first line of what an error says; DuckDB's go on with advice."""
    return str(error).strip().partition("\n")[0].strip().rstrip(".!")
