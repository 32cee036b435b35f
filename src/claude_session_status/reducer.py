"""How a session's row grows: with events, with its transcript, with the status that its client reports.

Pure functions of values and `now`. One idea carries it all: *times only grow*. Each fact has a time, and the later one
wins. So events may come twice and in any order, from hooks, transcripts and monitors, and the row ends up the same.

Clocks are set, and machines disagree. A time ahead of the clock is ignored while it is ahead, and the first event that
is not ahead replaces it: nothing from the future is shown, and nothing from the future stays.
"""

import math
import operator
from typing import Any

from claude_session_status import remote_session
from claude_session_status.model import (
    ClientStatus,
    Event,
    EventKind,
    Request,
    Session,
    Source,
    TranscriptFacts,
    Turn,
    folder_name,
)
from claude_session_status.values import replace

DEFAULT_TTL_SECONDS = 300
PING_RESPONSE_SECONDS = 10.0  # a ping asks for one word
LONGEST_TTL_SECONDS = 86400  # no TTL is longer; a longer one is a mistake
SAME_EXPIRY_SECONDS = 30.0  # two sources may differ by seconds on one expiry; a new request moves it by more
SAME_REQUEST_SECONDS = 2.0  # status line and transcript differ by less on one request
CLOCK_SLACK_SECONDS = 5.0  # a time ahead of the clock by more than this is ignored
LAG_SECONDS = 30.0  # a hook and the transcript line of the same moment may differ by this much on a busy machine


# ---- what an event changes --------------------------------------------------


def latest_of(a: float | None, b: float | None) -> float | None:
    """The later of two times, where None comes before all."""
    if a is None or b is None:
        return b if a is None else a
    return max(a, b)


def _earliest_of(a: float | None, b: float | None) -> float | None:
    if a is None or b is None:
        return b if a is None else a
    return min(a, b)


_TIMES_SET: dict[EventKind, tuple[str, ...]] = {
    EventKind.START: ("opened_at",),
    EventKind.PROMPT: ("prompted_at",),
    EventKind.TURN: ("last_turn_at", "answered_at"),
    EventKind.FAILURE: ("last_turn_at",),
    EventKind.TOOL: ("tool_at",),
    EventKind.WAIT: ("waiting_at",),
    EventKind.END: ("ended_at",),
    EventKind.GONE: ("ended_at",),
    EventKind.STILL_OPEN: (),  # nothing happened, but the session goes on
}
_FIELDS = ("project", "project_folder", "entrypoint", "cwd", "title", "model", "transcript_path", "process")
_COMPACTED = "compact"
_SAME_CLIENT_SOURCES = (_COMPACTED, "clear")  # the client goes on, in whatever folder a `cd` took it to
_BEHIND_HOOKS_SECONDS = 1e12  # a discovered value yields to any hook's, however old the hook's is


def apply(session: Session, event: Event, now: float = math.inf) -> Session:
    """The session after the event. Applying an event again, or an older one later, changes nothing.

    Times ahead of `now` are dropped first. An event ahead of `now` counts as happening now, and the end of a turn among
    such events gives no countdown, since its age is unknown.
    """
    if event.kind is EventKind.REMOTE or session.host is not None:
        return _apply_remote(drop_future(session, now), event, now)
    session = drop_future(session, now)
    if event.at > now + CLOCK_SLACK_SECONDS:
        event = replace(event, at=now, kind=EventKind.FAILURE if event.kind is EventKind.TURN else event.kind)
    return _name_project(_apply(session, _with_folders(event), now))


def _apply(session: Session, event: Event, now: float) -> Session:
    if event.kind is EventKind.FORGET:
        return _forget(session, event.at)
    if session.forgotten_at is not None and event.at <= session.forgotten_at:
        return session
    if event.kind is EventKind.ALERTED:
        return _remember_alert(session, event, now)
    if event.kind in (EventKind.FOUND, EventKind.STATUS_LINE):
        return _apply_without_hook(session, event)
    if event.kind in (EventKind.KEPT, EventKind.MISSED):
        return _apply_ping(session, event)
    if event.kind in (EventKind.MUTE, EventKind.UNMUTE):
        # The user's choice is no sign of life: it neither brings the session back nor makes it look active.
        return _set_newer(session, {"muted": event.kind is EventKind.MUTE}, event.at)
    times = _TIMES_SET[event.kind]
    if event.kind is EventKind.START and event.source == _COMPACTED:
        times = ("uncached_at", "compacted_at")  # the same session goes on without its old prefix
    values: dict[str, Any] = {name: latest_of(getattr(session, name), event.at) for name in times}
    session = _shorten_ttl_after_resume(replace(session, **values))
    if event.kind is EventKind.GONE:
        return session
    return _set_newer(
        replace(
            session,
            # Nothing is known of the time before a "forget", so the session starts there, in any order of events.
            started_at=session.forgotten_at or _earliest_of(session.started_at, event.at),
            last_event_at=latest_of(session.last_event_at, event.at),
        ),
        {name: value for name in _FIELDS if (value := getattr(event, name)) is not None},
        event.at,
    )


