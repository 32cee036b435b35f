"""The clock that is passed to the monitor, so that tests move time instead of waiting for it."""

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """The wall clock and how to wait for it."""

    def time(self) -> float:
        """Epoch seconds."""

    def wait(self, wake: threading.Event, seconds: float) -> None:
        """Return after `seconds`, or as soon as `wake` is set."""


class SystemClock:
    """The machine's own clock."""

    def time(self) -> float:
        """Epoch seconds."""
        return time.time()

    def wait(self, wake: threading.Event, seconds: float) -> None:
        """Return after `seconds`, or as soon as `wake` is set."""
        wake.wait(seconds)
