"""Reads a file of JSON lines backwards, and the objects in a line, even in a damaged one.

Transcripts of 100 MB are common, so the reader starts at the end and stops after a bounded number of bytes and lines.
A file can be damaged: a crash leaves a torn line or a run of zero bytes, a lost newline glues two objects together, a
bad byte lands in a text. Such damage must cost only the object it is in.
"""

import json
import os
from collections.abc import Iterator
from typing import Any

BLOCK = 64 * 1024
BYTES_LIMIT = 16 * 1024 * 1024  # from the end of the file
LINES_LIMIT = 20_000  # empty ones included; parsing that many takes about 0.1 s

_DECODER = json.JSONDecoder(strict=False)  # control characters in a text are accepted
_CONTROL = bytes(set(range(0x20)) - set(b"\t"))
_BETWEEN_OBJECTS = " \t\r\n,\ufeff\ufffd"
_SALVAGE_BYTES = 1024 * 1024  # no search for intact objects in a longer damaged line
_SALVAGE_ATTEMPTS = 64


def lines_backwards(descriptor: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of the file that are not empty, last first, each with its start's distance to the file's end.

    Stops at `BYTES_LIMIT` and `LINES_LIMIT`. Raises OSError.
    """
    rest: list[bytes] = []  # the known parts of a line whose start is not read yet, last part first
    position = size
    lines_left = LINES_LIMIT
    while position > 0 and size - position < BYTES_LIMIT:
        length = min(BLOCK, position)
        position -= length
        os.lseek(descriptor, position, os.SEEK_SET)
        block = os.read(descriptor, length)
        if len(block) < length:
            return  # truncated meanwhile: these parts never were one line
        parts = block.split(b"\n")
        start = position + length
        for part in reversed(parts[1:]):
            start -= len(part)
            rest.append(part)
            line = b"".join(reversed(rest))
            rest = []
            if line:
                yield size - start, line
            start -= 1
            lines_left -= 1
            if lines_left == 0:
                return
        rest.append(parts[0])
    if position == 0 and (line := b"".join(reversed(rest))):
        yield size, line


def objects_in(raw: bytes, *, is_unfinished: bool = False) -> list[dict[str, Any]]:
    """The JSON objects in a line, in order; normally one. Never raises.

    `is_unfinished`: no newline follows yet. Then nothing behind damage counts: it may be part of a half written object.
    """
    text = raw.decode("utf-8", "replace")
    try:
        value, end = _DECODER.raw_decode(text)
        if end == len(text):
            return [value] if isinstance(value, dict) else []
    except (ValueError, RecursionError):
        pass
    return _salvage(raw, is_unfinished=is_unfinished)


def _salvage(raw: bytes, *, is_unfinished: bool) -> list[dict[str, Any]]:
    """The intact objects of a line that is not just one object.

    Objects behind damage count only if they reach to the line's end. Others may be parts of the damaged object.
    """
    text = raw.translate(None, _CONTROL).decode("utf-8", "ignore")
    found: list[dict[str, Any]] = []
    before_damage: int | None = None
    at = 0
    for _ in range(_SALVAGE_ATTEMPTS):
        while at < len(text) and text[at] in _BETWEEN_OBJECTS:
            at += 1
        if at == len(text):
            return found
        if text[at] == "{":
            try:
                value, at = _DECODER.raw_decode(text, at)
            except ValueError:
                pass
            except RecursionError:
                break
            else:
                found.append(value)
                continue
        if before_damage is None:
            before_damage = len(found)
        del found[before_damage:]
        at = text.find('{"', at + 1)
        if at < 0 or is_unfinished or len(text) > _SALVAGE_BYTES:
            break
    return found[:before_damage]
