"""The history in words and as JSON: what the terminal and the page print. Pure functions of a `Summary`."""

from dataclasses import dataclass
from typing import Any

from claude_session_status.costs.summary import Advice, By, Group, KeptWarm, Summary, Totals
from claude_session_status.words import clean, duration, iso, thousands

CAUSES = {
    "expired": "came after the cache expired",
    "model_changed": "another model or effort",
    "compacted": "the conversation was compacted",
    "keep_warm": "a keep-warm ping",
    "started": "first request of a fork, or after a resume",
    "vanished": "the cache was gone before its time",
}
LEAST_SAVING_USD = 1.0  # less is not worth advice,
LEAST_SAVING_SHARE = 0.03  # nor a smaller share of what was paid
NAMED_PROJECTS = 5  # in one sentence of advice
LEAST_MISSES = 10  # fewer say nothing about the next one
NEARLY_ALL = 0.9
UNKNOWN = "(unknown)"


def dollars(usd: float | None) -> str:
    """`$0.71`, `$12.40`, `$1,204`; `?` where no price is known."""
    if usd is None:
        return "?"
    return f"${usd:,.2f}" if abs(usd) < 1000 else f"${usd:,.0f}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 request`, `1,204 requests`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def span(summary: Summary) -> str:
    """`Last 30 days`, `Today`."""
    days = len(summary.groups[By.DAY])
    return f"Last {days} days" if days > 1 else "Today"


def headline(summary: Summary) -> list[str]:
    """What happened, in two or three sentences: tokens first, as they are measured."""
    totals = summary.totals
    if not summary.requests:
        return [f"{span(summary)}: no request in any transcript."]
    lines = [f"{span(summary)}: {counted(summary.requests, 'request')}, list price about {dollars(summary.usd)}."]
    lines += _kept_warm(summary.kept_warm)
    if not totals.misses:
        return [*lines, "None of them missed the cache."]
    lines.append(
        f"{counted(totals.misses, 'request')} missed the cache and rebuilt {thousands(totals.rebuilt_tokens)} tokens,"
        f" about {dollars(totals.usd)} more than reading them."
    )
    if totals.expired:
        which = "All of these" if totals.expired == totals.misses > 1 else f"{totals.expired:,} of these"
        lines.append(
            f"{which} came after the cache had expired:"
            f" {thousands(totals.expired_tokens)} tokens, about {dollars(totals.expired_usd)}."
        )
    if summary.notified.misses:
        lines.append(
            f"A notification had come before {summary.notified.misses:,} of them:"
            f" {thousands(summary.notified.rebuilt_tokens)} tokens, about {dollars(summary.notified.usd)}."
        )
    return lines


def _kept_warm(kept: KeptWarm) -> list[str]:
    """What keep-warm pings cost and saved; empty where there was none."""
    if not kept.pings:
        return []
    missed = f" {kept.missed:,} of them missed." if kept.missed else ""
    cost = f"{counted(kept.pings, 'keep-warm ping')} cost about {dollars(kept.usd)} in addition.{missed}"
    if not kept.returns:
        return [f"{cost} No message has needed the cache that they kept."]
    saved = f"about {dollars(kept.saved_usd)}" if kept.saved_usd is not None else "an unknown amount"
    late = counted(kept.returns, "late return")
    return [f"{cost} That saved {saved}: {late} read {thousands(kept.saved_tokens)} tokens."]


def short(summary: Summary) -> str:
    """One line for the menu: `12 cold returns, about $9.40`."""
    totals = summary.totals
    cost = f", about {dollars(totals.expired_usd)}" if totals.expired_usd is not None else ""
    return counted(totals.expired, "cold return") + cost


def rebuilt_shares(summary: Summary) -> tuple[float, float] | None:
    """Which shares of the context expired caches really rebuilt; None for too few, or where it was nearly all.

    A prefix that other sessions keep warm is read, and the client cuts old tool results: then less is rebuilt.
    """
    estimate = summary.estimate
    if estimate is None or estimate.misses < LEAST_MISSES or estimate.low > NEARLY_ALL:
        return None
    return min(1.0, max(0.0, round(estimate.low, 3))), min(1.0, max(0.0, round(estimate.high, 3)))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `share`: of the most tokens that a line rebuilt, from 0 to 1."""

    name: str
    requests: int
    totals: Totals
    share: float


def rows(groups: tuple[Group, ...], by: By, *, most: int | None = None) -> list[Row]:
    """The table's lines. Days all, the rest only where something was rebuilt, at most `most` of them."""
    shown = [g for g in groups if by is By.DAY or g.totals.rebuilt_tokens]
    if most is not None and by is not By.DAY:
        shown = shown[:most]
    largest = max((g.totals.rebuilt_tokens for g in shown), default=0)
    return [
        Row(_name(g, by), g.requests, g.totals, g.totals.rebuilt_tokens / largest if largest else 0.0) for g in shown
    ]


def _name(group: Group, by: By) -> str:
    if group.name is None:
        return UNKNOWN
    name = clean(group.name)
    if by is By.SESSION:
        return f"{clean(group.title or '') or UNKNOWN} {name[:8]}"
    return CAUSES.get(name, name.replace("_", " ")) if by is By.CAUSE else name


_LEVELS = " ▁▂▃▄▅▆▇█"


def plot(groups: tuple[Group, ...], height: int = 5) -> list[str]:
    """Columns of the tokens rebuilt on each day, highest line first: two characters a day."""
    values = [g.totals.rebuilt_tokens for g in groups]
    largest = max(values, default=0)
    if not largest:
        return []
    eighths = [round(value / largest * height * 8) or (1 if value else 0) for value in values]
    return [
        "".join(f"{_LEVELS[max(0, min(8, eighth - 8 * level))]} " for eighth in eighths)
        for level in reversed(range(height))
    ]


