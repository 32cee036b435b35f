"""What a note in the spool says: one flat JSON object an event.

Hooks write theirs by hand (claude/hook.py says why); everybody else encodes an Event here. Reading is forgiving of
fields that are missing or new, and refuses what would poison the table: another type, no session, no time.
"""

import json
import math
from typing import Any

from claude_session_status.model import Event, EventKind, Process
from claude_session_status.reducer import LONGEST_TTL_SECONDS

_TEXTS = ("cwd", "project_folder", "entrypoint", "project", "title", "transcript_path", "model", "source")
_NUMBERS = ("expires_at", "lead_seconds")
_LATEST = 253402300799.0  # the end of the year 9999, the last that a date can say


class NoteError(ValueError):
    """The bytes are not a note."""


def encode(event: Event) -> bytes:
    """The event as one line of JSON."""
    note: dict[str, object] = {"kind": event.kind.value, "session_id": event.session_id, "at": event.at}
    note |= {name: value for name in (*_TEXTS, *_NUMBERS) if (value := getattr(event, name)) is not None}
    if event.ttl_seconds is not None:
        note["ttl_seconds"] = event.ttl_seconds
    if event.process is not None:
        process = event.process
        named = {"pid": process.pid, "pid_started": process.started, "pid_namespace": process.namespace}
        note |= {name: value for name, value in named.items() if value is not None}
    return json.dumps(note).encode() + b"\n"


def decode(raw: bytes) -> Event:
    """The event in a note. Raises NoteError."""
    try:
        note = json.loads(raw)
        kind = EventKind(note["kind"])
        session_id, at = note["session_id"], note["at"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NoteError(f"not a note: {error}") from error
    if not isinstance(session_id, str) or not session_id or not _is_moment(at):
        raise NoteError("a note without a session or a time")
    values: dict[str, Any] = {name: note[name] for name in _TEXTS if isinstance(note.get(name), str)}
    values |= {name: float(note[name]) for name in _NUMBERS if _is_moment(note.get(name))}
    if _is_moment(note.get("ttl_seconds")) and 0 < note["ttl_seconds"] <= LONGEST_TTL_SECONDS:
        values["ttl_seconds"] = int(note["ttl_seconds"])
    return Event(kind, session_id, round(float(at), 6), process=_process(note), **values)


def _is_moment(value: object) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value < _LATEST
    )


def _process(note: dict[str, object]) -> Process | None:
    pid, started, namespace = note.get("pid"), note.get("pid_started"), note.get("pid_namespace")
    if not isinstance(pid, int) or not 0 < pid < 1 << 31:
        return None
    return Process(
        pid,
        started if isinstance(started, int) and 0 <= started < 1 << 62 else None,
        namespace if isinstance(namespace, str) else None,
    )