def _apply_remote(session: Session, event: Event, now: float) -> Session:
    """The session of another machine after the event: that machine and the user here decide, no hook of ours does."""
    if event.kind is EventKind.FORGET:
        return remote_session.forget(session, event.at)
    if session.forgotten_at is not None and event.at <= session.forgotten_at:
        return session
    if event.kind is EventKind.ALERTED:
        return _remember_alert(session, event, now)
    if event.kind in (EventKind.MUTE, EventKind.UNMUTE):
        return _set_newer(session, {"muted": event.kind is EventKind.MUTE}, event.at)
    if event.kind is EventKind.GONE:
        return remote_session.end(session, event.at)
    if event.remote is None:
        return session
    at = min(event.at, now)
    return remote_session.apply(session, event.remote, at, default_ttl=DEFAULT_TTL_SECONDS)


def _with_folders(event: Event) -> Event:
    """The event with the project folder that it implies, and without a project name that only repeats its `cwd`."""
    if event.project is not None and event.project == folder_name(event.cwd):
        event = replace(event, project=None)
    is_start = event.kind is EventKind.START and event.source not in _SAME_CLIENT_SOURCES
    if is_start and event.project_folder is None and event.cwd is not None:
        event = replace(event, project_folder=event.cwd)
    return event


def _name_project(session: Session) -> Session:
    """The session with the name of its project: the newest of a name given by an event and the project folder's."""
    stamps = dict(session.stamps)
    if "project" in stamps and stamps["project"] >= stamps.get("project_folder", -math.inf):
        return session
    name = folder_name(session.folder) or session.project
    return session if name == session.project else replace(session, project=name)


def _set_newer(session: Session, values: dict[str, Any], at: float) -> Session:
    """Set the fields whose current value is older than `at`; of two values of one moment the greater wins."""
    stamps = dict(session.stamps)
    taken = {}
    for name, value in values.items():
        if (at, str(value)) > (stamps.get(name, -math.inf), str(getattr(session, name))):
            taken[name] = value
            stamps[name] = at
    return replace(session, **taken, stamps=tuple(sorted(stamps.items()))) if taken else session


def _apply_without_hook(session: Session, event: Event) -> Session:
    """The session after a discovery or a status line. Neither brings back a session that a hook has ended."""
    if event.kind is EventKind.STATUS_LINE and event.expires_at is not None and event.ttl_seconds is not None:
        # The client rounds up to whole seconds. No request starts after its report: then the second before counts.
        started_at = min(event.expires_at - event.ttl_seconds, float(math.floor(event.at)))
        session = _apply_report(session, Request(started_at, event.ttl_seconds, Source.STATUS_LINE), event.at)
    if event.usage_percent is not None and event.at > (session.usage_at or -math.inf):
        session = replace(
            session,
            usage_percent=event.usage_percent,
            usage_resets_at=event.usage_resets_at,
            usage_at=event.at,
        )
    if session.forgotten_at is not None:
        return session  # only a hook brings back a forgotten session
    return _set_newer(
        replace(session, found_at=latest_of(session.found_at, event.at)),
        {name: value for name in _FIELDS if (value := getattr(event, name)) is not None},
        event.at - _BEHIND_HOOKS_SECONDS,
    )


