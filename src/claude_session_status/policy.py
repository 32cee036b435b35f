"""The rules of time: what an event changes, whether a cache is warm, what a session does, when to alert.

Pure functions of values and `now`; nothing here reads a clock, a file or the environment. Two ideas carry it all:

- *The countdown runs from the start of the last main request.* The client's own does (its status line agrees within
  two seconds), and counting from the end of a response would promise time that is not there.
- *Times only grow.* Each fact is a moment; of two moments the later one holds. So events may come twice or in any
  order, from hooks, transcripts and monitors, and the row ends the same.

Clocks are set, and machines disagree. A moment ahead of the clock is not believed while it is ahead, and the first
event that is not ahead takes its place: nothing from the future is shown, and nothing of it stays for ever.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from claude_session_status.model import (
    Activity,
    Alert,
    Cache,
    ClientStatus,
    Event,
    EventKind,
    Pause,
    Request,
    Session,
    SessionState,
    Snapshot,
    Source,
    TranscriptFacts,
    Turn,
    Urgency,
)

DEFAULT_TTL_SECONDS = 300
LAST_SECONDS = 30.0  # red
SOON_SECONDS = 120.0  # amber
SOON_SHARE = 0.2  # amber: of a cache that lives longer than ten minutes
# Esc before the first word of an answer leaves no trace at all, so the wait for one is believed this long.
ANSWER_LIMIT_SECONDS = 180.0
# Esc in a tool leaves a line, so a tool is believed much longer.
TOOL_LIMIT_SECONDS = 7200.0
SHOWN_SECONDS = 86400.0  # sessions that were active within the last day are shown
ENDED_SHOWN_SECONDS = 600.0  # and ended ones for a while longer, where there is room for them
SAME_EXPIRY_SECONDS = 30.0  # two sources may differ by seconds on one expiry; a new request moves it by more
FOUND_SECONDS = 3600.0  # how far back a transcript counts as a session that may be running
SAME_REQUEST_SECONDS = 2.0  # status line and transcript differ by less on one request
ALERT_GRACE_SECONDS = 5.0  # an alert later than this after its mark is not given
CLOCK_SLACK_SECONDS = 5.0  # a moment ahead of the clock by more than this is not believed
LAG_SECONDS = 30.0  # by how much a hook and the line of what it tells may differ on a busy machine
TOGETHER_SECONDS = 5.0  # expiries as near as this are told of together
LEADS_SECONDS = {300: (30.0,), 3600: (300.0, 30.0)}  # where the person has set none: by TTL
PAUSE_SECONDS = 3600.0
LONGEST_PAUSE_SECONDS = 36 * 3600.0  # a pause that ends later than this is none: a clock was set back
_CONVERTIBLE = 2 * 86400.0
MORNING_HOUR, NIGHT_HOUR = 8, 4  # "until tomorrow" ends at eight; who is up at three still means the same night

# (model, TTL in seconds, tokens) -> USD, None when unknown
Price = Callable[[str, int, int], float | None]


# ---- what an event changes --------------------------------------------------


def later(a: float | None, b: float | None) -> float | None:
    """The later of two moments, where None is before all."""
    if a is None or b is None:
        return b if a is None else a
    return max(a, b)


def _earlier(a: float | None, b: float | None) -> float | None:
    if a is None or b is None:
        return b if a is None else a
    return min(a, b)


_MOMENTS: dict[EventKind, tuple[str, ...]] = {
    EventKind.START: ("opened_at",),
    EventKind.PROMPT: ("prompted_at",),
    EventKind.TURN: ("last_turn_at", "answered_at"),
    EventKind.FAILURE: ("last_turn_at",),
    EventKind.TOOL: ("tool_at",),
    EventKind.WAIT: ("waiting_at",),
    EventKind.END: ("ended_at",),
    EventKind.GONE: ("ended_at",),
}
_STAMPED = ("project", "cwd", "title", "model", "transcript_path", "process")
_COMPACTED = "compact"
_BEHIND_HOOKS_SECONDS = 1e12  # what was found yields to what any hook says, however old that is


def apply(session: Session, event: Event, now: float = math.inf) -> Session:
    """The session after the event. Applying an event again, or an older one later, changes nothing.

    What lies ahead of `now` is forgotten for the event's sake. An event ahead of it has happened by now, and nothing
    more is known of when: an answer among such gives no countdown.
    """
    session = forget_what_is_ahead(session, now)
    if event.at > now + CLOCK_SLACK_SECONDS:
        event = replace(event, at=now, kind=EventKind.FAILURE if event.kind is EventKind.TURN else event.kind)
    if event.kind is EventKind.FORGET:
        return _forget(session, event.at)
    if session.forgotten_at is not None and event.at <= session.forgotten_at:
        return session
    if event.kind is EventKind.ALERTED:
        return _remember_alert(session, event, now)
    if event.kind in (EventKind.FOUND, EventKind.STATUS_LINE):
        return _notice(session, event)
    if event.kind in (EventKind.MUTE, EventKind.UNMUTE):
        # No event of the session itself: it neither brings it back nor makes it look alive.
        return _stamp(session, {"muted": event.kind is EventKind.MUTE}, event.at)
    moments = _MOMENTS[event.kind]
    if event.kind is EventKind.START and event.source == _COMPACTED:
        moments = ("uncached_at",)  # the same session goes on, its old prefix is gone
    values: dict[str, Any] = {m: later(getattr(session, m), event.at) for m in moments}
    session = _shorten_if_taken_over(replace(session, **values))
    if event.kind is EventKind.GONE:
        return session
    return _stamp(
        replace(
            session,
            # Of what was before the forgetting nothing is known, so it began there: the same in any order.
            started_at=session.forgotten_at or _earlier(session.started_at, event.at),
            last_event_at=later(session.last_event_at, event.at),
        ),
        {name: value for name in _STAMPED if (value := getattr(event, name)) is not None},
        event.at,
    )


def _stamp(session: Session, values: dict[str, Any], at: float) -> Session:
    """Take those values that are not from before the session's own; of the same moment the greater one."""
    stamps = dict(session.stamps)
    taken = {}
    for name, value in values.items():
        if (at, str(value)) > (stamps.get(name, -math.inf), str(getattr(session, name))):
            taken[name] = value
            stamps[name] = at
    return replace(session, **taken, stamps=tuple(sorted(stamps.items()))) if taken else session


