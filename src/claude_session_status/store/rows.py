"""The table's columns, and a session as a row of them. Knows no database: what is done with rows is `store`'s.

Times in the table are UTC without a zone: fetching zoned ones needs another package.
"""

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from claude_session_status.model import ClientStatus, Process, Request, Session, Source, Turn
from claude_session_status.reducer import LONGEST_TTL_SECONDS

# (column, type): the first six are documented and used by other tools; `title` is the original's seventh.
COLUMNS: tuple[tuple[str, str], ...] = (
    ("session_id", "TEXT PRIMARY KEY"),
    ("project", "TEXT"),
    ("cwd", "TEXT"),
    ("started_at", "TIMESTAMP"),
    ("last_turn_at", "TIMESTAMP"),
    ("status", "TEXT"),
    ("title", "TEXT"),
    ("expires_at", "TIMESTAMP"),
    ("ttl_seconds", "INTEGER"),
    ("request_at", "TIMESTAMP"),
    ("source", "TEXT"),
    ("context_tokens", "BIGINT"),
    ("model", "TEXT"),
    ("opened_at", "TIMESTAMP"),
    ("prompted_at", "TIMESTAMP"),
    ("answered_at", "TIMESTAMP"),
    ("waiting_at", "TIMESTAMP"),
    ("tool_at", "TIMESTAMP"),
    ("ended_at", "TIMESTAMP"),
    ("last_event_at", "TIMESTAMP"),
    ("uncached_at", "TIMESTAMP"),
    ("switched_at", "TIMESTAMP"),
    ("transcript_path", "TEXT"),
    ("transcript_mark", "TEXT"),
    ("transcript_at", "TIMESTAMP"),
    ("transcript_turn", "TEXT"),
    ("client_status", "TEXT"),
    ("client_status_at", "TIMESTAMP"),
    ("pid", "BIGINT"),
    ("pid_started", "BIGINT"),
    ("pid_namespace", "TEXT"),
    ("muted", "BOOLEAN"),
    ("alerts", "TEXT"),
    ("stamps", "TEXT"),
    ("found_at", "TIMESTAMP"),
    ("switched_back_at", "TIMESTAMP"),
    ("response_at", "TIMESTAMP"),
    ("ttl_written_at", "TIMESTAMP"),
    ("forgotten_at", "TIMESTAMP"),
)
NAMES = tuple(name for name, _ in COLUMNS)
_PLAIN = ("project", "cwd", "title", "context_tokens", "model", "transcript_path", "transcript_mark")
_MOMENTS = (
    "started_at", "last_turn_at", "opened_at", "prompted_at", "answered_at", "waiting_at", "tool_at", "ended_at",
    "last_event_at", "uncached_at", "switched_at", "transcript_at", "client_status_at", "switched_back_at",
    "response_at", "ttl_written_at",
    "found_at",
    "forgotten_at",
)  # fmt: skip

# An "upsert" of so many columns takes DuckDB twice as long to plan as either of these.
INSERT = f"INSERT INTO session_status ({', '.join(NAMES)}) VALUES ({', '.join('?' * len(NAMES))})"  # noqa: S608 - question marks
UPDATE = f"UPDATE session_status SET {', '.join(f'{n} = ?' for n in NAMES[1:])} WHERE session_id = ?"  # noqa: S608
SELECT = f"SELECT {', '.join(NAMES)} FROM session_status"  # noqa: S608 - our names
SELECT_FORGOTTEN = f"SELECT {', '.join(NAMES)} FROM forgotten_sessions"  # noqa: S608 - likewise
SELECT_ALL = (SELECT, SELECT_FORGOTTEN)


def row_of(session: Session) -> list[Any]:
    """The session as values in the order of `NAMES`."""
    request, process = session.request, session.process
    values: dict[str, Any] = {name: getattr(session, name) for name in _PLAIN}
    values |= {name: to_timestamp(getattr(session, name)) for name in _MOMENTS}
    values |= {
        "session_id": session.session_id,
        "status": "ended" if session.is_ended else "active",
        "expires_at": to_timestamp(request.expires_at) if request else None,
        "request_at": to_timestamp(request.started_at) if request else None,
        "ttl_seconds": request.ttl_seconds if request else None,
        "source": request.source.value if request else None,
        "transcript_turn": session.transcript_turn.value if session.transcript_turn else None,
        "client_status": session.client_status.value if session.client_status else None,
        "pid": process.pid if process else None,
        "pid_started": process.started if process else None,
        "pid_namespace": process.namespace if process else None,
        "muted": session.muted,
        "alerts": json.dumps(session.alerts) if session.alerts else None,
        "stamps": json.dumps(session.stamps) if session.stamps else None,
    }
    return [_holdable(values[name]) for name in NAMES]


def _holdable(value: Any) -> Any:
    """A lone surrogate, legal in JSON, is what a text column refuses; one odd title must not stop everything else."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) and not value.isascii() else value


def session_of(row: tuple[Any, ...]) -> Session:
    """The session of a row in the order of `NAMES`. What another program put into it is passed over."""
    values = dict(zip(NAMES, row, strict=True))
    started, ttl, source = from_timestamp(values["request_at"]), values["ttl_seconds"], values["source"]
    request = None
    if started is not None and ttl is not None:
        request = Request(started, min(ttl, LONGEST_TTL_SECONDS), _member(Source, source) or Source.HOOK)
    process = None
    if values["pid"] is not None and 0 < values["pid"] < 1 << 31:
        process = Process(values["pid"], values["pid_started"], values["pid_namespace"])
    told: dict[str, Any] = {name: values[name] for name in _PLAIN}
    told |= {name: from_timestamp(values[name]) for name in _MOMENTS}
    return Session(
        session_id=values["session_id"],
        **told,
        transcript_turn=_member(Turn, values["transcript_turn"]),
        client_status=_member(ClientStatus, values["client_status"]),
        request=request,
        process=process,
        muted=bool(values["muted"]),
        alerts=_pairs(values["alerts"]),
        stamps=_pairs(values["stamps"]),
    )


_Kind = TypeVar("_Kind", bound=StrEnum)


def _member(kind: type[_Kind], text: str | None) -> _Kind | None:
    return kind(text) if text in list(kind) else None


def _pairs(text: str | None) -> tuple[tuple[Any, float], ...]:
    try:
        return tuple((key, float(at)) for key, at in json.loads(text)) if text else ()
    except (ValueError, TypeError):
        return ()


_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the table's times have no zone
_LATEST = 253402300799.0  # the end of the year 9999, the last that a date can say


def to_timestamp(at: float | None) -> datetime | None:
    """Epoch seconds as the table holds them."""
    return None if at is None else datetime.fromtimestamp(min(max(at, 0.0), _LATEST), UTC).replace(tzinfo=None)


def from_timestamp(moment: datetime | None) -> float | None:
    """A time of the table in epoch seconds."""
    return (moment - _EPOCH).total_seconds() if isinstance(moment, datetime) else None
