"""A hook's whole work: read what Claude Code says on stdin, keep the few fields that matter, drop a note, leave.

It is silent and exits with 0 whatever happens: a hook's stdout goes into the model's context and exit code 2 blocks
the user. What went wrong is one line on stderr. No prompt and no answer is ever kept.

While a monitor lives the hook is done after the note. Alone it also ingests, so that the row is in the database when
the command returns. Only then is anything beyond `os`, `sys` and `time` imported: json, dataclasses, enum or pathlib
would each cost more than all of this.
"""

from __future__ import annotations

import os
import time

from claude_session_status import paths
from claude_session_status.spool import Spool

TYPE_CHECKING = False  # typing's own would cost an import of it
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# command -> kind of event, and for a payload of another event than the command was made for: event name -> kind
KINDS = {"mark-start": "start", "mark-prompt": "prompt", "mark-turn": "turn", "mark-wait": "wait", "mark-end": "end"}
_KIND_OF_EVENT = {"StopFailure": "failure", "PreToolUse": "tool", "PostToolUse": "tool"}

MONITOR_ALIVE_SECONDS = 10.0
LARGEST_INPUT = 64 * 1024 * 1024  # bytes; an answer can be long, but not like this
_LONGEST = 4096  # characters kept of any field


class HookError(Exception):
    """The event can't be recorded; the message says why, in one line."""


def main(command: str) -> int:
    """Handle one hook call. Always returns 0."""
    at = round(time.time(), 6)  # what the table can hold
    try:
        _run(command, at)
    except HookError as error:
        complain(f"{command}: {error}")
    except KeyboardInterrupt:
        pass  # whoever called us has no more use for it; a note that is written stays
    except Exception as error:
        complain(f"{command}: {reason(error)}")
    return 0


def _run(command: str, at: float) -> None:
    note = note_of(parse(read_input()), command, at, os.environ)
    if note is None:
        return
    where = paths.from_environment()
    try:
        Spool(where.spool).write(encode(note), at)
    except OSError as error:
        raise HookError(f"can't write to {where.spool}: {error.strerror}; the event is not recorded") from error
    if not monitor_lives(where.monitor_alive, at):
        from claude_session_status.claude import ingest  # noqa: PLC0415 - opens DuckDB, only when alone

        ingest.run_alone(where)


def read_input() -> bytes:
    """All of standard input. Raises HookError for a terminal, and for more than could be an event."""
    try:
        if os.isatty(0):
            raise HookError("expects a JSON object on standard input; Claude Code calls this as a hook")
        parts, size = [], 0
        while part := os.read(0, 1 << 20):
            size += len(part)
            if size > LARGEST_INPUT:
                raise HookError(f"more than {LARGEST_INPUT >> 20} MB on standard input")
            parts.append(part)
    except OSError as error:
        raise HookError(f"standard input can't be read: {error.strerror}") from error
    return b"".join(parts)


