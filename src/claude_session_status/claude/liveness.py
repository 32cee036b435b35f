"""Is a session's process still there? Asked only of processes that a hook named, and answered only when sure."""

from enum import Enum
from functools import cached_property

import psutil

from claude_session_status.claude.pids import is_numbered_here, pid_namespace, start_ticks
from claude_session_status.model import Process

_CLOCK_SLACK_SECONDS = 5.0


class Liveness(Enum):
    """What is known of a process."""

    ALIVE = "alive"
    GONE = "gone"
    UNKNOWN = "unknown"  # never named, or it lives where its id means another process


class Watch:
    """`liveness` for whoever asks at each poll: our own numbering is looked up at the first question only."""

    @cached_property
    def _ours(self) -> str | None:
        return pid_namespace()

    def __call__(self, process: Process | None, named_at: float | None) -> Liveness:
        """Whether `process`, which was named at `named_at` (epoch seconds), still runs."""
        return liveness(process, named_at, self._ours)


def liveness(process: Process | None, named_at: float | None, ours: str | None = None) -> Liveness:
    """Whether `process`, which a hook named at `named_at` (epoch seconds), still runs.

    Ids are reused, so the start must fit: on Linux in clock ticks since boot, which no clock change moves; elsewhere
    the process must have started before it was named. A client in a container, or on another machine that shares the
    home, has an id that means nothing here. `ours`: the numbering here, from whoever knows it already.
    """
    if process is None:
        return Liveness.UNKNOWN
    if not is_numbered_here(process.namespace, ours):
        return Liveness.UNKNOWN
    if process.started is not None:
        return Liveness.ALIVE if start_ticks(process.pid) == process.started else Liveness.GONE
    try:
        found = psutil.Process(process.pid)
        if found.status() == psutil.STATUS_ZOMBIE:
            return Liveness.GONE
        reused = named_at is not None and found.create_time() > named_at + _CLOCK_SLACK_SECONDS
    except psutil.NoSuchProcess:
        return Liveness.GONE
    except psutil.Error:
        return Liveness.UNKNOWN
    return Liveness.GONE if reused else Liveness.ALIVE