def _notice(session: Session, event: Event) -> Session:
    """The session after a sign of life that no hook gave. It is no event of the session: it brings nothing back."""
    request = session.request
    if event.kind is EventKind.STATUS_LINE and event.expires_at is not None and event.ttl_seconds is not None:
        # None begins after it is told of; the status line's whole seconds may say so.
        began = min(event.expires_at - event.ttl_seconds, event.at)
        told = Request(began, event.ttl_seconds, Source.STATUS_LINE)
        if request is not None and request.source is Source.HOOK and _is_of_this_turn(session, told):
            request = None  # a guess, made before the status line told
        if session.forgotten_at is None or began > session.forgotten_at:
            request = newer_request(request, told)
    if session.forgotten_at is not None:
        return replace(session, request=request)  # only a hook brings back what a person wanted forgotten
    return _stamp(
        replace(session, found_at=later(session.found_at, event.at), request=request),
        {name: value for name in _STAMPED if (value := getattr(event, name)) is not None},
        event.at - _BEHIND_HOOKS_SECONDS,
    )


def _is_of_this_turn(session: Session, told: Request) -> bool:
    """Whether the status line speaks of a request of the turn that was begun last."""
    return session.prompted_at is not None and told.started_at >= session.prompted_at - SAME_REQUEST_SECONDS


_SEEN_MOMENTS = (
    "opened_at", "prompted_at", "last_turn_at", "answered_at", "waiting_at", "tool_at", "ended_at", "last_event_at",
    "uncached_at", "switched_at",
)  # fmt: skip


def _forget(session: Session, at: float) -> Session:
    """Keep only what is newer than `at`. What came from files is dropped: it is read anew where events go on."""
    if session.forgotten_at is not None and session.forgotten_at >= at:
        return session
    values: dict[str, Any] = {
        name: moment for name in _SEEN_MOMENTS if (moment := getattr(session, name)) is not None and moment > at
    }
    # What was noticed without a hook is stamped behind all that hooks say, so it goes as well: see _notice.
    stamps = tuple((name, when) for name, when in session.stamps if at < when < math.inf)
    values |= {name: getattr(session, name) for name, _ in stamps}
    if "last_event_at" in values:
        values |= {"started_at": at, "alerts": session.alerts}
    if session.request is not None and session.request.started_at > at:
        values["request"] = session.request
    return Session(session.session_id, stamps=stamps, forgotten_at=at, **values)


