"""`status --follow`: prints a line for a status bar whenever it changes, as long as the bar reads it.

A bar that starts `status` every few seconds pays for a start of Python and DuckDB each time, and its countdown jumps.
This command costs almost nothing between two changes and counts by the second. Like `watch`, it is a monitor.
"""

import math
import os
import sys
from collections.abc import Callable, Sequence
from queue import SimpleQueue

from claude_session_status import paths, policy
from claude_session_status.cli.live import Events, TerminalEvent, next_event, running, signal_events
from claude_session_status.cli.streams import reader_has_left
from claude_session_status.model import Alert, Snapshot
from claude_session_status.monitor import Monitor

REPEAT_SECONDS = 10.0
"""An unchanged line is printed again after this time: on Windows only a write shows that the reader has left."""


class Follower:
    """Writes the line of each snapshot, where it is new or was last written REPEAT_SECONDS ago."""

    def __init__(self, line_of: Callable[[Snapshot], str], write: Callable[[str], object]) -> None:
        self._line_of = line_of
        self._write = write
        self._written = ""
        self._written_at = -math.inf

    def __call__(self, shot: Snapshot, alerts: Sequence[Alert] = ()) -> None:  # noqa: ARG002 - a listener gets both
        """Take a snapshot from the monitor. Raises what `write` raises."""
        line = self._line_of(policy.current(shot))
        if line != self._written or not 0 <= shot.now - self._written_at < REPEAT_SECONDS:
            self._write(line)
            self._written, self._written_at = line, shot.now


def run(line_of: Callable[[Snapshot], str]) -> None:
    """Print until a signal comes or nobody reads any more. Raises what the monitor raises."""
    events: Events = SimpleQueue()
    follower = Follower(line_of, _print)
    try:
        with signal_events(events.put), running(Monitor(paths.from_environment(), alerts=False), follower, events.put):
            while next_event(events, sys.stdout) is not TerminalEvent.END:
                pass
    except OSError as error:
        if not reader_has_left(error):
            raise


def _print(line: str) -> None:
    """Write past the stream's buffer: a thread that blocks in there would keep the interpreter from ending."""
    left = memoryview(f"{line}\n".encode(sys.stdout.encoding, "replace"))
    while left:
        left = left[os.write(sys.stdout.fileno(), left) :]
