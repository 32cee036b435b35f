"""The store keeps sessions as they are, and respects other programs' files, locks and versions."""

import os
import stat
import subprocess
import sys
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from claude_session_status.errors import (
    StoreBrokenError,
    StoreLockedError,
    StoreNewerError,
    StoreRowError,
    StoreUnusableError,
)
from claude_session_status.model import ClientStatus, Process, Request, Session, Source, Turn
from claude_session_status.monitor import Monitor
from claude_session_status.paths import Paths
from claude_session_status.store import rows
from claude_session_status.store.database import Store
from claude_session_status.store.failures import failure
from fakes import NOW
from locking import held_by_another_program

FULL = Session(
    session_id="s",
    project="Мой\nпроект",
    cwd="/a b/'c'",
    title='"',
    started_at=NOW,
    opened_at=NOW + 0.5,
    prompted_at=NOW + 1.123456,
    last_turn_at=NOW + 2,
    answered_at=NOW + 2,
    waiting_at=NOW + 3,
    tool_at=NOW + 4,
    ended_at=NOW + 5,
    last_event_at=NOW + 6,
    request=Request(NOW + 7, 3600, Source.TRANSCRIPT),
    uncached_at=NOW + 8,
    transcript_path="/t",
    transcript_mark="1:2:3",
    transcript_at=NOW + 9,
    transcript_turn=Turn.TOOL,
    client_status=ClientStatus.BUSY,
    client_status_at=NOW + 10,
    switched_at=NOW + 11,
    switched_back_at=NOW + 12,
    response_at=NOW + 13,
    ttl_written_at=NOW + 14,
    context_tokens=142_000,
    model="claude-opus-5-5",
    process=Process(7, 1 << 40, "pid:[1]"),
    muted=True,
    alerts=((30.0, NOW + 300),),
    stamps=(("cwd", NOW), ("title", float("inf"))),
    found_at=NOW + 12,
    forgotten_at=NOW - 1,
    project_folder="/p",
    entrypoint="cli",
    compacted_at=NOW + 15,
    idle_compact_tokens=200_000,
    reported_at=NOW + 16,
)


# A new field needs no line above.
_SAMPLES: dict[str, Any] = {"TIMESTAMP": NOW + 15, "TEXT": "text", "BIGINT": 7, "BOOLEAN": True}
_MISSING = [f.name for f in fields(Session) if getattr(FULL, f.name) is None]
FULL = replace(FULL, **{name: _SAMPLES[rows.COLUMNS[name]] for name in _MISSING})


@pytest.fixture
def store(where: Paths) -> Store:
    return Store(where.database, sleep=lambda seconds: None)


def put(store: Store, *sessions: Session) -> None:
    store.update([s.session_id for s in sessions], lambda before: sessions)


def test_every_field_is_stored_and_read_back(store: Store) -> None:
    assert all(getattr(FULL, f.name) not in (None, ()) for f in fields(Session))
    put(store, FULL, Session("bare"))
    put(store, FULL)
    assert {s.session_id: s for s in store.load()} == {"s": FULL, "bare": Session("bare")}


def test_single_sessions_are_selected_however_old_they_are(store: Store) -> None:
    assert store.select(["s"]) == []
    put(store, FULL, Session("bare"))
    assert store.select(["s", "s", "unknown"]) == [FULL]
    assert store.select([]) == []


def test_an_update_gets_the_stored_sessions_that_it_names(store: Store) -> None:
    put(store, FULL, Session("other"))
    seen: list[dict[str, Session]] = []

    def change(before: dict[str, Session]) -> list[Session]:
        seen.append(before)
        return [replace(before["s"], title="new"), Session("fresh")]

    store.update(["s", "fresh", "s"], change)
    assert seen == [{"s": FULL}]
    assert {s.session_id: s.title for s in store.load()} == {"s": "new", "fresh": None, "other": None}


def test_a_failed_change_changes_nothing(store: Store) -> None:
    put(store, FULL)

    def change(before: dict[str, Session]) -> list[Session]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.update(["s"], change)
    assert store.load() == [FULL]


def test_an_id_that_no_row_can_hold_is_an_error_of_that_value(store: Store) -> None:
    with pytest.raises(StoreRowError, match="can't hold a value"):
        store.update(["\ud83d"], lambda before: [])


def test_a_load_with_a_time_leaves_out_older_sessions(store: Store) -> None:
    put(
        store,
        Session("now", started_at=NOW),
        Session("old", started_at=NOW - 100),
        Session("old, with a recent event", started_at=NOW - 100, last_event_at=NOW),
        Session("just ended", last_event_at=NOW, ended_at=NOW),
        Session("ended a while ago", last_event_at=NOW - 20, ended_at=NOW - 20),
        Session("without any event"),
    )
    loaded = {s.session_id for s in store.load(NOW - 50, NOW - 10)}
    assert loaded == {"now", "old, with a recent event", "just ended"}


