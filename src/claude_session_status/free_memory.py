"""Gives memory back to the system that was freed but is still held, after each use of DuckDB in a long run.

DuckDB allocates some megabytes while a database is open and frees them when it is closed. glibc keeps them for the
next time, so a tray would hold 5 MB more all day. Returning them takes half a millisecond.
"""

import functools
import sys
from collections.abc import Callable


def give_back() -> None:
    """Return freed memory to the system, where the C library can do that."""
    _trim()()


@functools.cache
def _trim() -> Callable[[], object]:
    if sys.platform != "linux":
        return lambda: None
    try:
        import ctypes  # noqa: PLC0415 - only long runs need it

        trim = ctypes.CDLL(None).malloc_trim
    except (ImportError, OSError, AttributeError):  # a Python without libffi, or another C library
        return lambda: None
    return functools.partial(trim, 0)