def parse(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`. Raises HookError when there is none."""
    text = raw.decode("utf-8-sig" if raw[:3] == b"\xef\xbb\xbf" else "utf-8", "replace").strip()
    if not text:
        raise HookError("standard input is empty")
    value = _parse_quickly(text)
    if value is None:
        import json  # noqa: PLC0415 - says what is wrong; imports `re`

        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise HookError(f"standard input is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise HookError("standard input is JSON, but not an object")
    return value


class _ScannerSettings:
    """What json.JSONDecoder hands to the C scanner of CPython's json."""

    strict = False
    object_hook = None
    object_pairs_hook = None
    array_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
    memo: dict[str, str] = {}  # noqa: RUF012 - filled and emptied by the scanner


def _parse_quickly(text: str) -> Any:
    """`json.loads` by its C part alone, without importing `re`; None where that does not work out."""
    try:
        from _json import make_scanner  # noqa: PLC0415 - see above

        settings: Any = _ScannerSettings
        value, end = make_scanner(settings)(text, 0)
    except Exception:
        return None
    return value if end == len(text) else None


def note_of(data: Mapping[str, Any], command: str, at: float, environment: Mapping[str, str]) -> dict[str, Any] | None:
    """What is kept of a hook's input, as a flat object; None for an event that is none of a session's own.

    Those come from inside a subagent, or are notifications of something else than a permission prompt.

    Takes the field names of Claude Code and the other spellings that the first versions of this program took. Raises
    HookError when no session is named.
    """
    if data.get("agent_id") or data.get("notification_type") not in (None, "permission_prompt"):
        return None
    session_id = text_of(data, "session_id", "sessionId", "id")
    if not session_id:
        raise HookError("no session_id in the JSON on standard input")
    kind = _KIND_OF_EVENT.get(str(data.get("hook_event_name")), KINDS[command])
    cwd = text_of(data, "cwd")
    note = {
        "kind": kind,
        "session_id": session_id,
        "at": at,
        "cwd": cwd,
        "project": text_of(data, "project", "project_name", "projectName") or folder_name(cwd),
        "title": text_of(data, "session_title", "session_name", "title"),
        "transcript_path": text_of(data, "transcript_path"),
        "model": text_of(data, "model"),
        "source": text_of(data, "source"),
        **process_of(environment),
    }
    return {key: value for key, value in note.items() if value is not None}


def text_of(data: Mapping[str, Any], *names: str) -> str | None:
    """The first of the fields that is a text and not empty, bounded in length."""
    for name in names:
        value = data.get(name)
        if isinstance(value, str) and value:
            # A lone surrogate is legal in JSON and nowhere else.
            return value[:_LONGEST].encode("utf-8", "replace").decode()
    return None


def folder_name(cwd: str | None) -> str | None:
    """What a project is called: the last part of its folder's path, of either kind."""
    if not cwd:
        return None
    return cwd.replace("\\", "/").rstrip("/").rpartition("/")[2] or cwd


def process_of(environment: Mapping[str, str]) -> dict[str, Any]:
    """Who called: the client names its process in CLAUDE_PID. Its start time tells it from a later one of that id."""
    try:
        pid = int(environment.get("CLAUDE_PID", ""))
    except ValueError:
        return {}
    if pid <= 0:
        return {}
    return {"pid": pid, "pid_started": start_ticks(pid), "pid_namespace": pid_namespace()}


def start_ticks(pid: int) -> int | None:
    """The process's start in clock ticks since boot (Linux); None where it is dead or can't be told."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return None
    try:
        fields = os.read(descriptor, 4096).rpartition(b")")[2].split()
        return None if fields[0] in (b"Z", b"X") else int(fields[19])
    except (OSError, IndexError, ValueError):
        return None
    finally:
        os.close(descriptor)


def pid_namespace() -> str | None:
    """Which numbering process ids belong to (Linux), as `pid:[4026531836]@machine`. None elsewhere.

    A container has its own; but outside of one the kernel's name for it is the same on every machine, and a home may be
    shared by several.
    """
    try:
        return f"{os.readlink('/proc/self/ns/pid')}@{_machine()}"
    except OSError:
        return None


def _machine() -> str:
    """What tells this machine from others, as the client itself has it: a name may change while sessions run, by DHCP.

    Where there is no such id, or one that an image has for all its containers to fill in, the name must do.
    """
    try:
        descriptor = os.open("/etc/machine-id", os.O_RDONLY)
    except OSError:
        return os.uname().nodename
    try:
        machine = os.read(descriptor, 64).decode("ascii", "replace").strip()
    finally:
        os.close(descriptor)
    return machine if machine not in ("", "uninitialized") else os.uname().nodename


def is_numbered_here(namespace: str | None, ours: str | None = None) -> bool:
    """Whether ids of that numbering name processes here. Earlier versions told no machine: then it is ours.

    `ours` is what `pid_namespace` says, from whoever has asked it already.
    """
    ours = ours or pid_namespace()
    return namespace == ours or (ours is not None and namespace == ours.partition("@")[0])


def encode(note: Mapping[str, Any]) -> bytes:
    """A flat object of texts and numbers as one line of JSON in ASCII, without importing json."""
    try:
        from _json import encode_basestring_ascii as quote  # noqa: PLC0415
    except ImportError:
        import json  # noqa: PLC0415

        quote = json.dumps
    pairs = (f"{quote(k)}: {quote(v) if isinstance(v, str) else repr(v)}" for k, v in note.items())
    return ("{" + ", ".join(pairs) + "}\n").encode()


def monitor_lives(alive_path: str, now: float) -> bool:
    """Whether a monitor has polled within the last seconds; a time ahead of the clock says that the clock jumped."""
    try:
        return abs(now - os.stat(alive_path).st_mtime) < MONITOR_ALIVE_SECONDS
    except OSError:
        return False


def reason(error: Exception) -> str:
    """What to say of an error. One that is meant for people has a title, and is told by that without an import."""
    return str(error) if hasattr(error, "title") else f"{type(error).__name__}: {error}"


def complain(message: str) -> None:
    """One line on stderr, whatever is in the message."""
    line = "".join(c if c.isprintable() else " " for c in message)[:500]
    try:
        os.write(2, f"claude-session-status {line}\n".encode("utf-8", "replace"))
    except OSError:
        pass  # stderr is closed: nobody can be told
