"""Decides which sessions may be kept warm, what that costs, and what ends it. Pure functions of values and `now`.

A person asks for it, per session and with an end. The order is a file that our mod of Claude Code reads (the plugin
`prompt-cache-keep-warm`); shortly before the cache expires the mod sends one small request on the conversation's
prefix, a *ping*, and reports what came of it. Nothing else ever sends one.

A ping that misses costs as much as the cold cache that it was to prevent. So a session is kept warm only while all that
is known says that the ping will hit, and after one miss neither that session nor that version of the client is trusted.
"""

import math
from collections.abc import Iterable
from enum import StrEnum

from claude_session_status import PROGRAM
from claude_session_status.alerting import KEPT_ALIVE_SECONDS, KEPT_ALIVE_TTL_SECONDS
from claude_session_status.future_times import CLOCK_SLACK_SECONDS
from claude_session_status.keep_warm_times import (
    CONSENT_TTL_SECONDS,
    LONGEST_SECONDS,
    end_of,
    interval_of,
)
from claude_session_status.model import (
    Activity,
    Cache,
    Event,
    EventKind,
    KeepWarm,
    Refusal,
    Session,
    SessionState,
    Source,
    Stop,
    StopReason,
)
from claude_session_status.values import Value
from claude_session_status.words import clean, clock, thousands

PLUGIN = "prompt-cache-keep-warm"
INSTALL = f"claude plugin install {PLUGIN}@prompt-cache-tools"
OLDEST_CLIENT = (2, 1, 287)  # the first one that loads mods of plugins
OLDEST_NEEDED = f"it needs {'.'.join(map(str, OLDEST_CLIENT))} or newer"

LEAST_LEFT_SECONDS = 10.0  # the mod sends none in the last five seconds
KEPT_ALIVE_LEFT_SECONDS = 310.0  # the countdown of a cache that the client keeps alive is never longer
LONGEST_RESPONSE_SECONDS = 900.0

_LONGEST_ID = 64


# ---- values -----------------------------------------------------------------


class Order(Value):
    """What a person asked for, as the mod reads it. Times in epoch seconds."""

    at: float
    until: float
    max_pings: int
    allow_five_minutes: bool = False
    ttl_seconds: int | None = None  # of the cache, for clients that do not name it to the mod; None: not known

    def is_valid(self, now: float) -> bool:
        """Whether the mod takes it."""
        return now < self.until and -LONGEST_SECONDS < now - self.at < LONGEST_SECONDS


class ModState(StrEnum):
    """What the mod last did for a session."""

    READY = "ready"  # it saw a request of the session
    KEPT = "kept"  # its last ping read the cache
    MISSED = "missed"
    EXPIRED = "expired"  # it was too late for a ping, as after sleep
    REFUSED = "refused"  # it found a reason against a ping
    FAILED = "failed"  # the ping got no response


class Ping(Value):
    """One request that the mod sent: when it began, and the tokens of its response."""

    at: float
    ttl_seconds: int
    model: str | None
    read: int
    written: int
    output: int
    is_kept: bool
    is_late: bool = False  # a miss whose request came after the expiry: it says nothing about the client


class ModReport(Value):
    """What the mod wrote about a session. `at`: the start of the last request that it knows."""

    session_id: str
    pid: int
    at: float
    ttl_seconds: int
    tokens: int
    model: str | None
    state: ModState
    reason: str = ""
    client_version: str | None = None
    in_a_row: int = 0
    pings: tuple[Ping, ...] = ()


class Limits(Value):
    """The settings."""

    min_tokens: int = 60_000
    max_pings: int = 20
    max_usage: int = 80  # percent


class Usage(Value):
    """How much of the account's five-hour window is used, by the newest report of any session."""

    percent: int
    resets_at: float | None = None


