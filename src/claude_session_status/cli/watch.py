"""`watch`: the table, live. Itself a monitor, so hooks need not open the database while it runs.

The whole screen is written over in place once a second, never cleared, so nothing flickers; the terminal's own screen
comes back at the end, with its cursor.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from queue import SimpleQueue

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from claude_session_status import paths
from claude_session_status.cli import board, status, table
from claude_session_status.cli.board import Board
from claude_session_status.cli.keys import Key, listening
from claude_session_status.cli.live import News, next_of, running, signals
from claude_session_status.cli.wishes import Fulfil, SystemHands, fulfiller
from claude_session_status.errors import SessionStatusError
from claude_session_status.model import Alert, Snapshot
from claude_session_status.monitor import Monitor

HEADLINE = "claude-session-status"
FRAME_LINES = 7  # headline, what is wrong, the column's names, a foot of two lines, and two blank ones


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

    `fulfil` does what keys ask for.
    """
    latest, state = Snapshot(0.0), Board()
    news: SimpleQueue[News | Key | BaseException] = SimpleQueue()

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

    with signals(news.put), listening(news.put), live, running(monitor, listen, news.put):
        while (heard := next_of(news)) not in (News.END, Key.QUIT):
            if isinstance(heard, Key):
                state = _pressed(heard, state, latest, fulfil)
                live.refresh()
            else:
                monitor.wake()


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
