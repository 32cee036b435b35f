"""How a session's row grows with events.

Pure functions of values and `now`. One idea carries it all: *times only grow*. Each fact has a time, and the later one
wins. So events may come twice and in any order, from hooks, transcripts and monitors, and the row ends up the same.

Clocks are set, and machines disagree. A time ahead of the clock is ignored while it is ahead, and the first event that
is not ahead replaces it: nothing from the future is shown, and nothing from the future stays.
"""

import math
from typing import Any

from claude_session_status import remote_session
from claude_session_status.future_times import CLOCK_SLACK_SECONDS, drop_future, is_plausible_alert
from claude_session_status.last_request import (
    DEFAULT_TTL_SECONDS,
    apply_report,
    knows_ping,
    newer_request,
    shorten_ttl_after_resume,
)
from claude_session_status.model import Event, EventKind, Request, Session, Source, folder_name
from claude_session_status.newest import (
    BEHIND_HOOKS_SECONDS,
    earliest_of,
    latest_of,
    name_project,
    newer_fact,
    set_newer,
)
from claude_session_status.values import replace

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
_FIELDS = (
    "project", "project_folder", "entrypoint", "cwd", "title", "model", "transcript_path", "process", "ssh_client_port",
)  # fmt: skip
_COMPACTED = "compact"
_SAME_CLIENT_SOURCES = (_COMPACTED, "clear")  # the client goes on, in whatever folder a `cd` took it to


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
    return name_project(_apply(session, _with_folders(event), now))


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
        return set_newer(session, {"muted": event.kind is EventKind.MUTE}, event.at)
    times = _TIMES_SET[event.kind]
    if event.kind is EventKind.START and event.source == _COMPACTED:
        times = ("uncached_at", "compacted_at")  # the same session goes on without its old prefix
    values: dict[str, Any] = {name: latest_of(getattr(session, name), event.at) for name in times}
    session = shorten_ttl_after_resume(replace(session, **values))
    if event.kind is EventKind.GONE:
        return session
    return set_newer(
        replace(
            session,
            # Nothing is known of the time before a "forget", so the session starts there, in any order of events.
            started_at=session.forgotten_at or earliest_of(session.started_at, event.at),
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
        return set_newer(session, {"muted": event.kind is EventKind.MUTE}, event.at)
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


def _apply_without_hook(session: Session, event: Event) -> Session:
    """The session after a discovery or a status line. Neither brings back a session that a hook has ended."""
    if event.kind is EventKind.STATUS_LINE and event.expires_at is not None and event.ttl_seconds is not None:
        # The client rounds up to whole seconds. No request starts after its report: then the second before counts.
        started_at = min(event.expires_at - event.ttl_seconds, float(math.floor(event.at)))
        session = apply_report(session, Request(started_at, event.ttl_seconds, Source.STATUS_LINE), event.at)
    if event.usage_percent is not None and event.at > (session.usage_at or -math.inf):
        session = replace(
            session,
            usage_percent=event.usage_percent,
            usage_resets_at=event.usage_resets_at,
            usage_at=event.at,
        )
    if session.forgotten_at is not None:
        return session  # only a hook brings back a forgotten session
    return set_newer(
        replace(session, found_at=latest_of(session.found_at, event.at)),
        {name: value for name in _FIELDS if (value := getattr(event, name)) is not None},
        event.at - BEHIND_HOOKS_SECONDS,
    )


def _apply_ping(session: Session, event: Event) -> Session:
    """The session after a keep-warm ping, which is no sign of life. A ping that read the cache renewed it.

    One that missed wrote the conversation again; when that expires is not assumed, as it may be under another prefix.
    """
    if event.kind is EventKind.MISSED:
        missed = newer_fact((session.missed_at, session.missed_tokens), (event.at, event.tokens))
        return replace(session, missed_at=missed[0], missed_tokens=missed[1])
    if event.ttl_seconds is None:
        return session
    request = session.request
    if request is None or request.source is not Source.STATUS_LINE or not knows_ping(session, event.at):
        request = newer_request(request, Request(event.at, event.ttl_seconds, Source.MOD))
    kept = newer_fact((session.kept_at, session.kept_tokens), (event.at, event.tokens))
    return replace(session, request=request, kept_at=kept[0], kept_tokens=kept[1])


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
