"""A note in the spool as an event, and back: one JSON object per note, flat but for what another machine reports.

Hooks write their notes by hand (claude/hook.py says why); everything else encodes an Event here. A field that is
missing, new or of another type is passed over; a note without a kind, a session or a time is refused.
"""

import json
from typing import Any

from claude_session_status.last_request import LONGEST_TTL_SECONDS
from claude_session_status.model import LATEST_AT, Activity, Event, EventKind, Process, RemoteState, Source

_TEXTS = ("cwd", "project_folder", "entrypoint", "project", "title", "transcript_path", "model", "source")
_NUMBERS = ("expires_at", "lead_seconds", "usage_resets_at")
_COUNTS = {
    "ttl_seconds": (1, LONGEST_TTL_SECONDS),
    "tokens": (0, 1_000_000_000),
    "usage_percent": (0, 1000),
    "ssh_client_port": (1, 65535),
}
_REMOTE_TEXTS = ("title", "project", "cwd", "model", "cache_miss_reason")
_REMOTE_TIMES = ("activity_at", "expires_at", "started_at", "last_turn_at", "compacts_at", "compacted_at")
_REMOTE_COUNTS = ("ttl_seconds", "context_tokens", "ssh_client_port")
_MOST_TOKENS = 1 << 40

LONGEST_ID = 4096  # characters, as a hook keeps them; DuckDB's index takes no key of 100,000


class NoteError(ValueError):
    """The bytes are not a note."""


def encode(event: Event) -> bytes:
    """The event as one line of JSON."""
    note: dict[str, object] = {"kind": event.kind.value, "session_id": event.session_id, "at": event.at}
    note |= {name: value for name in (*_TEXTS, *_NUMBERS, *_COUNTS) if (value := getattr(event, name)) is not None}
    if event.process is not None:
        process = event.process
        named = {"pid": process.pid, "pid_started": process.started, "pid_namespace": process.namespace}
        note |= {name: value for name, value in named.items() if value is not None}
    if event.remote is not None:
        note["remote"] = {name: value for name, value in vars(event.remote).items() if value is not None}
    return json.dumps(note).encode() + b"\n"


def decode(raw: bytes) -> Event:
    """The event in a note. Raises NoteError."""
    try:
        note = json.loads(raw)
        kind = EventKind(note["kind"])
        session_id, at = note["session_id"], note["at"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NoteError(f"not a note: {type(error).__name__}: {error}") from error
    if not isinstance(session_id, str) or not 0 < len(session_id) <= LONGEST_ID or not _is_moment(at):
        raise NoteError("a note without a session or a time")
    values: dict[str, Any] = {name: note[name] for name in _TEXTS if isinstance(note.get(name), str)}
    values |= {name: float(note[name]) for name in _NUMBERS if _is_moment(note.get(name))}
    for name, (least, most) in _COUNTS.items():
        if _is_moment(note.get(name)) and least <= note[name] <= most:
            values[name] = int(note[name])
    session_id = session_id.encode("utf-8", "replace").decode()  # lone surrogates are legal in JSON, and in no row
    if kind is EventKind.REMOTE:
        values["remote"] = _remote(note.get("remote"))
    return Event(kind, session_id, round(float(at), 6), process=_process(note), **values)


def _is_moment(value: object) -> bool:
    """Whether a value can be a time. NaN, infinity and integers too large for a float fail the comparison."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < LATEST_AT


def _process(note: dict[str, object]) -> Process | None:
    pid, started, namespace = note.get("pid"), note.get("pid_started"), note.get("pid_namespace")
    if not isinstance(pid, int) or isinstance(pid, bool) or not 0 < pid < 1 << 31:
        return None
    return Process(
        pid,
        started if isinstance(started, int) and 0 <= started < 1 << 62 else None,
        namespace if isinstance(namespace, str) else None,
    )


def _remote(found: object) -> RemoteState:
    """What another machine reports, as a monitor here noted it. Raises NoteError."""
    if not isinstance(found, dict) or not isinstance(host := found.get("host"), str) or not host:
        raise NoteError("a note of another machine's session without its host")
    try:
        activity = Activity(found["activity"])
    except (ValueError, KeyError) as error:
        raise NoteError(f"not a note: {error}") from error
    values: dict[str, Any] = {name: found[name] for name in _REMOTE_TEXTS if isinstance(found.get(name), str)}
    values |= {name: float(found[name]) for name in _REMOTE_TIMES if _is_moment(found.get(name))}
    counts = {name: found[name] for name in _REMOTE_COUNTS if _is_moment(found.get(name))}
    values |= {name: int(count) for name, count in counts.items() if count < _MOST_TOKENS}
    if not 0 < values.get("ttl_seconds", 1) <= LONGEST_TTL_SECONDS:
        del values["ttl_seconds"]
    if found.get("source") in list(Source):
        values["source"] = Source(found["source"])
    return RemoteState(host, activity, **values)
