"""How this program was called, so that a hint names a command that works: in a clone none is on PATH."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence

from claude_session_status import PROGRAM
from claude_session_status.claude.setup.hook_commands import MODULE, is_our_name

# The commands that a person types.
COMMANDS = (
    "setup",
    "uninstall",
    "tray",
    "watch",
    "status",
    "go",
    "keep-warm",
    "history",
    "hosts",
    "install-hooks",
    "uninstall-hooks",
    "doctor",
    "autostart",
    "config",
    "completion",
    "help",
)
_HINT = re.compile(rf"(?<![\w/\\.-]){PROGRAM}(?= (?:{'|'.join(COMMANDS)})\b)")  # not where a sentence names the program


def as_called(text: str) -> str:
    """Return `text` with each `claude-session-status COMMAND` in it as the person must type it here."""
    called = _called()
    return text if called == PROGRAM else _HINT.sub(lambda _: called, text)


def name_of_call(
    argv0: str, words: Sequence[str], on_path: str | None, is_same: Callable[[str, str], bool], *, windows: bool
) -> str:
    """Return how the program was called: its bare name where PATH leads to it, a path, or `python -m ...`.

    `argv0` is sys.argv[0], `words` is sys.orig_argv, `on_path` the file that the bare name starts.
    """
    if MODULE in words[:-1] and "-m" in words:
        return _join(words[: words.index(MODULE) + 1], windows=windows)
    if not is_our_name(argv0) or (on_path is not None and is_same(argv0, on_path)) or not os.path.dirname(argv0):
        return PROGRAM
    return _join([argv0], windows=windows)


def _join(words: Sequence[str], *, windows: bool) -> str:
    if windows:
        return " ".join(f'"{word}"' if " " in word else word for word in words)
    return shlex.join(words)


def _called() -> str:
    return name_of_call(
        sys.argv[0], sys.orig_argv, shutil.which(PROGRAM), _is_same_file, windows=sys.platform == "win32"
    )


def _is_same_file(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return os.path.normcase(os.path.splitext(other)[0]) == os.path.normcase(os.path.abspath(one))
