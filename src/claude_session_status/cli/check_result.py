"""The result of one check, and the lines that show it.

GOOD: nothing to do. NOTE: worth knowing, not a fault. BAD: keeps the user from being notified in time.
"""

from dataclasses import dataclass
from enum import StrEnum

from claude_session_status.text_width import wrap

LEAST_ROOM = 20  # columns; below, the terminal wraps by itself
_INDENT = " " * 20  # below a check's meaning


class State(StrEnum):
    """The result of a check."""

    GOOD = "ok"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check.

    `command`: how to fix it, or what to do next; empty where there is nothing to do. `details`: more, one thing each.
    """

    name: str
    state: State
    meaning: str
    command: str = ""
    details: tuple[str, ...] = ()


def is_well(checks: tuple[Check, ...]) -> bool:
    """Whether no check is BAD."""
    return all(check.state is not State.BAD for check in checks)


def as_lines(checks: tuple[Check, ...], width: int | None = None) -> list[str]:
    """Return the report: each check with its details, and how to fix it. Wrapped at words; whole lines without a width.

    A command is never broken: it is to be copied.
    """
    lines = [line for check in checks for line in lines_of(check, width)]
    bad = sum(check.state is State.BAD for check in checks)
    lines.append("No problems found." if not bad else f"{bad} {'problem' if bad == 1 else 'problems'} found.")
    return lines


def lines_of(check: Check, width: int | None = None) -> list[str]:
    """Return the lines of one check, wrapped as by `as_lines`."""
    lines = _wrapped(f"{check.state.value:<5} {check.name:<13} ", check.meaning, width)
    for detail in check.details:
        lines += _wrapped(_INDENT, detail, width)
    if check.command:
        is_sentence = check.command[:1].isupper()
        lines += _wrapped(f"{_INDENT}-> ", check.command, width if is_sentence else None)
    return lines


def _wrapped(before: str, text: str, width: int | None) -> list[str]:
    one_line = " ".join(text.splitlines())
    room = None if width is None else width - len(before)
    parts = wrap(one_line, room) if room is not None and room >= LEAST_ROOM else [one_line]
    return [f"{before if number == 0 else ' ' * len(before)}{part}" for number, part in enumerate(parts)]
