"""The other machines of `config.toml`, in the keys `hosts` and `[[host]]`: read, checked and written. Pure.

`hosts = ["build"]` is enough for a machine that plain ssh reaches. A `[[host]]` table says more: another command than
ssh, such as `docker exec`, or where our program is there. One wrong entry leaves the others in effect.
"""

import json
import re
import reprlib
from collections.abc import Iterable
from typing import Any

from claude_session_status.model import Host
from claude_session_status.values import Value

LONGEST_NAME = 64
# No part begins with a dash, which ssh would read as an option. No slash: it ends the name in a session's key.
_NAME = re.compile(r"(?!-)(?!.*@-)[A-Za-z0-9._@%:+-]+")
_PROGRAM = re.compile(r"(?!-)[A-Za-z0-9._@%:+=/~-]+")  # in every shell such a word means itself
NAME_RULE = "a name of at most 64 letters, digits and . _ @ % : + -, and none that begins with -"
_COMMAND_RULE = 'a list of a program and its arguments such as ["docker", "exec", "-i", "dev"]'
_PROGRAM_RULE = 'a path there without blanks such as "~/.local/bin/claude-session-status"'
KEYS = ("hosts", "host")
_TABLE_KEYS = ("name", "command", "program")


class HostError(ValueError):
    """A value that no host can have; the message says which are allowed."""


class Problem(Value):
    """A mistake in the file, and its line from 1."""

    line: int
    text: str


def checked_name(value: object) -> str:
    """Return the name of a host. Raises HostError."""
    if not isinstance(value, str) or len(value) > LONGEST_NAME or _NAME.fullmatch(value) is None:
        raise HostError(NAME_RULE)
    return value


def checked_command(value: object) -> tuple[str, ...]:
    """Return the command that runs another one on the host. Raises HostError."""
    words = value if isinstance(value, list | tuple) else ()
    if not words or not all(isinstance(word, str) and word.isprintable() for word in words) or not words[0]:
        raise HostError(_COMMAND_RULE)
    return tuple(words)


def checked_program(value: object) -> str:
    """Return where our program is on the host. Raises HostError."""
    if not isinstance(value, str) or _PROGRAM.fullmatch(value) is None:
        raise HostError(_PROGRAM_RULE)
    return value


# ---- from the file ------------------------------------------------------------


def read(table: dict[str, Any], text: str) -> tuple[tuple[Host, ...], tuple[Problem, ...]]:
    """Return the hosts of a parsed file, `hosts` before `[[host]]`, and its mistakes. `text` is the file's."""
    found: list[Host] = []
    problems: list[Problem] = []
    for line, host in [*_plain(table, text, problems), *_tables(table, text, problems)]:
        if any(other.name == host.name for other in found):
            problems.append(Problem(line, f"the host {host.name!r} is listed twice; the first entry counts"))
        else:
            found.append(host)
    return tuple(found), tuple(problems)


def _plain(table: dict[str, Any], text: str, problems: list[Problem]) -> Iterable[tuple[int, Host]]:
    names = table.get("hosts", [])
    if not isinstance(names, list):
        rule = 'hosts must be a list of machines for ssh such as ["build", "me@gpu-box"], [] for none'
        problems.append(Problem(_line_of_key(text, "hosts"), f"{rule}, not {reprlib.repr(names)}"))
        return
    for name in names:
        line = _line_of_entry(text, name)
        try:
            yield line, Host(checked_name(name))
        except HostError as allowed:
            problems.append(Problem(line, f"a host must be {allowed}, not {reprlib.repr(name)}"))


def _tables(table: dict[str, Any], text: str, problems: list[Problem]) -> Iterable[tuple[int, Host]]:
    tables = table.get("host", [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        line = _line_of_key(text, "host")
        problems.append(Problem(line, f"host must be tables, each under a line [[host]], not {reprlib.repr(tables)}"))
        return
    heads = [number for number, line in enumerate(text.splitlines(), 1) if _HEAD.match(line)]
    for number, entry in enumerate(tables):
        # Without such lines, the tables are written within one value.
        first = heads[number] if len(heads) == len(tables) else _line_of_key(text, "host")
        values = dict(_values(entry, text, first, problems))
        if "name" not in entry:
            problems.append(Problem(first, f"a [[host]] needs a name: {NAME_RULE}"))
        elif values.keys() >= entry.keys() & set(_TABLE_KEYS):  # else it would be reached in another way than meant
            yield first, Host(**values)


def _values(entry: dict[str, Any], text: str, first: int, problems: list[Problem]) -> Iterable[tuple[str, Any]]:
    checks = {"name": checked_name, "command": checked_command, "program": checked_program}
    for key, value in entry.items():
        line = _line_in_table(text, first, key)
        if key not in checks:
            import difflib  # noqa: PLC0415 - slow, and for a mistake only

            similar = difflib.get_close_matches(key, _TABLE_KEYS, 1)
            meant = f"Did you mean {similar[0]}?" if similar else f"Known keys: {', '.join(_TABLE_KEYS)}"
            problems.append(Problem(line, f"unknown key {key!r} in [[host]]. {meant}"))
            continue
        try:
            yield key, checks[key](value)
        except HostError as allowed:
            problems.append(Problem(line, f"{key} must be {allowed}, not {reprlib.repr(value)}"))


_HEAD = re.compile(r"\s*\[\[\s*[\"']?host[\"']?\s*\]\]")


def _line_of_key(text: str, key: str) -> int:
    pattern = re.compile(rf"""\s*\[*\s*["']?{re.escape(key)}(?![\w-])""")
    return next((number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line)), 1)


def _line_of_entry(text: str, name: object) -> int:
    """The line of an entry of `hosts`; the line of the key where the entry is not found as it is."""
    first = _line_of_key(text, "hosts")
    quoted = (f'"{name}"', f"'{name}'")
    lines = text.splitlines()[first - 1 :]
    return next((number for number, line in enumerate(lines, first) if any(q in line for q in quoted)), first)


def _line_in_table(text: str, first: int, key: str) -> int:
    pattern = re.compile(rf"""\s*["']?{re.escape(key)}(?![\w-])""")
    for number, line in enumerate(text.splitlines()[first:], first + 1):
        if line.lstrip().startswith("["):
            break
        if pattern.match(line):
            return number
    return first


# ---- to the file --------------------------------------------------------------


def is_plain(host: Host) -> bool:
    """Whether an entry in `hosts` says all of it."""
    return not host.command and host.program is None


def as_toml(hosts: Iterable[Host]) -> str:
    """Return the `[[host]]` tables of the hosts that need one."""
    return "".join(_table(host) for host in hosts if not is_plain(host))


def _table(host: Host) -> str:
    return "\n[[host]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in values_of(host).items())


def values_of(host: Host) -> dict[str, Any]:
    """Return the keys and values of the host's `[[host]]` table."""
    values: dict[str, Any] = {"name": host.name}
    if host.command:
        values["command"] = list(host.command)
    if host.program is not None:
        values["program"] = host.program
    return values


def _toml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)  # every text here is printable
