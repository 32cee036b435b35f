"""Files and folders that only their owner may read.

Nothing here follows a link that another user planted, and what root makes in a user's folder, as a container does,
is given to that user: the user's own hooks and monitor must be able to read it.

A hook imports this module, so it imports only `os`, `stat` and `sys`.
"""

import os
import stat
import sys


def leads_to_another_user(folder: str) -> bool:
    """Whether `folder` is a link to what another user owns: writing there could serve somebody else's ends."""
    if sys.platform == "win32":
        return False  # making a link takes rights of an administrator there
    try:
        return stat.S_ISLNK(os.lstat(folder).st_mode) and os.stat(folder).st_uid != os.geteuid()
    except FileNotFoundError:
        return False


def give_to_owner(made: str | int, folder: str) -> None:
    """Give what root has just made in `folder`, a path or a descriptor, to the folder's owner.

    Does nothing for others than root, and never raises: where it may not be given away it is still better than nothing.
    By a path nothing goes that somebody may have put there since: a link, what is not root's, a file with another name.
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
        descriptor = os.open(made, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            found = os.fstat(descriptor)
            if found.st_uid == 0 and (stat.S_ISDIR(found.st_mode) or found.st_nlink == 1):
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
        finally:
            os.close(descriptor)
    except OSError:
        pass


def open_private(path: str, flags: int) -> int:
    """Open a file; where there is none, make it, readable by its owner only, who is that of its folder. Raises OSError.

    What was there before keeps its owner: it may be a link to what root must not give away.
    """
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, flags)
    give_to_owner(descriptor, os.path.dirname(path))
    return descriptor


def read_regular(path: str, flags: int = 0) -> bytes:
    """Return a regular file's bytes. Raises OSError, also for a FIFO, which would block the reader, or a device."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | flags)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(22, "it is not a regular file", path)
        return file.read()


def make_private(*paths: str) -> None:
    """Take all rights on these files or folders from everybody but their owner. Never raises: it may not be ours."""
    for path in paths:
        try:
            mode = stat.S_IMODE(os.stat(path).st_mode)
            if mode & 0o077:
                os.chmod(path, mode & 0o700)
        except OSError:
            continue


def make_private_folder(path: str, mode: int = 0o700) -> None:
    """Make `path` and what is above it; itself readable by its owner only. Raises OSError.

    All of it belongs to the owner of the nearest folder that was there.
    """
    above = os.path.dirname(path)
    if above and not os.path.isdir(above):
        make_private_folder(above, 0o777)
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
    else:
        give_to_owner(path, above)
