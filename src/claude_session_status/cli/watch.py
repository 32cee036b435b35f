"""`watch`: the live table. It is a monitor too, so hooks need not open the database while it runs.

It redraws the whole screen in place once a second and never clears it, so nothing flickers. It uses the terminal's
alternate screen; what was there before comes back at the end, with the cursor.
"""

from collections.abc import Sequence
from dataclasses import replace
from queue import SimpleQueue

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from claude_session_status import paths
from claude_session_status.alert_command import AlertCommand, AlertTurn
from claude_session_status.cli import board, status, table
from claude_session_status.cli.board import Board
from claude_session_status.cli.keys import Key, reading_keys
from claude_session_status.cli.live import Events, TerminalEvent, next_event, running, signal_events, suspend
from claude_session_status.cli.session_actions import Perform, SystemActionHandler, performer
from claude_session_status.cli.streams import echo
from claude_session_status.errors import SessionStatusError, file_and_reason
from claude_session_status.model import Alert, Snapshot
from claude_session_status.monitor import Listener, Monitor

HEADLINE = "claude-session-status"
FRAME_LINES = 5  # headline, problem, column names, two lines of foot
LOOSE_LINES = 10  # a terminal this high has a blank line above and below the table


def _ignore(shot: Snapshot, alerts: Sequence[Alert]) -> None:
    """Do nothing at an alert."""


def run(headline: str = HEADLINE, *, once: bool = False) -> None:
    """Show the table until Ctrl-C. Print it once if `once`, or if stdout is not a terminal."""
    console = table.console()
    if once or not can_draw(console):
        status.run(status.Form.TABLE, everything=False, ended=True)
        return
    where = paths.from_environment()
    turn = AlertTurn(where)

    def may_alert() -> bool:
        return bool(monitor.settings.on_alert) and turn.is_ours()

    monitor = Monitor(where, alerts=may_alert)
    on_alert = AlertCommand(where, lambda: monitor.settings.on_alert)
    try:
        show_with_actions(monitor, console, headline, on_alert.give)
    finally:
        on_alert.stop()
        turn.release()


def run_demo(headline: str = HEADLINE, *, once: bool = False) -> None:
    """As `run`, with made-up sessions; the user's own are not read."""
    from claude_session_status.demo import demo  # noqa: PLC0415 - imported only to be shown

    console = table.console()
    with demo(alerts=False) as monitor:
        if once or not can_draw(console):
            monitor.look()
            table.print_once(monitor.snapshot())
        else:
            show_with_actions(monitor, console, headline)


def show_with_actions(
    monitor: Monitor, console: Console, headline: str = HEADLINE, on_alerts: Listener = _ignore
) -> None:
    """As `show`, with this machine's file manager and clipboard. Raises what the monitor raises."""
    handler = SystemActionHandler()
    show(monitor, console, headline, performer(monitor, handler), on_alerts)
    if handler.uncopied is not None:
        echo(handler.uncopied)  # outside the table, the terminal wraps it: it is copied as one line


def can_draw(console: Console) -> bool:
    """Whether the cursor can be moved there: not in a pipe, and not in the consoles of some editors."""
    return console.is_terminal and not console.is_dumb_terminal


def show(
    monitor: Monitor,
    console: Console,
    headline: str = HEADLINE,
    perform: Perform | None = None,
    on_alerts: Listener = _ignore,
) -> None:
    """Show the sessions of `monitor` until q, Ctrl-C, a signal or the end of the terminal. Raises what it raises.

    `perform` does what keys ask for. `on_alerts` is called with the alerts that the monitor gives.
    """
    latest, state, is_suspended = Snapshot(0.0), Board(), False
    events: Events = SimpleQueue()

    def render() -> RenderableType:
        return _frame(state, latest, console, headline, has_actions=perform is not None)

    live = Live(get_renderable=render, console=console, screen=True, auto_refresh=False, vertical_overflow="crop")

    def listener(shot: Snapshot, alerts: Sequence[Alert]) -> None:
        nonlocal latest
        latest = shot
        if alerts:
            on_alerts(shot, alerts)
        if not is_suspended:
            live.refresh()

    with (
        signal_events(events.put, with_suspension=True),
        reading_keys(events.put, lambda: events.put(TerminalEvent.END)) as keyboard,
        live,
        running(monitor, listener, events.put),
    ):
        while (event := next_event(events, console.file)) not in (TerminalEvent.END, Key.QUIT):
            if isinstance(event, Key):
                state = _pressed(event, state, latest, perform)
                live.refresh()
            elif event is TerminalEvent.SUSPENDED:
                is_suspended = True
                console.set_alt_screen(enable=False)
                console.show_cursor(show=True)
                keyboard.release()
                suspend()  # returns when the shell continues this process
            elif event is TerminalEvent.RESUMED:
                keyboard.take()
                console.set_alt_screen(enable=True)
                console.show_cursor(show=False)
                is_suspended = False
                live.refresh()
            else:
                monitor.wake()


def _frame(state: Board, shot: Snapshot, console: Console, headline: str, *, has_actions: bool) -> RenderableType:
    """Return the whole screen, never higher than the terminal, so that its last line is always visible."""
    width, height = console.size
    blank = [Text()] if height >= LOOSE_LINES else []
    rows = height - FRAME_LINES - 2 * len(blank)
    shown = board.visible(state, board.arrange(state, shot), rows)
    foot = board.foot(state, width, has_actions=has_actions)
    last = Text(foot, overflow="fold") if state.message else _line(foot)
    return Group(
        _line(board.head(headline, shot, shown)), *blank, table.render(shown, width, state.chosen), *blank, last
    )


def _line(text: str) -> Text:
    return Text(text, style="dim", overflow="ellipsis", no_wrap=True)


def _pressed(key: Key, state: Board, shot: Snapshot, perform: Perform | None) -> Board:
    """Return the board after a key, with the key's action performed."""
    state, action = board.press(state, key, shot)
    if action is None or perform is None:
        return state
    try:
        return replace(state, message=perform(action))
    except SessionStatusError as error:
        return replace(state, message=f"{error.title}. {error.next_step}")
    except OSError as error:
        return replace(state, message=file_and_reason(error, "A file"))