def moment_for(session: Session, now: float) -> float:
    """When a person's wish counts as uttered: now, but after all that is known, since clocks are set back."""
    known = [session.last_event_at, session.found_at, session.forgotten_at, dict(session.stamps).get("muted")]
    return max([now, *(m + 0.001 for m in known if m is not None and m < math.inf)])


def _remember_alert(session: Session, event: Event, now: float) -> Session:
    if event.expires_at is None or event.lead_seconds is None:
        return session
    if not _can_have_been_told(session, event.lead_seconds, event.expires_at, now):
        return session
    told = dict(session.alerts)
    told[event.lead_seconds] = max(told.get(event.lead_seconds, -math.inf), event.expires_at)
    return replace(session, alerts=tuple(sorted(told.items())))


# ---- clocks that were set ---------------------------------------------------


_OWN_MOMENTS = (
    "started_at", "opened_at", "prompted_at", "last_turn_at", "answered_at", "waiting_at", "tool_at", "uncached_at",
    "switched_at", "switched_back_at", "response_at", "ttl_written_at",
)  # fmt: skip


def believed(session: Session, now: float) -> Session:
    """The session without the moments that lie ahead of the clock; itself where none does.

    `ended_at` and `last_event_at` stay: they are only compared with each other.
    """
    limit = now + CLOCK_SLACK_SECONDS

    def is_ahead(at: float | None) -> bool:
        return at is not None and at > limit

    ahead: dict[str, Any] = {name: None for name in _OWN_MOMENTS if is_ahead(getattr(session, name))}
    if session.request is not None and is_ahead(session.request.started_at):
        ahead["request"] = None
    if is_ahead(session.transcript_at):
        ahead |= {"transcript_at": None, "transcript_turn": None}
    if is_ahead(session.client_status_at):
        ahead |= {"client_status_at": None, "client_status": None}
    return replace(session, **ahead) if ahead else session


def forget_what_is_ahead(session: Session, now: float) -> Session:
    """The session as it goes on when something is heard of it at `now`: what lies ahead of that is gone for good."""
    limit = now + CLOCK_SLACK_SECONDS
    kept = believed(session, now)
    if kept is not session:
        kept = replace(kept, transcript_mark=None)  # read it again: it may tell of an earlier request
    stamps = tuple((name, at) for name, at in kept.stamps if at <= limit or at == math.inf)
    alerts = tuple((lead, expiry) for lead, expiry in kept.alerts if _can_have_been_told(kept, lead, expiry, now))
    if (stamps, alerts) != (kept.stamps, kept.alerts):
        kept = replace(kept, stamps=stamps, alerts=alerts)
    if kept.forgotten_at is not None and kept.forgotten_at > limit:
        kept = replace(kept, forgotten_at=None)
    if kept.last_event_at is not None and kept.last_event_at > limit:
        ended = kept.ended_at if kept.ended_at is not None and kept.ended_at <= limit else None
        kept = replace(kept, last_event_at=None, ended_at=ended)
    return kept


def _can_have_been_told(session: Session, lead: float, expiry: float, now: float) -> bool:
    """Whether an alert so long before that expiry is of the past, or of the request that is known."""
    is_of_this_request = session.request is not None and abs(expiry - session.request.expires_at) < SAME_EXPIRY_SECONDS
    return is_of_this_request or expiry - lead <= now + CLOCK_SLACK_SECONDS


# ---- what a source says of the last request ---------------------------------


def newer_request(old: Request | None, new: Request | None) -> Request | None:
    """The request to count from: the later one, and of the same moment the one with the shorter countdown.

    The status line tells whole seconds, rounded up, so it may speak of the same request where the moments differ.
    Where both then agree the status line has the word, with the moment of the other.
    """
    if old is None or new is None:
        return new if old is None else old
    if _is_rounded(old) != _is_rounded(new) and abs(old.started_at - new.started_at) <= SAME_REQUEST_SECONDS:
        shorter = min(old, new, key=lambda r: r.expires_at)
        agreed = old.ttl_seconds == new.ttl_seconds
        return replace(shorter, source=Source.STATUS_LINE) if agreed else shorter
    return max(old, new, key=lambda r: (r.started_at, -r.ttl_seconds, r.source is not Source.HOOK))


