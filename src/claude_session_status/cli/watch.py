"""`watch`: the table, live. Itself a monitor, so hooks need not open the database while it runs.

The whole screen is written over in place once a second, never cleared, so nothing flickers; the terminal's own screen
comes back at the end, with its cursor.
"""

import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from queue import SimpleQueue

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from claude_session_status import paths
from claude_session_status.cli import status, table
from claude_session_status.model import Alert, Snapshot
from claude_session_status.monitor import Monitor

HEADLINE = "claude-session-status  (Ctrl-C to quit)"


def run(headline: str = HEADLINE) -> None:
    """Show the table until Ctrl-C; print it once where stdout is no terminal."""
    if not sys.stdout.isatty():
        status.run(as_json=False, everything=False)
        return
    where = paths.from_environment()
    show(Monitor(where, alerts=False), Console(), headline)


def show(monitor: Monitor, console: Console, headline: str = HEADLINE) -> None:
    """Show what `monitor` sees until the process is interrupted or told to end. Raises what the monitor raises.

    The monitor has a thread of its own, so that a signal never breaks into its work with the database; the main thread
    only waits for the signals. A queue is the one thing that a signal handler may touch safely.
    """
    latest = Snapshot(0.0)
    news: SimpleQueue[_News | BaseException] = SimpleQueue()
    stop = threading.Event()

    def render() -> RenderableType:
        head = Text(headline, style="dim", overflow="ellipsis", no_wrap=True)
        return Group(head, Text(), table.render(latest, console.width))

    live = Live(get_renderable=render, console=console, screen=True, auto_refresh=False, vertical_overflow="crop")

    def listen(shot: Snapshot, alerts: Sequence[Alert]) -> None:  # noqa: ARG001 - a listener gets both
        nonlocal latest
        latest = shot
        live.refresh()

    def watch() -> None:
        try:
            monitor.run(stop, listen)
        except BaseException as error:  # handed over to the main thread
            news.put(error)

    watching = threading.Thread(target=watch, name="monitor")
    with _signals(news), live:
        watching.start()
        try:
            while (heard := news.get()) is _News.RESIZED:
                monitor.wake()
        finally:
            stop.set()
            monitor.wake()
            watching.join()
    if isinstance(heard, BaseException):
        raise heard


class _News(Enum):
    """What the main thread waits for."""

    END = "end"
    RESIZED = "resized"


@contextmanager
def _signals(news: "SimpleQueue[_News | BaseException]") -> Iterator[None]:
    meanings = {signal.SIGINT: _News.END, signal.SIGTERM: _News.END}
    if sys.platform != "win32":
        meanings |= {signal.SIGHUP: _News.END, signal.SIGWINCH: _News.RESIZED}

    def hear(number: int, _frame: object) -> None:
        news.put(meanings[signal.Signals(number)])

    previous = {number: signal.signal(number, hear) for number in meanings}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
