"""The history as one page of HTML: no network, no script, light and dark.

pygal draws the chart as SVG; its colours are the page's own variables, so that they follow the reader's light or dark
setting. All names in the page are escaped: they come from folders and transcripts.
"""

from html import escape
from typing import Any

from claude_session_status.costs.misses import LEAST_REBUILT
from claude_session_status.costs.report import CAUSES, Row, advice, dollars, headline, lateness, rows, span
from claude_session_status.costs.summary import By, Group, Miss, Summary
from claude_session_status.words import clean, moment, thousands

_TABLE_ROWS = 20
_MISSES = 200
_STYLE = """
:root { color-scheme: light dark; --text: #1c1e21; --muted: #5b6370; --line: #d9dce1; --page: #ffffff; --card: #f4f5f7;
  --expired: #c2410c; --other: #4f74b8; }
@media (prefers-color-scheme: dark) { :root { --text: #e8eaed; --muted: #a3abb8; --line: #3a3f47; --page: #16181c;
  --card: #20242a; --expired: #fb923c; --other: #8ab0f0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 3rem; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; } .muted { color: var(--muted); font-size: .875rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem; margin: 1rem 0; }
.card { background: var(--card); border-radius: .5rem; padding: .75rem 1rem; }
.card b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; } svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; white-space: nowrap; }
td.name { overflow-wrap: anywhere; min-width: 8rem; }
.share { width: 30%; }
@media (max-width: 36rem) { .share { display: none; } .cards { grid-template-columns: 1fr 1fr; }
  .card b { font-size: 1.2rem; } .chart { padding-left: 1rem; } .chart svg { overflow: visible; }
  .chart svg text { font-size: 24px !important; } .chart .x text { translate: 0 10px; }
  .chart .legends text { translate: 6px 26px; } .chart .legends rect { translate: 0 22px; } }
.bar { background: var(--other); height: .6rem; border-radius: .2rem; min-width: 1px; }
"""


def page(summary: Summary) -> str:
    """The page's text. Imports pygal, which takes a tenth of a second."""
    totals = summary.totals
    cards = [
        ("cold returns", f"{totals.expired:,}", "came after their cache had expired"),
        ("tokens rebuilt by them", thousands(totals.expired_tokens) or "0", "measured"),
        ("list price of that", dollars(totals.expired_usd), "estimated"),
        ("all cache misses", f"{totals.misses:,}", f"{thousands(totals.rebuilt_tokens)} tokens, {dollars(totals.usd)}"),
    ]
    parts = [
        f"<h1>What cold caches cost</h1><p class=muted>{escape(_dates(summary))}</p>",
        "<div class=cards>"
        + "".join(
            f"<div class=card>{escape(a)}<b>{escape(b)}</b><span class=muted>{escape(c)}</span></div>"
            for a, b, c in cards
        )
        + "</div>",
        *(f"<p>{escape(line)}</p>" for line in headline(summary)),
        "<h2>Tokens rebuilt each day</h2><div class=chart>" + _chart(summary.groups[By.DAY]) + "</div>",
        *(
            f"<h2>By {by.value}</h2>" + _table(by.value, rows(summary.groups[by], by, most=_TABLE_ROWS))
            for by in (By.CAUSE, By.PROJECT, By.MODEL, By.SESSION)
        ),
        "<h2>Another lifetime of the cache</h2>",
        *(f"<p>{escape(line)}</p>" for line in advice(summary) or ["Nothing to gain: the caches fit the gaps."]),
        "<h2>The misses</h2>" + _misses(summary),
        _definitions(),
    ]
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width, initial-scale=1"><title>What cold caches cost</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _dates(summary: Summary) -> str:
    days = summary.groups[By.DAY]
    return f"{span(summary)}: {days[0].name} to {days[-1].name}" if days else span(summary)