def _is_rounded(request: Request) -> bool:
    """Whether the moment is only the status line's; one that another source has made exact is in between seconds."""
    return request.source is Source.STATUS_LINE and request.started_at.is_integer()


def observe(
    session: Session, facts: TranscriptFacts, mark: str | None, default_ttl: int = DEFAULT_TTL_SECONDS
) -> Session:
    """The session after its transcript was read.

    `mark` tells which state of the file that was; None for one that is to be read again.
    """
    before = session.request
    is_newer = facts.turn_at is not None and facts.turn_at >= (session.transcript_at or -math.inf)
    session = replace(
        session,
        uncached_at=later(session.uncached_at, facts.compacted_at),
        switched_at=later(session.switched_at, facts.switched_at),
        switched_back_at=later(session.switched_back_at, facts.switched_back_at),
        response_at=later(session.response_at, facts.response_at),
        transcript_mark=mark,
        transcript_at=later(session.transcript_at, facts.turn_at),
        transcript_turn=facts.turn if is_newer else session.transcript_turn,
        context_tokens=facts.context_tokens if facts.context_tokens is not None else session.context_tokens,
    )
    if before is not None and before.source is Source.HOOK:
        session = replace(session, request=None)  # a guess, made while the transcript did not tell; see assume_request
    ttl = facts.ttl_seconds or (before.ttl_seconds if before else default_ttl)
    if facts.request_at is not None and not facts.request_cached:
        session = replace(session, uncached_at=later(session.uncached_at, facts.response_at or facts.request_at))
    elif facts.request_at is not None:
        seen = Request(facts.request_at, ttl, Source.TRANSCRIPT)
        session = replace(session, request=newer_request(session.request, seen))
        if session.request is seen:
            session = replace(session, ttl_written_at=_ttl_written_at(session, facts, before))
    if facts.pending_at is not None and facts.pending_at <= (session.answered_at or -math.inf):
        # At Stop the response's lines are some 100 ms away, but the line of its request is there.
        pending = Request(facts.pending_at, ttl, Source.HOOK)
        session = replace(session, request=newer_request(session.request, pending))
    session = _shorten_if_taken_over(session)
    if facts.model is not None and facts.request_at is not None:
        session = _stamp(session, {"model": facts.model}, facts.request_at)
    return _title(session, facts)


def _ttl_written_at(session: Session, facts: TranscriptFacts, before: Request | None) -> float | None:
    """When the response was that tells the TTL of the last request; None where that itself does."""
    if facts.ttl_seconds is not None:
        return facts.ttl_written_at
    if session.ttl_written_at is not None or before is None:
        return session.ttl_written_at
    return before.started_at  # too far back to be seen now: it was remembered


def _shorten_if_taken_over(session: Session) -> Session:
    """The session whose last request may have asked for less than the one before it did.

    A request that wrote nothing does not show its TTL in older clients. It had that of the last write, unless another
    process has taken the session over since, which may ask for another: then only the shorter one is sure.
    """
    request, written_at, opened_at = session.request, session.ttl_written_at, session.opened_at
    if request is None or request.source is not Source.TRANSCRIPT or written_at is None or opened_at is None:
        return session
    if not written_at < opened_at <= request.started_at or request.ttl_seconds <= DEFAULT_TTL_SECONDS:
        return session
    return replace(session, request=replace(request, ttl_seconds=DEFAULT_TTL_SECONDS))


_MADE_UP = -1.0  # the stamp of a title that the model made up: any other replaces it


def _title(session: Session, facts: TranscriptFacts) -> Session:
    """What the user called the session in the client holds over a hook's word, and that over a title made up."""
    stamps = dict(session.stamps)
    if not facts.title or (not facts.title_given and stamps.get("title", _MADE_UP) > _MADE_UP):
        return session
    stamps["title"] = math.inf if facts.title_given else _MADE_UP
    return replace(session, title=facts.title, stamps=tuple(sorted(stamps.items())))


def hear_client(session: Session, status: ClientStatus | None, since: float | None) -> Session:
    """The session after its client's own word was looked up; None where there is none any more."""
    if (status, since) == (session.client_status, session.client_status_at):
        return session
    return replace(session, client_status=status, client_status_at=since)


