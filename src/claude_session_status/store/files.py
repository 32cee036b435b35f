"""The database's files on disk: names, copies, and how a new database takes the place of a broken one."""

import os
import stat
import time
from datetime import UTC, datetime

from claude_session_status.private import give_to_owner

_ASIDE = ".broken-"
_WHOLE = ".whole"  # a complete new database that is about to take its place
_SPARE_BYTES = 1 << 20  # of the disk, for other programs


# ---- set aside --------------------------------------------------------------


def set_aside(path: str) -> list[str]:
    """What was set aside of the database at `path`, logs too, oldest first."""
    folder, name = os.path.split(path)
    try:
        found = sorted(n for n in os.listdir(folder) if n.startswith(name + _ASIDE))
    except OSError:
        return []
    return [os.path.join(folder, n) for n in found]


def broken_files(path: str) -> list[str]:
    """The databases that were set aside, without their logs."""
    return [name for name in set_aside(path) if not name.endswith(".wal")]


def aside_name(path: str, now: float) -> str:
    """A free name to set the database at `path` aside under, with the date in it (`now`: epoch seconds)."""
    path += _ASIDE + datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H-%M-%S")
    number, candidate = 1, path
    while os.path.lexists(candidate) or os.path.lexists(candidate + ".wal"):
        number += 1
        candidate = f"{path}-{number}"
    return candidate


# ---- a new database takes its place -----------------------------------------


def appear(new: str, path: str) -> None:
    """Give a complete new database its name, unless another process has just made one there. Raises OSError.

    A log without its database is set aside: DuckDB would take it for the log of the new one.
    """
    if os.path.lexists(path):
        remove(new)
        return
    _set_log_aside(path, aside_name(path, time.time()))
    os.rename(new, path)


def _set_log_aside(path: str, target: str) -> None:
    """Keep the log of the database at `path` as the log of `target`; an empty one goes."""
    if log_size(path):
        os.rename(path + ".wal", target + ".wal")
    elif os.path.lexists(path + ".wal"):
        os.unlink(path + ".wal")


def exchange(path: str, new: str, now: float) -> str:
    """Put the complete database `new` in the place of the one at `path`. Raises OSError.

    Returns where the old one is kept, under the date `now` (epoch seconds). At each moment there is a database at
    `path`, where the file system lets a file have two names. Once begun, `finish_exchange` completes it, also after a
    kill.
    """
    os.replace(new, path + _WHOLE)
    return finish_exchange(path, now)


def is_exchanged(path: str) -> bool:
    """Whether an exchange has begun and is not complete."""
    return os.path.lexists(path + _WHOLE)


def finish_exchange(path: str, now: float) -> str:
    """Complete an exchange; returns where the old database is kept. Raises OSError."""
    kept = (name for name in broken_files(path) if os.path.exists(path) and os.path.samefile(name, path))
    target = next(kept, None)
    if target is None:
        target = aside_name(path, now)
        if os.path.lexists(path):
            try:
                os.link(path, target)
            except OSError:
                os.rename(path, target)
    # Before the new database takes its place: DuckDB must never apply the old one's log to it.
    _set_log_aside(path, target)
    if os.path.lexists(target):
        os.utime(target, (now, now))
    os.replace(path + _WHOLE, path)
    return target


# ---- date and size ------------------------------------------


def written_at(path: str) -> float:
    """When the database, or its log, was last written (epoch seconds); 0 when there is none."""
    latest = 0.0
    for name in (path, path + ".wal"):
        try:
            latest = max(latest, os.stat(name).st_mtime)
        except OSError:
            continue
    return latest


def log_size(path: str) -> int:
    """The size of the database's log (bytes)."""
    try:
        return os.stat(path + ".wal").st_size
    except OSError:
        return 0


# ---- copies -----------------------------------------------------------------


def checkpoint_copy(path: str) -> str:
    """Where a copy of the database is while its log is written into it."""
    return path + ".checkpoint"


def take_copy(source: str, target: str) -> bool:
    """Copy the database and its log; False, and no copy, where that fails or would fill the disk."""
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
    """Copy a file with its date, for its owner only, and flush it to the disk. Raises OSError; then there is none."""
    try:
        with open(open_regular(source), "rb") as old, open(open_anew(target), "wb") as new:
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


# ---- one file ---------------------------------------------------------------


def open_regular(path: str) -> int:
    """Open an existing file to read it. Returns a descriptor. Never blocks, and follows no link.

    Raises OSError, also for what is not a regular file.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(22, "it is not a regular file", path)
    return descriptor


def open_anew(path: str) -> int:
    """As `open_new`, in place of whatever has this name: it may be a link to a file that is not ours to write to."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    return open_new(path)


def open_new(path: str) -> int:
    """Make a new file to write, readable by its owner only, who is the folder's owner. Returns a descriptor.

    Raises OSError, FileExistsError where anything has this name.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o600)
    give_to_owner(descriptor, os.path.dirname(path))
    return descriptor


def make_empty_folder(path: str) -> None:
    """Make a folder that only its owner may enter, in place of whatever has this name. Raises OSError.

    Whatever the umask, nobody else reaches the files that DuckDB makes in it.
    """
    remove_folder(path)
    os.mkdir(path, 0o700)
    os.chmod(path, 0o700)


def remove_folder(path: str) -> None:
    """Delete a folder of files, or the file or link that has its name. Raises OSError."""
    try:
        is_folder = stat.S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return
    if not is_folder:
        os.unlink(path)
        return
    for name in os.listdir(path):
        os.unlink(os.path.join(path, name))
    os.rmdir(path)


def remove(path: str) -> None:
    """Delete a database and its log, if they exist. The log goes first: it is useless alone. Raises OSError."""
    for name in (path + ".wal", path):
        try:
            os.unlink(name)
        except FileNotFoundError:
            pass


def discard(path: str) -> None:
    """Delete a copy, or leave it for another time where something holds it."""
    try:
        remove(path)
    except OSError:
        pass


def discard_folder(path: str) -> None:
    """Delete a folder of files, or leave it for another time where something holds it."""
    try:
        remove_folder(path)
    except OSError:
        pass
