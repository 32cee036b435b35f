"""`status --follow`: a line for a bar whenever it changes, as long as somebody reads.

A bar that starts `status` every few seconds pays for a start of Python and DuckDB each time, and its countdown jumps.
This one costs next to nothing between two changes, and counts by the second. It is a monitor besides, as `watch` is.
"""

import math
import os
import sys
from collections.abc import Callable, Sequence
from queue import SimpleQueue

from claude_session_status import paths, policy
from claude_session_status.cli.live import News, next_of, running, signals
from claude_session_status.cli.streams import reader_has_left
from claude_session_status.model import Alert, Snapshot
from claude_session_status.monitor import Monitor

REPEAT_SECONDS = 10.0
"""A line that stays the same is said again so often: only who writes learns that the reader has left."""


class Follower:
    """Writes what `say` makes of each snapshot, where that is new or has not been said for long."""

    def __init__(self, say: Callable[[Snapshot], str], write: Callable[[str], object]) -> None:
        self._say = say
        self._write = write
        self._said = ""
        self._said_at = -math.inf

    def __call__(self, shot: Snapshot, alerts: Sequence[Alert] = ()) -> None:  # noqa: ARG002 - a listener gets both
        """Hear of a snapshot. Raises what `write` raises."""
        line = self._say(policy.current(shot))
        if line != self._said or not 0 <= shot.now - self._said_at < REPEAT_SECONDS:
            self._write(line)
            self._said, self._said_at = line, shot.now


def run(say: Callable[[Snapshot], str]) -> None:
    """Print until a signal comes or nobody reads any more. Raises what the monitor raises."""
    news: SimpleQueue[News | BaseException] = SimpleQueue()
    follower = Follower(say, _print)
    try:
        with signals(news.put), running(Monitor(paths.from_environment(), alerts=False), follower, news.put):
            while next_of(news) is not News.END:
                pass
    except OSError as error:
        if not reader_has_left(error):
            raise


def _print(line: str) -> None:
    """Past the stream's own buffer: a thread that waits for a reader in there keeps the interpreter from ending."""
    left = memoryview(f"{line}\n".encode(sys.stdout.encoding, "replace"))
    while left:
        left = left[os.write(sys.stdout.fileno(), left) :]
