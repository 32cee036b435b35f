"""Which version a database has, and how it is brought to the newest; the original's rows are carried over."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from claude_session_status.model import Request, Session, Source
from claude_session_status.store.driver import duckdb
from claude_session_status.store.rows import COLUMNS, INSERT, row_of


def _create(connection: "duckdb.DuckDBPyConnection", written_at: float) -> None:
    """Version 1: our table; the rows of the original, which had local times, are carried over.

    `written_at`: when the file was last written (epoch seconds). No row can tell of anything later.
    """
    old: list[tuple[Any, ...]] = []
    if names := column_names(connection):
        title = "title" if "title" in names else "NULL"
        old = connection.execute(
            f"SELECT session_id, project, cwd, started_at, last_turn_at, status, {title} FROM session_status"  # noqa: S608
        ).fetchall()
        connection.execute("DROP TABLE session_status")
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS)
    connection.execute(f"CREATE TABLE session_status ({columns})")
    connection.execute(f"CREATE TABLE IF NOT EXISTS forgotten_sessions ({columns})")
    for session_id, project, cwd, started_at, last_turn_at, status, title in old:
        started, turn = _from_local(started_at, written_at), _from_local(last_turn_at, written_at)
        # The original set the time of the last turn at the start as well: then no turn has been.
        answered = turn if last_turn_at != started_at else None
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
        connection.execute(INSERT, row_of(session))


MIGRATIONS: tuple[Callable[["duckdb.DuckDBPyConnection", float], None], ...] = (_create,)


def migrate(connection: "duckdb.DuckDBPyConnection", version: int, written_at: float) -> None:
    """Bring a database of `version` (0: none of ours) to the newest one, wholly or not at all."""
    connection.execute("BEGIN")
    connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, applied_at TIMESTAMP)")
    for number, step in enumerate(MIGRATIONS[version:], version + 1):
        step(connection, written_at)
        connection.execute("INSERT INTO schema_version VALUES (?, ?)", [number, datetime.now(UTC).replace(tzinfo=None)])
    connection.execute("COMMIT")


def version_of(connection: "duckdb.DuckDBPyConnection") -> int:
    """The version of ours; 0 where there is none."""
    try:
        found = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    except duckdb.CatalogException:
        return 0
    return int(found[0]) if found and found[0] is not None else 0


def column_names(connection: "duckdb.DuckDBPyConnection") -> list[str]:
    """Those of the table of sessions, ours or the original's; empty where there is none."""
    found = connection.execute(
        "SELECT column_name FROM duckdb_columns() WHERE table_name = 'session_status'"
    ).fetchall()
    return [row[0] for row in found]


_SAME_WRITE_SECONDS = 2.0  # between the time in a row and that of the file it was written to


def _from_local(moment: datetime | None, written_at: float) -> float | None:
    """A local time without a zone as epoch seconds.

    In the hour that comes twice when the clocks go back, the first pass is taken, so that nothing is overstated;
    except for the row that was written last, of which the file's own time tells. A row that lies after the file's
    time was written in another time zone: it can't be later than the file.
    """
    if moment is None:
        return None
    second = moment.replace(fold=1).timestamp()
    if abs(second - written_at) <= _SAME_WRITE_SECONDS:
        return second
    return min(moment.timestamp(), written_at)
