"""`status --follow`: prints a line for a status bar or a program whenever it changes, as long as it is read.

A bar that starts `status` every few seconds pays for a start of Python and DuckDB each time, and its countdown jumps.
This command costs almost nothing between two changes and counts by the second. Like `watch`, it is a monitor.
"""

import math
import os
import select
import stat
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
    """Writes the line of each snapshot, where it is new or was last written REPEAT_SECONDS ago.

    `content_of` returns what must have changed for the line to be new: by default, the line itself.
    """

    def __init__(
        self,
        line_of: Callable[[Snapshot], str],
        write: Callable[[str], object],
        content_of: Callable[[Snapshot], object] | None = None,
    ) -> None:
        self._line_of = line_of
        self._content_of = content_of or line_of
        self._write = write
        self._written: object = None
        self._written_at = -math.inf

    def __call__(self, shot: Snapshot, alerts: Sequence[Alert] = ()) -> None:  # noqa: ARG002 - a listener gets both
        """Take a snapshot from the monitor. Raises what `write` raises."""
        content = self._content_of(shot)
        if content != self._written or not 0 <= shot.now - self._written_at < REPEAT_SECONDS:
            self._write(self._line_of(shot))
            self._written, self._written_at = content, shot.now


def run(
    line_of: Callable[[Snapshot], str],
    content_of: Callable[[Snapshot], object] | None = None,
    *,
    price: policy.Price | None = None,
    ends_with_input: bool = False,
) -> None:
    """Print until a signal comes or nobody reads any more. Raises what the monitor raises.

    `ends_with_input`: also until the writer of the pipe that is our input has left.
    """
    events: Events = SimpleQueue()
    follower = Follower(line_of, _print, content_of)
    has_input_ended = _input_watch() if ends_with_input else None
    monitor = Monitor(paths.from_environment(), alerts=False, price=price)
    try:
        with signal_events(events.put), running(monitor, follower, events.put):
            while next_event(events, sys.stdout, has_input_ended) is not TerminalEvent.END:
                pass
    except OSError as error:
        if not reader_has_left(error):
            raise


def _input_watch() -> Callable[[], bool] | None:
    """Return what says whether the writer of our input has left; None where it is no pipe, or nobody writes to it.

    A container's `exec` leaves this program running when its own client was killed, and goes on reading what it prints.
    """
    if sys.platform == "win32" or sys.stdin is None:
        return None
    try:
        descriptor = sys.stdin.fileno()
        mode = os.fstat(descriptor).st_mode
    except (OSError, ValueError):
        return None
    poll = select.poll()
    poll.register(descriptor, 0)

    def has_ended() -> bool:
        return any(found & select.POLLHUP for _, found in poll.poll(0))

    is_pipe = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
    return has_ended if is_pipe and not has_ended() else None


def _print(line: str) -> None:
    """Write past the stream's buffer: a thread that blocks in there would keep the interpreter from ending."""
    left = memoryview(f"{line}\n".encode(sys.stdout.encoding, "replace"))
    while left:
        left = left[os.write(sys.stdout.fileno(), left) :]
