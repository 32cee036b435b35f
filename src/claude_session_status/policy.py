"""Decides what a session is at a moment: whether its cache is warm, what it does, how soon it expires, display order.

Pure functions of values and `now`; nothing here reads a clock, a file or the environment. *The countdown runs from the
start of the last main request.* The client's own countdown does (they agree within two seconds), and counting from the
end of a response would show time that is not left.
"""

import math
from collections.abc import Callable, Iterable, Iterator

from claude_session_status.future_times import CLOCK_SLACK_SECONDS, without_future
from claude_session_status.last_request import DEFAULT_TTL_SECONDS, SAME_REQUEST_SECONDS
from claude_session_status.model import (
    Activity,
    Cache,
    ClientStatus,
    Request,
    Session,
    SessionState,
    Snapshot,
    Source,
    Turn,
    Urgency,
)
from claude_session_status.values import replace

LAST_SECONDS = 30.0  # red
SOON_SECONDS = 120.0  # amber
SOON_SHARE = 0.2  # amber, where the TTL is longer than ten minutes
# Esc before the first token of a response leaves no trace, so waiting for one counts as work for this long only.
RESPONSE_LIMIT_SECONDS = 180.0
# Esc during a tool leaves a line in the transcript, so a running tool is trusted for longer.
TOOL_LIMIT_SECONDS = 7200.0
SHOWN_SECONDS = 86400.0  # sessions that were active within the last day are shown
ENDED_SHOWN_SECONDS = 600.0  # ended sessions are shown for a while longer, where there is room
IDLE_COMPACT_TTL_SECONDS = 3600  # the client compacts idle conversations with this TTL only
IDLE_COMPACT_SHARE = 0.9  # of the TTL: seen at 3,240 s (2.1.332)
FOUND_SECONDS = 3600.0  # a transcript written within this time counts as a session that may be running
LONGEST_PAUSE_SECONDS = 36 * 3600.0  # a pause that ends later is ignored: a clock was set back

# (model, TTL in seconds, tokens) -> USD, None when unknown
Price = Callable[[str, int, int], float | None]


# ---- what a session is at a moment ------------------------------------------


def state_of(session: Session, now: float, price: Price | None = None) -> SessionState:
    """The session's cache, activity, countdown and, where `price` knows it, the cost of re-caching at `now`."""
    session = without_future(session, now)
    activity = activity_of(session, now)
    request = session.request
    if request is None or _is_uncached(session, request):
        return SessionState(session, Cache.NONE, activity, None, None, is_compacted=_is_compacted(session, request))
    cost = None
    if price is not None and session.model is not None and session.context_tokens is not None:
        cost = price(session.model, request.ttl_seconds, session.context_tokens)
    # A start slightly ahead of the clock: no cache has more than its TTL left.
    expires_at = min(request.expires_at, now + request.ttl_seconds)
    switched_at = session.switched_at
    if switched_at is not None and switched_at >= max(_began_at(session, request), session.switched_back_at or 0.0):
        expires_at = min(expires_at, switched_at)  # the new model can't read the old model's cache
    compacts_at = _compacts_at(session, request, activity)
    left = expires_at - now
    if left <= 0:
        return SessionState(session, Cache.EXPIRED, activity, expires_at, 0.0, rewrite_cost_usd=cost)
    urgency = urgency_of(left, request.ttl_seconds)
    if compacts_at is not None and not now < compacts_at < expires_at:
        compacts_at = None
    return SessionState(session, Cache.WARM, activity, expires_at, left, urgency, cost, compacts_at)


def _began_at(session: Session, request: Request) -> float:
    """When the request began. The status line reports whole seconds: a prompt within that second is more exact."""
    is_rounded = request.source is Source.STATUS_LINE and request.started_at.is_integer()
    prompted_at = session.prompted_at
    if is_rounded and prompted_at is not None and 0 < prompted_at - request.started_at < 1:
        return prompted_at
    return request.started_at


def _is_compacted(session: Session, request: Request | None) -> bool:
    """Whether nothing came after the conversation was compacted."""
    if session.compacted_at is None:
        return False
    started_at = request.started_at if request is not None else -math.inf
    return session.compacted_at >= max(started_at, session.response_at or -math.inf)


def _compacts_at(session: Session, request: Request, activity: Activity) -> float | None:
    """When the client compacts the idle conversation by itself, before or after now; None where it does not.

    It does so once after each turn, if the conversation is large enough: nine tenths of an hour's cache after the start
    of the turn's last request. The transcript shows that it succeeded.
    """
    if session.host is not None:
        return session.compacts_at if activity is Activity.IDLE else None
    tokens, threshold = session.context_tokens, session.idle_compact_tokens
    if request.ttl_seconds != IDLE_COMPACT_TTL_SECONDS or activity is not Activity.IDLE:
        return None
    if tokens is None or threshold is None or tokens < threshold:
        return None
    started_at: float | None = request.started_at
    if _is_beside_the_turns(session, request):
        started_at = session.response_at  # the turn's own request began shortly before
    return None if started_at is None else started_at + IDLE_COMPACT_SHARE * request.ttl_seconds