class Evidence(Value):
    """What is known about a session beside its row."""

    limits: Limits = Limits()
    usage: Usage | None = None
    order: Order | None = None
    report: ModReport | None = None
    client_version: str | None = None
    distrusted_at: float | None = None  # when a ping of that version missed; None: it is trusted
    plugin_enabled: bool | None = None  # None: not known
    is_trial: bool = False  # no ping was ever sent by this installation


# ---- who may be kept warm -----------------------------------------------------


def is_plain(session_id: str) -> bool:
    """Whether the id can name a file for the mod."""
    return len(session_id) <= _LONGEST_ID and session_id.isascii() and session_id.replace("-", "").isalnum()


def is_too_old(version: str) -> bool:
    """Whether this version of the client can't load the plugin; False where the text is no version."""
    numbers = version.split(".")
    return all(n.isdecimal() for n in numbers) and tuple(map(int, numbers)) < OLDEST_CLIENT


def usage_of(sessions: Iterable[Session], now: float) -> Usage | None:
    """The newest report of the five-hour window, which concerns the whole account; None where none is current."""
    known = [s for s in sessions if s.usage_percent is not None and s.usage_at is not None and s.usage_at <= now + 60]
    newest = max(known, key=lambda s: s.usage_at or 0.0, default=None)
    if newest is None or newest.usage_percent is None:
        return None
    if newest.usage_resets_at is not None and newest.usage_resets_at <= now:
        return None
    return Usage(newest.usage_percent, newest.usage_resets_at)


def is_kept_alive_by_client(session: Session, now: float) -> bool:
    """Whether the client itself keeps this cache alive.

    Then its status line reports, again and again, an expiry that lies five minutes ahead, as if the request had begun
    long before its response. A first report that comes late shows as little time, but the request's own.
    """
    request, reported_at, responded_at = session.request, session.reported_at, session.response_at
    if request is None or reported_at is None or responded_at is None or request.source is not Source.STATUS_LINE:
        return False
    if request.ttl_seconds != KEPT_ALIVE_TTL_SECONDS or now - reported_at > KEPT_ALIVE_SECONDS:
        return False
    is_short = request.expires_at - reported_at <= KEPT_ALIVE_LEFT_SECONDS
    return is_short and request.started_at < responded_at - LONGEST_RESPONSE_SECONDS


def is_live(report: ModReport | None, session: Session) -> bool:
    """Whether the report is of the client that has the session open now. The mod writes pid 0 where it can't know."""
    if report is None or not report.pid or report.session_id != session.session_id:
        return False
    return session.process is None or session.process.pid == report.pid


def refusal_of(state: SessionState, evidence: Evidence, now: float) -> Refusal | None:
    """Why the session can't be kept warm from `now` on; None where it can."""
    return _refusal_of_state(state, evidence.limits, now) or _refusal_of_evidence(state, evidence)


def _refusal_of_state(state: SessionState, limits: Limits, now: float) -> Refusal | None:
    session = state.session
    if session.host is not None:
        return Refusal(f"it runs on {clean(session.host)}", f"Run {PROGRAM} keep-warm there")
    if not is_plain(session.session_id):
        return Refusal("its id is not a plain name", "Start a new session")
    if state.activity is Activity.ENDED:
        return Refusal("it has ended", "Resume it first")
    if state.cache is Cache.NONE:
        return Refusal("nothing is cached", "Send a message first")
    if state.cache is Cache.EXPIRED or (state.seconds_left or 0.0) < LEAST_LEFT_SECONDS:
        return Refusal("its cache has expired", "Send a message first")
    tokens = session.context_tokens
    if tokens is None:
        return Refusal("its size is not known", "Send a message first")
    if tokens < limits.min_tokens:
        least = f"From {thousands(limits.min_tokens)} on it pays off (keep_warm_min_tokens in config.toml)"
        return Refusal(f"it has only {thousands(tokens)} tokens", least)
    if state.activity is Activity.WORKING:
        return Refusal("it is working, which keeps it warm", "Ask again when its turn is over")
    if is_kept_alive_by_client(session, now):
        return Refusal("Claude Code itself keeps it warm", "Nothing to do")
    if state.compacts_at is not None:  # a ping does not postpone it: seen with 2.1.332
        return Refusal(
            f"Claude Code compacts it at {clock(state.compacts_at)[:5]}", 'Set "idleCompaction": false to prevent that'
        )
    return None


