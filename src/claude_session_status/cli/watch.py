"""`watch`: the table, live. Itself a monitor, so hooks need not open the database while it runs.

The whole screen is written over in place once a second, never cleared, so nothing flickers; the terminal's own screen
comes back at the end, with its cursor.
"""

from collections.abc import Sequence
from dataclasses import replace
from queue import SimpleQueue

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from claude_session_status import paths
from claude_session_status.cli import board, status, table
from claude_session_status.cli.board import Board
from claude_session_status.cli.keys import Key, listening
from claude_session_status.cli.live import News, next_of, running, signals, suspend
from claude_session_status.cli.session_actions import Fulfil, SystemHands, fulfiller
from claude_session_status.errors import SessionStatusError, file_and_reason
from claude_session_status.model import Alert, Snapshot
from claude_session_status.monitor import Monitor

HEADLINE = "claude-session-status"
FRAME_LINES = 5  # headline, what is wrong, the column's names, a foot of two lines
LOOSE_LINES = 10  # a terminal of so many has blank lines above and below the table


def run(headline: str = HEADLINE, *, once: bool = False) -> None:
    """Show the table until Ctrl-C; print it once where that is asked for or stdout is no terminal."""
    console = table.console()
    if once or not can_draw(console):
        status.run(status.Form.TABLE, everything=False, ended=True)
        return
    where = paths.from_environment()
    show_and_fulfil(Monitor(where, alerts=False), console, headline)


def show_and_fulfil(monitor: Monitor, console: Console, headline: str = HEADLINE) -> None:
    """As `show`, with this machine's file manager and clipboard. Raises what the monitor raises."""
    hands = SystemHands()
    show(monitor, console, headline, fulfiller(monitor, hands))
    if hands.uncopied is not None:
        click.echo(hands.uncopied)  # here the terminal wraps it, so that it is one line to who copies it


def can_draw(console: Console) -> bool:
    """Whether lines can be written over there: not in a pipe, and not in the consoles of some editors."""
    return console.is_terminal and not console.is_dumb_terminal


def show(monitor: Monitor, console: Console, headline: str = HEADLINE, fulfil: Fulfil | None = None) -> None:
    """Show what `monitor` sees until q, Ctrl-C or a signal ends it. Raises what the monitor raises.

    `fulfil` does what keys ask for.
    """
    latest, state, is_away = Snapshot(0.0), Board(), False
    news: SimpleQueue[News | Key | BaseException] = SimpleQueue()

    def render() -> RenderableType:
        return _frame(state, latest, console, headline, fulfils=fulfil is not None)

    live = Live(get_renderable=render, console=console, screen=True, auto_refresh=False, vertical_overflow="crop")

    def listen(shot: Snapshot, alerts: Sequence[Alert]) -> None:  # noqa: ARG001 - a listener gets both
        nonlocal latest
        latest = shot
        if not is_away:
            live.refresh()

    with (
        signals(news.put, with_suspension=True),
        listening(news.put) as keyboard,
        live,
        running(monitor, listen, news.put),
    ):
        while (heard := next_of(news)) not in (News.END, Key.QUIT):
            if isinstance(heard, Key):
                state = _pressed(heard, state, latest, fulfil)
                live.refresh()
            elif heard is News.SUSPENDED:
                is_away = True
                console.set_alt_screen(enable=False)
                console.show_cursor(show=True)
                keyboard.release()
                suspend()  # until the shell goes on with us
            elif heard is News.RESUMED:
                keyboard.take()
                console.set_alt_screen(enable=True)
                console.show_cursor(show=False)
                is_away = False
                live.refresh()
            else:
                monitor.wake()


def _frame(state: Board, shot: Snapshot, console: Console, headline: str, *, fulfils: bool) -> RenderableType:
    """The whole screen: it never has more lines than there are, so that the foot is always to be seen."""
    width, height = console.size
    blank = [Text()] if height >= LOOSE_LINES else []
    rows = height - FRAME_LINES - 2 * len(blank)
    shown = board.visible(state, board.arrange(state, shot), rows)
    foot = board.foot(state, width, fulfils=fulfils)
    last = Text(foot, overflow="fold") if state.message else _line(foot)
    return Group(
        _line(board.head(headline, shot, shown)), *blank, table.render(shown, width, state.chosen), *blank, last
    )


def _line(text: str) -> Text:
    return Text(text, style="dim", overflow="ellipsis", no_wrap=True)


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
        return replace(state, message=file_and_reason(error, "A file"))