def _is_beside_the_turns(session: Session, request: Request) -> bool:
    """Whether the request began after the last turn, so that the client's timer does not run from it.

    These are `/btw`, `/recap`, and a compaction that did not succeed, which only the status line reports; and keep-warm
    pings.
    """
    shown = session.transcript_at if session.transcript_turn is Turn.OVER else None
    ends = [at for at in (session.last_turn_at, shown) if at is not None]
    return (
        request.source in (Source.STATUS_LINE, Source.MOD)
        and bool(ends)
        and request.started_at > max(ends) + SAME_REQUEST_SECONDS
    )


def _is_uncached(session: Session, request: Request) -> bool:
    """Whether the request's cache was thrown away. A response that came later still counts, whenever it began."""
    if session.uncached_at is None:
        return False
    return session.uncached_at >= max(request.started_at, session.response_at or -math.inf)


def urgency_of(seconds_left: float, ttl_seconds: int) -> Urgency:
    """How soon a cache with `seconds_left` expires: red in the last 30 s, amber under 2 min or a fifth of an hour."""
    if seconds_left <= 0:
        return Urgency.NONE
    if seconds_left <= LAST_SECONDS:
        return Urgency.LAST
    return Urgency.SOON if seconds_left <= _soon_seconds(ttl_seconds) else Urgency.CALM


def _soon_seconds(ttl_seconds: int) -> float:
    return SOON_SHARE * ttl_seconds if ttl_seconds > 2 * DEFAULT_TTL_SECONDS else SOON_SECONDS


def activity_of(session: Session, now: float) -> Activity:
    """What the session is doing, by the newest evidence that still counts."""
    return activity_since(session, now)[0]


def activity_since(session: Session, now: float) -> tuple[Activity, float]:
    """What the session is doing and since when (epoch seconds; -inf when nothing is known).

    The newest evidence decides; of evidence from the same moment the calmer one. Evidence that is too old to count
    leaves the decision to older evidence of work: a prompt typed into a running turn is reported at once, but answered
    much later. Any newer evidence means that a permission prompt was answered.
    """
    if session.is_ended and session.ended_at is not None:
        return Activity.ENDED, session.ended_at
    if session.host is not None:
        # The other machine has weighed its evidence: all that is here is what it concluded.
        activity = Activity.IDLE if session.client_status is None else _CLIENT[session.client_status][1]
        return activity, -math.inf if session.client_status_at is None else session.client_status_at
    evidence = _evidence_of(session, now)
    newest = max((at for at, *_ in evidence), default=-math.inf)
    for at, _, activity, limit in sorted(evidence, reverse=True):
        if now - at <= limit and (activity is not Activity.WAITING or at == newest):
            return activity, at
    return Activity.IDLE, newest


# a moment, its rank among evidence of the same moment, the activity that it shows, and for how many seconds
_Evidence = tuple[float, int, Activity, float]


def _evidence_of(session: Session, now: float) -> list[_Evidence]:
    """What shows the activity of a session of this machine."""
    if session.client_status is None:
        client = (session.transcript_at, _TURN[session.transcript_turn or Turn.OVER])
    else:
        # The client's status changes before its transcript does, and shows an Esc that leaves no line.
        client = (session.client_status_at, _CLIENT[session.client_status])
    return [
        (at, rank, activity, limit)
        for at, (rank, activity, limit) in (
            (session.opened_at, _IDLE),
            (session.ended_at, _IDLE),
            (session.last_turn_at, _IDLE),
            (session.waiting_at, _WAITING),
            (session.prompted_at, _PROMPTED),
            (session.tool_at, _PROMPTED),
            client,
        )
        if at is not None and at <= now + CLOCK_SLACK_SECONDS
    ]


def waiting_since(session: Session, now: float) -> float | None:
    """When the permission prompt or question opened that holds the turn; None where none does, or nobody knows when.

    The client's own status says so at once, its hook six seconds later.
    """
    activity, newest = activity_since(session, now)
    if activity is not Activity.WAITING or newest == -math.inf:  # another machine may not say since when
        return None
    if session.client_status is ClientStatus.WAITING and session.client_status_at is not None:
        return min(newest, session.client_status_at)
    return newest


# rank among evidence of one moment, activity, and for how many seconds it counts
_IDLE = (3, Activity.IDLE, math.inf)
_PROMPTED = (1, Activity.WORKING, RESPONSE_LIMIT_SECONDS)
_WAITING = (2, Activity.WAITING, math.inf)
_TURN = {Turn.OVER: _IDLE, Turn.ASKED: _PROMPTED, Turn.TOOL: (1, Activity.WORKING, TOOL_LIMIT_SECONDS)}
_CLIENT = {
    ClientStatus.IDLE: _IDLE,
    ClientStatus.BUSY: (1, Activity.WORKING, math.inf),
    ClientStatus.WAITING: _WAITING,
}