def _apply_report(session: Session, reported: Request, at: float) -> Session:
    """The session after the status line reported a countdown at `at`. Its newest report counts, also a shorter one.

    The client shortens its own countdown where it keeps the cache alive by itself, and extends it for requests that
    leave no line in the transcript. Only a response that began after the report is newer than it.
    """
    request = session.request
    if at <= (session.reported_at or -math.inf):
        is_reported = request is not None and request.source is Source.STATUS_LINE
        if at != session.reported_at or not is_reported or not _begins_before(reported, request):
            return session  # of two reports of one moment the request that began first counts
    session = replace(session, reported_at=at)
    if session.forgotten_at is not None and reported.started_at <= session.forgotten_at:
        is_reported = request is not None and request.source is Source.STATUS_LINE
        return replace(session, request=None) if is_reported else session
    if request is None or (request.source is Source.HOOK and _is_of_last_turn(session, reported)):
        return replace(session, request=reported)
    if _is_same_request(request, reported) or not _is_known_to_report(session, request):
        return replace(session, request=newer_request(request, reported))
    return replace(session, request=reported)


def _apply_ping(session: Session, event: Event) -> Session:
    """The session after a keep-warm ping, which is no sign of life. A ping that read the cache renewed it.

    One that missed wrote the conversation again; when that expires is not assumed, as it may be under another prefix.
    """
    if event.kind is EventKind.MISSED:
        missed = _newer_fact((session.missed_at, session.missed_tokens), (event.at, event.tokens))
        return replace(session, missed_at=missed[0], missed_tokens=missed[1])
    if event.ttl_seconds is None:
        return session
    request = session.request
    if request is None or request.source is not Source.STATUS_LINE or not _knows_ping(session, event.at):
        request = newer_request(request, Request(event.at, event.ttl_seconds, Source.MOD))
    kept = _newer_fact((session.kept_at, session.kept_tokens), (event.at, event.tokens))
    return replace(session, request=request, kept_at=kept[0], kept_tokens=kept[1])


def _knows_ping(session: Session, at: float) -> bool:
    """Whether the status line's last report came after the response to a ping sent at `at`."""
    return session.reported_at is not None and session.reported_at >= at + PING_RESPONSE_SECONDS


def _newer_fact(one: tuple[float | None, int | None], other: tuple[float | None, int | None]) -> tuple[Any, Any]:
    """The later of two times with its tokens; of one time the larger count, so that the order does not matter."""
    return max(one, other, key=lambda fact: tuple(-math.inf if value is None else value for value in fact))


def _begins_before(request: Request, other: Request | None) -> bool:
    return other is not None and (request.started_at, request.ttl_seconds) < (other.started_at, other.ttl_seconds)


def _is_known_to_report(session: Session, request: Request) -> bool:
    """Whether the status line's last report was made after the request's response began."""
    if session.reported_at is None:
        return False
    if request.source is Source.STATUS_LINE:
        return True
    if request.source is Source.MOD:
        return _knows_ping(session, request.started_at)
    responded_at = session.response_at if request.source is Source.TRANSCRIPT else session.answered_at
    return session.reported_at >= max(request.started_at, responded_at or -math.inf)


def _is_of_last_turn(session: Session, request: Request) -> bool:
    """Whether the request belongs to the turn that began last."""
    return session.prompted_at is not None and request.started_at >= session.prompted_at - SAME_REQUEST_SECONDS


_EVENT_TIMES = (
    "opened_at", "prompted_at", "last_turn_at", "answered_at", "waiting_at", "tool_at", "ended_at", "last_event_at",
    "uncached_at", "switched_at", "compacted_at",
)  # fmt: skip


# A time, and the facts that were reported then.
_REPORTED = (
    ("reported_at",),
    ("kept_at", "kept_tokens"),
    ("missed_at", "missed_tokens"),
    ("usage_at", "usage_percent", "usage_resets_at"),
)


def _forget(session: Session, at: float) -> Session:
    """Keep only what is newer than `at`. Facts from files are dropped; they are read again if events go on."""
    if session.forgotten_at is not None and session.forgotten_at >= at:
        return session
    values: dict[str, Any] = {
        name: time for name in _EVENT_TIMES if (time := getattr(session, name)) is not None and time > at
    }
    # Discovered values are stamped far in the past, so they are dropped as well: see _apply_without_hook.
    stamps = tuple((name, when) for name, when in session.stamps if at < when < math.inf)
    values |= {name: getattr(session, name) for name, _ in stamps}
    if "last_event_at" in values:
        values |= {"started_at": at, "alerts": session.alerts}
    if session.request is not None and session.request.started_at > at:
        values["request"] = session.request
    for when, *facts in _REPORTED:
        if (getattr(session, when) or -math.inf) > at:
            values |= {name: getattr(session, name) for name in (when, *facts)}
    return Session(session.session_id, stamps=stamps, forgotten_at=at, **values)


