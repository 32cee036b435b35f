"""The table of sessions in DuckDB: schema, migrations, short opens. The only module that opens the database.

DuckDB lets one process write or several read, and an open handle of either kind shuts the other kind out. So nobody
keeps one: every access opens, works and closes within milliseconds, and tries again where another was quicker.

Times in the table are UTC without a zone: fetching zoned ones needs another package. The native module is imported
where it can be: the same `connect`, for a fifth of the time that the package around it takes.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from claude_session_status.errors import StoreBrokenError, StoreLockedError, StoreNewerError
from claude_session_status.model import ClientStatus, Process, Request, Session, Source, Turn
from claude_session_status.spool import make_private_folder

if TYPE_CHECKING:
    import duckdb
else:
    try:
        import _duckdb as duckdb
    except ImportError:
        import duckdb

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
)
_NAMES = tuple(name for name, _ in COLUMNS)
_PLAIN = ("project", "cwd", "title", "context_tokens", "model", "transcript_path", "transcript_mark")
_MOMENTS = (
    "started_at", "last_turn_at", "opened_at", "prompted_at", "answered_at", "waiting_at", "tool_at", "ended_at",
    "last_event_at", "uncached_at", "switched_at", "transcript_at", "client_status_at",
)  # fmt: skip

# An "upsert" of so many columns takes DuckDB twice as long to plan as either of these.
_INSERT = f"INSERT INTO session_status ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608 - question marks
_UPDATE = f"UPDATE session_status SET {', '.join(f'{n} = ?' for n in _NAMES[1:])} WHERE session_id = ?"  # noqa: S608
_SELECT = f"SELECT {', '.join(_NAMES)} FROM session_status"  # noqa: S608 - our names

_LAST_SIGN = "greatest(last_event_at, last_turn_at, transcript_at, started_at)"

_ONE_THREAD: dict[str, Any] = {"threads": "1"}  # queries this small only wait for more to start
TRIES = 6
_FIRST_WAIT_SECONDS = 0.02  # doubled after each try: 0.02 + 0.04 + ... + 0.32 = 0.62 s in all


class Store:
    """The database at `path`. Nothing is opened before a method is called, and nothing stays open after it."""

    def __init__(self, path: str, sleep: Callable[[float], None] = time.sleep, tries: int = TRIES) -> None:
        self.path = path
        self.tries = tries
        self._sleep = sleep

    def stamp(self) -> tuple[int, int] | None:
        """Changes whenever somebody has written the database; one stat call. None when there is none yet."""
        try:
            status = os.stat(self.path)
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size

    def load(self, since: float | None = None, ended_since: float | None = None) -> list[Session]:
        """All sessions; with `since` (epoch seconds) only those heard of after it, ended ones after `ended_since`.

        Raises StoreLockedError, StoreNewerError or StoreBrokenError.
        """
        if not os.path.exists(self.path):
            return []
        query, values = _SELECT, []
        if since is not None:
            query += f" WHERE {_LAST_SIGN} >= CASE WHEN status = 'ended' THEN ? ELSE ? END"
            values = [_to_timestamp(ended_since), _to_timestamp(since)]
        with self._open(read_only=True) as connection:
            if connection is None:
                return []
            return [_session(row) for row in connection.execute(query, values).fetchall()]

    def update(self, session_ids: Iterable[str], change: Callable[[dict[str, Session]], Iterable[Session]]) -> None:
        """Hand the remembered ones of `session_ids` to `change` and remember what it returns, in one transaction.

        Raises StoreLockedError, StoreNewerError or StoreBrokenError; then nothing was changed.
        """
        ids = list(dict.fromkeys(session_ids))
        with self._open(read_only=False) as connection:
            assert connection is not None  # noqa: S101 - a writable open makes the table
            connection.execute("BEGIN")
            marks = ", ".join("?" * len(ids))
            found = connection.execute(f"{_SELECT} WHERE session_id IN ({marks})", ids).fetchall() if ids else []
            before = {row[0]: _session(row) for row in found}
            changed = [_row(s) for s in change(before)]
            new = [row for row in changed if row[0] not in before]
            old = [(*row[1:], row[0]) for row in changed if row[0] in before]
            if new:
                connection.executemany(_INSERT, new)
            if old:
                connection.executemany(_UPDATE, old)
            connection.execute("COMMIT")

    @contextmanager
    def _open(self, *, read_only: bool) -> "Iterator[duckdb.DuckDBPyConnection | None]":
        """A connection to a database with our schema; None where a reader finds one without any table."""
        old_mask = os.umask(0o077)  # DuckDB makes the file, and its log beside it
        try:
            connection = self._connect(read_only=read_only)
            try:
                version = _version(connection)
                if version == 0 and _column_names(connection):
                    connection.close()  # closing any other handle on the file would drop DuckDB's lock
                    _keep_copy(self.path, f"{self.path}.original")
                    connection, read_only = self._connect(read_only=False), False
                    version = _version(connection)
                if version > len(MIGRATIONS):
                    raise StoreNewerError(
                        f"{self.path} was written by a newer version of claude-session-status",
                        "Upgrade: pip install --upgrade claude-session-status",
                    )
                if version < len(MIGRATIONS) and not read_only:
                    _migrate(connection, version)
                yield None if version < len(MIGRATIONS) and read_only else connection
            finally:
                connection.close()
        except duckdb.Error as error:
            raise StoreBrokenError(f"{self.path} can't be read: {_first_line(error)}", _BROKEN_ADVICE) from error
        except RuntimeError as error:
            if "interrupted" not in str(error):
                raise
            raise KeyboardInterrupt from error  # what a Ctrl-C within a query becomes
        finally:
            os.umask(old_mask)

    def _connect(self, *, read_only: bool) -> "duckdb.DuckDBPyConnection":
        wait = _FIRST_WAIT_SECONDS
        if not read_only:
            make_private_folder(os.path.dirname(self.path))
        for attempt in range(self.tries):
            try:
                return duckdb.connect(self.path, read_only=read_only, config=_ONE_THREAD)
            except duckdb.IOException as error:
                if not says_locked(str(error), sys.platform, is_file=os.path.isfile(self.path)):
                    raise StoreBrokenError(
                        f"{self.path} can't be opened: {_first_line(error)}", _BROKEN_ADVICE
                    ) from error
                if attempt + 1 == self.tries:
                    raise StoreLockedError(
                        f"{self.path} is locked by another program", "Close it there; no event is lost meanwhile"
                    ) from error
            except duckdb.Error as error:
                raise StoreBrokenError(f"{self.path} can't be opened: {_first_line(error)}", _BROKEN_ADVICE) from error
            self._sleep(wait)
            wait *= 2
        raise AssertionError("unreachable")


_BROKEN_ADVICE = "Move it away: the next event starts a new one"


def says_locked(text: str, platform: str, *, is_file: bool) -> bool:
    """Whether DuckDB could not open a file for the sole reason that another process has it open.

    On Windows the reason comes in the person's language; but there a file that is there and can't be opened is in use.
    """
    if platform == "win32":
        return is_file and "Cannot open file" in text
    return "Could not set lock" in text


# ---- migrations -------------------------------------------------------------


def _create(connection: "duckdb.DuckDBPyConnection") -> None:
    """Version 1: our table; the rows of the original, which had local times, are carried over."""
    old: list[tuple[Any, ...]] = []
    if names := _column_names(connection):
        title = "title" if "title" in names else "NULL"
        old = connection.execute(
            f"SELECT session_id, project, cwd, started_at, last_turn_at, status, {title} FROM session_status"  # noqa: S608
        ).fetchall()
        connection.execute("DROP TABLE session_status")
    connection.execute(f"CREATE TABLE session_status ({', '.join(f'{name} {kind}' for name, kind in COLUMNS)})")
    for session_id, project, cwd, started_at, last_turn_at, status, title in old:
        started, turn = _from_local(started_at), _from_local(last_turn_at)
        # The original set the time of the last turn at the start as well: then no turn has been.
        answered = turn if turn != started else None
        session = Session(
            session_id=session_id,
            project=project or None,
            cwd=cwd or None,
            title=title or None,
            started_at=started,
            opened_at=started,
            last_turn_at=answered,
            answered_at=answered,
            ended_at=turn if status == "ended" else None,
            last_event_at=turn,
            request=Request(answered, 300, Source.HOOK) if answered is not None else None,
        )
        connection.execute(_INSERT, _row(session))


MIGRATIONS: tuple[Callable[["duckdb.DuckDBPyConnection"], None], ...] = (_create,)


def _migrate(connection: "duckdb.DuckDBPyConnection", version: int) -> None:
    """Bring a database of `version` (0: none of ours) to the newest one, wholly or not at all."""
    connection.execute("BEGIN")
    connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, applied_at TIMESTAMP)")
    for number, migrate in enumerate(MIGRATIONS[version:], version + 1):
        migrate(connection)
        connection.execute("INSERT INTO schema_version VALUES (?, ?)", [number, datetime.now(UTC).replace(tzinfo=None)])
    connection.execute("COMMIT")


def _version(connection: "duckdb.DuckDBPyConnection") -> int:
    try:
        found = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    except duckdb.CatalogException:
        return 0
    return int(found[0]) if found and found[0] is not None else 0


def _column_names(connection: "duckdb.DuckDBPyConnection") -> list[str]:
    found = connection.execute(
        "SELECT column_name FROM duckdb_columns() WHERE table_name = 'session_status'"
    ).fetchall()
    return [row[0] for row in found]


def _from_local(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()  # naive: Python takes it as local time


# ---- rows -------------------------------------------------------------------


def _row(session: Session) -> list[Any]:
    request, process = session.request, session.process
    values: dict[str, Any] = {name: getattr(session, name) for name in _PLAIN}
    values |= {name: _to_timestamp(getattr(session, name)) for name in _MOMENTS}
    values |= {
        "session_id": session.session_id,
        "status": "ended" if session.is_ended else "active",
        "expires_at": _to_timestamp(request.expires_at) if request else None,
        "request_at": _to_timestamp(request.started_at) if request else None,
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
    return [values[name] for name in _NAMES]


def _session(row: tuple[Any, ...]) -> Session:
    values = dict(zip(_NAMES, row, strict=True))
    started, ttl, source = _from_timestamp(values["request_at"]), values["ttl_seconds"], values["source"]
    request = None
    if started is not None and ttl is not None:
        request = Request(started, ttl, Source(source) if source else Source.HOOK)
    process = None
    if values["pid"] is not None:
        process = Process(values["pid"], values["pid_started"], values["pid_namespace"])
    told: dict[str, Any] = {name: values[name] for name in _PLAIN}
    told |= {name: _from_timestamp(values[name]) for name in _MOMENTS}
    return Session(
        session_id=values["session_id"],
        **told,
        transcript_turn=Turn(values["transcript_turn"]) if values["transcript_turn"] else None,
        client_status=ClientStatus(values["client_status"]) if values["client_status"] else None,
        request=request,
        process=process,
        muted=bool(values["muted"]),
        alerts=_pairs(values["alerts"]),
        stamps=_pairs(values["stamps"]),
    )


def _pairs(text: str | None) -> tuple[tuple[Any, float], ...]:
    return tuple((key, at) for key, at in json.loads(text)) if text else ()


_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the table's times have no zone


def _to_timestamp(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).replace(tzinfo=None)


def _from_timestamp(moment: datetime | None) -> float | None:
    return None if moment is None else (moment - _EPOCH).total_seconds()


# ---- files ------------------------------------------------------------------


def _keep_copy(source: str, target: str) -> None:
    if os.path.exists(target):
        return
    half = f"{target}.{os.getpid()}"
    with open(source, "rb") as old, open(half, "xb") as new:
        while block := old.read(1 << 20):
            new.write(block)
    os.replace(half, target)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].strip().rstrip(".")