def _refusal_of_evidence(state: SessionState, evidence: Evidence) -> Refusal | None:
    report, version, usage, limits = evidence.report, evidence.client_version, evidence.usage, evidence.limits
    if report is not None and not report.pid:
        return Refusal("another client may have it open", "Close that one, and send a message")
    if report is None or not is_live(report, state.session):
        if evidence.plugin_enabled is False:
            return Refusal("it needs a plugin", f"Run: {INSTALL} and start the session again")
        if version is not None and is_too_old(version):
            return Refusal(f"Claude Code {version} can't load the plugin", "Run: claude update, and start it again")
        return Refusal("its plugin has not reported yet", f"Send a message; {OLDEST_NEEDED}, and hooks")
    if evidence.distrusted_at is not None:
        named = version or "unknown"
        return Refusal(
            f"a ping of Claude Code {named} missed", f"Run: {PROGRAM} keep-warm --trust {named} to try again"
        )
    if report.state is ModState.MISSED:
        title = reason_in_words(report) if report.reason == "late" else "its last ping missed"
        return Refusal(title, "Send a message first")
    if report.state in (ModState.EXPIRED, ModState.REFUSED) and report.reason != _FIVE_MINUTES:
        close = "Close that one, and send a message" if report.reason == "other-client" else "Send a message first"
        return Refusal(reason_in_words(report), close)
    if usage is not None and usage.percent > limits.max_usage:
        until = f" Its window ends at {clock(usage.resets_at)[:5]}" if usage.resets_at is not None else ""
        return Refusal(
            f"{usage.percent} % of your five-hour usage is spent",
            f"The limit is {limits.max_usage} % (keep_warm_max_usage in config.toml).{until}",
        )
    return None


_FIVE_MINUTES = "five-minutes"  # an order without the person's consent to many pings
_REASONS = {
    "max-pings": "it reached the limit of pings in a row",
    "model-changed": "another model was chosen",
    "effort-changed": "another effort was chosen",
    "compacted": "it was compacted",
    "cleared": "it was cleared",
    "ended": "it has ended",
    "slept": "the machine slept when the ping was due",
    "api": "the API did not respond to the ping",
    "other-client": "another client has it open",
    "busy": "its newest message is too large for a ping to keep it",
    "late": "its last ping came after the expiry",
}


def reason_in_words(report: ModReport) -> str:
    """Why the mod sent no ping, or why the ping did not count."""
    known = _REASONS.get(report.reason)
    if known is None:
        known = {
            ModState.EXPIRED: "its cache had expired when the ping was due",
            ModState.FAILED: "the ping got no response",
        }.get(report.state, "the plugin sent no ping")
        known += f" ({clean(report.reason)[:40]})" if report.reason else ""
    return known


def keep_warm_of(
    state: SessionState,
    evidence: Evidence,
    now: float,
    *,
    ping_usd: float | None = None,
    stopped: Stop | None = None,
    no_ping_since: float | None = None,
) -> KeepWarm:
    """Whether the session can be kept warm, and is. `ping_usd`: what reading its conversation from the cache costs."""
    request, order = state.session.request, evidence.order
    ttl = request.ttl_seconds if request is not None else CONSENT_TTL_SECONDS
    an_hour = 3600.0 / interval_of(ttl)
    until = order.until if order is not None and order.is_valid(now) else None
    return KeepWarm(
        refusal=refusal_of(state, evidence, now),
        until=until,
        next_ping_at=next_ping_at(state, evidence, now),
        no_ping_since=no_ping_since,
        max_pings=evidence.limits.max_pings,
        pings_an_hour=round(an_hour),
        usd_an_hour=None if ping_usd is None else ping_usd * an_hour,
        ends_at=None if request is None else end_of(request, evidence.limits.max_pings),
        needs_consent=ttl <= CONSENT_TTL_SECONDS,
        is_trial=evidence.is_trial,
        client_version=evidence.client_version,
        is_distrusted=evidence.distrusted_at is not None,
        stopped=stopped,
    )


