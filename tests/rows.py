"""Sessions and events for tests of the rules, with defaults for the fields that a test is not about."""

from dataclasses import replace
from typing import Any

from claude_session_status import policy, words
from claude_session_status.model import Event, EventKind, Request, Session, Snapshot, Source
from fakes import NOW


def session(**fields: object) -> Session:
    return replace(Session("s", started_at=NOW - 10_000, last_event_at=NOW - 10_000), **fields)  # type: ignore[arg-type]


def warm(age: float, ttl: int = 300, **fields: object) -> Session:
    """A session whose last request began `age` seconds ago."""
    return session(request=Request(NOW - age, ttl, Source.TRANSCRIPT), **fields)


def event(kind: str, at: float, **fields: object) -> Event:
    return Event(EventKind(kind), "s", at, **fields)  # type: ignore[arg-type]


def report(expires_at: float, at: float = NOW, ttl: int = 300) -> Event:
    """A countdown that the status line reports at `at`."""
    return event("statusline", at, expires_at=expires_at, ttl_seconds=ttl)


def make(name: str, age: float | None = 100, ttl: int = 300, **fields: object) -> Session:
    """A session in a folder of that name. Its last request began `age` seconds ago; None: it had none."""
    request = None if age is None else Request(NOW - age, ttl, Source.TRANSCRIPT)
    base = Session(name, project=name, started_at=NOW - 900, last_event_at=NOW - 900, request=request)
    return replace(base, **fields)  # type: ignore[arg-type]


def shot(*sessions: Session) -> Snapshot:
    """The snapshot of these sessions at NOW."""
    return policy.snapshot(sessions, NOW)


ENDED: dict[str, Any] = {"ended_at": NOW, "last_event_at": NOW}


_OURS = dict.fromkeys(map(ord, words.FIGURE_SPACE + words.THIN_SPACE + words.LEFT_TO_RIGHT + "\u2068\u2069"))


def is_harmless_line(text: str) -> bool:
    """Whether the text holds nothing that could steer what shows it, but for our own spaces and whole isolates."""
    return text.translate(_OURS).isprintable() and text.count("\u2068") == text.count("\u2069")
