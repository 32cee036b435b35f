"""What is known of a session, and how it grows: by events, by its transcript, by the client's own word.

Pure functions of values and `now`. One idea carries it all: *times only grow*. Each fact is a moment; of two moments
the later one holds. So events may come twice or in any order, from hooks, transcripts and monitors, and the row ends
the same.

Clocks are set, and machines disagree. A moment ahead of the clock is not believed while it is ahead, and the first
event that is not ahead takes its place: nothing from the future is shown, and nothing of it stays for ever.
"""

import math
from dataclasses import replace
from typing import Any

from claude_session_status.model import (
    ClientStatus,
    Event,
    EventKind,
    Request,
    Session,
    Source,
    TranscriptFacts,
    Turn,
)

DEFAULT_TTL_SECONDS = 300
LONGEST_TTL_SECONDS = 86400  # no cache lives longer: what says so is mistaken
SAME_EXPIRY_SECONDS = 30.0  # two sources may differ by seconds on one expiry; a new request moves it by more
SAME_REQUEST_SECONDS = 2.0  # status line and transcript differ by less on one request
CLOCK_SLACK_SECONDS = 5.0  # a moment ahead of the clock by more than this is not believed
LAG_SECONDS = 30.0  # by how much a hook and the line of what it tells may differ on a busy machine


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
    EventKind.STAYED: (),  # nothing happened, but the session goes on
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
    if not could_have_been_notified(session, event.lead_seconds, event.expires_at, now):
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
    alerts = tuple((lead, expiry) for lead, expiry in kept.alerts if could_have_been_notified(kept, lead, expiry, now))
    if (stamps, alerts) != (kept.stamps, kept.alerts):
        kept = replace(kept, stamps=stamps, alerts=alerts)
    if kept.forgotten_at is not None and kept.forgotten_at > limit:
        kept = replace(kept, forgotten_at=None)
    if kept.last_event_at is not None and kept.last_event_at > limit:
        ended = kept.ended_at if kept.ended_at is not None and kept.ended_at <= limit else None
        kept = replace(kept, last_event_at=None, ended_at=ended)
    return kept


def could_have_been_notified(session: Session, lead: float, expiry: float, now: float) -> bool:
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


def apply_client_status(session: Session, status: ClientStatus | None, since: float | None) -> Session:
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
    if session.answered_at is None or _is_notified(session):
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


def _is_notified(session: Session) -> bool:
    """Whether the transcript, as it was last read, reaches as far as the end of the last good turn."""
    if session.transcript_at is None or session.answered_at is None:
        return session.answered_at is None
    lag = LAG_SECONDS if session.transcript_turn is Turn.OVER else 0.0
    return session.transcript_at >= session.answered_at - lag


# ---- sessions that were found ----------------------------------------------


def last_sign(session: Session) -> float:
    """When the session was last heard of, epoch seconds; -inf when never."""
    moments = (
        session.last_event_at, session.last_turn_at, session.transcript_at, session.started_at, session.found_at,
    )  # fmt: skip
    return max((m for m in moments if m is not None), default=-math.inf)


_SILENT_SECONDS = 86400.0  # after that a session is no longer among those that are shown
_LAST_LINES_SECONDS = 60.0  # a client may write some after its last hook


def may_be_found(session: Session | None, at: float, *, runs: bool = False) -> bool:
    """Whether a sign of life at `at` tells anything new: of a session never heard of, or over or silent for long since.

    Of one that a hook has spoken of only if a client which lists it `runs`: then it goes on without its hooks.
    """
    if session is None:
        return True
    if session.is_forgotten or not (session.is_found or runs):
        return False
    if not session.is_ended:
        return at > last_sign(session) + _SILENT_SECONDS
    return at > ((session.found_at or 0.0) if session.is_found else reopened_at(session))


def reopened_at(session: Session) -> float:
    """When a session is taken to have been opened again that goes on without its hooks: soon after the last of them.

    Before whatever it does now, so that this says what it does.
    """
    return (session.last_event_at or 0.0) + _LAST_LINES_SECONDS