def _chart(days: tuple[Group, ...]) -> str:
    import pygal  # noqa: PLC0415 - only this page needs it
    from pygal.style import Style  # noqa: PLC0415 - as above

    style = Style(
        background="transparent",
        plot_background="transparent",
        foreground="var(--text)",
        foreground_strong="var(--text)",
        foreground_subtle="var(--line)",
        colors=("var(--expired)", "var(--other)"),
        font_family="system-ui, sans-serif",
        label_font_size=11,
        major_label_font_size=11,
        legend_font_size=12,
        opacity="1",
        guide_stroke_color="var(--line)",
        major_guide_stroke_color="var(--line)",
        guide_stroke_dasharray="0",
        major_guide_stroke_dasharray="0",
        transition="0s",
    )
    chart = pygal.StackedBar(
        style=style,
        js=[],
        width=940,
        height=280,
        margin=2,
        spacing=8,
        legend_at_bottom=True,
        legend_at_bottom_columns=2,
        disable_xml_declaration=True,
        value_formatter=lambda value: thousands(int(value)) or "0",
        truncate_label=-1,
        y_labels_major_count=4,
        show_minor_y_labels=False,
        show_minor_x_labels=False,
        no_data_text="Nothing was rebuilt",
    )
    names = [(day.name or "")[5:] for day in days]
    chart.x_labels = names
    chart.x_labels_major = names[:: max(1, len(names) // 8)]
    chart.add("cache had expired", [day.totals.expired_tokens for day in days])
    chart.add("other causes", [day.totals.rebuilt_tokens - day.totals.expired_tokens for day in days])
    chart.add_xml_filter(_without_scripts)
    return str(chart.render(is_unicode=True))


def _without_scripts(root: Any) -> Any:
    for parent in list(root.iter()):
        for child in list(parent):
            if str(child.tag).rpartition("}")[2] == "script":
                parent.remove(child)
    return root


def _table(name: str, lines: list[Row]) -> str:
    if not lines:
        return "<p class=muted>Nothing was rebuilt.</p>"
    columns = "".join(f"<th class=number>{column}" for column in ("misses", "tokens", "list price"))
    head = f"<tr><th>{name}{columns}<th class=share></tr>"
    return f"<div class=wide><table>{head}{''.join(map(_line, lines))}</table></div>"


def _line(row: Row) -> str:
    numbers = (f"{row.totals.misses:,}", thousands(row.totals.rebuilt_tokens), dollars(row.totals.usd))
    bar = f'<td class=share><div class=bar style="width:{row.share * 100:.1f}%"></div>'
    return f"<tr>{_name(row.name)}{''.join(map(_number, numbers))}{bar}</tr>"


def _number(text: str) -> str:
    return f"<td class=number>{escape(text)}"


def _name(text: str) -> str:
    return f"<td class=name>{escape(text)}"


def _misses(summary: Summary) -> str:
    shown = sorted(summary.misses, key=lambda miss: -miss.at)[:_MISSES]
    if not shown:
        return "<p class=muted>None.</p>"
    head = "<tr><th class=number>when<th>project<th class=number>tokens<th class=number>list price<th>cause</tr>"
    lines = "".join(_miss_line(miss, summary.until) for miss in shown)
    more = len(summary.misses) - len(shown)
    note = f"<p class=muted>and {more:,} earlier ones</p>" if more else ""
    return f"<div class=wide><table>{head}{lines}</table></div>{note}"


def _miss_line(miss: Miss, now: float) -> str:
    cause = CAUSES.get(miss.cause, clean(miss.cause))
    late = lateness(miss.gap_seconds, miss.ttl_seconds)
    cells = (
        _number(moment(miss.at, now)),
        _name(clean(miss.project or "")),
        _number(thousands(miss.rebuilt_tokens)),
        _number(dollars(miss.usd)),
        f"<td>{escape(f'{cause}, {late}' if late else cause)}",
    )
    return f"<tr>{''.join(cells)}</tr>"


def _definitions() -> str:
    return (
        "<h2>What the numbers mean</h2><p class=muted>Rebuilt: the context of the request before, less what this one"
        " read from the cache, at most what it wrote. A miss rebuilt at least"
        f" {LEAST_REBUILT:,} tokens. Only main conversations are compared, each request once, also where a fork copied"
        " it. Tokens are measured: they stand in the transcripts. Prices are estimated: list prices of the day, for"
        " the write at the previous request's TTL, less the read. On a subscription you pay with your usage limits;"
        " there dollars only show the proportion.</p>"
    )
