"""Puts our status line into the text of a settings file, around the user's own command where there is one.

Claude Code has one `statusLine` command. Where the user has one, only its `command` is replaced: by ours, with the old
one as its argument. So the text itself shows what was there. How the old command was written in JSON (an escape more or
less) is remembered, so that an uninstall gives back every byte.

Pure: text in, text out.
"""

import json
import re
import shlex
from dataclasses import dataclass

from claude_session_status import PROGRAM
from claude_session_status.claude.setup import jsonedit
from claude_session_status.claude.setup.hook_commands import MODULE, Launcher, is_our_name
from claude_session_status.claude.setup.jsonedit import Node

KEY = "statusLine"
REFRESH_SECONDS = 30
"""How often the client runs our own line while nothing happens, so that an idle session's state stays fresh."""

_COMMAND = "statusline"


class StatusLineProblem(ValueError):  # noqa: N818 - never reaches a person: the caller turns it into a SettingsError
    """Our status line can't be put in; the message says why."""


@dataclass(frozen=True, slots=True)
class OurCommand:
    """A status line command of ours: how the program is started, and the user's own command that it runs."""

    launcher: tuple[str, ...]
    wrapped: str | None = None


def parse_command(command: object) -> OurCommand | None:
    """Read a `statusLine` command of ours; None for one that is not ours, or that does more."""
    if not isinstance(command, str):
        return None
    try:
        words = shlex.split(command)
    except ValueError:  # an unbalanced quote
        return None
    # shlex treats a pipe or a variable as a word. Only a line without them is the same after a split and a join.
    if shlex.join(words) != command or _COMMAND not in words:
        return None
    at = words.index(_COMMAND)
    launcher, rest = words[:at], words[at + 1 :]
    if not (launcher[-2:] == ["-m", MODULE] or (len(launcher) == 1 and is_our_name(launcher[0]))):
        return None
    if not rest:
        return OurCommand(tuple(launcher))
    if rest[0] != "--" or len(rest) < 2:
        return None
    is_line = rest[1:3] == ["sh", "-c"] and len(rest) == 4
    return OurCommand(tuple(launcher), rest[3] if is_line else shlex.join(rest[1:]))


def command_line(launcher: Launcher, wrapped: str | None = None) -> str:
    """Return the command that runs us. Raises StatusLineProblem where no such line would work."""
    program = launcher.program
    if launcher.direct:
        # Git Bash or PowerShell runs it. Both read a path without spaces and with forward slashes the same way.
        program = program.replace("\\", "/")
        if wrapped is not None:
            raise StatusLineProblem("on Windows a status line of your own can't be wrapped")
        if not re.fullmatch(r"[\w:./+-]+", program):
            raise StatusLineProblem(f"on Windows no command line can name {launcher.program}")
    words = (program, *launcher.arguments, _COMMAND)
    return shlex.join(words if wrapped is None else (*words, "--", "sh", "-c", wrapped))


@dataclass(frozen=True, slots=True)
class _Location:
    """Where the `statusLine` that readers see is in the document."""

    root: Node
    index: int
    value: Node
    command: Node | None


def _locate(text: str) -> _Location | None:
    root = jsonedit.parse(text)
    named = [(i, child) for i, child in enumerate(jsonedit.children(text, root)) if child.key == KEY]
    if not named:
        return None
    index, child = named[-1]  # JSON readers take the last of several
    command = jsonedit.member(text, child.node, "command") if isinstance(child.node.value, dict) else None
    return _Location(root, index, child.node, command)


def our_command_in(text: str) -> OurCommand | None:
    """Return our status line in the text; None where there is none."""
    location = _locate(text)
    return parse_command(location.command.value) if location is not None and location.command is not None else None


def command_as_written(text: str) -> str | None:
    """Return the JSON that the present command is written as; None where there is no command."""
    location = _locate(text)
    command = location.command if location is not None else None
    return text[command.start : command.end] if command is not None and isinstance(command.value, str) else None


def install(text: str, launcher: Launcher) -> str:
    """Return the text with our status line, around the command that is there. Raises StatusLineProblem."""
    location = _locate(text)
    if location is None:
        own = {"type": "command", "command": command_line(launcher), "refreshInterval": REFRESH_SECONDS}
        return jsonedit.append(text, jsonedit.parse(text), own, KEY)
    value = location.value.value
    if not isinstance(value, dict) or value.get("type") != "command" or location.command is None:
        raise StatusLineProblem(f'"{KEY}" is there, but runs no command')
    command = location.command.value
    if not isinstance(command, str) or not command.strip():
        raise StatusLineProblem(f'"{KEY}" is there, but its command is not a text')
    ours = parse_command(command)
    if ours is None and re.search(rf"(?:{PROGRAM}|{MODULE})\S*\s+{_COMMAND}\b", command):
        return text  # the user's own command runs ours
    line = command_line(launcher, command if ours is None else ours.wrapped)
    return text if line == command else jsonedit.replace(text, location.command, line)


def remove(text: str, as_written: str | None, fill: str = "") -> str:
    """Return the text without our status line: with the wrapped command instead, or without the key.

    `as_written` is the JSON that the wrapped command was written as; `fill` is the whitespace for a document that then
    holds nothing. A status line that is not ours stays.
    """
    location = _locate(text)
    ours = our_command_in(text)
    if location is None or location.command is None or ours is None:
        return text
    if ours.wrapped is None:
        return jsonedit.remove(text, location.root, location.index, fill)
    is_same = as_written is not None and string_value(as_written) == ours.wrapped
    restored = as_written if is_same and as_written else json.dumps(ours.wrapped, ensure_ascii=False)
    return text[: location.command.start] + restored + text[location.command.end :]


def string_value(written: str) -> str | None:
    """Return the value of a JSON string; None for any other JSON, and for one with space around it."""
    try:
        value = json.loads(written)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, str) and written == written.strip() else None
