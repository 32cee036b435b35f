"""JSON that no client would write: fields of other types, at any depth, and lines that are damaged."""

import json
from copy import deepcopy
from random import Random
from typing import Any

Json = dict[str, Any]

ODD: tuple[object, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**30, -(10**30), 0.0, -0.5, 1e308, float("inf"), float("nan"), "", "7",
    "tool_use", "text", "m1", [], {}, [[]], [None], ["text"], {"type": ["text"]}, {"type": {}}, [{"type": []}],
    [{"type": 7}], [{"text": 7}], [{"text": ["x"]}], "\udfff", "x" * 2000, {"input_tokens": "1"},
)  # fmt: skip
# Texts that could steer a terminal, a menu, a bar or a database.
HOSTILE = (
    "\x1b]0;p\x07\x1b[2J", "a\x00b", "\x9b31m", "a\nb\r\tc", "\u202egnp.exe", "\u2028", "#{x}%{F#f00}", "&lt;<b>&",
    "\ud83d", "🌍" * 300, "é\u0301" * 40, "' OR 1=1 --", "../../etc/passwd", "C:\\a\\%PATH%", "$(calc)`calc`",
    "ｗ" * 99, "x" * 70_000, "\uffff", "\ufeff", " ", "/" * 500, "\u0e01\u0e33" * 60,
)  # fmt: skip


def line(random: Random, fields: Json, others: tuple[object, ...] = ()) -> bytes:
    """The object as a line: two of five times some fields are changed, one of seven times it is no whole line."""
    if random.random() < 0.4:
        for _ in range(random.randint(1, 3)):
            change(random, fields, others)
    raw = json.dumps(fields, ensure_ascii=random.random() < 0.9).encode("utf-8", "surrogatepass")
    return damage(random, raw) if random.random() < 0.15 else raw.replace(b"\n", b" ")


def change(random: Random, fields: Json, others: tuple[object, ...] = ()) -> None:
    """Replace, remove or add one field, at any depth, by something odd or one of `others`."""
    holder: Any = fields
    while True:
        inner = [value for value in holder.values() if isinstance(value, dict) and value]
        if not inner or random.random() < 0.4:
            break
        holder = random.choice(inner)
    key = random.choice(list(holder)) if holder else "type"
    match random.randint(0, 9):
        case 0:
            holder.pop(key, None)
        case 1:
            holder[key] = deep(random.choice((5, 500)))
        case 2 | 3 | 4 if others:
            holder[key] = random.choice(others)
        case _:
            holder[key] = deepcopy(random.choice(ODD))


def deep(depth: int) -> list[Any]:
    """A list in a list in a list."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def damage(random: Random, raw: bytes) -> bytes:
    """Cut the line, glue it to itself, or put bytes into it. A newline may get into it."""
    at = random.randint(0, len(raw))
    match random.randint(0, 6):
        case 0:
            return raw[:at]
        case 1:
            return raw[at:]
        case 2:
            return raw + raw
        case 3:
            return raw[:at] + raw
        case 4:
            return raw[:at] + random.randbytes(random.randint(1, 5)) + raw[at:]
        case 5:
            return b"[" * random.choice((1, 10_000)) + raw
        case _:
            return random.randbytes(random.randint(0, 200))
