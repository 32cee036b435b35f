"""Whether a monitor is running: it touches one file at each poll, and hooks look at the file's time.

A hook imports this module, so it imports only `os` and `private`.
"""

import os

from claude_session_status.private import make_private_folder, open_private

MONITOR_ALIVE_SECONDS = 10.0


def monitor_runs(path: str, now: float) -> bool:
    """Whether a monitor has polled within MONITOR_ALIVE_SECONDS. `now`: epoch seconds.

    A time as far ahead of the clock means that the clock jumped, and that nothing is known.
    """
    try:
        return abs(now - os.stat(path).st_mtime) < MONITOR_ALIVE_SECONDS
    except OSError:
        return False


def beat(path: str, now: float) -> None:
    """Say at `now` (epoch seconds) that a monitor is running. Raises OSError."""
    try:
        _touch(path, now)
    except FileNotFoundError:
        make_private_folder(os.path.dirname(path))
        os.close(open_private(path, os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)))
        _touch(path, now)


def stop(path: str) -> None:
    """Say that no monitor is running any more. Never raises."""
    try:
        os.unlink(path)
    except OSError:
        pass


def _touch(path: str, now: float) -> None:
    if os.utime in os.supports_follow_symlinks:
        os.utime(path, (now, now), follow_symlinks=False)
    else:
        os.utime(path, (now, now))