def assume_request(
    session: Session, default_ttl: int = DEFAULT_TTL_SECONDS, *, transcript_is_there: bool = False
) -> Session:
    """The session with a guess at the request of its last turn, where the transcript does not tell of that.

    It may lag behind the hook, or be gone. A transcript that shows the prompt shows when the request began. One that
    can be read and shows responses is trusted before a hook; else the time of the turn's end must do.
    """
    if session.answered_at is None or _is_told(session):
        return session
    start, shown = session.answered_at, session.transcript_at
    is_open = session.transcript_turn in (Turn.ASKED, Turn.TOOL)
    if is_open and shown is not None and shown >= (session.prompted_at or -math.inf) - LAG_SECONDS:
        start = shown
    elif transcript_is_there and session.response_at is not None:
        return session
    told = session.request
    if told is not None and told.source is Source.STATUS_LINE and _is_of_this_turn(session, told):
        return session
    ttl = session.request.ttl_seconds if session.request else default_ttl
    request = newer_request(session.request, Request(start, ttl, Source.HOOK))
    return session if request is session.request else replace(session, request=request)


def _is_told(session: Session) -> bool:
    """Whether the transcript, as it was last read, reaches as far as the end of the last good turn."""
    if session.transcript_at is None or session.answered_at is None:
        return session.answered_at is None
    lag = LAG_SECONDS if session.transcript_turn is Turn.OVER else 0.0
    return session.transcript_at >= session.answered_at - lag


# ---- what a session is at a moment ------------------------------------------


def state_of(session: Session, now: float, price: Price | None = None) -> SessionState:
    """Cache, activity, countdown and, where `price` knows it, the cost of being late, of a session at `now`."""
    session = believed(session, now)
    activity = activity_of(session, now)
    request = session.request
    if request is None or _is_uncached(session, request):
        return SessionState(session, Cache.NONE, activity, None, None)
    cost = None
    if price is not None and session.model is not None and session.context_tokens is not None:
        cost = price(session.model, request.ttl_seconds, session.context_tokens)
    # A start that is a little ahead of the clock: no cache has more than its TTL left.
    expires_at = min(request.expires_at, now + request.ttl_seconds)
    switched_at = session.switched_at
    if switched_at is not None and switched_at >= max(request.started_at, session.switched_back_at or -math.inf):
        expires_at = min(expires_at, switched_at)  # the next message is read anew, by the new model
    left = expires_at - now
    if left <= 0:
        return SessionState(session, Cache.EXPIRED, activity, expires_at, 0.0, rewrite_cost_usd=cost)
    urgency = urgency_of(left, request.ttl_seconds)
    return SessionState(session, Cache.WARM, activity, expires_at, left, urgency, cost)


def _is_uncached(session: Session, request: Request) -> bool:
    """Whether what the request left was thrown away. A response that came after that was not, whenever it began."""
    if session.uncached_at is None:
        return False
    return session.uncached_at >= max(request.started_at, session.response_at or -math.inf)


def urgency_of(seconds_left: float, ttl_seconds: int) -> Urgency:
    """How soon a cache with `seconds_left` goes cold: red in the last 30 s, amber under 2 min or a fifth of an hour."""
    if seconds_left <= 0:
        return Urgency.NONE
    if seconds_left <= LAST_SECONDS:
        return Urgency.LAST
    soon = SOON_SHARE * ttl_seconds if ttl_seconds > 2 * DEFAULT_TTL_SECONDS else SOON_SECONDS
    return Urgency.SOON if seconds_left <= soon else Urgency.CALM


def activity_of(session: Session, now: float) -> Activity:
    """What the session is doing, by the newest evidence."""
    return activity_since(session, now)[0]


def activity_since(session: Session, now: float) -> tuple[Activity, float]:
    """What the session is doing and since when (epoch seconds; -inf when nothing is known).

    The newest evidence decides; of evidence from the same moment the calmer one.
    """
    if session.is_ended and session.ended_at is not None:
        return Activity.ENDED, session.ended_at
    if session.client_status is None:
        client = (session.transcript_at, _TURN[session.transcript_turn or Turn.OVER])
    else:
        # The client's own word is quicker than what it writes, and knows of an Esc that leaves no trace.
        client = (session.client_status_at, _CLIENT[session.client_status])
    evidence = [
        (at, rank, activity, limit)
        for at, (rank, activity, limit) in (
            (session.opened_at, _IDLE),
            (session.ended_at, _IDLE),
            (session.last_turn_at, _IDLE),
            (session.waiting_at, _WAITS),
            (session.prompted_at, _ASKED),
            (session.tool_at, _ASKED),
            client,
        )
        if at is not None and at <= now + CLOCK_SLACK_SECONDS
    ]
    if not evidence:
        return Activity.IDLE, -math.inf
    at, _, activity, limit = max(evidence)
    return (activity if now - at <= limit else Activity.IDLE), at


