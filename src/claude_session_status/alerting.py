"""When a person is told that a cache is about to go cold, and when not: lead times, pauses, what was told already.

Pure functions of values and `now`. Once for each expiry and lead time, whatever the restarts; never late, since what
is said then is not true any more; and never of a session at work, whose next request is on its way.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from claude_session_status.model import Activity, Alert, Cache, Event, EventKind, Pause, SessionState
from claude_session_status.policy import LAST_SECONDS, activity_since
from claude_session_status.reducer import SAME_EXPIRY_SECONDS, could_have_been_notified

GRACE_SECONDS = 5.0  # an alert later than this after its mark is not given
TOGETHER_SECONDS = 5.0  # expiries as near as this are told of together
LEADS_SECONDS = {300: (30.0,), 3600: (300.0, 30.0)}  # where the person has set none: by TTL
PAUSE_SECONDS = 3600.0
_CONVERTIBLE = 2 * 86400.0
MORNING_HOUR, NIGHT_HOUR = 8, 4  # "until tomorrow" ends at eight; who is up at three still means the same night

_ALERTED = (Activity.IDLE, Activity.WAITING)


def alert_time(state: SessionState, lead_seconds: float, now: float) -> float | None:
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
    if told is not None and is_told and could_have_been_notified(state.session, lead_seconds, told, now):
        return None
    return max(expiry - lead_seconds, since)


def lead_times_of(state: SessionState, leads: Sequence[float] | None) -> tuple[float, ...]:
    """The lead times that count for this session, the shortest first. `leads` is what the person set, if anything.

    One as long as the cache lives is none: it would be due at each turn's end.
    """
    request = state.session.request
    if request is None:
        return ()
    known = leads if leads is not None else LEADS_SECONDS.get(request.ttl_seconds, (LAST_SECONDS,))
    return tuple(sorted(lead for lead in known if lead < request.ttl_seconds))


def due(
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
    now_due: list[Alert] = []
    near: list[Alert] = []
    for state in states:
        tokens = state.session.context_tokens
        if tokens is not None and tokens < min_tokens:
            continue
        for lead in lead_times_of(state, leads):
            mark = alert_time(state, lead, now)
            if mark is not None and -TOGETHER_SECONDS <= now - mark <= GRACE_SECONDS:
                (now_due if mark <= now else near).append(Alert(state, lead, sound))
                break  # the shortest lead says it all
    return tuple(now_due + [alert for alert in near if any(_is_together(alert, other) for other in now_due)])


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


def alerted_events(alert: Alert, leads: Sequence[float] | None, now: float) -> tuple[Event, ...]:
    """What to remember of an alert: this lead time is done for this expiry, and so are the longer ones."""
    request = alert.state.session.request
    if request is None:
        return ()
    session_id, expiry = alert.state.session.session_id, request.expires_at
    return tuple(
        Event(EventKind.ALERTED, session_id, now, expires_at=expiry, lead_seconds=lead)
        for lead in lead_times_of(alert.state, leads)
        if lead >= alert.lead_seconds
    )


def next_alert_time(states: Iterable[SessionState], leads: Sequence[float] | None, now: float) -> float | None:
    """The next moment at which an alert falls due; None when none is ahead."""
    marks = (alert_time(state, lead, now) for state in states for lead in lead_times_of(state, leads))
    return min((m for m in marks if m is not None and m > now), default=None)
