"""A database of any version is upgraded or read as it is, and a migration that fails costs nothing."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from claude_session_status import notes
from claude_session_status.claude.ingest import Ingester
from claude_session_status.errors import StoreBrokenError, StoreMigrationError, StoreNewerError
from claude_session_status.model import Event, EventKind, Session
from claude_session_status.monitor import Monitor
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.store import files, rows, schema
from claude_session_status.store.database import Store
from fakes import NOW
from pages import PAGES
from safety.damage import DAMAGES

# The tables as 1.0.0 made them. Frozen: this is what people have on their disks.
COLUMNS_OF_1_0_0 = (
    "session_id TEXT PRIMARY KEY, project TEXT, cwd TEXT, started_at TIMESTAMP, last_turn_at TIMESTAMP, status TEXT, "
    "title TEXT, expires_at TIMESTAMP, ttl_seconds INTEGER, request_at TIMESTAMP, source TEXT, context_tokens BIGINT, "
    "model TEXT, opened_at TIMESTAMP, prompted_at TIMESTAMP, answered_at TIMESTAMP, waiting_at TIMESTAMP, "
    "tool_at TIMESTAMP, ended_at TIMESTAMP, last_event_at TIMESTAMP, uncached_at TIMESTAMP, switched_at TIMESTAMP, "
    "transcript_path TEXT, transcript_mark TEXT, transcript_at TIMESTAMP, transcript_turn TEXT, client_status TEXT, "
    "client_status_at TIMESTAMP, pid BIGINT, pid_started BIGINT, pid_namespace TEXT, muted BOOLEAN, alerts TEXT, "
    "stamps TEXT, found_at TIMESTAMP, switched_back_at TIMESTAMP, response_at TIMESTAMP, ttl_written_at TIMESTAMP, "
    "forgotten_at TIMESTAMP"
)


def made_up(connection: schema.Connection, written_at: float) -> None:
    """The migration of a version that is still to come."""
    schema.add_columns(connection, made_up="TEXT", made_up_at="TIMESTAMP")
    connection.execute("UPDATE session_status SET made_up = 'x'")


NEXT = (*schema.MIGRATIONS, made_up)
NAMES = [migration.__name__ for migration in NEXT]
NOW_SQL = f"make_timestamp({NOW * 1e6:.0f})"


def database_of_1_0_0(path: str, sessions: int = 3) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with duckdb.connect(path) as db:
        for table in ("session_status", "forgotten_sessions"):
            db.execute(f"CREATE TABLE {table} ({COLUMNS_OF_1_0_0})")
        db.execute("CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at TIMESTAMP)")
        db.execute("INSERT INTO schema_version VALUES (1, now())")
        db.execute(
            "INSERT INTO session_status (session_id, project, last_event_at, status)"
            f" SELECT 's' || i, 'p', {NOW_SQL}, 'active' FROM range({sessions}) t(i)"
        )
        db.execute(f"INSERT INTO forgotten_sessions (session_id, forgotten_at) VALUES ('f', {NOW_SQL})")


def database_of_today(where: Paths, sessions: int = 3) -> bytes:
    """One that has every migration of today, with its log written into it."""
    database_of_1_0_0(where.database, sessions)
    Store(where.database).update([], lambda before: [])
    duckdb.connect(where.database).close()
    return Path(where.database).read_bytes()


def expected(sessions: int = 3) -> set[Session]:
    return {Session(f"s{n}", project="p", last_event_at=NOW) for n in range(sessions)}


def store_of(where: Paths, migrations: Any = NEXT) -> Store:
    return Store(where.database, sleep=lambda seconds: None, migrations=migrations)


def query(where: Paths, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(where.database, read_only=True) as db:
        return db.execute(sql).fetchall()


# ---- what is listed once ----------------------------------------------------


@pytest.mark.parametrize("table", schema.TABLES)
def test_the_migrations_make_exactly_the_columns_that_the_fields_of_a_session_need(table: str, where: Paths) -> None:
    Store(where.database).update([], lambda before: [])
    made = dict(query(where, f"SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = '{table}'"))
    assert made == {name: kind.replace("TEXT", "VARCHAR") for name, kind in rows.COLUMNS.items()}


def test_the_page_on_the_database_explains_every_column() -> None:
    named = [row.split("|")[1] for row in PAGES[".github/DATABASE.md"].splitlines() if row.startswith("| `")]
    assert sorted(re.findall("`(.*?)`", " ".join(named))) == sorted(rows.COLUMNS)


def test_a_migrations_name_has_its_number() -> None:
    numbers = [int(migration.__name__[1:4]) for migration in schema.MIGRATIONS]
    assert numbers == list(range(1, len(numbers) + 1))


# ---- upgrades ---------------------------------------------------------------


def test_a_new_database_has_every_migration(where: Paths) -> None:
    store_of(where).update(["s"], lambda before: [Session("s", project="p")])
    assert store_of(where).load() == [Session("s", project="p")]
    assert query(where, "SELECT version, name FROM schema_version ORDER BY 1") == list(enumerate(NAMES, 1))
    assert query(where, "SELECT made_up, made_up_at FROM session_status") == [(None, None)]


def test_a_database_of_1_0_0_is_used_as_it_is_and_upgraded_by_the_next_write(where: Paths) -> None:
    database_of_1_0_0(where.database)
    assert set(Store(where.database).load()) == expected()
    store_of(where).update(["new"], lambda before: [Session("new")])
    assert set(store_of(where).load()) == expected() | {Session("new")}
    assert store_of(where).select(["f"]) == [Session("f", forgotten_at=NOW)]
    recorded = query(where, "SELECT version, name FROM schema_version ORDER BY 1")
    assert recorded == [(1, None), *list(enumerate(NAMES, 1))[1:]]
    assert query(where, "SELECT made_up, count(*) FROM session_status GROUP BY 1 ORDER BY 1") == [("x", 3), (None, 1)]


def test_a_database_without_version_is_upgraded_through_all_of_them(where: Paths) -> None:
    os.makedirs(where.folder)
    with duckdb.connect(where.database) as db:
        db.execute("CREATE TABLE session_status (session_id TEXT, project TEXT, started_at TIMESTAMP)")
        db.execute("INSERT INTO session_status VALUES ('a', 'p', now()), ('a', 'p', now()), (NULL, 'p', NULL)")
        db.execute("INSERT INTO session_status VALUES ('b', '', 'infinity'), ('c', NULL, '-infinity')")
    assert sorted(s.session_id for s in store_of(where).load()) == ["a", "b", "c"]
    assert query(where, "SELECT DISTINCT made_up FROM session_status") == [("x",)]


def test_a_database_whose_record_of_versions_was_deleted_keeps_every_value(where: Paths) -> None:
    session = Session("s", title="t", started_at=NOW, last_event_at=NOW, context_tokens=5)
    store_of(where).update([], lambda before: [session, Session("f", forgotten_at=NOW)])
    with duckdb.connect(where.database) as db:
        db.execute("DROP TABLE schema_version")
    assert store_of(where).load() == [session]
    assert store_of(where).select(["f"]) == [Session("f", forgotten_at=NOW)]
    assert query(where, "SELECT max(version) FROM schema_version") == [(len(NEXT),)]


def test_a_reader_that_meets_an_earlier_schema_reads_what_is_there_and_writes_nothing(where: Paths) -> None:
    database_of_1_0_0(where.database)
    before = Path(where.database).read_bytes()
    assert set(store_of(where).load()) == expected()
    assert set(store_of(where).load(NOW - 1, NOW - 1)) == expected()
    assert store_of(where).select(["s1", "f"]) == [
        Session("s1", project="p", last_event_at=NOW),
        Session("f", forgotten_at=NOW),
    ]
    assert Path(where.database).read_bytes() == before
    assert os.listdir(where.folder) == ["status.duckdb"]


def test_a_field_whose_column_is_not_there_yet_is_not_known(where: Paths) -> None:
    database_of_1_0_0(where.database)
    with duckdb.connect(where.database) as db:
        for column in ("model", "pid", "source", "client_status_at"):
            db.execute(f"ALTER TABLE session_status DROP COLUMN {column}")
    assert set(store_of(where).load()) == expected()


def test_an_upgraded_database_is_refused_by_the_version_before_and_left_as_it_is(where: Paths) -> None:
    store_of(where).update(["s"], lambda before: [Session("s")])
    before = Path(where.database).read_bytes()
    with pytest.raises(StoreNewerError):
        Store(where.database).load()
    assert Path(where.database).read_bytes() == before


# ---- a migration that fails -------------------------------------------------


def no_such_table(connection: schema.Connection, written_at: float) -> None:
    schema.add_columns(connection, made_up="TEXT")
    connection.execute("UPDATE no_such_table SET x = 1")


def no_such_column(connection: schema.Connection, written_at: float) -> None:
    schema.add_columns(connection, made_up="TEXT")
    connection.execute("UPDATE session_status SET no_such_column = 1")


def no_sql(connection: schema.Connection, written_at: float) -> None:
    schema.add_columns(connection, made_up="TEXT")
    connection.execute("nonsense")


def a_column_twice(connection: schema.Connection, written_at: float) -> None:
    connection.execute("ALTER TABLE session_status ADD COLUMN made_up TEXT")
    connection.execute("ALTER TABLE session_status ADD COLUMN made_up TEXT")


def a_key_twice(connection: schema.Connection, written_at: float) -> None:
    schema.add_columns(connection, made_up="TEXT")
    connection.execute("INSERT INTO session_status (session_id) VALUES ('s1')")


def a_value_of_another_type(connection: schema.Connection, written_at: float) -> None:
    schema.add_columns(connection, made_up="TIMESTAMP")
    connection.execute("UPDATE session_status SET made_up = 'x'")


def a_fault_in_python(connection: schema.Connection, written_at: float) -> None:
    schema.add_columns(connection, made_up="TEXT")
    raise ZeroDivisionError


FAULTY = (
    no_such_table,
    no_such_column,
    no_sql,
    a_column_twice,
    a_key_twice,
    a_value_of_another_type,
    a_fault_in_python,
)


@pytest.mark.parametrize("faulty", FAULTY)
def test_a_failing_migration_is_its_own_error_and_leaves_the_file_as_it_was(
    faulty: schema.Migration, where: Paths
) -> None:
    before = database_of_today(where)
    store = store_of(where, (*schema.MIGRATIONS, faulty))

    def write() -> None:
        store.update(["s1"], lambda before: [Session("s1")])

    def renew() -> None:
        store.renew(NOW, list)

    for attempt in (write, renew):
        with pytest.raises(StoreMigrationError) as caught:
            attempt()
        assert where.database in caught.value.title
        assert faulty.__name__ in caught.value.title
        assert "install the newest version" in caught.value.next_step
        assert "\n" not in str(caught.value)
    assert set(store.load()) == expected()
    assert Path(where.database).read_bytes() == before
    assert files.set_aside(where.database) == []
    assert [name for name in os.listdir(where.folder) if name != "status.duckdb.wal"] == ["status.duckdb"]
    assert files.log_size(where.database) == 0
    store_of(where).update([], lambda before: [])  # the version after that has it right
    assert query(where, "SELECT count(made_up) FROM session_status") == [(3,)]


def test_a_failing_migration_of_a_new_database_leaves_none(where: Paths) -> None:
    with pytest.raises(StoreMigrationError):
        store_of(where, (*schema.MIGRATIONS, no_sql)).update([], lambda before: [])
    assert os.listdir(where.folder) == []


def test_the_monitor_shows_the_rows_beside_a_failing_migration_and_the_notes_wait(where: Paths) -> None:
    database_of_today(where)
    Spool(where.spool).write(notes.encode(Event(EventKind.TURN, "s1", NOW)), NOW)
    store = store_of(where, (*schema.MIGRATIONS, no_sql))
    with pytest.raises(StoreMigrationError):
        Ingester(where, store).drain()
    monitor = Monitor(where, store=store, everything=True)
    monitor.look()
    shot = monitor.snapshot()
    assert {s.session.session_id for s in shot.sessions} == {"s0", "s1", "s2"}
    assert "can't be upgraded" in str(shot.problem)
    assert len(os.listdir(where.spool)) == 1
    assert files.set_aside(where.database) == []


def test_damage_that_a_migration_meets_counts_as_damage(where: Paths) -> None:
    Path(where.database).write_bytes(DAMAGES["damaged tables"](database_of_today(where, 3000)))
    with pytest.raises(StoreBrokenError):
        store_of(where).update([], lambda before: [])


# ---- a kill -----------------------------------------------------------------

# A writer that is killed at the nth statement that begins with a word.
_KILLED = """
import os, sys
import _duckdb
real, word, left = _duckdb.connect, sys.argv[1], int(sys.argv[2])

