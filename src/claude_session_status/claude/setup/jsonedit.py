"""Edits JSON as text: adds, replaces and removes single values, and leaves every other byte as it was.

The indentation of a user's settings file, its line ends, a number written 1e3 and a key given twice must survive. So
nothing here prints a whole document. The standard library's scanner, which is strict once NaN and Infinity are refused,
finds where each value begins and ends; an edit is a slice of the text.

All functions take the text and return a new text. Positions are indices into that text, so a `Node` is valid only for
the text that it came from. `remove` is the exact inverse of `append`, except for the whitespace inside a container that
was empty: the caller remembers it (`filling`) and passes it back.
"""

import json
import re
from dataclasses import dataclass

BYTE_ORDER_MARK = "\ufeff"
_SPACE = re.compile(r"[ \t\n\r]*")
_NEWLINE = re.compile(r"\r\n|\n|\r")
_STRING = r'"(?:[^"\\]|\\.)*"'
_BEFORE_FIRST_ON_LINE = re.compile(rf"\ufeff?[ \t]*(?:{_STRING}[ \t]*:[ \t]*)?")
_FIRST_MEMBER = re.compile(rf"[{{]([ \t\n\r]*){_STRING}([ \t\n\r]*:[ \t\n\r]*)")


class JsonProblem(ValueError):  # noqa: N818 - never reaches a person: the caller turns it into a SettingsError
    """The text is not strict JSON. `line` and `column` count from 1."""

    def __init__(self, what: str, line: int, column: int) -> None:
        super().__init__(f"{what} at line {line}, column {column}")
        self.what = what
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its position: `text[start:end]` is how it is written. Of a key given twice `value` has the last."""

    start: int
    end: int
    value: object


@dataclass(frozen=True, slots=True)
class Child:
    """An item of an array, or a member of an object, which starts at its key. `key` is None for an item."""

    start: int
    key: str | None
    node: Node


@dataclass(frozen=True, slots=True)
class _Style:
    """How the document is written, for new text to look the same."""

    newline: str
    unit: str  # one step of indentation
    colon: str

    @property
    def comma(self) -> str:
        return "," if self.colon == ":" else ", "


def _refuse_constant(name: str) -> object:
    raise ValueError(name)


def _whole_number(digits: str) -> float:
    # int() refuses thousands of digits, which JSON allows. No such number is ever looked at here.
    return int(digits) if len(digits) < 100 else float(digits)


def _decode(text: str, start: int) -> tuple[object, int]:
    # Made for each call: a decoder at module level would be shared state.
    decoder = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_whole_number)
    return decoder.raw_decode(text, start)


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def is_blank(text: str) -> bool:
    """Nothing but whitespace, and perhaps a byte order mark."""
    return not text.removeprefix(BYTE_ORDER_MARK).strip(" \t\n\r")


def parse(text: str) -> Node:
    """The document's one value. Raises JsonProblem for anything that JSON.parse would refuse."""
    start = _root_start(text)
    try:
        value, end = _decode(text, start)
        rest = _after_space(text, end)
        if rest != len(text):
            raise json.JSONDecodeError("there is more after the end", text, rest)  # noqa: TRY301 - one place words it
    except json.JSONDecodeError as problem:
        comment = text[problem.pos : problem.pos + 2] in ("//", "/*")
        what = "a comment, which JSON does not have," if comment else problem.msg
        raise JsonProblem(what, problem.lineno, problem.colno) from None
    except RecursionError:
        raise JsonProblem("values nested too deeply", 1, 1) from None
    except ValueError as problem:
        line = text.count("\n", 0, text.find(str(problem))) + 1
        raise JsonProblem(f"{problem}, which JSON does not have,", line, 1) from None
    return Node(start, end, value)


