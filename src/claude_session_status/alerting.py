"""Decides when the user is notified that a cache is about to expire, or that a session waits for them.

Pure functions of values and `now`. Each expiry is notified once per lead time, and each wait once, even across
restarts; never late, when the text would no longer be true; and never of a session at work, whose next request will
refresh the cache. What falls due in a pause or in quiet hours is not notified later.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from claude_session_status.future_times import is_plausible_alert
from claude_session_status.last_request import SAME_EXPIRY_SECONDS
from claude_session_status.model import (
    Activity,
    Alert,
    AlertReason,
    Cache,
    Event,
    EventKind,
    HostConnection,
    HostState,
    Pause,
    Request,
    Session,
    SessionState,
    Snapshot,
    Source,
    StopReason,
)
from claude_session_status.policy import LAST_SECONDS, activity_since, waiting_since
from claude_session_status.quiet import QuietHours, quiet_until
from claude_session_status.values import replace

GRACE_SECONDS = 5.0  # an alert that is later than this is dropped
BEFORE_COMPACTION_SECONDS = 120.0
ROUNDING_SECONDS = 1.0  # the status line rounds the start of a request up to whole seconds
WAIT_SECONDS = 10.0  # a prompt that is answered sooner is not notified
STOP_LEAD = 1.0  # the lead time under which a notified end of keeping a session warm is recorded
WAIT_LEAD = 0.0  # the lead time under which the start of a notified wait is recorded
GROUP_SECONDS = 5.0  # expiries closer than this share one notification
LEADS_SECONDS = {300: (30.0,), 3600: (300.0, 30.0)}  # default lead times by TTL
PAUSE_SECONDS = 3600.0
KEPT_ALIVE_TTL_SECONDS = 3600  # the client keeps alive caches with this TTL only
KEPT_ALIVE_SECONDS = 65.0  # meanwhile the status line reports at least this often: both happen each 30 s
LOST_SECONDS = 180.0  # a connection that is away for less is a short break
LOST_GRACE_SECONDS = 60.0
_CONVERTIBLE = 2 * 86400.0
MORNING_HOUR, NIGHT_HOUR = 8, 4  # "until tomorrow" ends at eight; before four it is still the same night

_ALERTED = (Activity.IDLE, Activity.WAITING)
# The ends of keeping warm after which the cache just expires.
_EXPIRES_AFTER = (StopReason.MISSED, StopReason.DISTRUSTED, StopReason.USAGE, StopReason.SHORTER)


def alert_time(state: SessionState, lead_seconds: float, now: float) -> float | None:
    """When to notify of this expiry: `lead_seconds` before it, or when the session fell idle after that.

    None when there is nothing to notify: not warm, working, ended, muted, or already notified.
    """
    if state.cache is not Cache.WARM or state.expires_at is None or state.session.request is None:
        return None
    activity, since = activity_since(state.session, now)
    if activity not in _ALERTED or state.session.muted:
        return None
    notified = dict(state.session.alerts).get(lead_seconds)
    if notified is not None and _is_notified(state.session, lead_seconds, notified, now):
        return None
    settled_at = max(_settled_at(state.session), _no_ping_from(state))
    return max(state.session.request.expires_at - lead_seconds, since, settled_at)


def _no_ping_from(state: SessionState) -> float:
    """From when on no keep-warm ping is expected to renew the cache; -inf where none ever was."""
    kept = state.keep_warm
    if kept is None or state.expires_at is None:
        return -math.inf
    if kept.next_ping_at is not None:
        return state.expires_at - LAST_SECONDS
    return -math.inf if kept.no_ping_since is None else kept.no_ping_since


def names_expiry(state: SessionState) -> bool:
    """Whether the alert that the session is no longer kept warm also says when its cache expires."""
    stopped = state.keep_warm.stopped if state.keep_warm is not None else None
    is_idle = state.cache is Cache.WARM and state.activity in _ALERTED
    return is_idle and stopped is not None and stopped.reason in _EXPIRES_AFTER


def wait_alert_time(state: SessionState, now: float) -> float | None:
    """When to notify that the session waits for the user; None when it does not, is muted, or was notified already."""
    since = waiting_since(state.session, now)
    if since is None or state.session.muted or dict(state.session.alerts).get(WAIT_LEAD, -math.inf) >= since:
        return None
    return since + WAIT_SECONDS


def _is_notified(session: Session, lead_seconds: float, notified: float, now: float) -> bool:
    """Whether the alert recorded for the expiry `notified` was for the session's current expiry.

    A request that began after the alert has an expiry of its own, however near: only a lead time close to the TTL
    leaves room for that. An alert recorded an hour ahead by a wrong clock does not concern this expiry.
    """
    request = session.request
    if request is None or request.expires_at >= notified + SAME_EXPIRY_SECONDS:
        return False
    if request.started_at > notified - lead_seconds + ROUNDING_SECONDS:
        return False
    return is_plausible_alert(session, lead_seconds, notified, now)


def lead_times(state: SessionState, leads: Sequence[float] | None) -> tuple[float, ...]:
    """The lead times that apply to this session, the shortest first. `leads` is the user's setting, if any.

    A lead time as long as the TTL does not count: it would be due at the end of each turn. A session that the client
    will compact before it expires gets one more, two minutes before that.
    """
    request = state.session.request
    if request is None:
        return ()
    known = leads if leads is not None else LEADS_SECONDS.get(request.ttl_seconds, (LAST_SECONDS,))
    if known and state.compacts_at is not None:
        known = (*known, request.expires_at - state.compacts_at + BEFORE_COMPACTION_SECONDS)
    longest = _countdown_when_reported(state.session, request)
    return tuple(sorted({lead for lead in known if lead < longest}))


def _countdown_when_reported(session: Session, request: Request) -> float:
    """The seconds that were left when the request became known: its TTL.

    Less where the status line reports an old request's cache with a short countdown, again and again: the client keeps
    it alive by itself. A lead time as long as that would be due with each report.
    """
    if request.source is not Source.STATUS_LINE or session.reported_at is None:
        return request.ttl_seconds
    left = request.expires_at - session.reported_at
    return left if left < request.ttl_seconds / 2 else request.ttl_seconds


def _settled_at(session: Session) -> float:
    """From when on the current expiry can be believed; -inf where it can be at once.

    A cache that the client keeps alive expires later with each report. While reports come, nothing is about to expire.
    """
    request, reported_at = session.request, session.reported_at
    if request is None or reported_at is None or request.ttl_seconds != KEPT_ALIVE_TTL_SECONDS:
        return -math.inf
    if _countdown_when_reported(session, request) == request.ttl_seconds:
        return -math.inf
    return min(reported_at + KEPT_ALIVE_SECONDS, request.expires_at - LAST_SECONDS)


def due_alerts(
    states: Iterable[SessionState],
    leads: Sequence[float] | None,
    now: float,
    *,
    min_tokens: int = 0,
    paused_until: float | None = None,
    quiet: Sequence[QuietHours] = (),
    when_waiting: bool = False,
    sound: bool = False,
) -> tuple[Alert, ...]:
    """The alerts to give at `now`, at most one for each session.

    One that fell due a while ago (sleep, clock change) or in quiet hours is dropped. Alerts that fall due seconds
    later, for caches that expire together with one of these, are given now as well. Caches known to hold less than
    `min_tokens` tokens are silent, and all sessions are until `paused_until`.
    `when_waiting`: also for sessions that wait for the user.
    """
    if (paused_until is not None and now < paused_until) or quiet_until(quiet, now) is not None:
        return ()
    now_due: list[Alert] = []
    near: list[Alert] = []
    for state in states:
        for at, alert in _alerts_of(state, leads, now, min_tokens=min_tokens, when_waiting=when_waiting):
            is_near = -GROUP_SECONDS <= now - at < 0 and alert.reason is AlertReason.EXPIRES
            is_due = 0 <= now - at <= GRACE_SECONDS and quiet_until(quiet, at) is None
            if is_near or is_due:
                (now_due if is_due else near).append(replace(alert, sound=sound))
                break  # the shortest lead covers the longer ones and the wait
    return tuple(now_due + [alert for alert in near if any(_belong_together(alert, other) for other in now_due)])


def _alerts_of(
    state: SessionState, leads: Sequence[float] | None, now: float, *, min_tokens: int, when_waiting: bool
) -> Iterator[tuple[float, Alert]]:
    """The session's alerts that were not given yet, each with the time when it falls due.

    The end of keeping it warm comes first, then the shortest lead.
    """
    stopped = state.keep_warm.stopped if state.keep_warm is not None else None
    is_new = stopped is not None and stopped.at > dict(state.session.alerts).get(STOP_LEAD, -math.inf)
    if is_new and not state.session.muted:
        yield now, Alert(state, STOP_LEAD, reason=AlertReason.STOPPED)
    tokens = state.session.context_tokens
    if tokens is None or tokens >= min_tokens:
        for lead in lead_times(state, leads):
            if (at := alert_time(state, lead, now)) is not None:
                yield at, Alert(state, lead)
    if when_waiting and (at := wait_alert_time(state, now)) is not None:
        yield at, Alert(state, WAIT_LEAD, reason=AlertReason.WAITS)


def _belong_together(a: Alert, b: Alert) -> bool:
    """Whether two alerts that are given at one moment share a notification."""
    if (
        a.reason is AlertReason.STOPPED
        or a.reason is not b.reason
        or (a.state.compacts_at is None) != (b.state.compacts_at is None)
    ):
        return False
    return a.reason is AlertReason.WAITS or _expire_together(a, b)


def _expire_together(a: Alert, b: Alert) -> bool:
    return abs((a.state.expires_at or 0.0) - (b.state.expires_at or 0.0)) <= GROUP_SECONDS


def grouped(alerts: Iterable[Alert]) -> tuple[tuple[Alert, ...], ...]:
    """The alerts in groups: those whose expiries lie within seconds, the soonest first, then those that wait."""
    groups: list[list[Alert]] = []
    for alert in sorted(alerts, key=lambda a: (a.reason, a.state.expires_at or 0.0, a.state.session.session_id)):
        if groups and _belong_together(groups[-1][0], alert):
            groups[-1].append(alert)
        else:
            groups.append([alert])
    return tuple(tuple(group) for group in groups)


def next_morning(now: float) -> float:
    """The end of a pause "until tomorrow": the next morning in local time (epoch seconds)."""
    # Windows can't convert local times of 1970's first day, which a clock that was never set shows.
    local = datetime.fromtimestamp(max(now, _CONVERTIBLE), UTC).astimezone().replace(tzinfo=None)
    day = (local - timedelta(hours=NIGHT_HOUR)).date() + timedelta(days=1)
    return datetime(day.year, day.month, day.day, MORNING_HOUR).timestamp()  # noqa: DTZ001 - local time is meant


def paused_until(pause: Pause, now: float) -> float | None:
    """When a pause requested at `now` ends; None for no pause."""
    if pause is Pause.OFF:
        return None
    return now + PAUSE_SECONDS if pause is Pause.HOUR else next_morning(now)


def alerted_events(alert: Alert, leads: Sequence[float] | None, now: float) -> tuple[Event, ...]:
    """The events that record an alert: this lead time is done for this expiry, and so are the longer ones.

    An alert of a session that waits is also the one of that wait: its text says so.
    """
    session = alert.state.session
    done: list[tuple[float, float]] = []
    if session.request is not None:
        done += [(lead, session.request.expires_at) for lead in _leads_done(alert, leads)]
    kept = alert.state.keep_warm
    if alert.reason is AlertReason.STOPPED and kept is not None and kept.stopped is not None:
        done.append((STOP_LEAD, kept.stopped.at))
    if (since := waiting_since(session, now)) is not None and alert.reason is not AlertReason.STOPPED:
        done.append((WAIT_LEAD, since))
    return tuple(
        Event(EventKind.ALERTED, session.session_id, now, expires_at=moment, lead_seconds=lead) for lead, moment in done
    )


def _leads_done(alert: Alert, leads: Sequence[float] | None) -> tuple[float, ...]:
    """The lead times that need no alert of their own for this expiry any more."""
    known = lead_times(alert.state, leads)
    if alert.reason is AlertReason.EXPIRES:
        return tuple(lead for lead in known if lead >= alert.lead_seconds)
    if alert.reason is AlertReason.STOPPED and names_expiry(alert.state):
        return tuple(lead for lead in known if (alert.state.seconds_left or 0.0) <= lead)
    return ()


def next_alert_time(
    states: Iterable[SessionState], leads: Sequence[float] | None, now: float, *, when_waiting: bool = False
) -> float | None:
    """The next moment at which an alert falls due; None when there is none."""
    found = (_alerts_of(state, leads, now, min_tokens=0, when_waiting=when_waiting) for state in states)
    return min((at for alerts in found for at, _ in alerts if at > now), default=None)


# ---- connections to other machines -------------------------------------------

_LOST = (HostConnection.UNREACHABLE, HostConnection.REFUSED, HostConnection.BAD_DATA)


def lost_hosts(shot: Snapshot) -> tuple[HostState, ...]:
    """The machines that have been away for a while, and where a session's cache was warm when the connection was lost.

    None in a pause or in quiet hours. A session whose cache had already expired does not count.
    """
    if shot.paused_until is not None or shot.quiet_until is not None:
        return ()
    return tuple(
        host
        for host in shot.hosts
        if host.connection in _LOST
        and host.since is not None
        and shot.now - host.since >= LOST_SECONDS
        and sessions_lost_with(host, shot)
    )


def is_due_lost(host: HostState, now: float) -> bool:
    """Whether the user is to be notified now that the machine is away: later it would come as a surprise."""
    return host.since is not None and 0 <= now - host.since - LOST_SECONDS <= LOST_GRACE_SECONDS


def sessions_lost_with(host: HostState, shot: Snapshot) -> tuple[SessionState, ...]:
    """The running sessions of the machine whose cache was warm when the connection was lost, but for muted ones."""
    since = math.inf if host.since is None else host.since
    return tuple(
        state
        for state in shot.sessions
        if state.session.host == host.name
        and state.activity is not Activity.ENDED
        and not state.session.muted
        and state.session.request is not None
        and state.session.request.expires_at > since
    )
