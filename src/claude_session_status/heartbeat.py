"""Whether a monitor is running: it touches one file at each poll, and hooks look at the file's time.

A hook that has left a note beside a running monitor also wakes it, so that the menu changes at once. The monitor holds
the reading end of the FIFO `wake` (wake.py).

A hook imports this module, so it imports only `os` and `private`.
"""

import os

from claude_session_status.private import make_private_folder, open_fifo, open_private

MONITOR_ALIVE_SECONDS = 10.0


def monitor_runs(path: str, now: float) -> bool:
    """Whether a monitor has polled within MONITOR_ALIVE_SECONDS. `now`: epoch seconds.

    A time as far ahead of the clock means that the clock jumped, and that nothing is known.
    """
    try:
        return abs(now - os.lstat(path).st_mtime) < MONITOR_ALIVE_SECONDS
    except OSError:
        return False


def wake_monitor(path: str) -> None:
    """Write one byte into the FIFO at `path`. Never blocks and never raises: without it the monitor polls later."""
    try:
        descriptor = open_fifo(path, os.O_WRONLY)
    except OSError:
        return  # gone, not ours, or nobody reads it
    try:
        os.write(descriptor, b"\n")
    except OSError:
        pass  # full: the monitor will wake anyway
    finally:
        os.close(descriptor)


def beat(path: str, now: float) -> None:
    """Say at `now` (epoch seconds) that a monitor is running. Raises OSError."""
    try:
        _touch(path, now)
    except FileNotFoundError:
        make_private_folder(os.path.dirname(path))
        _touch(path, now)


def stop(path: str) -> None:
    """Say that no monitor is running any more. Never raises."""
    try:
        os.unlink(path)
    except OSError:
        pass


def _touch(path: str, now: float) -> None:
    descriptor = open_private(path, os.O_WRONLY)
    try:
        os.utime(descriptor if os.utime in os.supports_fd else path, (now, now))
    finally:
        os.close(descriptor)
