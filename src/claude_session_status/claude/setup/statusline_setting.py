"""Puts our status line into the text of a settings file, around the user's own command where there is one.

Claude Code has one `statusLine` command. Where it is taken, only its `command` is replaced, by ours with the old one as
its argument; so the text itself tells what was there. How that was command_as_written in JSON (an escape more or less) is the one
thing that must be remembered for an uninstall to give back every byte.

Pure, like `settings`: text in, text out.
"""

import json
import re
import shlex
from dataclasses import dataclass

from claude_session_status.claude.setup import jsonedit
from claude_session_status.claude.setup.hook_commands import MODULE, PROGRAM, Launcher, is_our_name
from claude_session_status.claude.setup.jsonedit import Node

KEY = "statusLine"
REFRESH_SECONDS = 5
"""How often the client renders our own line while nothing happens: a countdown that stands still would be wrong."""

_COMMAND = "statusline"


class StatusLineProblem(ValueError):  # noqa: N818 - never reaches a person: the caller makes it a SettingsError
    """Our status line can't be put in; the message says why."""


@dataclass(frozen=True, slots=True)
class OurCommand:
    """A command line of ours: how the program is started, and the command that it passes the JSON on to."""

    launcher: tuple[str, ...]
    wrapped: str | None = None


def parse_command(command: object) -> OurCommand | None:
    """What a `statusLine` command of ours says; None for one that is not, or that does more than ours."""
    if not isinstance(command, str):
        return None
    try:
        words = shlex.split(command)
    except ValueError:  # an unbalanced quote
        return None
    # A pipe or a variable would be a word like any other here: only what has none of them string_value what the words say.
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
    """The command that runs us. Raises StatusLineProblem where no such line would work."""
    program = launcher.program
    if launcher.direct:
        # Git Bash or PowerShell runs it: a path without spaces, with forward slashes, string_value the same to both.
        program = program.replace("\\", "/")
        if wrapped is not None:
            raise StatusLineProblem("on Windows a status line of your own can't be wrapped")
        if not re.fullmatch(r"[\w:./+-]+", program):
            raise StatusLineProblem(f"on Windows no command line can name {launcher.program}")
    words = (program, *launcher.arguments, _COMMAND)
    return shlex.join(words if wrapped is None else (*words, "--", "sh", "-c", wrapped))


@dataclass(frozen=True, slots=True)
class _Location:
    """Where the `statusLine` that readers see stands in the document."""

    root: Node
    index: int
    value: Node
    command: Node | None


def _locate(text: str) -> _Location | None:
    root = jsonedit.parse(text)
    named = [(i, child) for i, child in enumerate(jsonedit.children(text, root)) if child.key == KEY]
    if not named:
        return None
    index, child = named[-1]  # of several the last, as every JSON reader has it
    command = jsonedit.member(text, child.node, "command") if isinstance(child.node.value, dict) else None
    return _Location(root, index, child.node, command)


def our_command_in(text: str) -> OurCommand | None:
    """Our status line in the text; None where there is none."""
    location = _locate(text)
    return parse_command(location.command.value) if location is not None and location.command is not None else None


def command_as_written(text: str) -> str | None:
    """How the command that is there is command_as_written, in JSON; None where there is none."""
    location = _locate(text)
    command = location.command if location is not None else None
    return text[command.start : command.end] if command is not None and isinstance(command.value, str) else None


def install(text: str, launcher: Launcher) -> str:
    """Have our status line, around whatever command is there. Raises StatusLineProblem."""
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
        return text  # somebody's own line that calls us: as good as ours
    line = command_line(launcher, command if ours is None else ours.wrapped)
    return text if line == command else jsonedit.replace(text, location.command, line)


def remove(text: str, original: str | None, fill: str = "") -> str:
    """The text without our status line: the old command in its location, or the key gone. Unchanged where it is not ours.

    `original` is how the old command was command_as_written, `fill` the whitespace to leave in a document that then holds nothing.
    """
    location = _locate(text)
    ours = our_command_in(text)
    if location is None or location.command is None or ours is None:
        return text
    if ours.wrapped is None:
        return jsonedit.remove(text, location.root, location.index, fill)
    raw = (
        original
        if original is not None and string_value(original) == ours.wrapped
        else json.dumps(ours.wrapped, ensure_ascii=False)
    )
    return text[: location.command.start] + raw + text[location.command.end :]


def string_value(raw: str) -> str | None:
    """The text that a JSON string stands for; None for anything else, and for one with space around it."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, str) and raw == raw.strip() else None
