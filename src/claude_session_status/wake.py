"""The monitor's end of the FIFO `wake`: hooks write a byte into it when they have left a note.

The FIFO only saves waiting time. Where it can't be made (Windows, a file system without FIFOs, something else in its
place) the monitor finds the note at its next poll. It stays when a monitor ends, since other monitors may read it too;
a hook that opens it while nobody reads fails at once.

Of several monitors each sees a byte that stays for a moment (SETTLE_SECONDS), and any of them takes it out. One that
looks too late finds the note, or the row, at its next poll. No monitor writes a byte, except once when it ends.
"""

import os
import select
import time

from claude_session_status.private import make_fifo, make_private_folder, open_fifo

# All monitors see a byte that stays for a moment. It also lets hooks that run side by side be served together.
SETTLE_SECONDS = 0.02
_MANY = 65536  # bytes; a pipe holds no more by default


class WakePipe:
    """The FIFO at `path`. One thread waits on it; `ring` and `close` may be called from any."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._reader: int | None = None
        self._writer: int | None = None  # kept open: without a writer the reading end is always "ready"

    def open(self) -> None:
        """Make the FIFO where it is missing, and open it. Raises OSError; then there is only polling."""
        try:
            make_fifo(self.path)
        except FileNotFoundError:
            make_private_folder(os.path.dirname(self.path))
            make_fifo(self.path)
        self._reader = open_fifo(self.path, os.O_RDONLY)
        try:
            self._writer = open_fifo(self.path, os.O_WRONLY)
        except OSError:
            self.close()
            raise

    def wait(self, seconds: float | None) -> bool:
        """Wait for a byte, at most `seconds` (None: without an end), and take out all there are. False: none came.

        Raises OSError when the pipe is not open.
        """
        if self._reader is None:
            raise OSError(9, "the wake pipe is not open", self.path)
        if not select.select([self._reader], [], [], seconds)[0]:
            return False
        time.sleep(SETTLE_SECONDS)
        try:
            while len(os.read(self._reader, _MANY)) == _MANY:
                pass
        except BlockingIOError:
            pass  # another monitor was quicker: the byte was seen all the same
        return True

    def ring(self) -> None:
        """Make `wait` return, from another thread. Never raises."""
        if self._writer is not None:
            try:
                os.write(self._writer, b"\n")
            except OSError:
                pass  # full: it returns anyway

    def close(self) -> None:
        """Close both ends; harmless when they are not open."""
        ends, self._reader, self._writer = (self._reader, self._writer), None, None
        for end in ends:
            if end is not None:
                os.close(end)