class Connection:
    def __init__(self, *arguments, **options):
        self.real = real(*arguments, **options)
    def __getattr__(self, name):
        return getattr(self.real, name)
    def execute(self, statement, *arguments):
        global left
        kill = statement.startswith(word) and (left := left - 1) == 0
        if kill and sys.argv[3] == "before":
            os.kill(os.getpid(), 9)
        result = self.real.execute(statement, *arguments)
        if kill:
            os.kill(os.getpid(), 9)
        return result

from claude_session_status import paths
from claude_session_status.store import database, schema

def made_up(connection, written_at):
    schema.add_columns(connection, made_up="TEXT", made_up_at="TIMESTAMP")
    connection.execute("UPDATE session_status SET made_up = 'x'")

path = paths.from_environment().database
database.Store(path).update([], lambda before: [])
_duckdb.connect = Connection
database.Store(path, migrations=(*schema.MIGRATIONS, made_up)).update([], lambda before: [])
"""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    ("word", "nth"), [("BEGIN", 1), ("CREATE", 1), *(("ALTER", n) for n in range(1, 6)), ("UPDATE", 1), ("COMMIT", 1)]
)
def test_a_kill_within_a_migration_leaves_the_database_of_before_or_after_it(
    word: str, nth: int, moment: str, where: Paths
) -> None:
    database_of_1_0_0(where.database, 300)
    done = subprocess.run([sys.executable, "-c", _KILLED, word, str(nth), moment])
    assert done.returncode == -signal.SIGKILL
    assert set(store_of(where).load()) == expected(300)
    is_done = (word, moment) == ("COMMIT", "after")
    assert query(where, "SELECT max(version) FROM schema_version") == [(len(schema.MIGRATIONS) + is_done,)]
    store_of(where).update(["new"], lambda before: [Session("new")])
    assert set(store_of(where).load()) == expected(300) | {Session("new")}
    assert query(where, "SELECT count(made_up) FROM session_status") == [(300,)]
    assert files.set_aside(where.database) == []
