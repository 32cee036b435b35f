"""How the row of another machine's session follows what that machine reports.

A report holds all that is known of the session, so the newest one replaces the row, but for what this machine's user
has decided: muted, forgotten, notified. Our hooks, transcripts and processes say nothing of it.
"""

import math

from claude_session_status.model import Activity, ClientStatus, RemoteState, Request, Session, Source
from claude_session_status.values import Value, field_types, replace

_CLIENT_STATUS = {
    Activity.IDLE: ClientStatus.IDLE,
    Activity.WORKING: ClientStatus.BUSY,
    Activity.WAITING: ClientStatus.WAITING,
}


def key_of(host: str, session_id: str) -> str:
    """Return the key of another machine's session in our table. No host's name contains a slash."""
    return f"{host}/{session_id}"


def apply(session: Session, remote: RemoteState, at: float, *, default_ttl: int) -> Session:
    """Return the session after the report of `at`, when it was received. An older report changes nothing.

    A row that our own hooks or transcripts have made stays as it is, whatever its id looks like.
    """
    is_our_own = session.host is None and (session.last_event_at is not None or session.found_at is not None)
    is_another_hosts = session.host is not None and session.host != remote.host
    is_older = session.reported_at is not None and at <= session.reported_at
    seen = seen_at(remote, at)
    if is_our_own or is_another_hosts or is_older:
        return session
    if session.forgotten_at is not None and seen <= session.forgotten_at:
        return replace(session, host=remote.host, reported_at=at)
    is_ended = remote.activity is Activity.ENDED
    is_ended_since = session.ended_at is not None and session.ended_at > at
    return Session(
        session.session_id,
        host=remote.host,
        reported_at=at,
        last_event_at=seen,
        ended_at=session.ended_at if is_ended_since else seen if is_ended else None,
        client_status=_CLIENT_STATUS.get(remote.activity),
        client_status_at=remote.activity_at if remote.activity_at is not None else _since(session, remote, at),
        request=_request(remote, default_ttl),
        title=remote.title,
        project=remote.project,
        project_folder=remote.cwd,
        cwd=remote.cwd,
        model=remote.model,
        context_tokens=remote.context_tokens,
        started_at=remote.started_at,
        last_turn_at=remote.last_turn_at,
        compacts_at=remote.compacts_at,
        compacted_at=remote.compacted_at,
        cache_miss_reason=remote.cache_miss_reason,
        ssh_client_port=remote.ssh_client_port,
        muted=session.muted,
        alerts=session.alerts,
        stamps=session.stamps,
        forgotten_at=session.forgotten_at,
    )


def seen_at(remote: RemoteState, at: float) -> float:
    """Return when the session last showed a sign of life; never later than `at`, when the report was received."""
    started_at = None
    if remote.expires_at is not None and remote.ttl_seconds is not None:
        started_at = remote.expires_at - remote.ttl_seconds
    times = (remote.started_at, remote.last_turn_at, remote.activity_at, started_at)
    return min(at, max((time for time in times if time is not None), default=at))


SAME_SECONDS = 0.25  # a time that is measured again differs by less


def is_alike(one: RemoteState, other: RemoteState) -> bool:
    """Whether two reports say the same of a session."""
    return _have_close_fields(one, other)


def says_nothing_new(session: Session, remote: RemoteState, at: float, *, default_ttl: int) -> bool:
    """Whether a report of `at` leaves the row as it is."""
    after = apply(session, remote, at, default_ttl=default_ttl)
    return _have_close_fields(session, replace(after, reported_at=session.reported_at))


def _have_close_fields(one: Value, other: Value) -> bool:
    return all(_is_close(getattr(one, name), getattr(other, name)) for name in field_types(type(one)))


def _is_close(one: object, other: object) -> bool:
    if isinstance(one, Request) and isinstance(other, Request):
        return one.ttl_seconds == other.ttl_seconds and _is_close(one.started_at, other.started_at)
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= SAME_SECONDS
    return one == other


def _since(session: Session, remote: RemoteState, at: float) -> float:
    """Return since when the session does what it does: an older version there does not report it."""
    if session.client_status is _CLIENT_STATUS.get(remote.activity) and session.client_status_at is not None:
        return session.client_status_at
    return at


def _request(remote: RemoteState, default_ttl: int) -> Request | None:
    if remote.expires_at is None:
        return None
    ttl = remote.ttl_seconds or default_ttl
    return Request(remote.expires_at - ttl, ttl, remote.source or Source.HOOK)


def end(session: Session, at: float) -> Session:
    """Return the session after its host was seen at `at` without it."""
    if session.reported_at is not None and at <= session.reported_at:
        return session
    return replace(session, ended_at=max(at, session.ended_at or -math.inf))


def forget(session: Session, at: float) -> Session:
    """Return the session of which nothing is kept but that it was forgotten; itself where it was seen since `at`."""
    forgotten_at = max(at, session.forgotten_at or -math.inf)
    if session.last_event_at is not None and session.last_event_at > at:
        return replace(session, forgotten_at=forgotten_at)
    stamps = tuple((name, stamp) for name, stamp in session.stamps if stamp > at)
    return Session(
        session.session_id,
        host=session.host,
        forgotten_at=forgotten_at,
        reported_at=session.reported_at,
        muted=bool(stamps) and session.muted,
        stamps=stamps,
    )
