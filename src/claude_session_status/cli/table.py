"""The table of sessions, printed by rich from `report.rows`: it fits 60 columns and uses more where there are more."""

import os
import sys
from collections.abc import Iterable

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from claude_session_status import report, words
from claude_session_status.cli.invocation import as_called
from claude_session_status.model import Snapshot, Urgency

STYLE = {Urgency.NONE: "dim", Urgency.CALM: "green", Urgency.SOON: "yellow", Urgency.LAST: "bold red"}


def render(shot: Snapshot, width: int, chosen: str | None = None) -> RenderableType:
    """Return the table for a terminal of `width` columns, or advice where there are no sessions.

    `chosen`: the id of the highlighted session.
    """
    parts: list[RenderableType] = []
    if shot.problem:
        parts.append(Text(as_called(words.clean(shot.problem)), style="yellow", overflow="ellipsis", no_wrap=True))
    if shot.sessions:
        longest = max(cell_len(words.name_of(state.session)) for state in shot.sessions)
        parts.append(_table(shot, report.columns(width, longest), chosen))
    else:
        parts.append(Text(as_called(words.HOOKS_ADVICE)))
    return Group(*parts)


def _table(shot: Snapshot, columns: report.Columns, chosen: str | None) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold", collapse_padding=True)
    table.add_column("", width=1)
    wide = {
        "SESSION": columns.session,
        "PROJECT": columns.project,
        "LAST TURN": columns.last_turn,
        "CACHE": columns.cache,
        "TITLE": columns.title,
    }
    shown = {name: width for name, width in wide.items() if width}
    for name, width in shown.items():
        table.add_column(name, width=width, no_wrap=True, overflow="ellipsis")
    for state, row in zip(shot.sessions, report.rows(shot, columns), strict=True):
        style = "dim" if row.dim else ""
        cells = {
            "SESSION": Text(row.session, style),
            "PROJECT": Text(row.project, style),
            "LAST TURN": Text(row.last_turn, style),
            "CACHE": Text(row.cache, style or STYLE[row.urgency]),
            "TITLE": Text(row.title, style),
        }
        line = (Text(row.sign, style), *(cells[name] for name in shown))
        table.add_row(*line, style="reverse" if state.session.session_id == chosen else None)
    return table


class _CleanConsole(Console):
    """Prints nothing that could steer the terminal but its own styles and movements."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Return the segments of `renderable`, cleaned."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=words.printable(segment.text))


def console() -> Console:
    """Return a console on stdout, of the terminal's own size; COLUMNS and LINES count only where that is not known.

    Shells export them, and do not keep them up to date; some shells within editors export 0.
    """
    known = all(_terminal_size())
    environ = {k: v for k, v in os.environ.items() if k not in _SIZE or (v.strip("0") and not known)}
    return _CleanConsole(_environ=environ)


_SIZE = ("COLUMNS", "LINES")


def _terminal_size() -> tuple[int, int]:
    try:
        return os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError):  # not a terminal, or not even a file
        return 0, 0


def print_once(shot: Snapshot) -> None:
    """Print the table to stdout."""
    out = console()
    out.print(render(shot, out.width))