def test_only_the_owner_can_read_the_files(store: Store, where: Paths) -> None:
    put(store, FULL)
    assert stat.S_IMODE(os.stat(where.database).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(where.folder).st_mode) == 0o700


def test_the_documented_columns_are_first_and_work_for_other_programs(store: Store, where: Paths) -> None:
    put(store, replace(FULL, ended_at=None))
    with duckdb.connect(where.database) as db:
        names = [row[0] for row in db.execute("DESCRIBE session_status").fetchall()]
        assert names[:6] == ["session_id", "project", "cwd", "started_at", "last_turn_at", "status"]
        columns = ", ".join(names[:6])
        assert db.execute(f"SELECT {columns} FROM session_status").fetchall() == [
            ("s", FULL.project, FULL.cwd, datetime(2026, 11, 24, 8, 40), datetime(2026, 11, 24, 8, 40, 2), "active")  # noqa: DTZ001
        ]
        db.execute(f"INSERT INTO session_status ({columns}) VALUES ('x', 'p', '/p', now(), now(), 'active')")
    assert {s.session_id for s in store.load()} == {"s", "x"}


@pytest.mark.parametrize(
    ("what", "change", "held"),
    [
        ("a negative process id", "pid = -5", {"process": None}),
        ("process id 0", "pid = 0", {"process": None}),
        ("a process id beyond 31 bits", f"pid = {1 << 31}", {"process": None}),
        ("the largest process id", f"pid = {(1 << 31) - 1}", {"process": Process((1 << 31) - 1, 1 << 40, "pid:[1]")}),
        ("a cache of 63 years", "ttl_seconds = 2000000000", {"request": Request(NOW + 7, 86400, Source.TRANSCRIPT)}),
    ],
)
def test_an_impossible_value_in_a_row_is_ignored(
    what: str, change: str, held: dict[str, Any], store: Store, where: Paths
) -> None:
    put(store, FULL)
    with duckdb.connect(where.database) as connection:
        connection.execute(f"UPDATE session_status SET {change}")
    assert store.load() == [replace(FULL, **held)], what


def test_no_database_and_an_empty_one_hold_no_sessions(store: Store, where: Paths) -> None:
    assert store.load() == []
    assert store.stamp() is None
    os.makedirs(where.folder)
    duckdb.connect(where.database).close()
    assert store.load() == []
    put(store, FULL)
    assert store.load() == [FULL]


def test_a_newer_version_is_refused_and_left_untouched(store: Store, where: Paths) -> None:
    put(store, FULL)
    with duckdb.connect(where.database) as db:
        db.execute("INSERT INTO schema_version (version) VALUES (99)")
    before = Path(where.database).read_bytes()
    for attempt in (store.load, lambda: put(store, FULL)):
        with pytest.raises(StoreNewerError, match="newer version"):
            attempt()
    assert Path(where.database).read_bytes() == before


def test_a_file_that_is_no_database_is_an_error_that_names_it(store: Store, where: Paths) -> None:
    os.makedirs(where.folder)
    Path(where.database).write_bytes(b"junk" * 2000)
    for attempt in (store.load, lambda: put(store, FULL)):
        with pytest.raises(StoreBrokenError) as caught:
            attempt()
        assert where.database in caught.value.title


def test_a_locked_database_is_tried_again_and_then_an_error_that_names_it(store: Store, where: Paths) -> None:
    put(store, FULL)
    waits: list[float] = []
    patient = Store(where.database, sleep=waits.append)
    with held_by_another_program(where.database), pytest.raises(StoreLockedError) as caught:
        patient.load()
    assert where.database in caught.value.title
    assert waits == [0.02, 0.04, 0.08, 0.16, 0.32]
    assert patient.load() == [FULL]


def test_forgetting_a_session_deletes_its_row_and_keeps_the_time(store: Store, where: Paths) -> None:
    put(store, FULL, Session("other"))
    put(store, Session("s", forgotten_at=NOW + 50))
    assert [s.session_id for s in store.load()] == ["other"]
    with duckdb.connect(where.database) as db:
        assert db.execute("SELECT session_id FROM session_status").fetchall() == [("other",)]
    assert store.select(["s", "other", "without any event"]) == [Session("other"), Session("s", forgotten_at=NOW + 50)]
    seen: list[dict[str, Session]] = []

    def come_back(before: dict[str, Session]) -> list[Session]:
        seen.append(before)
        return [replace(before["s"], last_event_at=NOW + 60)]

    store.update(["s"], come_back)
    assert seen == [{"s": Session("s", forgotten_at=NOW + 50)}]
    assert {s.session_id for s in store.load()} == {"s", "other"}
    put(store, Session("s", forgotten_at=NOW + 70))
    assert [s.session_id for s in store.load()] == ["other"]


