"""Until when a person wants no notifications: one moment for the whole program, in a file of its own.

A file and not a row: it concerns no session, every monitor must see it at once, and it must survive whatever happens to
the database. What can't be read means that notifications are on: silence must be asked for.
"""

import math
import os

from claude_session_status.private import read_private, replace_private

_LONGEST = 64  # bytes; a moment has less than twenty


def read(path: str) -> float | None:
    """The moment (epoch seconds) until which no notification is sent; None where there is none."""
    if not os.path.lexists(path):
        return None  # as at nearly every poll: one call instead of five
    try:
        until = float(read_private(path, _LONGEST))
    except (OSError, ValueError):
        return None
    return until if math.isfinite(until) else None


def write(path: str, until: float | None) -> None:
    """Remember the moment, or that there is none. Raises OSError."""
    if until is None:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        return
    replace_private(path, f"{until:.3f}\n".encode())
