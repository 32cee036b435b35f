"""The status line of Claude Code as a source: the client pipes its own view of the cache to a command of the user's.

The client runs it at each render, several times a second while a session works, so this is as cheap as a hook and
imports as little. A note is written only when the client tells of another request than the last time; what was told is
kept in a file of some bytes for each session. A note that nobody has taken in when the next one comes is taken back,
since the newer one says it all: so where no monitor lives there is one for each session at most.

`statusline` prints a short line of its own. `statusline -- COMMAND...` becomes that command, with the client's JSON on
its standard input: what it prints, its exit code and its signals are its own, and nothing of ours stands between.
"""

from __future__ import annotations

import os
import sys
import time

from claude_session_status import paths
from claude_session_status.claude.payload import (
    PayloadError,
    complain,
    encode,
    parse,
    read_input,
    reason,
    text_of,
)
from claude_session_status.claude.pids import process_of
from claude_session_status.private import make_private_folder, open_private
from claude_session_status.spool import Spool

TYPE_CHECKING = False  # typing's own would cost an import of it
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

USAGE = "statusline: say `statusline`, or `statusline -- COMMAND...`"
KEPT_SECONDS = 2 * 86400.0  # what was told of a session is forgotten so long after its last request
_PIPE_BYTES = 16 * 1024  # what a pipe takes without a reader, everywhere
_NOT_FOUND, _NOT_RUNNABLE = 127, 126  # a shell's exit codes
_UNITS = {"s": 1, "m": 60, "h": 3600}


def main(arguments: Sequence[str]) -> int:
    """Handle one render; the exit code: the command's own, or 0. Wrong usage is 2."""
    at = round(time.time(), 6)
    if arguments and (arguments[0] != "--" or len(arguments) < 2):
        complain(USAGE)
        return 2
    raw, data = b"", None
    try:
        raw = read_input()
        data = parse(raw)
        told = told_by(data)
        before = _note_news(data, told, at)
        if not arguments:
            _print(line(told, at, model_changed=before is not None and before.cached_by_another(told)))
    except PayloadError as error:
        complain(f"statusline: {error}")
    except Exception as error:
        complain(f"statusline: {reason(error)}")
    return _become(arguments[1:], raw) if arguments else 0


class Told:
    """What the client tells: when the cache expires (None: nothing is cached), its TTL, the model, the tokens in it."""

    def __init__(self, expires_at: float | None, ttl: int | None, model: str | None, tokens: int | None = None) -> None:
        self.expires_at = expires_at
        self.ttl = ttl
        self.model = model
        self.tokens = tokens

    def is_same_request(self, other: Told) -> bool:
        """Whether both are of one request."""
        return (self.expires_at, self.ttl) == (other.expires_at, other.ttl)

    def cached_by_another(self, now: Told) -> bool:
        """Whether the user chose another model since: the client goes on to call the cache warm, but it is no use."""
        return self.is_same_request(now) and bool(self.model and now.model) and self.model != now.model


def told_by(data: Mapping[str, Any]) -> Told:
    """What there is of use in the client's JSON; every field may be missing or of another type."""
    cache = _object(data, "prompt_cache")
    expires_at, ttl = cache.get("expires_at"), _seconds(cache.get("ttl"))
    if isinstance(expires_at, bool) or not isinstance(expires_at, int | float) or not 0 < expires_at < 1e11:
        expires_at = None
    tokens = _object(data, "context_window").get("total_input_tokens", cache.get("recache_tokens_if_cold"))
    tokens = tokens if isinstance(tokens, int) and not isinstance(tokens, bool) and tokens > 0 else None
    is_compacted = "recache_tokens_if_cold" in cache and cache["recache_tokens_if_cold"] is None
    known = expires_at is not None and ttl is not None and not is_compacted
    return Told(expires_at if known else None, ttl if known else None, text_of(_object(data, "model"), "id"), tokens)


