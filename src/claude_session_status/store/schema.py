"""The database's schema: its version, and the migrations that bring an older one to the newest.

How to add a column: add the field to `model.Session`, write the next migration at the end of this file,

    def m002_project_folder(connection: Connection, written_at: float) -> None:
        add_columns(connection, project_folder="TEXT")

and append it to `MIGRATIONS`. Nothing else lists the columns. Never change a migration that was released: it is what
old files have, and new files run all of them too.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from claude_session_status.store.driver import duckdb

if TYPE_CHECKING:
    Connection = duckdb.DuckDBPyConnection
else:
    Connection = Any

# Called within a transaction, with the time when the file was last written (epoch seconds; 0 for a new one).
Migration = Callable[[Connection, float], None]

SESSIONS, FORGOTTEN = "session_status", "forgotten_sessions"
TABLES = (SESSIONS, FORGOTTEN)


def version_of(connection: Connection) -> int:
    """How many migrations the database has had; 0 where it is none of ours."""
    try:
        # The largest is taken here: DuckDB's first aggregate takes as long as two other queries.
        found = connection.execute("SELECT version FROM schema_version").fetchall()
    except duckdb.CatalogException:
        return 0
    return max((int(row[0]) for row in found if row[0] is not None), default=0)


def column_names(connection: Connection, table: str) -> list[str]:
    """The table's columns; empty where there is no such table."""
    query = "SELECT column_name FROM duckdb_columns() WHERE table_name = ? AND NOT internal"
    return [row[0] for row in connection.execute(query, [table]).fetchall()]


def apply(connection: Connection, number: int, migration: Migration, written_at: float) -> None:
    """Run a migration and record its number and name, wholly or not at all. Raises what the migration raises."""
    connection.execute("BEGIN")
    try:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, applied_at TIMESTAMP, name TEXT)"
        )
        connection.execute("ALTER TABLE schema_version ADD COLUMN IF NOT EXISTS name TEXT")  # 1.0.0 had none
        migration(connection, written_at)
        connection.execute(
            "INSERT INTO schema_version (version, applied_at, name) VALUES (?, ?, ?)",
            [number, datetime.now(UTC).replace(tzinfo=None), migration.__name__],
        )
        connection.execute("COMMIT")
    except BaseException:
        try:
            connection.execute("ROLLBACK")
        except duckdb.Error:
            pass  # what made the transaction fail has ended it
        raise


def add_columns(connection: Connection, **columns: str) -> None:
    """Add columns (name -> SQL type) to the sessions and to the forgotten ones; existing rows have NULL there.

    A column that exists stays: another tool may have deleted the record of versions, and all migrations run again.
    """
    for table in TABLES:
        for name, kind in columns.items():
            connection.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {name} {kind}")


# ---- version 1 --------------------------------------------------------------

# The first six are documented and used by other tools.
_VERSION_1 = """
    session_id TEXT PRIMARY KEY, project TEXT, cwd TEXT, started_at TIMESTAMP, last_turn_at TIMESTAMP, status TEXT,
    title TEXT, expires_at TIMESTAMP, ttl_seconds INTEGER, request_at TIMESTAMP, source TEXT, context_tokens BIGINT,
    model TEXT, opened_at TIMESTAMP, prompted_at TIMESTAMP, answered_at TIMESTAMP, waiting_at TIMESTAMP,
    tool_at TIMESTAMP, ended_at TIMESTAMP, last_event_at TIMESTAMP, uncached_at TIMESTAMP, switched_at TIMESTAMP,
    transcript_path TEXT, transcript_mark TEXT, transcript_at TIMESTAMP, transcript_turn TEXT, client_status TEXT,
    client_status_at TIMESTAMP, pid BIGINT, pid_started BIGINT, pid_namespace TEXT, muted BOOLEAN, alerts TEXT,
    stamps TEXT, found_at TIMESTAMP, switched_back_at TIMESTAMP, response_at TIMESTAMP, ttl_written_at TIMESTAMP,
    forgotten_at TIMESTAMP
"""
_ORIGINAL = ("session_id", "project", "cwd", "title", "status", "started_at", "last_turn_at")
_CONVERTED = (
    "INSERT INTO session_status (session_id, project, cwd, title, status, started_at, opened_at, last_turn_at,"
    " answered_at, last_event_at, ended_at, request_at, expires_at, ttl_seconds, source, muted)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, FALSE)"
)
_ORIGINAL_TTL_SECONDS = 300  # the only one that the original knew


