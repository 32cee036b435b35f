"""The status line of Claude Code as a source: the client pipes its own view of the cache to a command of the user's.

The client runs it at each render, several times a second while a session works, so this is as cheap as a hook and
imports as little. A note is written only when the client reports another request than the last time; the last report of
each session is kept in a small file. A note that is still in the spool when the next one comes is removed, since the
newer one has all of it: so where no monitor runs there is at most one for each session.

`statusline` prints a short line of its own, whatever its input is. `statusline -- COMMAND...` becomes that command,
with the client's JSON on its standard input: its output, its exit code and its signals are its own, and no process of
ours stands in between.
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
from claude_session_status.heartbeat import monitor_runs, wake_monitor
from claude_session_status.private import (
    close_folder,
    make_private_folder,
    open_folder,
    open_private,
    read_private,
)
from claude_session_status.spool import Spool

TYPE_CHECKING = False  # importing typing would cost a render more than its own work
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

USAGE = "statusline: use `statusline`, or `statusline -- COMMAND...`"
KEPT_SECONDS = 2 * 86400.0  # a session's last report is forgotten so long after its last request
_PIPE_BYTES = 16 * 1024  # what a pipe takes without a reader, everywhere
_NOT_FOUND, _NOT_RUNNABLE = 127, 126  # a shell's exit codes
_UNITS = {"s": 1, "m": 60, "h": 3600}
_MOST_TOKENS = 1_000_000_000
_MOST_PERCENT = 1000
_LATEST = 1e11  # epoch seconds; a later moment is no moment
_REMEMBERED_BYTES = 8192
_LONGEST_NAME = 200  # of a file


def main(arguments: Sequence[str]) -> int:
    """Handle one render; the exit code: the command's own, or 0. Wrong usage is 2."""
    at = round(time.time(), 6)
    if arguments and (arguments[0] != "--" or len(arguments) < 2):
        complain(USAGE)
        return 2
    raw, report, before = b"", CacheReport(), None
    try:
        raw = read_input()
        data = parse(raw)
        report = report_of(data)
        before = _note_news(data, report, at)
    except PayloadError as error:
        complain(f"statusline: {error}")
    except Exception as error:
        complain(f"statusline: {reason(error)}")
    if arguments:
        return _become(arguments[1:], raw)
    try:
        _print(line(report, at, model_changed=before is not None and before.is_for_another_model(report)))
    except OSError as error:
        complain(f"statusline: standard output: {error.strerror}")
    return 0


class CacheReport:
    """The client's view of the cache: when it expires, its TTL in seconds, the model, the tokens in it.

    `expires_at` (epoch seconds) is None where nothing is cached, and where the client says nothing of it: `is_known`
    distinguishes the two. Clients before 2.1.251 report no cache, and newer ones none before the first response.
    """

    def __init__(
        self,
        expires_at: float | None = None,
        ttl: int | None = None,
        model: str | None = None,
        tokens: int | None = None,
        *,
        is_known: bool = False,
    ) -> None:
        self.expires_at = expires_at
        self.ttl = ttl
        self.model = model
        self.tokens = tokens
        self.is_known = is_known or expires_at is not None

    def is_same_request(self, other: CacheReport) -> bool:
        """Whether both are of one request."""
        return (self.expires_at, self.ttl) == (other.expires_at, other.ttl)

    def is_for_another_model(self, now: CacheReport) -> bool:
        """Whether the user chose another model since: the client still calls the cache warm, but it is of no use."""
        return self.is_same_request(now) and bool(self.model and now.model) and self.model != now.model


def report_of(data: Mapping[str, Any]) -> CacheReport:
    """What the client's JSON says of the cache; every field may be missing or of another type."""
    cache = _object(data, "prompt_cache")
    model = text_of(_object(data, "model"), "id")
    tokens = _object(data, "context_window").get("total_input_tokens", cache.get("recache_tokens_if_cold"))
    tokens = tokens if type(tokens) is int and 0 < tokens < _MOST_TOKENS else None
    expires_at, ttl = cache.get("expires_at"), _seconds(cache.get("ttl"))
    is_compacted = "recache_tokens_if_cold" in cache and cache["recache_tokens_if_cold"] is None
    if is_compacted or ("expires_at" in cache and expires_at is None):
        return CacheReport(model=model, tokens=tokens, is_known=True)
    is_moment = isinstance(expires_at, int | float) and not isinstance(expires_at, bool) and 0 < expires_at < _LATEST
    if not is_moment or ttl is None:
        return CacheReport(model=model, tokens=tokens)
    return CacheReport(expires_at, ttl, model, tokens)


