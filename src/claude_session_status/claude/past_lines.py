"""What the lines of a transcript state about requests, each with its time.

`transcript_line` takes a line apart, as for the countdown. Most lines state what the line of their type before them
stated: all lines of a response have the same usage, and a tool's result has nothing that matters. So only a line that
differs from it, apart from time, uuid and text, is taken apart.
"""

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from claude_session_status.claude.payload import bounded
from claude_session_status.claude.token_counts import counts_of
from claude_session_status.claude.transcript_line import Line, line_at, short_text, timestamp
from claude_session_status.costs.request import TokenCounts

BLOCK = 1 << 18
LONGEST_LINE = 64 << 20  # bytes; a longer line is skipped
_CLIENT_ENDED = "cost-state"  # the client writes it when it ends: what follows comes from one that resumed the session


class Statement(NamedTuple):
    """What a line states, apart from its time and its uuid."""

    line: Line  # perhaps an earlier one that stated the same: its time and its uuid do not count
    tokens: TokenCounts | None = None
    request_id: str | None = None
    session_id: str | None = None  # of the session that made the request: another one in a fork's copy
    client_ended: bool = False


Moment = tuple[float | None, str | None, Statement]  # of a line: its time (epoch seconds), its uuid, what it states


def lines_from(descriptor: int, offset: int) -> Iterator[tuple[int, bytes]]:
    """The complete lines from `offset` on, each with its place in the file. Raises OSError."""
    os.lseek(descriptor, offset, os.SEEK_SET)
    with os.fdopen(os.dup(descriptor), "rb", BLOCK) as file:
        is_whole = True
        while raw := file.readline(LONGEST_LINE):
            is_end = raw.endswith(b"\n")
            if is_end and is_whole:
                yield offset, raw
            offset += len(raw)
            is_whole = is_end


class LineReader:
    """Reads the objects of one transcript. It changes the dicts that it is given."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[dict[str, Any], Statement]] = {}  # by type: the last line's fields, what they state

    def read(self, fields: dict[str, Any]) -> Moment | None:
        """What an object states; None where that does not matter."""
        kind = fields.get("type")
        if not isinstance(kind, str):
            return None
        if kind == _CLIENT_ENDED:
            return None, None, Statement(Line(None), client_ended=True)
        if kind == "assistant" and isinstance(message := fields.get("message"), dict):
            message.pop("content", None)  # its text states nothing about the request
        at, uuid = timestamp(fields), short_text(fields.pop("uuid", None))
        fields.pop("timestamp", None)
        last = self._last.get(kind)
        if last is not None and at is not None and last[0] == fields:
            return at, uuid, last[1]
        line = line_at(at, uuid, fields)
        if line is None:
            return None
        statement = _statement(line, fields)
        if line.response is None or line.response not in (uuid, "?"):  # else the uuid is part of what it states
            self._last[kind] = fields, statement
        return at, uuid, statement


def _statement(line: Line, fields: dict[str, Any]) -> Statement:
    message = fields.get("message")
    if line.response is None or not isinstance(message, dict):
        return Statement(line)
    tokens = counts_of(message.get("usage"), line.asked_ttl)
    return Statement(line, tokens, _id(fields.get("requestId")), _id(fields.get("requestSessionId")))


def _id(value: object) -> str | None:
    return bounded(value, 256) if isinstance(value, str) and value else None
