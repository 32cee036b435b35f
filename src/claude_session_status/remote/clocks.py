"""A clock that nobody sets and that goes on while the machine sleeps, and how long the machine has slept."""

import sys
import time


def steady() -> float:
    """Seconds by a clock that is never set, and that goes on while the machine sleeps where the system has one."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()


LEAST_SLEEP_SECONDS = 5.0  # a shorter sleep costs no connection
LEAST_GAP_SECONDS = 60.0  # between two looks, which come every few seconds


class SleepWatch:
    """Notices that the machine has slept, or that this process was stopped for a while. Pure."""

    def __init__(self) -> None:
        self._looked_at: float | None = None
        self._asleep = 0.0

    def has_slept(self, awake: float, always: float) -> bool:
        """Whether the machine has slept since the last call, by a clock that stops in sleep and one that does not."""
        asleep, before = always - awake, self._looked_at
        slept = asleep - self._asleep
        self._looked_at, self._asleep = always, asleep
        return before is not None and (slept > LEAST_SLEEP_SECONDS or always - before > LEAST_GAP_SECONDS)
