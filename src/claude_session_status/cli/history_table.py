"""The history in the terminal: sentences, a plot of the days, and a table with bars."""

from rich.table import Table
from rich.text import Text

from claude_session_status.cli.table import console
from claude_session_status.costs import report
from claude_session_status.costs.summary import By, Summary
from claude_session_status.text_width import shorten
from claude_session_status.words import thousands

_BAR = 16
_MOST_ROWS = 20


def print_history(summary: Summary, by: By) -> None:
    """Print the history, grouped by `by`, to stdout."""
    out = console()
    for line in report.headline(summary):
        out.print(Text(line))
    if not summary.totals.misses:
        return
    days = summary.groups[By.DAY]
    if by is not By.DAY and len(days) > 1:
        out.print(Text("\nTokens rebuilt each day", style="bold"))
        shown = days[-max(1, out.width // 2) :]
        for line in report.plot(shown):
            out.print(Text(line.rstrip(), style="cyan"))
        width = 2 * len(shown) - 1
        first, last = (shown[0].name or "")[5:], (shown[-1].name or "")[5:]
        out.print(Text(first + last.rjust(max(len(last) + 1, width - len(first))), style="dim"))
    out.print()
    out.print(_table(summary, by, out.width))
    for line in report.advice(summary):
        out.print(Text("\n" + line))


def _table(summary: Summary, by: By, width: int) -> Table:
    lines = report.rows(summary.groups[by], by, most=_MOST_ROWS)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    room = max(12, width - (_BAR + 2 if width >= 72 else 0) - 30)
    table.add_column(by.value.upper(), no_wrap=True, max_width=room)
    for name in ("MISSES", "TOKENS", "USD"):
        table.add_column(name, justify="right", no_wrap=True)
    if width >= 72:
        table.add_column("", width=_BAR, no_wrap=True)
    for row in lines:
        cells = [
            Text(shorten(row.name, room)),
            Text(str(row.totals.misses)),
            Text(thousands(row.totals.rebuilt_tokens)),
            Text(report.dollars(row.totals.usd) if row.totals.misses else ""),
        ]
        if width >= 72:
            cells.append(Text("█" * max(1 if row.share else 0, round(row.share * _BAR)), style="cyan"))
        table.add_row(*cells)
    return table