# rank among evidence of one moment, activity, and for how many seconds it is believed
_IDLE = (3, Activity.IDLE, math.inf)
_ASKED = (1, Activity.WORKING, ANSWER_LIMIT_SECONDS)
_WAITS = (2, Activity.WAITING, math.inf)
_TURN = {Turn.OVER: _IDLE, Turn.ASKED: _ASKED, Turn.TOOL: (1, Activity.WORKING, TOOL_LIMIT_SECONDS)}
_CLIENT = {
    ClientStatus.IDLE: _IDLE,
    ClientStatus.BUSY: (1, Activity.WORKING, math.inf),
    ClientStatus.WAITING: _WAITS,
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
) -> Snapshot:
    """The sessions at `now`, in the order in which they are shown."""
    states = (state_of(s, now, price) for s in sessions if not s.is_forgotten)
    is_paused = paused_until is not None and now < paused_until <= now + LONGEST_PAUSE_SECONDS
    shown = tuple(sorted(states, key=_urgent_first))
    return Snapshot(now, shown, stale, problem, paused_until if is_paused else None)


def current(shot: Snapshot) -> Snapshot:
    """The snapshot without sessions that have ended or were silent for a day."""
    kept = (s for s in shot.sessions if s.activity is not Activity.ENDED)
    return replace(shot, sessions=tuple(s for s in kept if shot.now - last_sign(s.session) <= SHOWN_SECONDS))


def last_sign(session: Session) -> float:
    """When the session was last heard of, epoch seconds; -inf when never."""
    moments = (
        session.last_event_at, session.last_turn_at, session.transcript_at, session.started_at, session.found_at,
    )  # fmt: skip
    return max((m for m in moments if m is not None), default=-math.inf)


def is_lost(session: Session, now: float) -> bool:
    """Whether a session was only found, has been silent for long, and no process tells that it still runs."""
    return session.is_found and session.process is None and now - last_sign(session) > FOUND_SECONDS


def may_be_found(session: Session | None, at: float) -> bool:
    """Whether a sign of life at `at` tells anything new: of a session never heard of, or found before and over since.

    Never of one that a hook has spoken of: hooks tell of its ends and beginnings.
    """
    return session is None or (session.is_found and session.is_ended and at > (session.found_at or 0.0))


_GROUP = {Cache.WARM: 0, Cache.EXPIRED: 1, Cache.NONE: 2}


def _urgent_first(state: SessionState) -> tuple[bool, int, int, float, str]:
    """Warm ones by their end, then expired ones, the latest first, then those with nothing cached; ended ones last.

    Of those that go cold within the same second the dearer one comes first.
    """
    at = state.expires_at if state.expires_at is not None else last_sign(state.session)
    order = at if state.cache is Cache.WARM else -at
    whole = math.floor(order) if math.isfinite(order) else 1 << 62
    cost = state.rewrite_cost_usd or 0.0
    return state.activity is Activity.ENDED, _GROUP[state.cache], whole, -cost, state.session.session_id


# ---- alerts -----------------------------------------------------------------

_ALERTED = (Activity.IDLE, Activity.WAITING)


def alert_mark(state: SessionState, lead_seconds: float, now: float) -> float | None:
    """When a person should hear of this expiry: `lead_seconds` before it, or when the session fell idle after that.

    None when there is nothing to tell: not warm, working, ended, muted, or told already.
    """
    if state.cache is not Cache.WARM or state.expires_at is None or state.session.request is None:
        return None
    activity, since = activity_since(state.session, now)
    if activity not in _ALERTED or state.session.muted:
        return None
    expiry = state.session.request.expires_at
    told = dict(state.session.alerts).get(lead_seconds)
    is_told = told is not None and expiry < told + SAME_EXPIRY_SECONDS
    # One that a wrong clock told of an hour ahead says nothing of this one.
    if told is not None and is_told and _can_have_been_told(state.session, lead_seconds, told, now):
        return None
    return max(expiry - lead_seconds, since)


