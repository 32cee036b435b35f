"""Finds the process that holds a lock file, to name it when it records no events."""

import os
import sys

from claude_session_status.errors import SessionStatusError


def holder_of(path: str) -> int | None:
    """The id of another process that has the file at `path` open; None when none can be seen.

    Asks every process of the user, which takes some 50 ms: only for a problem that is shown.
    """
    if sys.platform == "win32":
        return None  # a question about another process's files can block there
    import psutil  # noqa: PLC0415 - slow, and seldom needed

    try:
        for process in psutil.process_iter():
            try:
                if process.pid != os.getpid() and any(file.path == path for file in process.open_files()):
                    return process.pid
            except (psutil.Error, OSError):
                continue
    except LookupError:
        pass  # in a container without /proc
    return None


def stalled_ingest(lock: str, waiting: int) -> SessionStatusError:
    """The problem that a process holds the ingest lock while `waiting` events are not recorded."""
    events = "1 event" if waiting == 1 else f"{waiting} events"
    pid = holder_of(lock)
    if pid is None:
        return SessionStatusError(f"Another process holds up {events}: it holds {lock}", "End that process")
    # First what a table of 80 columns has room for. A stopped process obeys no other signal.
    title = f"Process {pid} holds up {events}, end it with: kill -9 {pid} (it holds {lock})"
    return SessionStatusError(title, "No event is lost")
