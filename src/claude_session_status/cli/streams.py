"""Prints for all commands: without control characters, and in an encoding that the stream can take.

Windows gives a pipe its old code page, which lacks the table's signs and some names: a table would end in an error, and
JSON, which is UTF-8 by its standard, would not be JSON. A program without a console has no streams. A reader may leave
early, as `head` does: that is not an error.
"""

import codecs
import errno
import io
import os
import sys
from collections.abc import Callable, Mapping
from typing import TextIO

from claude_session_status.printable import printable, replaced

# The table's signs and bars, which old encodings lack, and their stand-ins there: "?" is a sign with its own meaning.
PLAIN = {"●": "*", "▶": ">", "○": "o", "×": "x", "█": "#", "░": ".", "…": "~", "·": "-", "↑": "^", "↓": "v"}
SIGNS = "".join(PLAIN)


def echo(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print `text` to stdout, or to stderr, without anything that could steer the terminal."""
    _write(f"{printable(text)}\n" if nl else printable(text), sys.stderr if err else sys.stdout)


def _write(text: str, stream: TextIO | None) -> None:
    if stream is not None:  # pythonw has none
        stream.write(text)
        stream.flush()


def terminal_width() -> int | None:
    """Return the columns of the terminal that stdout is; None where it is none, or does not say."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError, AttributeError):  # a pipe, not even a file, or without a console
        return None


def echo_json(value: object, *, in_lines: bool = False) -> None:
    """Print `value` as JSON in readable characters; what could steer the terminal is escaped.

    `in_lines`: each element of a list takes one line instead of many, as there are thousands of them. The encoder for
    indented text is ten times slower.
    """
    import json  # noqa: PLC0415 - most commands print none

    encoder = json.JSONEncoder(ensure_ascii=False, indent=None if in_lines else 2)
    text = _in_lines(value, encoder.encode) if in_lines else encoder.encode(value)
    _write(replaced(text, lambda character: json.dumps(character)[1:-1]) + "\n", sys.stdout)


def _in_lines(value: object, encode: Callable[[object], str], start: str = "\n") -> str:
    """The value as JSON. `start`: a line feed and the indentation of the line that it begins in."""
    inner = start + "  "
    if isinstance(value, dict) and value:
        fields = (f"{inner}{encode(name)}: {_in_lines(one, encode, inner)}" for name, one in value.items())
        return f"{{{','.join(fields)}{start}}}"
    if isinstance(value, list) and value:
        return f"[{','.join(inner + encode(one) for one in value)}{start}]"
    return encode(value)


def prepare_streams(environ: Mapping[str, str] = os.environ) -> None:
    """Make sys.stdout and sys.stderr accept any text."""
    sys.stdout = _prepared(sys.stdout, environ)
    sys.stderr = _prepared(sys.stderr, environ)


def reader_has_left(error: OSError) -> bool:
    """Whether nobody reads our output any more. If so, later writes to stdout go nowhere and raise nothing."""
    # A closed terminal gives EIO. On Windows a closed pipe gives EINVAL, without a file name.
    number = errno.EINVAL if sys.platform == "win32" else errno.EIO
    if not (isinstance(error, BrokenPipeError) or (error.errno == number and error.filename is None)):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


def _prepared(stream: TextIO | None, environ: Mapping[str, str]) -> TextIO:
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    if not (_can_encode(SIGNS, stream.encoding) or stream.isatty() or environ.get("PYTHONIOENCODING")):
        stream.reconfigure(encoding="utf-8")
    codecs.register_error("plain", _plain)
    stream.reconfigure(errors="plain")  # a terminal has its encoding and no other: print what it can show
    return stream


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode what the encoding lacks: signs plainly, a path's undecodable bytes as they are, all else as "?"."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return b"".join(_plain_bytes(character, error.encoding) for character in text), error.end


def _plain_bytes(character: str, encoding: str) -> bytes:
    if "\udc80" <= character <= "\udcff":
        return bytes([ord(character) - 0xDC00])
    return PLAIN.get(character, "?").encode(encoding)


def _can_encode(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