def action_time(session: Session, now: float) -> float:
    """The time of a user's action: `now`, but after everything known, since clocks are set back."""
    known = [session.last_event_at, session.found_at, session.forgotten_at, dict(session.stamps).get("muted")]
    return max([now, *(m + 0.001 for m in known if m is not None and m < math.inf)])


def _remember_alert(session: Session, event: Event, now: float) -> Session:
    if event.expires_at is None or event.lead_seconds is None:
        return session
    if not is_plausible_alert(session, event.lead_seconds, event.expires_at, now):
        return session
    notified = dict(session.alerts)
    notified[event.lead_seconds] = max(notified.get(event.lead_seconds, -math.inf), event.expires_at)
    return replace(session, alerts=tuple(sorted(notified.items())))


# ---- clocks that were set ---------------------------------------------------


OWN_TIMES = (
    "started_at", "opened_at", "prompted_at", "last_turn_at", "answered_at", "waiting_at", "tool_at", "uncached_at",
    "switched_at", "switched_back_at", "response_at", "ttl_written_at", "compacted_at", "reported_at", "kept_at",
    "missed_at", "usage_at",
)  # fmt: skip


def without_future(session: Session, now: float) -> Session:
    """The session without the times that lie ahead of the clock; the same object where none does.

    `ended_at` and `last_event_at` stay: they are only compared with each other.
    """
    limit = now + CLOCK_SLACK_SECONDS
    started_at = session.request.started_at if session.request is not None else None
    if max(filter(None, (started_at, *_times_of(session))), default=limit) <= limit:
        return session  # nearly always: looked at quickly, since each second asks for each session

    def is_ahead(at: float | None) -> bool:
        return at is not None and at > limit

    ahead: dict[str, Any] = {name: None for name in OWN_TIMES if is_ahead(getattr(session, name))}
    if session.request is not None and is_ahead(session.request.started_at):
        ahead["request"] = None
    if is_ahead(session.transcript_at):
        ahead |= {"transcript_at": None, "transcript_turn": None}
    if is_ahead(session.client_status_at):
        ahead |= {"client_status_at": None, "client_status": None}
    return replace(session, **ahead) if ahead else session


_times_of = operator.attrgetter(*OWN_TIMES, "transcript_at", "client_status_at")


def drop_future(session: Session, now: float) -> Session:
    """The session as a new event at `now` finds it: times ahead of the clock are dropped for good."""
    limit = now + CLOCK_SLACK_SECONDS
    kept = without_future(session, now)
    if kept is not session:
        kept = replace(kept, transcript_mark=None)  # read it again: it may show an earlier request
    stamps = tuple((name, at) for name, at in kept.stamps if at <= limit or at == math.inf)
    alerts = tuple((lead, expiry) for lead, expiry in kept.alerts if is_plausible_alert(kept, lead, expiry, now))
    if (stamps, alerts) != (kept.stamps, kept.alerts):
        kept = replace(kept, stamps=stamps, alerts=alerts)
    if kept.forgotten_at is not None and kept.forgotten_at > limit:
        kept = replace(kept, forgotten_at=None)
    if kept.last_event_at is not None and kept.last_event_at > limit:
        ended = kept.ended_at if kept.ended_at is not None and kept.ended_at <= limit else None
        kept = replace(kept, last_event_at=None, ended_at=ended)
    return kept


def is_plausible_alert(session: Session, lead: float, expiry: float, now: float) -> bool:
    """Whether an alert recorded for that expiry was due by now, or belongs to the current request."""
    is_of_this_request = session.request is not None and abs(expiry - session.request.expires_at) < SAME_EXPIRY_SECONDS
    return is_of_this_request or expiry - lead <= now + CLOCK_SLACK_SECONDS


# ---- what a source reports of the last request ------------------------------


def newer_request(old: Request | None, new: Request | None) -> Request | None:
    """The request to count from: the later one, and of the same moment the one with the shorter countdown.

    The status line rounds up to whole seconds, so it may report the same request at a slightly different time. Where
    both then agree on the TTL the status line is the source, with the other's exact time.
    """
    if old is None or new is None:
        return new if old is None else old
    if _is_same_request(old, new):
        shorter = min(old, new, key=lambda r: r.expires_at)
        agreed = old.ttl_seconds == new.ttl_seconds
        return replace(shorter, source=Source.STATUS_LINE) if agreed else shorter
    return max(old, new, key=lambda r: (r.started_at, -r.ttl_seconds, r.source is not Source.HOOK))