def _object(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = data.get(name)
    return value if isinstance(value, dict) else {}


def _seconds(ttl: object) -> int | None:
    """`5m` and `1h` as seconds."""
    if not isinstance(ttl, str) or not ttl.isascii() or not ttl[:-1].isdecimal() or len(ttl) > 4:
        return None
    seconds = int(ttl[:-1]) * _UNITS.get(ttl[-1], 0)
    return seconds if 0 < seconds <= 86400 else None


def line(report: CacheReport, now: float, *, model_changed: bool = False) -> str:
    """`● warm until 14:32:05 · 142k`, `○ expired · 142k`, `○ nothing cached`, `○ no cache data · 142k`.

    The time of day, not the time left: the client runs us every 30 s while a session is idle; a countdown that stands
    still would be too long.
    """
    if report.expires_at is None:
        if report.is_known:
            return "○ nothing cached"
        state = "○ no cache data"
    elif model_changed:
        state = "○ cold: another model"
    elif (left := min(report.expires_at - now, report.ttl or 0)) <= 0:
        state = "○ expired"
    else:
        state = f"● warm until {time.strftime('%H:%M:%S', time.localtime(now + left))}"
    return f"{state} · {_thousands(report.tokens)}" if report.tokens else state


def _thousands(tokens: int) -> str:
    if tokens >= 1_000_000:
        return f"{tokens / 1_000_000:.1f}M"
    return f"{tokens // 1000}k" if tokens >= 1000 else str(tokens)


def _print(text: str) -> None:
    left = memoryview(f"{text}\n".encode())
    while left:
        left = left[os.write(1, left) :]


# ---- the note ----------------------------------------------------------------


def _note_news(data: Mapping[str, Any], report: CacheReport, at: float) -> CacheReport | None:
    """Write a note if the client reports another request; return its last report. Raises PayloadError."""
    session_id = text_of(data, "session_id")
    if not session_id:
        raise PayloadError("no session_id in the JSON on standard input")
    where = paths.from_environment()
    memory = os.path.join(where.statusline, _file_name(session_id))
    before, last_note = _remembered(memory)
    if report.expires_at is None or (before is not None and before.is_same_request(report)):
        return before
    spool = Spool(where.spool)
    try:
        name = spool.write(encode(_note(data, session_id, report, at)), at)
        if last_note:
            _remove(spool, last_note)
        _remember(memory, report, name, at, is_new=before is None)
    except OSError as error:
        raise PayloadError(f"can't write to {where.folder}: {error.strerror}") from error
    if monitor_runs(where.monitor_alive, at):
        wake_monitor(where.wake)
    return before


def _note(data: Mapping[str, Any], session_id: str, report: CacheReport, at: float) -> dict[str, Any]:
    note = {
        "kind": "statusline",
        "session_id": session_id,
        "at": at,
        "cwd": text_of(data, "cwd"),
        "project_folder": text_of(_object(data, "workspace"), "project_dir"),
        "title": text_of(data, "session_name"),
        "transcript_path": text_of(data, "transcript_path"),
        "expires_at": report.expires_at,
        "ttl_seconds": report.ttl,
        **_usage(data),
        "entrypoint": text_of(os.environ, "CLAUDE_CODE_ENTRYPOINT"),
        **process_of(os.environ),
    }
    return {key: value for key, value in note.items() if value is not None}


def _usage(data: Mapping[str, Any]) -> dict[str, Any]:
    """How much of the account's five-hour window is used, in percent, rounded up, and when it ends."""
    window = _object(_object(data, "rate_limits"), "five_hour")
    used, ends = window.get("used_percentage"), window.get("resets_at")
    if isinstance(used, bool) or not isinstance(used, int | float) or not 0 <= used <= _MOST_PERCENT:
        return {}
    is_moment = isinstance(ends, int | float) and not isinstance(ends, bool) and 0 < ends < _LATEST
    whole = int(used)
    return {
        "usage_percent": whole if whole == used else whole + 1,
        "usage_resets_at": ends if is_moment else None,
    }


def _file_name(session_id: str) -> str:
    """A name that no session id can lead out of the folder."""
    name = "".join(c if (c.isalnum() and c.isascii()) or c in "-_" else f"%{ord(c):x}" for c in session_id)
    if len(name) <= _LONGEST_NAME:
        return name
    import hashlib  # noqa: PLC0415 - costs milliseconds, and no client has such an id

    return hashlib.sha256(name.encode()).hexdigest()


def _remembered(path: str) -> tuple[CacheReport | None, str]:
    """The last report and the name of its note; None and empty where there is none."""
    try:
        expires_at, ttl, name, model = read_private(path, _REMEMBERED_BYTES).decode().rstrip("\n").split("\t")
        return CacheReport(float(expires_at), int(ttl), model or None), name
    except (OSError, ValueError):  # also torn by a power cut: the same note is written once more
        return None, ""


def _remove(spool: Spool, name: str) -> None:
    try:
        spool.remove(name)
    except OSError:
        pass  # it stays, and is applied before the newer one


def _remember(path: str, report: CacheReport, note: str, at: float, *, is_new: bool) -> None:
    text = f"{report.expires_at!r}\t{report.ttl}\t{note}\t{(report.model or '').replace(chr(9), ' ')}\n"
    flags = os.O_WRONLY | os.O_TRUNC
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
    """Remove the files of old sessions, once for each session: nothing else ever does."""
    handle = open_folder(folder)
    try:
        for name in os.listdir(folder if handle is None else handle):
            path = os.path.join(folder, name) if handle is None else name
            try:
                if now - os.stat(path, dir_fd=handle, follow_symlinks=False).st_mtime > KEPT_SECONDS:
                    os.unlink(path, dir_fd=handle)
            except OSError:
                pass  # another process was quicker
    finally:
        close_folder(handle)


# ---- the user's own command -------------------------------------------------


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
        os.execvp(command[0], list(command))  # noqa: S606 - the user's own command
    except OSError as error:
        complain(f"statusline: {command[0]}: {error.strerror}")
        return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_RUNNABLE


def _feed(reader: int, writer: int, raw: bytes) -> None:
    """In a child process: write more than the pipe takes at once, until all is read or nobody reads."""
    os.close(reader)
    for inherited in (0, 1, 2):
        os.close(inherited)  # a reader that waits for their end must not wait for us
    try:
        left = memoryview(raw)
        while left:
            left = left[os.write(writer, left) :]
    finally:
        os._exit(0)


def _run(command: Sequence[str], raw: bytes) -> int:
    """Run `command` as a child, on Windows, where a process can't be replaced; return its exit code."""
    import subprocess  # noqa: PLC0415 - costs milliseconds, and is needed here only

    try:
        return subprocess.run(list(command), input=raw, check=False).returncode
    except OSError as error:
        complain(f"statusline: {command[0]}: {error.strerror}")
        return _NOT_FOUND
