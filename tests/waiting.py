"""Waits for something that another program does: the only place where a test sleeps."""

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 60.0  # seconds; only a failure waits this long, and a busy machine is slow
_STEP_SECONDS = 0.05

T = TypeVar("T")


def wait_for(what: str | Callable[[], str], look: Callable[[], T | None], seconds: float = PATIENCE) -> T:
    """Call `look` until it returns something true, and return that; an AssertionError names `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain for {what if isinstance(what, str) else what()}")
        time.sleep(_STEP_SECONDS)