def _is_same_request(a: Request, b: Request) -> bool:
    """Whether the status line and another source report one request."""
    return _is_rounded(a) != _is_rounded(b) and abs(a.started_at - b.started_at) <= SAME_REQUEST_SECONDS


def _is_rounded(request: Request) -> bool:
    """Whether only the status line reported the time. Another source makes it exact, between whole seconds."""
    return request.source is Source.STATUS_LINE and request.started_at.is_integer()


def apply_transcript(
    session: Session, facts: TranscriptFacts, mark: str | None, default_ttl: int = DEFAULT_TTL_SECONDS
) -> Session:
    """The session after its transcript was read.

    `mark` identifies the state of the file; None for a file that is to be read again.
    """
    before = session.request
    is_newer = facts.turn_at is not None and facts.turn_at >= (session.transcript_at or -math.inf)
    session = replace(
        session,
        uncached_at=latest_of(session.uncached_at, facts.compacted_at),
        compacted_at=latest_of(session.compacted_at, facts.compacted_at),
        switched_at=latest_of(session.switched_at, facts.switched_at),
        switched_back_at=latest_of(session.switched_back_at, facts.switched_back_at),
        response_at=latest_of(session.response_at, facts.response_at),
        transcript_mark=mark,
        transcript_at=latest_of(session.transcript_at, facts.turn_at),
        transcript_turn=facts.turn if is_newer else session.transcript_turn,
        context_tokens=facts.context_tokens if facts.context_tokens is not None else session.context_tokens,
        cache_miss_reason=facts.cache_miss_reason if facts.request_at is not None else session.cache_miss_reason,
    )
    if before is not None and before.source is Source.HOOK:
        session = replace(session, request=None)  # a guess from before the transcript showed it; see assume_request
    ttl = facts.ttl_seconds or (before.ttl_seconds if before else default_ttl)
    if facts.request_at is not None and not facts.request_cached:
        session = replace(session, uncached_at=latest_of(session.uncached_at, facts.response_at or facts.request_at))
    elif facts.request_at is not None:
        seen = Request(facts.request_at, ttl, Source.TRANSCRIPT)
        session = replace(session, request=_newer_than_report(session, seen))
        if session.request is seen:
            session = replace(session, ttl_written_at=_ttl_written_at(session, facts, before))
    if facts.pending_at is not None and facts.pending_at <= (session.answered_at or -math.inf):
        # At Stop the response's lines are some 100 ms away, but the line of its request is there.
        pending = Request(facts.pending_at, ttl, Source.HOOK)
        session = replace(session, request=newer_request(session.request, pending))
    session = _shorten_ttl_after_resume(session)
    if facts.model is not None and facts.request_at is not None:
        session = _set_newer(session, {"model": facts.model}, facts.request_at)
    return _apply_title(session, facts)


def _newer_than_report(session: Session, seen: Request) -> Request | None:
    """The request to count from after the transcript showed `seen`: the status line's, where it reported later."""
    known = session.request
    if known is not None and known.source is Source.STATUS_LINE and not _is_same_request(known, seen):
        return known if _is_known_to_report(session, seen) else newer_request(known, seen)
    return newer_request(known, seen)


def _ttl_written_at(session: Session, facts: TranscriptFacts, before: Request | None) -> float | None:
    """The time of the response that shows the last request's TTL; None where that request's own response does."""
    if facts.ttl_seconds is not None:
        return facts.ttl_written_at
    if session.ttl_written_at is not None or before is None:
        return session.ttl_written_at
    return before.started_at  # too far back in the file to be read now: it is remembered


def _shorten_ttl_after_resume(session: Session) -> Session:
    """The session with the default TTL where the last request may have asked for less than the one before it.

    In older clients a request that only reads does not show its TTL. It has the TTL of the last write, unless another
    process has resumed the session since, which may ask for another TTL: then only the shorter one is certain.
    """
    request, written_at, opened_at = session.request, session.ttl_written_at, session.opened_at
    if request is None or request.source is not Source.TRANSCRIPT or written_at is None or opened_at is None:
        return session
    if not written_at < opened_at <= request.started_at or request.ttl_seconds <= DEFAULT_TTL_SECONDS:
        return session
    return replace(session, request=replace(request, ttl_seconds=DEFAULT_TTL_SECONDS))


_MADE_UP = -1.0  # the stamp of a title that the model made up: any other title replaces it


