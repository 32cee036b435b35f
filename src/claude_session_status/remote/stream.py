"""What another machine prints, as data within bounds. Pure.

It is data of another machine: of limited size, count and rate, cleaned of what could steer a terminal, and never a path
that is opened here or a command that is run. Each line is complete, so only the newest of several matters.
"""

import json
import math
from datetime import datetime
from typing import Any

from claude_session_status.last_request import LONGEST_TTL_SECONDS
from claude_session_status.model import LATEST_AT, Activity, RemoteState, Source
from claude_session_status.values import Value, replace
from claude_session_status.words import clean

SCHEMA = 1
LONGEST_LINE = 2 * 1024 * 1024  # bytes
MOST_SESSIONS = 1000
MOST_JUNK_LINES = 3  # lines on one connection that are no such JSON
_MOST_TOKENS = 1 << 40
_LONGEST_ID = 256
_LONGEST_TEXT = {
    "title": 300,
    "project": 200,
    "cwd": 1024,
    "model": 100,
    "cache_miss_reason": 100,
}


class StreamError(Exception):
    """What comes is not what our program prints."""


class SchemaError(Exception):
    """A version of our program that prints another schema."""


class Report(Value):
    """A line, with the times of the other machine's clock."""

    now: float
    sessions: tuple[tuple[str, RemoteState], ...] = ()  # by the id there; no id comes twice
    version: str | None = None
    problem: str | None = None
    is_cut: bool = False  # more sessions came than are taken


class Lines:
    """Cuts the bytes that come into lines."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._longest = longest
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes. Raises StreamError for a line that is too long."""
        self._rest += data
        *lines, rest = self._rest.split(b"\n")
        self._rest = rest
        if len(rest) > self._longest or any(len(line) > self._longest for line in lines):
            raise StreamError(f"a line is longer than {self._longest // (1024 * 1024)} MB")
        return [bytes(line) for line in lines]


class Reader:
    """Reads the lines of one connection."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._junk = 0

    def read(self, lines: list[bytes]) -> Report | None:
        """Return the newest report in the lines; None where there is none.

        Raises StreamError at the third line that is no such JSON, and SchemaError for another schema.
        """
        for line in reversed(lines):
            report = parse(line, self._host)
            if report is not None:
                return report
            self._junk += bool(line.strip())
            if self._junk >= MOST_JUNK_LINES:
                raise StreamError(f"{MOST_JUNK_LINES} lines are not what claude-session-status prints")
        return None


def parse(line: bytes, host: str) -> Report | None:
    """Return the report in a line; None where the line is none. Raises SchemaError for one of another schema."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(schema := found.get("schema"), int):
        return None
    if schema != SCHEMA:
        raise SchemaError(f"schema {schema}")
    now, listed = _time(found, "now"), found.get("sessions")
    if now is None or not isinstance(listed, list):
        return None
    sessions: dict[str, RemoteState] = {}
    for each in listed[:MOST_SESSIONS]:
        session = _session(each, host, now)
        if session is not None:
            sessions.setdefault(*session)
    return Report(
        now,
        tuple(sessions.items()),
        _text(found, "version", 40),
        _text(found, "problem", 200),
        is_cut=len(listed) > MOST_SESSIONS,
    )


def _session(found: Any, host: str, now: float) -> tuple[str, RemoteState] | None:
    """Return a session's id and state; None for what is none, and for one that runs on a third machine."""
    if not isinstance(found, dict) or found.get("host") is not None:
        return None
    session_id, activity = found.get("session_id"), found.get("activity")
    if not isinstance(session_id, str) or not 0 < len(session_id) <= _LONGEST_ID or clean(session_id) != session_id:
        return None
    if activity not in list(Activity):
        return None
    ttl, source = _count(found, "ttl_seconds", LONGEST_TTL_SECONDS), found.get("source")
    state = RemoteState(
        host,
        Activity(activity),
        activity_at=_past(found, "ended_at" if activity == Activity.ENDED else "waiting_since", now),
        expires_at=_expires_at(found, now, ttl),
        ttl_seconds=ttl or None,
        source=Source(source) if source in list(Source) else None,
        context_tokens=_count(found, "context_tokens", _MOST_TOKENS),
        started_at=_past(found, "started_at", now),
        last_turn_at=_past(found, "last_turn_at", now),
        compacts_at=_time(found, "compacts_at"),
        compacted_at=_past(found, "compacted_at", now),
        ssh_client_port=_count(found, "ssh_client_port", 65535) or None,
        **{name: _text(found, name, longest) for name, longest in _LONGEST_TEXT.items()},
    )
    return session_id, state


def _expires_at(found: dict[str, Any], now: float, ttl: int | None) -> float | None:
    """Return when the cache expires, by that machine's clock: the seconds left count, whatever the time says."""
    left, expires_at = found.get("seconds_left"), _time(found, "expires_at")
    if left is None or not _is_number(left) or found.get("cache") not in ("warm", "expired"):
        return None
    if left > 0:
        return now + min(float(left), ttl or LONGEST_TTL_SECONDS)
    return now if expires_at is None else min(expires_at, now)


def moved(state: RemoteState, seconds: float) -> RemoteState:
    """Return the state with all its times moved by `seconds`."""
    names = ("activity_at", "expires_at", "started_at", "last_turn_at", "compacts_at", "compacted_at")
    times = {name: at + seconds for name in names if (at := getattr(state, name)) is not None}
    return replace(state, **times)


# ---- one value --------------------------------------------------------------


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -LATEST_AT < value < LATEST_AT


def _count(found: dict[str, Any], name: str, largest: int) -> int | None:
    value = found.get(name)
    return int(value) if _is_number(value) and 0 <= value <= largest else None  # type: ignore[operator, arg-type]


def _text(found: dict[str, Any], name: str, longest: int) -> str | None:
    value = found.get(name)
    # Cut before it is cleaned, which takes time by its length, and after, since no half of a character may stay.
    text = clean(value[:longest]) if isinstance(value, str) else ""
    return text.encode("utf-8", "replace").decode() or None


def _time(found: dict[str, Any], name: str) -> float | None:
    """Return a time in epoch seconds; None for what is no time with a zone."""
    value = found.get(name)
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        moment = datetime.fromisoformat(value)
        at = moment.timestamp() if moment.tzinfo is not None else math.nan
    except (ValueError, OverflowError):
        return None
    return at if 0 <= at < LATEST_AT else None


def _past(found: dict[str, Any], name: str, now: float) -> float | None:
    at = _time(found, name)
    return None if at is None else min(at, now)
