"""`watch`: the live table. It is a monitor too, so hooks need not open the database while it runs.

It uses the terminal's alternate screen; what was there before comes back at the end, with the cursor.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from queue import SimpleQueue

from rich.console import Console

from claude_session_status import paths, pricing, remote, text_width
from claude_session_status.alert_command import AlertCommand, AlertTurn
from claude_session_status.cli import board, status, table
from claude_session_status.cli.board import Board
from claude_session_status.cli.display import Display
from claude_session_status.cli.keys import Key, reading_keys
from claude_session_status.cli.live import Events, TerminalEvent, next_event, running, signal_events, suspend
from claude_session_status.cli.session_actions import Perform, SystemActionHandler, performer
from claude_session_status.cli.streams import echo
from claude_session_status.cli.table import Cell, Line
from claude_session_status.errors import SessionStatusError, file_and_reason
from claude_session_status.model import Alert, Snapshot
from claude_session_status.monitor import Listener, Monitor

LOOSE_LINES = 10  # a terminal this high has a blank line above and below the table
MESSAGE_LINES = 3
LEGEND_FRAME_LINES = 4  # the head, the foot and two blank lines
LEGEND_WIDTH = 9  # columns of a sign or a key


def _ignore(shot: Snapshot, alerts: Sequence[Alert]) -> None:
    """Do nothing at an alert."""


def run(headline: str = "", *, once: bool = False) -> None:
    """Show the table until Ctrl-C. Print it once if `once`, or if stdout is not a terminal.

    `headline` is shown above it: why there is no tray, for example.
    """
    console = table.console()
    if once or not table.can_move(console):
        status.run(status.Form.TABLE, everything=False, ended=True)
        return
    where = paths.from_environment()
    turn = AlertTurn(where)

    def may_alert() -> bool:
        return bool(monitor.settings.on_alert) and turn.is_ours()

    prices = pricing.PricesInBackground(pricing.PriceList(where.prices))
    monitor = Monitor(
        where,
        alerts=may_alert,
        price=prices.rewrite_cost,
        read_price=prices.read_cost,
        hosts=partial(remote.connections, where),
    )
    on_alert = AlertCommand(where, lambda: monitor.settings.on_alert)
    try:
        show_with_actions(monitor, console, headline, on_alert.give)
    finally:
        on_alert.stop()
        turn.release()


def run_demo(headline: str = "", *, once: bool = False) -> None:
    """As `run`, with made-up sessions; the user's own are not read."""
    from claude_session_status.demo import demo  # noqa: PLC0415 - imported only to be shown

    console = table.console()
    with demo(alerts=False, price=pricing.PricesInBackground().rewrite_cost) as monitor:
        if once or not table.can_move(console):
            monitor.look()
            table.print_once(monitor.snapshot())
        else:
            show_with_actions(monitor, console, headline)


def show_with_actions(monitor: Monitor, console: Console, headline: str = "", on_alerts: Listener = _ignore) -> None:
    """As `show`, with this machine's file manager and clipboard. Raises what the monitor raises."""
    display = Display(console)
    handler = SystemActionHandler(display.write, lambda: monitor.settings.hosts)
    show(monitor, console, headline, performer(monitor, handler), on_alerts, display=display)
    if handler.uncopied is not None:
        echo(handler.uncopied)  # outside the table, the terminal wraps it: it is copied as one line


def show(
    monitor: Monitor,
    console: Console,
    headline: str = "",
    perform: Perform | None = None,
    on_alerts: Listener = _ignore,
    *,
    display: Display | None = None,
) -> None:
    """Show the sessions of `monitor` until q, Ctrl-C, a signal or the end of the terminal. Raises what it raises.

    `perform` does what keys ask for. `on_alerts` is called with the alerts that the monitor gives.
    """
    latest, state, is_suspended = Snapshot(0.0), Board(), False
    events: Events = SimpleQueue()
    screen = display or Display(console)

    def draw() -> None:
        width, height = console.size
        screen.draw(frame(state, latest, width, height, headline, has_actions=perform is not None))

    def listener(shot: Snapshot, alerts: Sequence[Alert]) -> None:
        nonlocal latest
        latest = shot
        if alerts:
            on_alerts(shot, alerts)
        if not is_suspended:
            draw()

    with (
        signal_events(events.put, with_suspension=True, terminal=console.file),
        reading_keys(events.put, lambda: events.put(TerminalEvent.END)) as keyboard,
        screen,
        running(monitor, listener, events.put),
    ):
        while (event := next_event(events, console.file)) not in (TerminalEvent.END, Key.QUIT):
            if isinstance(event, Key):
                state = _pressed(event, state, latest, perform)
                draw()
            elif event is TerminalEvent.SUSPENDED:
                is_suspended = True
                screen.close()
                keyboard.release()
                suspend()  # returns when the shell continues this process
            elif event is TerminalEvent.RESUMED:
                keyboard.take()
                screen.open()
                is_suspended = False
                draw()
            else:
                monitor.wake()


def frame(
    state: Board, shot: Snapshot, width: int, height: int, headline: str = "", *, has_actions: bool = True
) -> list[Line]:
    """Return the whole screen, never higher than the terminal, so that its last line is always visible."""
    is_loose = height >= (len(board.LEGEND) + LEGEND_FRAME_LINES if state.shows_legend else LOOSE_LINES)
    blank = [Line()] if is_loose else []
    foot = text_width.wrap(board.foot(state, width, has_actions=has_actions), width)[:MESSAGE_LINES]
    above = [table.line(headline, width, table.PROBLEM_STYLE)] if headline else []
    problems = len(table.above(shot, width))
    used = len(above) + len(foot) + 2 * len(blank) + 2 + problems  # the head, and the names of the columns
    shown = board.visible(state, board.arrange(state, shot), height - used)
    head = [table.line(board.head(shot, shown), width, "bold"), *above]
    room = max(1, height - len(head) - len(foot) - 2 * len(blank))
    middle = (_legend(width, room) if state.shows_legend else table.lines(shown, width, state.chosen))[:room]
    return [*head, *blank, *middle, *blank, *(table.line(each, width, "dim") for each in foot)]


def _legend(width: int, room: int) -> list[Line]:
    """Return the legend, without its blank lines where it has no room for them."""
    is_loose = len(board.LEGEND) <= room
    return [
        Line((Cell(sign, 0, "bold"), Cell(text_width.cut(meaning, max(1, width - LEGEND_WIDTH)), LEGEND_WIDTH)))
        for sign, meaning in board.LEGEND
        if meaning or is_loose
    ]


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
