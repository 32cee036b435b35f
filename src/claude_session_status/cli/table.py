"""The table of sessions: lines of cells from `report`, and how they are printed once.

A cell has its column. In a terminal each is printed at that column, and so text that the terminal draws wider or
narrower than we believe moves nothing else.
"""

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.control import Control
from rich.segment import ControlCode, ControlType, Segment, Segments
from rich.style import Style

from claude_session_status import report, words
from claude_session_status.cli.invocation import as_called
from claude_session_status.model import Snapshot, Urgency
from claude_session_status.printable import printable
from claude_session_status.text_width import columns_of, cut

# Of the 256 colours those that can be read on black and on white.
STYLE = {
    Urgency.NONE: "dim",
    Urgency.CALM: "color(28)",
    Urgency.SOON: "bold color(130)",
    Urgency.LAST: "bold color(160)",
}
PROBLEM_STYLE = "bold color(130)"


@dataclass(frozen=True, slots=True)
class Cell:
    """Text at a column, from 0. `style` is rich's."""

    text: str
    at: int = 0
    style: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the screen."""

    cells: tuple[Cell, ...] = ()
    is_chosen: bool = False


def line(text: str, width: int, style: str = "") -> Line:
    """Return a line of plain text, cut to `width` columns."""
    return Line((Cell(cut(text, width), 0, style),))


def lines(shot: Snapshot, width: int, chosen: str | None = None) -> list[Line]:
    """Return the table for a terminal of `width` columns, or advice where there are no sessions.

    `chosen`: the id of the highlighted session.
    """
    found = above(shot, width)
    if not shot.sessions:
        return [
            *found,
            line(words.NO_SESSIONS, width),
            Line((Cell(as_called(words.SETUP_ADVICE)),)),
        ]  # to be copied whole
    rows = report.rows(shot, report.columns(width))
    columns = report.columns(
        width,
        max(report.project_width(state.session) for state in shot.sessions),
        max(columns_of(row.title) for row in rows),
        last_turns=any(row.last_turn for row in rows),
    )
    found.append(Line(tuple(Cell(cut(column.head, column.width), column.at, "bold") for column in columns.shown)))
    for state, row in zip(shot.sessions, report.rows(shot, columns), strict=True):
        found.append(Line(_cells(row, columns), state.session.session_id == chosen))
    return found


def above(shot: Snapshot, width: int) -> list[Line]:
    """Return what is wrong, a line each: in general, and with the connection to each other machine."""
    problems = [line(words.clean(shot.problem), width, PROBLEM_STYLE)] if shot.problem else []
    return problems + [line(as_called(text), width, "dim") for text in report.host_lines(shot)]


def _cells(row: report.Row, columns: report.Columns) -> tuple[Cell, ...]:
    style = "dim" if row.dim else ""
    return tuple(
        Cell(
            words.fenced(cut(getattr(row, column.field), column.width)),
            column.at,
            style or STYLE[row.urgency] if column.field == "cache" else style,
        )
        for column in columns.shown
    )


def segments(printed: Line, width: int) -> Iterable[Segment]:
    """Return what rich writes for a line on a terminal, where the cursor can be moved."""
    reverse = Style(reverse=True) if printed.is_chosen else Style()
    if printed.is_chosen:
        yield Segment(" " * width, reverse)
    for cell in printed.cells:
        if cell.at or printed.is_chosen:
            yield Control((ControlType.CURSOR_MOVE_TO_COLUMN, cell.at)).segment
        yield Segment(printable(cell.text), Style.parse(cell.style) + reverse)


def for_console(console: Console, written: Iterable[Segment]) -> Segments:
    """Return the segments with their cursor moves as rich reads them on this console.

    For a Windows console without escape sequences rich subtracts 1 from positions that it defines as counted from 0.
    """
    if not console.legacy_windows:
        return Segments(written)
    return Segments([Segment(s.text, s.style, [_from_one(code) for code in s.control or ()] or None) for s in written])


def _from_one(code: ControlCode) -> ControlCode:
    match code:
        case (ControlType.CURSOR_MOVE_TO, int(x), int(y)):
            return ControlType.CURSOR_MOVE_TO, x + 1, y + 1
        case (ControlType.CURSOR_MOVE_TO_COLUMN, int(x)):
            return ControlType.CURSOR_MOVE_TO_COLUMN, x + 1
        case _:
            return code


def plain(printed: Line) -> str:
    """Return a line as text, for a pipe."""
    text = ""
    for cell in printed.cells:
        text += " " * (cell.at - columns_of(text)) + printable(cell.text)
    return text.rstrip()


def console() -> Console:
    """Return a console on stdout, of the terminal's own size; COLUMNS and LINES count only where that is not known.

    Shells export them, and do not keep them up to date; some shells within editors export 0.
    """
    known = all(_terminal_size())
    environ = {k: v for k, v in os.environ.items() if k not in _SIZE or (v.strip("0") and not known)}
    made = Console(_environ=environ, highlight=False)
    if made.color_system == "standard":  # xterm says no more, and can do more: its own yellow is unreadable on white
        made = Console(_environ=environ, highlight=False, color_system="256")
    return made


_SIZE = ("COLUMNS", "LINES")


def _terminal_size() -> tuple[int, int]:
    try:
        return os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError):  # not a terminal, or not even a file
        return 0, 0


def can_move(console: Console) -> bool:
    """Whether the cursor can be moved there: not in a pipe, and not in the consoles of some editors."""
    return console.is_terminal and not console.is_dumb_terminal


def shows_costs() -> bool:
    """Whether a table printed to stdout has a column for costs."""
    return bool(report.columns(console().width).width_of("cost"))


def print_once(shot: Snapshot) -> None:
    """Print the table to stdout."""
    out = console()
    print_lines(out, lines(shot, out.width))


def print_lines(out: Console, printed_lines: Iterable[Line]) -> None:
    """Print the lines to stdout, below each other."""
    printed: list[Segment] = []
    for each in printed_lines:
        printed += segments(each, out.width) if can_move(out) else [Segment(plain(each))]
        printed.append(Segment.line())
    out.print(for_console(out, printed), end="", crop=False)