def leads_of(state: SessionState, leads: Sequence[float] | None) -> tuple[float, ...]:
    """The lead times that count for this session, the shortest first. `leads` is what the person set, if anything.

    One as long as the cache lives is none: it would be due at each turn's end.
    """
    request = state.session.request
    if request is None:
        return ()
    known = leads if leads is not None else LEADS_SECONDS.get(request.ttl_seconds, (LAST_SECONDS,))
    return tuple(sorted(lead for lead in known if lead < request.ttl_seconds))


def due_alerts(
    states: Iterable[SessionState],
    leads: Sequence[float] | None,
    now: float,
    *,
    min_tokens: int = 0,
    paused_until: float | None = None,
    sound: bool = False,
) -> tuple[Alert, ...]:
    """The alerts to give at `now`. A mark that passed a while ago (asleep, clock jumped) is not made up for.

    Those that would fall due within seconds, of caches that expire within seconds of one that is told of, come along.
    Sessions that are known to hold less than `min_tokens` tokens are quiet, and all are until `paused_until`.
    """
    if paused_until is not None and now < paused_until:
        return ()
    due: list[Alert] = []
    near: list[Alert] = []
    for state in states:
        tokens = state.session.context_tokens
        if tokens is not None and tokens < min_tokens:
            continue
        for lead in leads_of(state, leads):
            mark = alert_mark(state, lead, now)
            if mark is not None and -TOGETHER_SECONDS <= now - mark <= ALERT_GRACE_SECONDS:
                (due if mark <= now else near).append(Alert(state, lead, sound))
                break  # the shortest lead says it all
    return tuple(due + [alert for alert in near if any(_is_together(alert, other) for other in due)])


def _is_together(a: Alert, b: Alert) -> bool:
    return abs((a.state.expires_at or 0.0) - (b.state.expires_at or 0.0)) <= TOGETHER_SECONDS


def together(alerts: Iterable[Alert]) -> tuple[tuple[Alert, ...], ...]:
    """The alerts in groups whose expiries lie within seconds, the soonest first."""
    groups: list[list[Alert]] = []
    for alert in sorted(alerts, key=lambda a: (a.state.expires_at or 0.0, a.state.session.session_id)):
        if groups and _is_together(groups[-1][0], alert):
            groups[-1].append(alert)
        else:
            groups.append([alert])
    return tuple(tuple(group) for group in groups)


def tomorrow(now: float) -> float:
    """The next morning, local time (epoch seconds): what a person means who wants quiet until tomorrow."""
    # Windows converts no local time of 1970's first day, and a clock that was never set stands there.
    local = datetime.fromtimestamp(max(now, _CONVERTIBLE), UTC).astimezone().replace(tzinfo=None)
    day = (local - timedelta(hours=NIGHT_HOUR)).date() + timedelta(days=1)
    return datetime(day.year, day.month, day.day, MORNING_HOUR).timestamp()  # noqa: DTZ001 - local time is meant


def paused_until(pause: Pause, now: float) -> float | None:
    """When a pause that is asked for at `now` ends; None for no pause."""
    if pause is Pause.OFF:
        return None
    return now + PAUSE_SECONDS if pause is Pause.HOUR else tomorrow(now)


def alerted(alert: Alert, leads: Sequence[float] | None, now: float) -> tuple[Event, ...]:
    """What to remember of an alert: this lead time is done for this expiry, and so are the longer ones."""
    request = alert.state.session.request
    if request is None:
        return ()
    session_id, expiry = alert.state.session.session_id, request.expires_at
    return tuple(
        Event(EventKind.ALERTED, session_id, now, expires_at=expiry, lead_seconds=lead)
        for lead in leads_of(alert.state, leads)
        if lead >= alert.lead_seconds
    )


def next_mark(states: Iterable[SessionState], leads: Sequence[float] | None, now: float) -> float | None:
    """The next moment at which an alert falls due; None when none is ahead."""
    marks = (alert_mark(state, lead, now) for state in states for lead in leads_of(state, leads))
    return min((m for m in marks if m is not None and m > now), default=None)
