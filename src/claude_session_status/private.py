"""Files and folders that only their owner may read.

Every file of ours is opened through this module. It follows no link, never blocks on a FIFO or a device, and refuses
what another user owns: on a folder that others could write to, they may have put anything in a file's place. Only one
kind of link is followed: the user's own, in place of one of our folders, to a folder of their own (people move it to
another disk).

Root may work in a user's folder, as a container does that has it mounted. Root uses what belongs to itself or to the
owner of the folder above, and gives what it makes there to that owner: the user's own hooks and monitor must be able
to read it. Windows has neither these owners nor these modes: its own access lists protect the home folder.

DuckDB alone opens its files itself, by their plain paths (also where it gets a path below /proc/self/fd), so that the
owner of a folder could swap an entry between our check and root's opening it: `store.connection` compares afterwards.

A hook imports this module, so it imports only `os`, `stat` and `sys`.
"""

from __future__ import annotations

import os
import stat
import sys

TYPE_CHECKING = False  # importing typing would cost a hook more than its own work
if TYPE_CHECKING:
    from collections.abc import Callable

_SAFELY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_FOLDER_MODE = 0o700
_ABOVE_MODE = 0o755  # of folders above ours that were missing: a umask of 0 must not let others replace ours


def open_folder(folder: str) -> int | None:
    """A descriptor on one of our folders, to be used as `dir_fd`. Where others have rights on it, they lose them.

    None on Windows, which has no such descriptors. Raises OSError when there is no such folder or another user owns it.
    """
    if sys.platform == "win32":
        return None
    flags, above = os.O_RDONLY | os.O_DIRECTORY, os.path.dirname(folder)
    try:
        descriptor = os.open(folder, flags | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise
    except OSError:
        if not os.path.islink(folder):
            raise
        if os.lstat(folder).st_uid != os.geteuid() or os.stat(folder).st_uid != os.geteuid():
            raise PermissionError(1, "it is a link to a folder of another user", folder) from None
        descriptor, above = os.open(folder, flags), ""
    try:
        _narrow(descriptor, folder, above)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _narrow(descriptor: int, path: str, above: str) -> None:
    """Take the rights of others from a file or folder of ours in `above`. Raises OSError where it is not ours."""
    found = os.fstat(descriptor)
    if not _is_ours(found, above):
        raise PermissionError(1, "it belongs to another user", path)
    if found.st_mode & stat.S_ISVTX:
        raise PermissionError(1, "it is a folder that users share, such as /tmp", path)
    if found.st_mode & 0o077:
        os.fchmod(descriptor, stat.S_IMODE(found.st_mode) & 0o700)


def open_private(path: str, flags: int) -> int:
    """Open one of our files, or make it, readable by its owner only. Returns a descriptor; raises OSError."""
    folder, name = os.path.split(path)
    handle = open_folder(folder)
    try:
        where = path if handle is None else name
        try:
            descriptor = os.open(where, flags | _SAFELY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=handle)
        except FileExistsError:
            return _open_existing(path, flags, handle, stat.S_ISREG)
        except OSError as error:
            error.filename = path
            raise
        _settle(descriptor, folder)
        return descriptor
    finally:
        close_folder(handle)


def open_existing(path: str, flags: int) -> int:
    """Open one of our files that is there. Returns a descriptor; raises OSError, also for what is no regular file."""
    handle = open_folder(os.path.dirname(path))
    try:
        return _open_existing(path, flags, handle, stat.S_ISREG)
    finally:
        close_folder(handle)


def open_fifo(path: str, flags: int) -> int:
    """Open one of our FIFOs without blocking. Raises OSError, also for what is no FIFO and one that nobody reads."""
    handle = open_folder(os.path.dirname(path))
    try:
        return _open_existing(path, flags, handle, stat.S_ISFIFO)
    finally:
        close_folder(handle)


def make_fifo(path: str) -> None:
    """Make a FIFO of ours, unless something is there already. Raises OSError, also where the system has no FIFOs."""
    if sys.platform == "win32":
        raise OSError(95, "Windows has no FIFOs", path)
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        return
    give_to_owner(path, os.path.dirname(path))


def read_private(path: str, largest: int) -> bytes:
    """The first `largest` bytes of one of our files. Raises OSError."""
    descriptor = open_existing(path, os.O_RDONLY)
    try:
        return os.read(descriptor, largest)
    finally:
        os.close(descriptor)


def replace_private(path: str, content: bytes) -> None:
    """Write one of our files: readers see either the old content or all of the new. Raises OSError."""
    make_private_folder(os.path.dirname(path))
    temporary = f"{path}.{os.getpid()}-{os.urandom(4).hex()}"
    try:
        with open(open_private(temporary, os.O_WRONLY), "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError:
        try:
            os.unlink(temporary)
        except OSError:
            pass
        raise


def close_folder(handle: int | None) -> None:
    """Close what `open_folder` returned."""
    if handle is not None:
        os.close(handle)


def read_regular(path: str) -> bytes:
    """A file that is not ours, such as the client's settings, which people keep behind links. Never blocks.

    Raises OSError, also for what is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(22, "it is not a regular file", path)
        return file.read()


def make_private_folder(path: str) -> None:
    """Make one of our folders and what is above it, whatever the umask. Raises OSError.

    All of it belongs to the owner of the nearest folder that was there.
    """
    _make_folder(path, _FOLDER_MODE)
    close_folder(open_folder(path))


def _make_folder(path: str, mode: int) -> None:
    above = os.path.dirname(path)
    if above and not os.path.isdir(above):
        _make_folder(above, _ABOVE_MODE)
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
        return
    if sys.platform != "win32" and os.geteuid() != 0 and os.lstat(path).st_mode & 0o700 != 0o700:
        os.chmod(path, _FOLDER_MODE)  # the umask took rights from the owner; root needs none
    give_to_owner(path, above)


def make_private(*paths: str) -> None:
    """Take all rights on these files or folders of ours from everybody but their owner. Never raises."""
    if sys.platform == "win32":
        return
    for path in paths:
        try:
            descriptor = os.open(path, os.O_RDONLY | _SAFELY)
        except OSError:
            continue
        try:
            _narrow(descriptor, path, os.path.dirname(path))
        except OSError:
            pass
        finally:
            os.close(descriptor)


def give_to_owner(made: str | int, folder: str) -> None:
    """Give what root has just made in `folder`, a path or a descriptor, to the folder's owner.

    Does nothing for others than root, and never raises: where it may not be given away it is still better than nothing.
    A path that somebody may have replaced since is not given away: a link, what is not root's, a file with two names.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return
    try:
        owner = os.stat(folder)
        if owner.st_uid == 0:
            return
        if isinstance(made, int):
            os.fchown(made, owner.st_uid, owner.st_gid)
            return
        descriptor = os.open(made, os.O_RDONLY | _SAFELY)
        try:
            found = os.fstat(descriptor)
            if found.st_uid == 0 and (stat.S_ISDIR(found.st_mode) or found.st_nlink == 1):
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
        finally:
            os.close(descriptor)
    except OSError:
        pass


def _open_existing(path: str, flags: int, handle: int | None, is_wanted: Callable[[int], bool]) -> int:
    """Open `path`, whose folder is `handle`; a file is emptied only after it was checked."""
    folder, name = os.path.split(path)
    try:
        descriptor = os.open(path if handle is None else name, (flags & ~os.O_TRUNC) | _SAFELY, dir_fd=handle)
    except OSError as error:
        error.filename = path
        raise
    try:
        _check(descriptor, path, folder, is_wanted)
        if flags & os.O_TRUNC:
            os.ftruncate(descriptor, 0)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _check(descriptor: int, path: str, folder: str, is_wanted: Callable[[int], bool]) -> None:
    """Raise OSError for another type of file than wanted, and for another user's."""
    found = os.fstat(descriptor)
    if not is_wanted(found.st_mode):
        raise OSError(22, "it is not a FIFO" if is_wanted is stat.S_ISFIFO else "it is not a regular file", path)
    if not _is_ours(found, folder) or _is_planted(found, folder):
        raise PermissionError(1, "it belongs to another user", path)


def _settle(descriptor: int, folder: str) -> None:
    """Give a new file its mode, whatever the umask was, and its owner."""
    if sys.platform == "win32":
        return
    if stat.S_IMODE(os.fstat(descriptor).st_mode) != 0o600:
        os.fchmod(descriptor, 0o600)
    give_to_owner(descriptor, folder)


def _is_ours(found: os.stat_result, folder: str) -> bool:
    """Whether it is ours to use: our own, or, for root, of the owner of `folder`, where it is."""
    if sys.platform == "win32":
        return True
    user = os.geteuid()
    return found.st_uid == user or (user == 0 and bool(folder) and found.st_uid == os.stat(folder).st_uid)


def _is_planted(found: os.stat_result, folder: str) -> bool:
    """Whether a user put a second name of one of root's files into their folder, for root to write to."""
    if sys.platform == "win32" or os.geteuid() != 0 or found.st_uid != 0 or found.st_nlink == 1:
        return False
    return os.stat(folder).st_uid != 0
