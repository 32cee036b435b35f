"""A thread that waits for hooks to write into the FIFO `wake`, and wakes the monitor."""

import threading
from collections.abc import Callable

from claude_session_status.lazy_log import Log
from claude_session_status.wake import WakePipe

log = Log(__name__)

_END_SECONDS = 1.0


class WakeListener:
    """Calls `wake` when a hook has left a note. Does nothing where there can be no FIFO: the monitor polls anyway."""

    def __init__(self, path: str, wake: Callable[[], None]) -> None:
        self._pipe = WakePipe(path)
        self._wake = wake
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Open the FIFO and wait in a thread of its own. Never raises."""
        try:
            self._pipe.open()
        except OSError as error:
            log.info("hooks can't wake this monitor, which polls: %s", error)
            return
        self._thread = threading.Thread(target=self._listen, name="wake", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        try:
            while self._pipe.wait(None) and not self._stopping.is_set():
                self._wake()
        except OSError as error:
            log.warning("hooks can't wake this monitor any more, which polls: %s", error)

    def stop(self) -> None:
        """End the thread and close the FIFO."""
        self._stopping.set()
        if self._thread is not None:
            self._pipe.ring()
            self._thread.join(_END_SECONDS)
            self._pipe.close()