def _apply_title(session: Session, facts: TranscriptFacts) -> Session:
    """A title that the user gave in the client beats a hook's, and a hook's beats one that the model made up."""
    stamps = dict(session.stamps)
    if not facts.title or (not facts.title_given and stamps.get("title", _MADE_UP) > _MADE_UP):
        return session
    stamps["title"] = math.inf if facts.title_given else _MADE_UP
    return replace(session, title=facts.title, stamps=tuple(sorted(stamps.items())))


def apply_client_status(session: Session, status: ClientStatus | None, since: float | None) -> Session:
    """The session with the status that its client reports now; None where the client no longer reports any."""
    if (status, since) == (session.client_status, session.client_status_at):
        return session
    return replace(session, client_status=status, client_status_at=since)


def apply_first_folder(session: Session, folder: str | None) -> Session:
    """The session with the first folder that its transcript names, where no event has reported its project folder."""
    if folder is None or session.project_folder is not None:
        return session
    stamps = dict(session.stamps) | {"project_folder": _FROM_TRANSCRIPT}
    return _name_project(replace(session, project_folder=folder, stamps=tuple(sorted(stamps.items()))))


_FROM_TRANSCRIPT = -2 * _BEHIND_HOOKS_SECONDS  # the stamp of a folder from the transcript: any event's replaces it


def apply_idle_compaction(session: Session, tokens: int | None) -> Session:
    """The session with the size from which its client compacts it when idle; None where it does not."""
    return session if tokens == session.idle_compact_tokens else replace(session, idle_compact_tokens=tokens)


def assume_request(
    session: Session, default_ttl: int = DEFAULT_TTL_SECONDS, *, transcript_is_there: bool = False
) -> Session:
    """The session with a guess at the request of its last turn, where the transcript does not show it.

    The transcript may lag behind the hook, or be gone. One that shows the prompt shows when the request began. One
    that is readable and shows responses is trusted over a hook; otherwise the end of the turn is the guess.
    """
    if session.answered_at is None or _transcript_covers_last_turn(session):
        return session
    start, shown = session.answered_at, session.transcript_at
    is_open = session.transcript_turn in (Turn.ASKED, Turn.TOOL)
    if is_open and shown is not None and shown >= (session.prompted_at or -math.inf) - LAG_SECONDS:
        start = shown
    elif transcript_is_there and session.response_at is not None:
        return session
    known = session.request
    is_reported = known is not None and (
        _is_of_last_turn(session, known) or (session.reported_at or -math.inf) >= session.answered_at
    )
    if is_reported and known is not None and known.source is Source.STATUS_LINE:
        return session
    ttl = session.request.ttl_seconds if session.request else default_ttl
    request = newer_request(session.request, Request(start, ttl, Source.HOOK))
    return session if request is session.request else replace(session, request=request)


def _transcript_covers_last_turn(session: Session) -> bool:
    """Whether the transcript, as it was last read, reaches the end of the last completed turn."""
    if session.transcript_at is None or session.answered_at is None:
        return session.answered_at is None
    lag = LAG_SECONDS if session.transcript_turn is Turn.OVER else 0.0
    return session.transcript_at >= session.answered_at - lag


# ---- discovered sessions ----------------------------------------------------


def last_seen(session: Session) -> float:
    """When the session last showed a sign of life, epoch seconds; -inf when never."""
    times = (
        session.last_event_at, session.last_turn_at, session.transcript_at, session.started_at, session.found_at,
    )  # fmt: skip
    return max((at for at in times if at is not None), default=-math.inf)


_SILENT_SECONDS = 86400.0  # after this a session is no longer shown
_LAST_LINES_SECONDS = 60.0  # a client may write some lines after its last hook


def is_new_discovery(session: Session | None, at: float, *, runs: bool = False) -> bool:
    """Whether a sign of life at `at` is news: of an unknown session, or of one that ended or was silent for a day.

    A session that a hook has reported counts only if a client that lists it `runs`: then it goes on without hooks.
    """
    if session is None:
        return True
    if session.is_forgotten or not (session.is_found or runs):
        return False
    if not session.is_ended:
        return at > last_seen(session) + _SILENT_SECONDS
    return at > ((session.found_at or 0.0) if session.is_found else reopened_at(session))


def reopened_at(session: Session) -> float:
    """When a session that goes on without its hooks is assumed to have reopened: soon after its last hook.

    That is before its current activity, so that the activity stays the newest evidence.
    """
    return (session.last_event_at or 0.0) + _LAST_LINES_SECONDS
