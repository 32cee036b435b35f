"""Makes stdout and stderr take all that the product prints.

Windows gives a pipe its old code page, which has neither our marks nor every name in it: a table would end in an error,
and JSON, which is UTF-8 by its standard, would be something else. And a program without a console has no streams.
Whoever reads may leave early, as `head` does: that is no failure of ours.
"""

import codecs
import errno
import io
import os
import sys
from collections.abc import Mapping
from typing import TextIO

# The marks and bars of the table, which old encodings lack, and what stands for them there: "?" is a mark of its own.
PLAIN = {"●": "*", "▶": ">", "○": "o", "×": "x", "█": "#", "░": ".", "…": "~", "·": "-", "↑": "^", "↓": "v"}
PRINTED = "".join(PLAIN)


def make_fit(environ: Mapping[str, str] = os.environ) -> None:
    """See to sys.stdout and sys.stderr; a stream that can say everything stays as it is."""
    sys.stdout = _fit(sys.stdout, environ)
    sys.stderr = _fit(sys.stderr, environ)


def reader_has_left(error: OSError, platform: str = sys.platform) -> bool:
    """Whether nobody reads our output any more; then nothing more that is written to stdout complains of it."""
    # Windows says "invalid argument" to that, and names no file.
    is_windows_word = platform == "win32" and error.errno == errno.EINVAL and error.filename is None
    if not (isinstance(error, BrokenPipeError) or is_windows_word):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


def _fit(stream: TextIO | None, environ: Mapping[str, str]) -> TextIO:
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")
    if not isinstance(stream, io.TextIOWrapper) or _can_say(PRINTED, stream.encoding):
        return stream
    if stream.isatty() or environ.get("PYTHONIOENCODING"):
        codecs.register_error("plain marks", _plain)
        stream.reconfigure(errors="plain marks")  # whoever reads it has that encoding and no other
    else:
        stream.reconfigure(encoding="utf-8")
    return stream


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(character, "?") for character in error.object[error.start : error.end]), error.end


def _can_say(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
