"""The JSON object that Claude Code pipes to a hook or a status line: reads it, bounds it, and writes a note.

A hook imports this module, so it imports only `os` and the C part of json.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # importing typing would cost a hook more than its own work
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LARGEST_INPUT = 64 * 1024 * 1024  # bytes; a response can be long, but not like this
_LONGEST = 4096  # characters kept of any field
_MOST_QUOTES = 1_000_000  # after so many the end of the object is not looked for any more, only the end of the input
_LONGEST_NUMBER = 4000  # digits; Python refuses to make an int of more than 4,300
_QUOTE, _BACKSLASH = b'"', 0x5C


class PayloadError(Exception):
    """The event can't be recorded; the message says why, in one line."""


def read_input() -> bytes:
    """Standard input up to its end, or up to the end of one whole JSON object, whichever comes first.

    A client that keeps the pipe open must not keep its user waiting. Raises PayloadError for a terminal, and for more
    than could be an event.
    """
    try:
        if os.isatty(0):
            raise PayloadError("expects a JSON object on standard input; Claude Code calls this as a hook")
        parts, size, end = [], 0, ObjectEnd()
        while part := os.read(0, 1 << 20):
            size += len(part)
            if size > LARGEST_INPUT:
                raise PayloadError(f"more than {LARGEST_INPUT >> 20} MB on standard input")
            parts.append(part)
            if end.is_reached(part):
                break
    except OSError as error:
        raise PayloadError(f"standard input can't be read: {error.strerror}") from error
    return parts[0] if len(parts) == 1 else b"".join(parts)


class ObjectEnd:
    """Finds the end of a JSON object in bytes that come in parts, by braces outside of strings; each byte once."""

    def __init__(self) -> None:
        self._depth = 0
        self._has_begun = False
        self._in_string = False
        self._is_escaped = False  # the last part ended within a string, after an odd number of backslashes
        self._quotes_left = _MOST_QUOTES

    def is_reached(self, part: bytes) -> bool:
        """Whether a whole object has been given with this part."""
        at = 0
        while self._quotes_left > 0:
            self._quotes_left -= 1
            quote = part.find(_QUOTE, at)
            end = len(part) if quote < 0 else quote
            if self._in_string:
                start = end
                while start > at and part[start - 1] == _BACKSLASH:
                    start -= 1
                is_escaped = (end - start + (self._is_escaped and start == 0)) % 2 == 1
                self._in_string = quote < 0 or is_escaped
                self._is_escaped = quote < 0 and is_escaped
            else:
                opened = part.count(b"{", at, end)
                self._depth += opened - part.count(b"}", at, end)
                self._has_begun = self._has_begun or opened > 0
                self._in_string = quote >= 0
            if quote < 0:
                return self._has_begun and self._depth <= 0 and not self._in_string
            at = quote + 1
        return False


def parse(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`. Raises PayloadError when there is none."""
    text = raw.decode("utf-8-sig" if raw[:3] == b"\xef\xbb\xbf" else "utf-8", "replace").strip()
    if not text:
        raise PayloadError("standard input is empty")
    value = _parse_quickly(text)
    if value is None:
        import json  # noqa: PLC0415 - says what is wrong; imports `re`

        try:
            value = json.loads(text, parse_int=_whole_number)
        except (ValueError, RecursionError) as error:
            raise PayloadError(f"standard input is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise PayloadError("standard input is JSON, but not an object")
    return value


def _whole_number(digits: str) -> int | float:
    """The number; infinite where Python refuses to make an int of so many digits."""
    return int(digits) if len(digits) <= _LONGEST_NUMBER else float(digits)


class _ScannerSettings:
    """What json.JSONDecoder gives to the C scanner of CPython's json."""

    strict = False
    object_hook = None
    object_pairs_hook = None
    array_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
    memo: dict[str, str] = {}  # noqa: RUF012 - filled and emptied by the scanner


def _parse_quickly(text: str) -> Any:
    """`json.loads` by its C part alone, without importing `re`; None where that fails."""
    try:
        from _json import make_scanner  # noqa: PLC0415 - see above

        settings: Any = _ScannerSettings
        value, end = make_scanner(settings)(text, 0)
    except Exception:
        return None
    return value if end == len(text) else None


def text_of(data: Mapping[str, Any], *names: str) -> str | None:
    """The first of the fields that is a non-empty string, cut to 4096 characters."""
    for name in names:
        value = data.get(name)
        if isinstance(value, str) and value:
            return bounded(value)
    return None


def bounded(text: str, longest: int = _LONGEST) -> str:
    """The first `longest` characters, without lone surrogates, which are legal in JSON and nowhere else."""
    if text.isascii():
        return text[:longest]
    return text[:longest].encode("utf-8", "replace").decode()


def project_folder(environment: Mapping[str, str], cwd: str | None) -> str | None:
    """The folder in which the client was started, from the environment that it gives its hooks.

    None where it is no absolute path, or not written like the payload's `cwd`: a shell on Windows may see `/c/app` for
    `C:/app`.
    """
    folder = text_of(environment, "CLAUDE_PROJECT_DIR")
    if folder is None or not (folder[:1] == "/" or folder[1:2] == ":" or folder[:2] == "\\\\"):
        return None
    return None if cwd is not None and (folder[:1] == "/") != (cwd[:1] == "/") else folder


_GIT_POINTER = b"gitdir: "  # how the file begins that a git worktree has in place of the folder
_LONGEST_POINTER = 4096  # bytes


def worktree_project(folder: str | None) -> str | None:
    """`web-shop/fix-login` for the folder of a git worktree; None for any other folder, or what can't be read."""
    if not folder:
        return None
    try:
        descriptor = os.open(os.path.join(folder, ".git"), os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            text = os.read(descriptor, _LONGEST_POINTER)
        finally:
            os.close(descriptor)
    except (OSError, ValueError):  # mostly because it is a folder: a whole repository
        return None
    if not text.startswith(_GIT_POINTER):
        return None
    # .../web-shop/.git/worktrees/ID; a submodule points into .git/modules.
    parts = os.fsdecode(text[len(_GIT_POINTER) :]).strip().replace("\\", "/").split("/")
    if len(parts) < 4 or parts[-2] != "worktrees":
        return None
    repository = parts[-3].removesuffix(".git") or parts[-4]
    if repository.startswith("."):  # a bare repository in a hidden folder
        repository = parts[-4]
    name = os.path.basename(folder.replace("\\", "/").rstrip("/"))
    return f"{repository}/{name}" if repository and name else None


def encode(note: Mapping[str, Any]) -> bytes:
    """A flat object of texts and numbers as one line of JSON in ASCII, without importing json."""
    try:
        from _json import encode_basestring_ascii as quote  # noqa: PLC0415
    except ImportError:
        import json  # noqa: PLC0415

        quote = json.dumps
    pairs = (f"{quote(k)}: {quote(v) if isinstance(v, str) else repr(v)}" for k, v in note.items())
    return ("{" + ", ".join(pairs) + "}\n").encode()


def reason(error: Exception) -> str:
    """An error as text. An error that is meant for people has a `title`; asking for that needs no import."""
    return str(error) if hasattr(error, "title") else f"{type(error).__name__}: {error}"


def complain(message: str) -> None:
    """One line on stderr, whatever is in the message."""
    line = "".join(c if c.isprintable() else " " for c in message)[:500]
    try:
        os.write(2, f"claude-session-status {line}\n".encode("utf-8", "replace"))
    except OSError:
        pass  # stderr is closed
