"""What the history says about a span of days: plain values that the terminal, the JSON and the page show.

Tokens are measured: they stand in the transcripts. USD are estimated: list prices of the day, without discounts. None
means "not known": no request in the span has a known price.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class By(StrEnum):
    """What the misses are grouped by."""

    DAY = "day"
    PROJECT = "project"
    MODEL = "model"
    CAUSE = "cause"
    SESSION = "session"


class Miss(NamedTuple):
    """One request that had to rebuild what was cached before. `at`: UTC epoch seconds."""

    session_id: str
    host: str | None
    project: str | None
    model: str | None
    at: float
    gap_seconds: float | None
    ttl_seconds: int | None
    rebuilt_tokens: int
    cause: str
    usd: float | None


class Totals(NamedTuple):
    """Sums over misses."""

    misses: int
    rebuilt_tokens: int
    usd: float | None
    expired: int
    expired_tokens: int
    expired_usd: float | None


class Group(NamedTuple):
    """The misses of one day, project, model, cause or session; `name` is None where it is not known."""

    name: str | None
    requests: int
    totals: Totals
    title: str | None = None  # of a session: its project


@dataclass(frozen=True, slots=True)
class Advice:
    """What the same requests cost, and what they would have cost with another lifetime of the cache."""

    project: str | None  # None: all of them
    usd_paid: float | None
    usd_5m: float | None
    usd_1h: float | None
    returns: int  # requests that came after five minutes and within an hour: these decide it


@dataclass(frozen=True, slots=True)
class Estimate:
    """How much of the context of an expired cache was really rebuilt, as shares of what had been expected."""

    misses: int
    low: float  # a tenth of the misses rebuilt less
    middle: float
    high: float  # a tenth rebuilt more


@dataclass(frozen=True, slots=True)
class Notified:
    """The caches that expired although the user had been notified."""

    misses: int
    rebuilt_tokens: int
    usd: float | None


@dataclass(frozen=True, slots=True)
class KeptWarm:
    """The keep-warm pings, and the returns that found a warm cache only because of them."""

    pings: int
    missed: int
    read_tokens: int
    usd: float | None  # what they cost
    returns: int
    saved_tokens: int  # what these returns read, and would have rebuilt
    saved_usd: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """The history of a span of days."""

    since: float  # UTC epoch seconds
    until: float
    requests: int  # distinct main requests
    usd: float | None  # all that was paid for them
    subagent_requests: int
    subagent_usd: float | None
    totals: Totals
    misses: tuple[Miss, ...]
    groups: dict[By, tuple[Group, ...]]
    advice: tuple[Advice, ...]  # all of them first, then the projects
    estimate: Estimate | None
    notified: Notified
    kept_warm: KeptWarm