def _object(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = data.get(name)
    return value if isinstance(value, dict) else {}


def _seconds(ttl: object) -> int | None:
    """`5m` and `1h` as seconds."""
    if not isinstance(ttl, str) or not ttl[:-1].isdecimal() or len(ttl) > 4:
        return None
    seconds = int(ttl[:-1]) * _UNITS.get(ttl[-1], 0)
    return seconds if 0 < seconds <= 86400 else None


def line(told: Told, now: float, *, model_changed: bool = False) -> str:
    """`● 4m 12s warm · 142k`, `○ expired · 142k`, `○ nothing cached`."""
    if told.expires_at is None:
        return "○ nothing cached"
    left = min(told.expires_at - now, told.ttl or 0)
    if model_changed:
        state = "○ cold: another model"
    elif left <= 0:
        state = "○ expired"
    else:
        minutes, seconds = divmod(int(left), 60)
        state = f"● {f'{minutes}m ' if minutes else ''}{seconds}s warm"
    return f"{state} · {_thousands(told.tokens)}" if told.tokens else state


def _thousands(tokens: int) -> str:
    if tokens >= 1_000_000:
        return f"{tokens / 1_000_000:.1f}M"
    return f"{tokens // 1000}k" if tokens >= 1000 else str(tokens)


def _print(text: str) -> None:
    left = memoryview(f"{text}\n".encode())
    while left:
        left = left[os.write(1, left) :]


# ---- the note ----------------------------------------------------------------


def _note_news(data: Mapping[str, Any], told: Told, at: float) -> Told | None:
    """Write a note if the client reports another request; return what was known before. Raises PayloadError."""
    session_id = text_of(data, "session_id")
    if not session_id:
        raise PayloadError("no session_id in the JSON on standard input")
    where = paths.from_environment()
    memory = os.path.join(where.statusline, _file_name(session_id))
    before, last_note = _remembered(memory)
    if told.expires_at is None or (before is not None and before.is_same_request(told)):
        return before
    spool = Spool(where.spool)
    try:
        name = spool.write(encode(_note(data, session_id, told, at)), at)
        if last_note:
            spool.remove(last_note)
        _remember(memory, told, name, at, is_new=before is None)
    except OSError as error:
        raise PayloadError(f"can't write to {where.folder}: {error.strerror}") from error
    return before


def _note(data: Mapping[str, Any], session_id: str, told: Told, at: float) -> dict[str, Any]:
    note = {
        "kind": "statusline",
        "session_id": session_id,
        "at": at,
        "cwd": text_of(data, "cwd"),
        "project_folder": text_of(_object(data, "workspace"), "project_dir"),
        "title": text_of(data, "session_name"),
        "transcript_path": text_of(data, "transcript_path"),
        "expires_at": told.expires_at,
        "ttl_seconds": told.ttl,
        "entrypoint": text_of(os.environ, "CLAUDE_CODE_ENTRYPOINT"),
        **process_of(os.environ),
    }
    return {key: value for key, value in note.items() if value is not None}


def _file_name(session_id: str) -> str:
    """A name that no session id can lead out of the folder."""
    return "".join(c if (c.isalnum() and c.isascii()) or c in "-_" else f"%{ord(c):x}" for c in session_id)[:200]


def _remembered(path: str) -> tuple[Told | None, str]:
    """What was told last time and the name of the note that says it; None and empty where there was no last time."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None, ""
    try:
        expires_at, ttl, name, model = os.read(descriptor, 8192).decode().rstrip("\n").split("\t")
        return Told(float(expires_at), int(ttl), model or None), name
    except (OSError, ValueError):  # torn by a power cut: the same is told once more
        return None, ""
    finally:
        os.close(descriptor)


def _remember(path: str, told: Told, note: str, at: float, *, is_new: bool) -> None:
    text = f"{told.expires_at!r}\t{told.ttl}\t{note}\t{(told.model or '').replace(chr(9), ' ')}\n"
    flags = os.O_WRONLY | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    folder = os.path.dirname(path)
    try:
        descriptor = open_private(path, flags)
    except FileNotFoundError:
        make_private_folder(folder)
        descriptor = open_private(path, flags)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
    if is_new:
        _forget_old(folder, at)


def _forget_old(folder: str, now: float) -> None:
    """Once for each session: nothing else would ever take these files away."""
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                if now - entry.stat().st_mtime > KEPT_SECONDS:
                    os.unlink(entry.path)
            except OSError:
                pass  # another process was quicker


# ---- somebody else's command ------------------------------------------------


def _become(command: Sequence[str], raw: bytes) -> int:
    """Run `command` in our place with `raw` on its standard input; returns only where it can't be run."""
    if sys.platform == "win32":
        return _run(command, raw)
    reader, writer = os.pipe()
    if len(raw) <= _PIPE_BYTES:
        os.write(writer, raw)
    elif os.fork() == 0:
        _feed(reader, writer, raw)
    os.close(writer)
    os.dup2(reader, 0)  # the copy is inherited, the pipe's own two ends are not
    # The C part alone: `signal` imports enum, which costs milliseconds.
    import _signal  # type: ignore[import-not-found]  # noqa: PLC0415 - typeshed leaves it out

    _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)  # Python ignores it, and the command would inherit that
    try:
        os.execvp(command[0], list(command))  # noqa: S606 - that is what we are asked for
    except OSError as error:
        complain(f"statusline: {command[0]}: {error.strerror}")
        return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_RUNNABLE


def _feed(reader: int, writer: int, raw: bytes) -> None:
    """In a process of its own: write more than the pipe takes at once, until all is read or nobody reads."""
    os.close(reader)
    for inherited in (0, 1, 2):
        os.close(inherited)  # whoever waits for their end must not wait for us
    try:
        left = memoryview(raw)
        while left:
            left = left[os.write(writer, left) :]
    finally:
        os._exit(0)


def _run(command: Sequence[str], raw: bytes) -> int:
    """Where no process can become another one."""
    import subprocess  # noqa: PLC0415 - costs milliseconds, and is needed here only

    try:
        return subprocess.run(list(command), input=raw, check=False).returncode
    except OSError as error:
        complain(f"statusline: {command[0]}: {error.strerror}")
        return _NOT_FOUND