_NAMES = {"1h": "one-hour", "5m": "five-minute"}


def advice(summary: Summary) -> list[str]:
    """What another lifetime of the cache would have cost, where that is worth a sentence; else empty."""
    worthwhile = [(one, *found) for one in summary.advice if (found := _saving(one)) is not None]
    lines = [
        f"With {_NAMES[value]} caches the {span(summary).lower()} would have cost about {dollars(saved)} less"
        f" ({dollars(one.usd_paid - saved)} instead of {dollars(one.usd_paid)}):"
        f' set "promptCacheTtl": "{value}", where you pay by tokens.'
        for one, value, saved in worthwhile
        if one.project is None and one.usd_paid is not None
    ]
    for value, name in _NAMES.items():
        projects = sorted((saved, one.project) for one, best, saved in worthwhile if one.project and best == value)
        if projects:
            setting = f'"promptCacheTtl": "{value}"'
            lines.append(f"Projects where {name} caches ({setting}) would have cost less: {_listed(projects[::-1])}.")
    if lines:
        lines.append(
            "Break-even: a one-hour write costs 0.75 times the input price more than a five-minute one, and saves"
            " writing the whole context again at each return after 5 to 60 minutes"
            f" ({counted(summary.advice[0].returns, 'such return')} here)."
        )
    return lines


def _listed(projects: list[tuple[float, str]]) -> str:
    """`web-shop (about $4.72), api (about $1.10), and 3 more`."""
    named = [f"{clean(project)} (about {dollars(saved)})" for saved, project in projects[:NAMED_PROJECTS]]
    rest = len(projects) - len(named)
    return ", ".join([*named, *([f"and {rest} more"] if rest else [])])


def _saving(one: Advice) -> tuple[str, float] | None:
    """The better lifetime, `1h` or `5m`, and how many USD it would have saved; None where that is not worth advice."""
    if one.usd_paid is None or one.usd_5m is None or one.usd_1h is None:
        return None
    best, other, value = min((one.usd_1h, one.usd_5m, "1h"), (one.usd_5m, one.usd_1h, "5m"))
    saved = one.usd_paid - best
    if saved < LEAST_SAVING_USD or saved < LEAST_SAVING_SHARE * one.usd_paid or best >= other:
        return None
    return value, saved


def as_json(summary: Summary) -> dict[str, Any]:
    """The history as schema 1: keys may be added, none changes or goes. Unknown is null."""
    return {
        "schema": 1,
        "since": iso(summary.since),
        "until": iso(summary.until),
        "requests": summary.requests,
        "usd": _usd(summary.usd),
        "subagents": {"requests": summary.subagent_requests, "usd": _usd(summary.subagent_usd)},
        "misses": [
            {
                "session_id": miss.session_id,
                "host": miss.host,
                "project": miss.project,
                "model": miss.model,
                "at": iso(miss.at),
                "gap_seconds": miss.gap_seconds,
                "ttl_seconds": miss.ttl_seconds,
                "rebuilt_tokens": miss.rebuilt_tokens,
                "cause": miss.cause,
                "usd": _usd(miss.usd),
            }
            for miss in summary.misses
        ],
        "totals": _totals(summary.totals),
        "by": {
            by.value: [
                {"name": group.name, "requests": group.requests, "misses": group.totals.misses, **_totals(group.totals)}
                for group in groups
            ]
            for by, groups in summary.groups.items()
        },
        "advice": {
            **(_prices(summary.advice[0]) if summary.advice else {"usd_paid": None, "usd_5m": None, "usd_1h": None}),
            "projects": [{"project": one.project, **_prices(one)} for one in summary.advice[1:]],
        },
        "notified": {
            "misses": summary.notified.misses,
            "rebuilt_tokens": summary.notified.rebuilt_tokens,
            "usd": _usd(summary.notified.usd),
        },
        "keep_warm": {
            "pings": summary.kept_warm.pings,
            "missed": summary.kept_warm.missed,
            "read_tokens": summary.kept_warm.read_tokens,
            "usd": _usd(summary.kept_warm.usd),
            "returns": summary.kept_warm.returns,
            "saved_tokens": summary.kept_warm.saved_tokens,
            "saved_usd": _usd(summary.kept_warm.saved_usd),
        },
        "estimate": None
        if summary.estimate is None
        else {
            "misses": summary.estimate.misses,
            "low": summary.estimate.low,
            "middle": summary.estimate.middle,
            "high": summary.estimate.high,
        },
    }


def _totals(totals: Totals) -> dict[str, Any]:
    return {
        "rebuilt_tokens": totals.rebuilt_tokens,
        "usd": _usd(totals.usd),
        "expired_tokens": totals.expired_tokens,
        "expired_usd": _usd(totals.expired_usd),
    }


def _prices(one: Advice) -> dict[str, Any]:
    return {"usd_paid": _usd(one.usd_paid), "usd_5m": _usd(one.usd_5m), "usd_1h": _usd(one.usd_1h)}


def _usd(usd: float | None) -> float | None:
    return None if usd is None else round(usd, 6)


def lateness(gap_seconds: float | None, ttl_seconds: int | None) -> str:
    """By how much a request came too late: `12m 5s late`; empty where it did not, or that is not known."""
    if gap_seconds is None or ttl_seconds is None or gap_seconds <= ttl_seconds:
        return ""
    return f"{duration(gap_seconds - ttl_seconds)} late"
