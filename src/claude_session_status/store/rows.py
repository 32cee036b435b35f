"""A session as a row of the table, both ways. Knows no database.

A field of `model.Session` is a column of the same name, and its type decides the column's type; only `request` and
`process` take several columns. So a new column is one field there and one migration in `schema`.

Other programs write to the table too. A value that no version of ours writes reads as "not known", and costs neither
the rest of its row nor the other rows.

Times in the table are UTC without a zone: fetching zoned ones needs another package.
"""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any, get_args, get_origin

from claude_session_status.last_request import LONGEST_TTL_SECONDS
from claude_session_status.model import LATEST_AT, Process, Request, Session, Source, Time
from claude_session_status.values import Value, field_types

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the table's times have no zone
_LARGEST = 1 << 53  # beyond this, programs that read our JSON lose digits


class _Column(Value):
    """How a field's value is written to a column of SQL type `sql`, and read back."""

    sql: str
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


# ---- one value --------------------------------------------------------------


def to_timestamp(at: float | None) -> datetime | None:
    """Epoch seconds as the table holds them."""
    return None if at is None else datetime.fromtimestamp(min(max(at, 0.0), LATEST_AT), UTC).replace(tzinfo=None)


def from_timestamp(moment: Any) -> float | None:
    """A time of the table in epoch seconds; None for infinity and for years before 1970."""
    if not isinstance(moment, datetime) or moment.tzinfo is not None:
        return None
    at = (moment - _EPOCH).total_seconds()
    return at if 0.0 <= at <= LATEST_AT else None


def _write_text(text: str | None) -> str | None:
    """A text column refuses lone surrogates, which are legal in JSON: one odd title must not stop everything else."""
    return text if text is None or text.isascii() else text.encode("utf-8", "replace").decode()


def _read_text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _read_int(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST else None


def _write_member(member: StrEnum | None) -> str | None:
    return member.value if member is not None else None


def _read_member(kind: type[StrEnum], value: Any) -> Any:
    return kind(value) if value in list(kind) else None


def _write_pairs(pairs: Sequence[tuple[Any, float]]) -> str | None:
    return _write_text(json.dumps(pairs)) if pairs else None


def _read_pairs(read_key: Callable[[Any], Any], text: Any) -> tuple[tuple[Any, float], ...]:
    """Pairs of a key and a number, which infinity is as well; the odd ones among them are left out."""
    try:
        pairs = json.loads(text) if text else []
        found = [(read_key(pair[0]), float(pair[1])) for pair in pairs if isinstance(pair, list) and len(pair) == 2]
    except (ValueError, TypeError, OverflowError, RecursionError):
        return ()
    return tuple((key, at) for key, at in found if key is not None and not math.isnan(at))


def _read_float(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


_TEXT = _Column("TEXT", _write_text, _read_text)
_COLUMNS: dict[Any, _Column] = {
    str: _TEXT,
    int: _Column("BIGINT", lambda value: value, _read_int),
    bool: _Column("BOOLEAN", bool, bool),
    Time: _Column("TIMESTAMP", to_timestamp, from_timestamp),
}


def _column_for(kind: Any) -> _Column:
    """The column of a field with this type, with `| None` or without."""
    if get_origin(kind) is tuple:
        key = get_args(get_args(kind)[0])[0]
        return _Column("TEXT", _write_pairs, partial(_read_pairs, _read_float if key is float else _read_text))
    kind = next((part for part in get_args(kind) if part in _COLUMNS or isinstance(part, type)), kind)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _Column("TEXT", _write_member, partial(_read_member, kind))
    return _COLUMNS[kind]


# ---- a row ------------------------------------------------------------------

_FIELDS = {name: _column_for(kind) for name, kind in field_types(Session).items() if name not in ("request", "process")}

# The columns that are no field: parts of the request and the process, and what only other programs read.
_PARTS = {
    "request_at": "TIMESTAMP",
    "ttl_seconds": "INTEGER",
    "source": "TEXT",
    "pid": "BIGINT",
    "pid_started": "BIGINT",
    "pid_namespace": "TEXT",
    "expires_at": "TIMESTAMP",
    "status": "TEXT",
}
COLUMNS = {name: column.sql for name, column in _FIELDS.items()} | _PARTS  # name -> SQL type; `session_id` is first
NAMES = tuple(COLUMNS)


Row = list[Any]  # the values in the order of `NAMES`


def row_of(session: Session) -> Row:
    """The session as values in the order of `NAMES`."""
    request, process = session.request, session.process
    return [
        *[column.write(getattr(session, name)) for name, column in _FIELDS.items()],
        to_timestamp(request.started_at) if request else None,
        request.ttl_seconds if request else None,
        request.source.value if request else None,
        process.pid if process else None,
        process.started if process else None,
        _write_text(process.namespace) if process else None,
        to_timestamp(request.expires_at) if request else None,
        "ended" if session.is_ended else "active",
    ]


def sessions_of(rows: Iterable[tuple[Any, ...]]) -> list[Session]:
    """The sessions of rows in the order of `NAMES`. A row without an id is left out."""
    return [session for row in rows if (session := _session_of(row)) is not None]


def _session_of(row: tuple[Any, ...]) -> Session | None:
    values = dict(zip(NAMES, row, strict=True))
    if not isinstance(values["session_id"], str):
        return None
    known = {name: column.read(values[name]) for name, column in _FIELDS.items()}
    return Session(**known, request=_request(values), process=_process(values))


def _request(values: dict[str, Any]) -> Request | None:
    started, ttl = from_timestamp(values["request_at"]), _read_int(values["ttl_seconds"])
    if started is None or not ttl:
        return None
    return Request(started, min(ttl, LONGEST_TTL_SECONDS), _read_member(Source, values["source"]) or Source.HOOK)


def _process(values: dict[str, Any]) -> Process | None:
    pid = _read_int(values["pid"])
    if not pid or pid >= 1 << 31:
        return None
    return Process(pid, _read_int(values["pid_started"]), _read_text(values["pid_namespace"]))


# ---- the statements ---------------------------------------------------------

_MARKS = ", ".join("?" * len(NAMES))
# An "upsert" of so many columns takes DuckDB twice as long to plan as either of these.
# A row's values come with the id last.
INSERT = f"INSERT INTO session_status ({', '.join((*NAMES[1:], NAMES[0]))}) VALUES ({_MARKS})"  # noqa: S608 - our names
UPDATE = f"UPDATE session_status SET {', '.join(f'{n} = ?' for n in NAMES[1:])} WHERE session_id = ?"  # noqa: S608
# For many rows at once, with a list of values for each column.
_LISTS = ", ".join(f"unnest(?::{sql}[]) AS {name}" for name, sql in COLUMNS.items())
INSERT_ALL = f"INSERT INTO session_status ({', '.join(NAMES)}) SELECT {_LISTS}"
UPDATE_ALL = (
    f"UPDATE session_status SET {', '.join(f'{n} = new.{n}' for n in NAMES[1:])}"  # noqa: S608
    f" FROM (SELECT {_LISTS}) AS new WHERE session_status.session_id = new.session_id"
)
FORGET = f"INSERT OR REPLACE INTO forgotten_sessions ({', '.join(NAMES)}) VALUES ({_MARKS})"  # noqa: S608


def select(table: str, present: Iterable[str] = NAMES) -> str:
    """The query for a table's rows in the order of `NAMES`; columns that are not `present` read as NULL."""
    there = set(present)
    columns = ", ".join(name if name in there else f"NULL AS {name}" for name in NAMES)
    return f"SELECT {columns} FROM {table}"  # noqa: S608 - our names