def next_ping_at(state: SessionState, evidence: Evidence, now: float) -> float | None:
    """About when the next ping comes; None where none is expected. After one that failed, nobody knows."""
    request, order, report = state.session.request, evidence.order, evidence.report
    if order is None or not order.is_valid(now) or request is None or state.cache is not Cache.WARM:
        return None
    if report is None or not is_live(report, state.session) or report.state not in (ModState.READY, ModState.KEPT):
        return None
    is_five_minutes = request.ttl_seconds <= CONSENT_TTL_SECONDS
    if report.in_a_row >= order.max_pings or (is_five_minutes and not order.allow_five_minutes):
        return None
    at = request.started_at + interval_of(request.ttl_seconds)
    return max(at, now) if at < order.until else None


def order_for(session: Session, limits: Limits, now: float, until: float, *, consents: bool) -> Order:
    """The order that keeps the session warm until then."""
    return Order(
        now,
        min(until, now + LONGEST_SECONDS - 1.0),
        limits.max_pings,
        allow_five_minutes=consents,
        ttl_seconds=known_ttl(session),
    )


def known_ttl(session: Session) -> int | None:
    """The TTL of the session's cache in seconds, where the client has named it; None where it is our default."""
    request = session.request
    return None if request is None or request.source is Source.HOOK else request.ttl_seconds


# ---- what ends it -------------------------------------------------------------


def is_over(order: Order, state: SessionState | None, now: float) -> bool:
    """Whether the order's time is over, or its session's. `state`: None for a session that is gone."""
    return not order.is_valid(now) or state is None or state.activity is Activity.ENDED


def stop_of(state: SessionState, order: Order, evidence: Evidence, now: float) -> StopReason | None:
    """Why the order has to be taken back before its time; None while it stands."""
    report, usage = evidence.report, evidence.usage
    if report is not None and any(not ping.is_kept and ping.at >= order.at for ping in report.pings):
        return StopReason.MISSED
    if evidence.distrusted_at is not None:  # with a distrusted version no order can be placed: this one is older
        return StopReason.DISTRUSTED
    if usage is not None and usage.percent > evidence.limits.max_usage:
        return StopReason.USAGE
    if (known_ttl(state.session) or math.inf) < (order.ttl_seconds or 0) and not order.allow_five_minutes:
        return StopReason.SHORTER
    if state.compacts_at is not None:
        return StopReason.COMPACTION
    return StopReason.KEPT_ALIVE if is_kept_alive_by_client(state.session, now) else None


def events_of(session: Session, report: ModReport, now: float) -> tuple[Event, ...]:
    """The events of the report's newest pings that the session does not know yet."""
    events = []
    for kind, known_at in ((EventKind.KEPT, session.kept_at), (EventKind.MISSED, session.missed_at)):
        is_kept = kind is EventKind.KEPT
        at_most = now + CLOCK_SLACK_SECONDS
        pings = [ping for ping in report.pings if ping.is_kept is is_kept and (known_at or 0.0) < ping.at <= at_most]
        ping = max(pings, key=lambda each: each.at, default=None)
        if ping is not None and ping.at > (session.forgotten_at or 0.0):
            tokens = ping.read if is_kept else ping.written
            events.append(Event(kind, session.session_id, ping.at, ttl_seconds=ping.ttl_seconds, tokens=tokens))
    return tuple(events)
