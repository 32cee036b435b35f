"""`watch`: the table, live. Itself a monitor, so hooks need not open the database while it runs.

The whole screen is written over in place once a second, never cleared, so nothing flickers; the terminal's own screen
comes back at the end, with its cursor.
"""

import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from enum import Enum
from queue import Empty, SimpleQueue

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from claude_session_status import paths
from claude_session_status.cli import board, status, table
from claude_session_status.cli.board import Board
from claude_session_status.cli.keys import Key, listening
from claude_session_status.cli.wishes import Fulfil, SystemHands, fulfiller
from claude_session_status.errors import SessionStatusError
from claude_session_status.model import Alert, Snapshot
from claude_session_status.monitor import Monitor

HEADLINE = "claude-session-status"
FRAME_LINES = 7  # headline, what is wrong, the column's names, a foot of two lines, and two blank ones
# A wait without an end is deaf to Ctrl-C on Windows.
LONGEST_WAIT_SECONDS = 0.2 if sys.platform == "win32" else None


def run(headline: str = HEADLINE, *, once: bool = False) -> None:
    """Show the table until Ctrl-C; print it once where that is asked for or stdout is no terminal."""
    if once or not sys.stdout.isatty():
        status.run(status.Form.TABLE, everything=False)
        return
    where = paths.from_environment()
    monitor = Monitor(where, alerts=False)
    show(monitor, Console(), headline, fulfiller(monitor, SystemHands()))


def show(monitor: Monitor, console: Console, headline: str = HEADLINE, fulfil: Fulfil | None = None) -> None:
    """Show what `monitor` sees until q, Ctrl-C or a signal ends it. Raises what the monitor raises.

    `fulfil` does what keys ask for. The monitor has a thread of its own, so that a signal never breaks into its work
    with the database; the main thread only waits for signals and keys. A queue is the one thing that a signal handler
    may touch safely.
    """
    latest, state = Snapshot(0.0), Board()
    news: SimpleQueue[_News | Key | BaseException] = SimpleQueue()
    stop = threading.Event()

    def line(text: str) -> Text:
        return Text(text, style="dim", overflow="ellipsis", no_wrap=True)

    def foot() -> Text:
        text = board.foot(state, fulfils=fulfil is not None)
        return Text(text, overflow="fold") if state.message else line(text)

    def render() -> RenderableType:
        return _frame(state, latest, console, line(headline), foot())

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
    with _signals(news), listening(news.put), live:
        watching.start()
        try:
            while (heard := _next(news)) not in (_News.END, Key.QUIT) and not isinstance(heard, BaseException):
                if isinstance(heard, Key):
                    state = _pressed(heard, state, latest, fulfil)
                    live.refresh()
                else:
                    monitor.wake()
        finally:
            stop.set()
            monitor.wake()
            watching.join()
    if isinstance(heard, BaseException):
        raise heard


def _frame(state: Board, shot: Snapshot, console: Console, head: Text, foot: Text) -> RenderableType:
    """The whole screen: it never has more lines than there are, so that the foot is always to be seen."""
    shown = board.visible(state, board.arrange(state, shot), console.height - FRAME_LINES)
    return Group(head, Text(), table.render(shown, console.width, state.chosen), Text(), foot)


def _pressed(key: Key, state: Board, shot: Snapshot, fulfil: Fulfil | None) -> Board:
    """The board after a key, with what the key asked for done."""
    state, wish = board.press(state, key, shot)
    found = board.chosen(state, shot)
    if wish is None or found is None or fulfil is None:
        return state
    try:
        return replace(state, message=fulfil(wish, found))
    except SessionStatusError as error:
        return replace(state, message=f"{error.title}. {error.next_step}")
    except OSError as error:
        return replace(state, message=f"{error.filename or 'a file'}: {error.strerror or error}")


class _News(Enum):
    """What the main thread waits for."""

    END = "end"
    RESIZED = "resized"


def _next(news: "SimpleQueue[_News | Key | BaseException]") -> "_News | Key | BaseException":
    while True:
        with suppress(Empty):
            return news.get(timeout=LONGEST_WAIT_SECONDS)


@contextmanager
def _signals(news: "SimpleQueue[_News | Key | BaseException]") -> Iterator[None]:
    meanings = {signal.SIGINT: _News.END, signal.SIGTERM: _News.END}
    if sys.platform != "win32":
        meanings |= {signal.SIGHUP: _News.END, signal.SIGWINCH: _News.RESIZED}
    else:
        meanings |= {signal.SIGBREAK: _News.END}  # Ctrl-Break, or its window was closed

    def hear(number: int, _frame: object) -> None:
        news.put(meanings[signal.Signals(number)])

    previous = {number: signal.signal(number, hear) for number in meanings}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
