"""Times ahead of the clock: they are ignored, and the next event drops them. Clocks are set, and machines disagree."""

import math
import operator
from typing import Any

from claude_session_status.last_request import SAME_EXPIRY_SECONDS
from claude_session_status.model import Session
from claude_session_status.values import replace

CLOCK_SLACK_SECONDS = 5.0  # a time ahead of the clock by more than this is ignored
OWN_TIMES = (
    "started_at", "opened_at", "prompted_at", "last_turn_at", "answered_at", "waiting_at", "tool_at", "uncached_at",
    "switched_at", "switched_back_at", "response_at", "ttl_written_at", "compacted_at", "reported_at", "kept_at",
    "missed_at", "usage_at",
)  # fmt: skip
_times_of = operator.attrgetter(*OWN_TIMES, "transcript_at", "client_status_at")


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
