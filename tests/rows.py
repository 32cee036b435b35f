"""Sessions and events with what a test of the rules is not about filled in."""

from dataclasses import replace

from claude_session_status.model import Event, EventKind, Request, Session, Source
from fakes import NOW


def session(**fields: object) -> Session:
    return replace(Session("s", started_at=NOW - 10_000, last_event_at=NOW - 10_000), **fields)  # type: ignore[arg-type]


def warm(age: float, ttl: int = 300, **fields: object) -> Session:
    """A session whose last request began `age` seconds ago."""
    return session(request=Request(NOW - age, ttl, Source.TRANSCRIPT), **fields)


def event(kind: str, at: float, **fields: object) -> Event:
    return Event(EventKind(kind), "s", at, **fields)  # type: ignore[arg-type]
