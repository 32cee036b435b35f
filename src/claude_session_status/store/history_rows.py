"""Requests as lines of a file, with tabs between the fields: readers leave them there for `history_tables`.

DuckDB reads such a file in a tenth of the time that passing values takes. This module does not import DuckDB: a process
that only reads transcripts starts in half the time.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from claude_session_status.costs.request import PastRequest
from claude_session_status.private import open_private

# The fields of a row, with DuckDB's types.
COLUMNS = {
    "key": "TEXT",
    "file": "TEXT",
    "is_own": "BOOLEAN",  # false: read in the transcript of a fork, which copies the lines of another session
    "host": "TEXT",  # NULL: this machine
    "session_id": "TEXT",
    "project": "TEXT",
    "kind": "TEXT",
    "model": "TEXT",
    "effort": "TEXT",
    "started_at": "BIGINT",  # microseconds since the epoch, UTC
    "ttl_seconds": "INTEGER",
    "context_tokens": "BIGINT",
    "read_tokens": "BIGINT",
    "written_5m_tokens": "BIGINT",
    "written_1h_tokens": "BIGINT",
    "input_tokens": "BIGINT",
    "output_tokens": "BIGINT",
    "previous_key": "TEXT",
    "gap_seconds": "DOUBLE",
    "previous_ttl_seconds": "INTEGER",
    "previous_context_tokens": "BIGINT",
    "rebuilt_tokens": "BIGINT",
    "cause": "TEXT",
}


@dataclass(frozen=True, slots=True)
class Read:
    """How far a transcript was read: `file` below the projects folder, its mark then, and the encoded position."""

    file: str
    mark: str
    position: str


class Row(NamedTuple):
    """A request, and where it was read: `file` below the projects folder, `is_own` if that is its session's own."""

    request: PastRequest
    file: str
    is_own: bool
    project: str | None


def write_rows(path: str, rows: Iterable[Row]) -> None:
    """Write requests to the file at `path` for `HistoryTables.add`. Raises OSError."""
    with open(open_private(path, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8", newline="") as file:
        file.writelines(map(_line, rows))


def _line(row: Row) -> str:
    """The fields in the order of the columns, with tabs between them; an empty one is NULL."""
    request, file, is_own, project = row
    tokens = request.tokens
    return (
        f"{_text(request.key)}\t{_text(file)}\t{is_own}\t\t{_text(request.session_id)}\t{_text(project)}\t{request.kind}\t"
        f"{_text(request.model)}\t{_text(request.effort)}\t{round(request.started_at * 1e6)}\t"
        f"{_number(request.ttl_seconds)}\t{tokens.context}\t{tokens.read}\t{tokens.written_5m}\t{tokens.written_1h}\t"
        f"{tokens.input}\t{tokens.output}\t{_text(request.previous_key)}\t{_number(request.gap_seconds)}\t"
        f"{_number(request.previous_ttl_seconds)}\t{_number(request.previous_context)}\t"
        f"{_number(request.rebuilt_tokens)}\t{_text(request.cause)}\n"
    )


def _number(value: float | None) -> str:
    return "" if value is None else str(value)


def _text(text: str | None) -> str:
    """The text without control characters, so that no tab and no line feed is in it."""
    if text is None or text.isprintable():
        return text or ""
    return "".join(c if c.isprintable() else "\ufffd" for c in text).encode("utf-8", "replace").decode()