def m001_initial(connection: Connection, written_at: float) -> None:
    """Make the tables; the rows of the original program, which had local times, are converted."""
    old: list[tuple[Any, ...]] = []
    names = column_names(connection, SESSIONS)
    if "last_event_at" in names:
        return  # they are ours: only the record of their version is missing
    if names:
        columns = ", ".join(name if name in names else "NULL" for name in _ORIGINAL)
        old = connection.execute(f"SELECT {columns} FROM session_status").fetchall()  # noqa: S608 - our names
        connection.execute("DROP TABLE session_status")
    connection.execute(f"CREATE TABLE session_status ({_VERSION_1})")
    connection.execute(f"CREATE TABLE IF NOT EXISTS forgotten_sessions ({_VERSION_1})")
    by_id = {row[0]: row for row in old if isinstance(row[0], str)}
    for row in by_id.values():
        connection.execute(_CONVERTED, _converted(row, written_at))


def _converted(row: tuple[Any, ...], written_at: float) -> list[Any]:
    session_id, project, cwd, title, status, started_at, last_turn_at = row
    started, event = _from_local(started_at, written_at), _from_local(last_turn_at, written_at)
    # The original set the time of the last turn at the start as well: then no turn has ended yet.
    turn = event if last_turn_at != started_at else None
    ended = event if status == "ended" else None
    expires = turn + _ORIGINAL_TTL_SECONDS if turn is not None else None
    has_cache = turn is not None
    return [
        *(session_id, project or None, cwd or None, title or None, "active" if ended is None else "ended"),
        *[_utc(at) for at in (started, started, turn, turn, event, ended, turn, expires)],
        *(_ORIGINAL_TTL_SECONDS if has_cache else None, "hook" if has_cache else None),
    ]


_SAME_WRITE_SECONDS = 2.0  # between the time in a row and the time of the file that it was written to


def _from_local(moment: Any, written_at: float) -> float | None:
    """A local time without a zone as epoch seconds; None for infinity and for years before 1970.

    When the clocks go back, an hour comes twice: the earlier time is taken, so that no time left is overstated. Only
    the row that was written last is known better, by the time of the file. A time after the file's own was written in
    another time zone: the file's time is taken.
    """
    if not isinstance(moment, datetime) or not 1970 <= moment.year < 9999:
        return None
    second = moment.replace(fold=1).timestamp()
    if abs(second - written_at) <= _SAME_WRITE_SECONDS:
        return second
    return min(moment.timestamp(), written_at)


def _utc(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(max(at, 0.0), UTC).replace(tzinfo=None)


def m002_project_folder_and_compaction(connection: Connection, _written_at: float) -> None:
    """Where and how the client was started, when and from which size on it compacts, when its status line reported."""
    add_columns(connection, project_folder="TEXT", entrypoint="TEXT", compacted_at="TIMESTAMP")
    add_columns(connection, idle_compact_tokens="BIGINT", reported_at="TIMESTAMP")


def m003_cache_miss_reason(connection: Connection, _written_at: float) -> None:
    """Why the last response's request missed the cache, where the API states it."""
    add_columns(connection, cache_miss_reason="TEXT")


def m004_notified(connection: Connection, _written_at: float) -> None:
    """Which expiries the user was notified of: the history asks whether that helped."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS notified (session_id TEXT, expires_at TIMESTAMP, lead_seconds DOUBLE)"
    )


def m005_host(connection: Connection, _written_at: float) -> None:
    """Which other machine runs the session, and when its client will compact it: only that machine knows."""
    add_columns(connection, host="TEXT", compacts_at="TIMESTAMP")


def m006_keep_warm(connection: Connection, _written_at: float) -> None:
    """When pings kept the cache warm, or missed it, and how much of the five-hour window is used."""
    add_columns(connection, kept_at="TIMESTAMP", kept_tokens="BIGINT", missed_at="TIMESTAMP", missed_tokens="BIGINT")
    add_columns(connection, usage_percent="BIGINT", usage_resets_at="TIMESTAMP", usage_at="TIMESTAMP")


def m007_ssh_client_port(connection: Connection, _written_at: float) -> None:
    """Which ssh connection shows the session: its other end is in one terminal of several."""
    add_columns(connection, ssh_client_port="BIGINT")


# ---- all of them, in order --------------------------------------------------

MIGRATIONS: Sequence[Migration] = (
    m001_initial,
    m002_project_folder_and_compaction,
    m003_cache_miss_reason,
    m004_notified,
    m005_host,
    m006_keep_warm,
    m007_ssh_client_port,
)
