"""A lock that one process holds and that dies with it: the kernel's own, on a file that stays.

Written here because a hook takes it: the libraries for this import asyncio, which costs more than the whole hook.
"""

import os
import sys

from claude_session_status.private import open_private

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    _TAKEN: type[OSError] = OSError  # Windows does not distinguish the reasons

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    _TAKEN: type[OSError] = BlockingIOError

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


class FileLock:
    """An exclusive lock on `path`. The file is left where it is: removing it would let two holders in."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this very object holds the lock."""
        return self._descriptor is not None

    def acquire(self) -> bool:
        """Take the lock without waiting; False when another process, or another FileLock, holds it.

        Raises OSError when the file can't be made, is a link, or its file system has no locks.
        """
        if self._descriptor is not None:
            return False
        descriptor = open_private(self.path, os.O_RDWR)
        try:
            _lock(descriptor)
        except _TAKEN:
            os.close(descriptor)
            return False
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def hand_over(self) -> int:
        """Give the held lock up without releasing it: the descriptor, which child processes inherit and so hold it.

        The lock is free once every process that has the descriptor has ended. Not on Windows, where no child inherits
        a lock.
        """
        descriptor, self._descriptor = self._descriptor, None
        assert descriptor is not None, "only a held lock can be handed over"  # noqa: S101 - a caller's mistake
        while descriptor < 3:  # the numbers of closed standard streams, which the child fills anew
            descriptor = os.dup(descriptor)
        os.set_inheritable(descriptor, True)  # noqa: FBT003 - as os has it
        return descriptor

    def adopt(self, descriptor: int) -> None:
        """Hold the lock through a descriptor that a parent process handed over."""
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - as os has it
        self._descriptor = descriptor

    def release(self) -> None:
        """Release the lock; do nothing where it is not held."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            try:
                _unlock(descriptor)
            finally:
                os.close(descriptor)


def is_held(path: str) -> bool:
    """Whether another process holds the lock on `path`: take it for a moment, if the file exists."""
    if not os.path.exists(path):
        return False
    probe = FileLock(path)
    try:
        return not probe.acquire()
    except OSError:
        return False
    finally:
        probe.release()
