"""The history in the terminal: sentences, a plot of the days, and a table with bars. Lines of cells, as in `table`."""

from claude_session_status import words
from claude_session_status.cli.table import Cell, Line, console, print_lines
from claude_session_status.costs import report
from claude_session_status.costs.summary import By, Summary
from claude_session_status.text_width import columns_of, shorten, wrap

_BAR = 16
_BARS_FROM = 72  # columns
_NUMBERS = (("MISSES", 6), ("TOKENS", 6), ("USD", 8))  # the heads of the columns to the right of the names
_GAP = 2
_LEAST_NAME = 12
_MOST_ROWS = 20
_PLOT_STYLE = "cyan"


def print_history(summary: Summary, by: By) -> None:
    """Print the history, grouped by `by`, to stdout."""
    out = console()
    print_lines(out, lines(summary, by, out.width))


def lines(summary: Summary, by: By, width: int) -> list[Line]:
    """Return the history for a terminal of `width` columns."""
    found = [line for sentence in report.headline(summary) for line in _paragraph(sentence, width)]
    if not summary.totals.misses:
        return found
    found += _plot(summary, by, width)
    found += [Line(), *_table(summary, by, width)]
    for sentence in report.advice(summary):
        found += [Line(), *_paragraph(sentence, width)]
    return found


def _paragraph(text: str, width: int) -> list[Line]:
    return [Line((Cell(each),)) for each in wrap(text, width)]


def _plot(summary: Summary, by: By, width: int) -> list[Line]:
    days = summary.groups[By.DAY][-max(1, width // 2) :]
    if by is By.DAY or len(days) < 2:
        return []
    first, last = (days[0].name or "")[5:], (days[-1].name or "")[5:]
    at = max(len(first) + 1, 2 * len(days) - 1 - len(last))
    return [
        Line(),
        Line((Cell("Tokens rebuilt each day", 0, "bold"),)),
        *(Line((Cell(each.rstrip(), 0, _PLOT_STYLE),)) for each in report.plot(days)),
        Line((Cell(first, 0, "dim"), Cell(last, at, "dim"))),
    ]


def _table(summary: Summary, by: By, width: int) -> list[Line]:
    rows = report.rows(summary.groups[by], by, most=_MOST_ROWS)
    has_bars = width >= _BARS_FROM
    right = sum(wide + _GAP for _, wide in _NUMBERS) + (_BAR + _GAP if has_bars else 0)
    head = by.value.upper()
    longest = max((columns_of(row.name) for row in rows), default=0)
    name_width = min(max(_LEAST_NAME, width - right), max(len(head), longest))
    found = [Line((Cell(head, 0, "bold"), *_numbers([name for name, _ in _NUMBERS], name_width, "bold")))]
    for row in rows:
        texts = [
            str(row.totals.misses),
            words.thousands(row.totals.rebuilt_tokens),
            report.dollars(row.totals.usd) if row.totals.misses else "",
        ]
        cells = [Cell(words.fenced(shorten(row.name, name_width))), *_numbers(texts, name_width)]
        if has_bars and row.share:
            bar = "█" * max(1, round(row.share * _BAR))
            cells.append(Cell(bar, name_width + right - _BAR, _PLOT_STYLE))
        found.append(Line(tuple(cells)))
    return found


def _numbers(texts: list[str], name_width: int, style: str = "") -> list[Cell]:
    """The cells of the numbers, each ending where its column does."""
    cells, end = [], name_width
    for text, (_, wide) in zip(texts, _NUMBERS, strict=True):
        end += _GAP + wide
        cells.append(Cell(text, end - len(text), style))
    return cells
