"""Wakes a loop that waits on file descriptors, from other threads and from signal handlers."""

import contextlib
import socket


class LoopWaker:
    """A pair of sockets: the loop waits on one end, the others write to the other end."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.settimeout(0)
        self._writer.settimeout(0)

    def fileno(self) -> int:
        """The end that the loop waits on."""
        return self._reader.fileno()

    def wake(self) -> None:
        """Make the end readable. For any thread; safe in a signal handler."""
        # A full pipe already wakes the loop; after `close` there is nobody to wake.
        with contextlib.suppress(OSError):
            self._writer.send(b"w")

    def drain(self) -> None:
        """Forget the wake-ups so far. Only for the loop's thread."""
        with contextlib.suppress(BlockingIOError):
            while self._reader.recv(64):
                pass

    def close(self) -> None:
        """Close both ends. May be called twice."""
        self._reader.close()
        self._writer.close()