# ---- all sessions -----------------------------------------------------------


def snapshot(
    sessions: Iterable[Session],
    now: float,
    *,
    stale: bool = False,
    problem: str | None = None,
    price: Price | None = None,
    paused_until: float | None = None,
    quiet_until: float | None = None,
) -> Snapshot:
    """The sessions at `now`, in display order."""
    states = (state_of(s, now, price) for s in sessions if not s.is_forgotten)
    is_paused = paused_until is not None and now < paused_until <= now + LONGEST_PAUSE_SECONDS
    shown = tuple(sorted(states, key=_display_order))
    return Snapshot(now, shown, stale, problem, paused_until if is_paused else None, quiet_until)


def later(shot: Snapshot, now: float) -> Snapshot:
    """The same sessions at a later moment, as long as nothing else has changed."""
    states = (
        replace(state_of(s.session, now), rewrite_cost_usd=s.rewrite_cost_usd, keep_warm=s.keep_warm)
        for s in shot.sessions
    )
    is_paused = shot.paused_until is not None and now < shot.paused_until
    return replace(
        shot,
        now=now,
        sessions=tuple(sorted(states, key=_display_order)),
        paused_until=shot.paused_until if is_paused else None,
    )


def without_countdown(shot: Snapshot) -> Snapshot:
    """The snapshot without what changes each second: two that are equal then say the same at the same moment."""
    return replace(shot, now=0.0, sessions=tuple(replace(s, seconds_left=None) for s in shot.sessions))


def next_change(shot: Snapshot) -> float:
    """Until when nothing but countdowns changes by the clock alone; it may be sooner than the next change."""
    moments = [at for s in shot.sessions for at in _moments_of(s, shot.now)]
    moments += [at for at in (shot.paused_until, shot.quiet_until) if at is not None]
    return min((at for at in moments if at > shot.now), default=math.inf)


def _moments_of(state: SessionState, now: float) -> Iterator[float]:
    """When a session's state changes, or has changed, by the clock alone."""
    session = state.session
    if state.cache is Cache.WARM and state.expires_at is not None and session.request is not None:
        for left in (0.0, LAST_SECONDS, _soon_seconds(session.request.ttl_seconds)):
            yield state.expires_at - left
        if state.compacts_at is not None:
            yield state.compacts_at
    if session.is_found and session.process is None:
        yield last_seen(session) + FOUND_SECONDS + _AFTER
    if session.host is None and not session.is_ended:
        for at, _, _, limit in _evidence_of(session, now):
            if limit < math.inf:
                yield at + limit + _AFTER


def current(shot: Snapshot) -> Snapshot:
    """The snapshot without sessions that have ended or were silent for a day."""
    kept = (s for s in shot.sessions if s.activity is not Activity.ENDED)
    return replace(shot, sessions=tuple(s for s in kept if shot.now - last_seen(s.session) <= SHOWN_SECONDS))


def soonest(snapshot: Snapshot) -> SessionState | None:
    """The warm session that expires first; None when no session is warm."""
    warm = [s for s in snapshot.sessions if s.cache is Cache.WARM and s.activity is not Activity.ENDED]
    return min(warm, key=lambda s: s.expires_at or math.inf, default=None)


def is_abandoned(session: Session, now: float) -> bool:
    """Whether a discovered session has been silent for long and no known process shows that it still runs."""
    return session.is_found and session.process is None and now - last_seen(session) > FOUND_SECONDS


def last_seen(session: Session) -> float:
    """When the session last showed a sign of life, epoch seconds; -inf when never."""
    times = (
        session.last_event_at, session.last_turn_at, session.transcript_at, session.started_at, session.found_at,
    )  # fmt: skip
    return max((at for at in times if at is not None), default=-math.inf)


_AFTER = 0.001  # seconds: at the end of a limit its evidence still counts


_GROUP = {Cache.WARM: 0, Cache.EXPIRED: 1, Cache.NONE: 2}


def _display_order(state: SessionState) -> tuple[bool, bool, int, int, float, str]:
    """Sessions that wait for the user, then the others; ended ones last.

    Each group has warm sessions by expiry, then expired ones, the latest first, then those with nothing cached. Of
    those that expire within the same second the more expensive one comes first.
    """
    at = state.expires_at if state.expires_at is not None else last_seen(state.session)
    order = at if state.cache is Cache.WARM else -at
    whole = math.floor(order) if math.isfinite(order) else 1 << 62
    cost = state.rewrite_cost_usd or 0.0
    activity = state.activity
    return (
        activity is Activity.ENDED,
        activity is not Activity.WAITING,
        _GROUP[state.cache],
        whole,
        -cost,
        state.session.session_id,
    )