def _original(where: Paths, columns: str) -> None:
    os.makedirs(where.folder)
    with duckdb.connect(where.database) as db:
        db.execute(f"CREATE TABLE session_status ({columns})")
        db.execute(
            "INSERT INTO session_status (session_id, project, cwd, started_at, last_turn_at, status) VALUES"
            " ('a', 'p', '/p', '2026-11-24 10:00:00', '2026-11-24 10:05:00', 'active'),"
            " ('b', '', NULL, '2026-11-24 10:00:00', '2026-11-24 10:00:00', 'active'),"
            " ('c', 'p', '/p', '2026-11-24 10:00:00', '2026-11-24 10:05:00', 'ended')"
        )


_FIRST = (
    "session_id TEXT PRIMARY KEY, project TEXT, cwd TEXT, started_at TIMESTAMP, last_turn_at TIMESTAMP, status TEXT"
)
_TITLED = _FIRST.replace("project", "title TEXT, project", 1)


@pytest.mark.parametrize("columns", [_FIRST, _TITLED])
@pytest.mark.parametrize(("zone", "hours"), [("UTC", 0), ("America/New_York", 5), ("Asia/Kolkata", -5.5)])
def test_a_database_of_the_original_is_converted_with_its_local_times(
    columns: str, zone: str, hours: float, where: Paths
) -> None:
    _original(where, columns)
    before = Path(where.database).read_bytes()
    after_all = 1_795_514_400.0 + (hours + 1) * 3600
    os.utime(where.database, (after_all, after_all))
    program = (
        "from claude_session_status import paths; from claude_session_status.store.database import Store\n"
        "for s in sorted(Store(paths.from_environment().database).load(), key=lambda s: s.session_id):\n"
        "    expiry = s.request and s.request.expires_at\n"
        "    print(s.session_id, s.project, s.started_at, s.last_turn_at, expiry, s.is_ended)"
    )
    ten = 1_795_514_400.0 + hours * 3600
    expected = [
        f"a p {ten} {ten + 300} {ten + 600} False",
        f"b None {ten} None None False",
        f"c p {ten} {ten + 300} {ten + 600} True",
    ]
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", program], env=os.environ | {"TZ": zone}, capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines() == expected
    assert Path(where.database + ".original").read_bytes() == before
    with duckdb.connect(where.database, read_only=True) as db:
        names = [row[0] for row in db.execute("DESCRIBE session_status").fetchall()]
    assert names[:6] == ["session_id", "project", "cwd", "started_at", "last_turn_at", "status"]


_GERMAN = "Der Prozess kann nicht auf die Datei zugreifen, da sie von einem anderen Prozess verwendet wird."


@pytest.mark.parametrize(
    ("text", "platform", "is_file", "meaning"),
    [
        (
            'Could not set lock on file "{}": Conflicting lock is held in python (PID 7)',
            "linux",
            True,
            StoreLockedError,
        ),
        ('Cannot open file "{}": Permission denied', "linux", True, StoreUnusableError),
        ('Cannot open file "{}": Sharing violation.\r\n', "win32", True, StoreLockedError),
        (f'Cannot open file "{{}}": {_GERMAN}\r\n', "win32", True, StoreLockedError),
        ('Cannot open file "{}": Access is denied.\r\n', "win32", False, StoreUnusableError),
        ('The file "{}" exists, but it is not a valid DuckDB database file!', "win32", True, StoreBrokenError),
    ],
)
def test_a_file_in_use_is_recognized_in_any_language(
    text: str, platform: str, is_file: bool, meaning: type[Exception], tmp_path: Path
) -> None:
    """Otherwise nobody would wait for the lock on Windows, and the user would read of a full disk."""
    path = tmp_path / "locksmith.duckdb"
    if is_file:
        path.touch()
    error = duckdb.IOException("IO Error: " + text.format(path))
    assert type(failure(str(path), error, platform)) is meaning


def test_an_unreadable_folder_does_not_count_as_empty(where: Paths) -> None:
    os.makedirs(where.claude_dir)
    os.symlink(where.folder, where.folder)  # a circle: what root can't look into, either
    store = Store(where.database)
    assert store.stamp() is not None
    with pytest.raises(StoreUnusableError, match="can't be used"):
        store.load()
    with pytest.raises(StoreUnusableError, match="can't be used"):
        store.select(["s"])
    monitor = Monitor(where)
    monitor.look()
    assert where.folder in str(monitor.snapshot().problem)