def children(text: str, container: Node) -> tuple[Child, ...]:
    """Return the children of an object or array in order, a key given twice included; of any other value none."""
    if not isinstance(container.value, dict | list):
        return ()
    found: list[Child] = []
    position = _after_space(text, container.start + 1)
    while text[position] not in "]}":
        position = _after_space(text, position + 1) if text[position] == "," else position
        start, key = position, None
        if isinstance(container.value, dict):
            decoded, position = _decode(text, start)
            key = str(decoded)
            position = _after_space(text, _after_space(text, position) + 1)  # over the colon
        value, end = _decode(text, position)
        found.append(Child(start, key, Node(position, end, value)))
        position = _after_space(text, end)
    return tuple(found)


def member(text: str, container: Node, key: str) -> Node | None:
    """Return the value of `key`: the last of several, as JSON readers do."""
    return next((child.node for child in reversed(children(text, container)) if child.key == key), None)


def filling(text: str, container: Node) -> str | None:
    """The whitespace inside an object or array that holds nothing; None where it holds something."""
    inside = text[container.start + 1 : container.end - 1]
    return None if inside.strip(" \t\n\r") else inside


def append(text: str, container: Node, value: object, key: str | None = None) -> str:
    """Add an item at the end of an array, or a member `key` at the end of an object, in the style of its neighbours."""
    style = _style(text)
    name = "" if key is None else json.dumps(key, ensure_ascii=False) + style.colon
    held = children(text, container)
    if held:
        start, at = held[-1].start, held[-1].node.end
        if _first_on_line(text, start):
            indent = _indent(text, start)
            added = "," + style.newline + indent + name + _render(value, style, indent)
        else:
            added = style.comma + name + _render(value, style, None)
        return text[:at] + added + text[at:]
    opening, closing = text[: container.start + 1], text[container.end - 1 :]
    if not _first_on_line(text, container.start):
        return opening + name + _render(value, style, None) + closing
    outer = _indent(text, container.start)
    inner = outer + style.unit
    return opening + style.newline + inner + name + _render(value, style, inner) + style.newline + outer + closing


def replace(text: str, node: Node, value: object) -> str:
    """Replace a value."""
    indent = _indent(text, node.start) if _first_on_line(text, node.start) else None
    return text[: node.start] + _render(value, _style(text), indent) + text[node.end :]


def remove(text: str, container: Node, index: int, fill: str = "") -> str:
    """Remove the child at `index`, with the comma and the space before it. The last one leaves `fill` inside."""
    held = children(text, container)
    if len(held) == 1:
        return text[: container.start + 1] + fill + text[container.end - 1 :]
    if index == 0:
        return text[: held[0].start] + text[held[1].start :]
    return text[: held[index - 1].node.end] + text[held[index].node.end :]


def _root_start(text: str) -> int:
    return _after_space(text, len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0)


def _style(text: str) -> _Style:
    """Read the style from the root's first member; an empty document gets two spaces."""
    newline = _NEWLINE.search(text)
    first = _FIRST_MEMBER.match(text, _root_start(text))
    unit, colon = "  ", ": "
    if first:
        # A first member on the line of the brace does not show the indentation.
        lines = _NEWLINE.split(first[1])
        unit = lines[-1] if len(lines) > 1 else unit
        colon = ":" if first[2] == ":" else colon
    return _Style(newline[0] if newline else "\n", unit, colon)


def _line_start(text: str, position: int) -> int:
    return max(text.rfind("\n", 0, position), text.rfind("\r", 0, position)) + 1


def _first_on_line(text: str, position: int) -> bool:
    """Whether nothing is before it on its line but its own key."""
    return _BEFORE_FIRST_ON_LINE.fullmatch(text, _line_start(text, position), position) is not None


def _indent(text: str, position: int) -> str:
    line = text[_line_start(text, position) : position].removeprefix(BYTE_ORDER_MARK)
    return line[: len(line) - len(line.lstrip(" \t"))]


def _render(value: object, style: _Style, indent: str | None) -> str:
    """Write a value of ours as text: on one line, or over several that begin with `indent`."""
    if indent is None:
        return json.dumps(value, ensure_ascii=False, separators=(style.comma, style.colon))
    lines = json.dumps(value, ensure_ascii=False, indent=style.unit, separators=(",", style.colon))
    return lines.replace("\n", style.newline + indent)
