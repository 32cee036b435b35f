"""The table of sessions, printed by rich from `report.rows`: it fits 60 columns and uses more where there are more."""

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from claude_session_status import report, words
from claude_session_status.model import Snapshot, Urgency

STYLE = {Urgency.NONE: "dim", Urgency.CALM: "green", Urgency.SOON: "yellow", Urgency.LAST: "bold red"}


def render(shot: Snapshot, width: int, chosen: str | None = None) -> RenderableType:
    """The table for a terminal of `width` columns, `chosen` being the id of one; what to do where there are none."""
    parts: list[RenderableType] = []
    if shot.problem:
        parts.append(Text(words.clean(shot.problem), style="yellow", overflow="ellipsis", no_wrap=True))
    if shot.sessions:
        longest = max(cell_len(words.name_of(state.session)) for state in shot.sessions)
        parts.append(_table(shot, report.columns(width, longest), chosen))
    else:
        parts.append(Text(words.HOOKS_ADVICE))
    return Group(*parts)


def _table(shot: Snapshot, columns: report.Columns, chosen: str | None) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold", collapse_padding=True)
    table.add_column("", width=1)
    table.add_column("SESSION", width=columns.session, no_wrap=True)
    table.add_column("PROJECT", width=columns.project, no_wrap=True, overflow="ellipsis")
    table.add_column("LAST TURN", width=columns.last_turn, no_wrap=True, overflow="ellipsis")
    table.add_column("CACHE", width=columns.cache, no_wrap=True, overflow="ellipsis")
    if columns.title:
        table.add_column("TITLE", width=columns.title, no_wrap=True, overflow="ellipsis")
    for state, row in zip(shot.sessions, report.rows(shot, columns.bar), strict=True):
        style = "dim" if row.dim else ""
        cells = [
            Text(row.mark, style),
            Text(row.session, style),
            Text(row.project, style),
            Text(row.last_turn, style),
            Text(row.cache, style or STYLE[row.urgency]),
        ]
        titles = [Text(row.title, style)] if columns.title else []
        table.add_row(*cells, *titles, style="reverse" if state.session.session_id == chosen else None)
    return table


def print_once(shot: Snapshot) -> None:
    """Print the table to stdout."""
    console = Console()
    console.print(render(shot, console.width))
