"""A damaged database is set aside and rebuilt; a locked one, a newer one and one that is being copied are not."""

import json
import logging
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from claude_session_status import notes
from claude_session_status.claude import discovery, ingest
from claude_session_status.errors import StoreBrokenError, StoreLockedError, StoreNewerError, StoreUnusableError
from claude_session_status.lock import FileLock
from claude_session_status.model import LATEST_AT, Event, EventKind, Session
from claude_session_status.monitor import Monitor
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.store import files
from claude_session_status.store.database import Store
from fakes import NOW, FakeClock, Transcript
from ingester import wait_for_ingester, wait_until_applied
from locking import held_by_another_program
from safety.damage import DAMAGES, of_a_newer_duckdb

COMMAND = [sys.executable, "-m", "claude_session_status"]
BROKEN = re.compile(r"status\.duckdb\.broken-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(-\d+)?(\.wal)?")


def write_note(where: Paths, kind: str, session_id: str, at: float, **fields: str) -> None:
    Spool(where.spool).write(notes.encode(Event(EventKind(kind), session_id, at, **fields)), at)  # type: ignore[arg-type]


def aside(where: Paths) -> list[Path]:
    found = [p for p in Path(where.folder).iterdir() if ".broken-" in p.name]
    assert all(BROKEN.fullmatch(p.name) for p in found)
    return sorted(found)


@pytest.fixture
def good(where: Paths) -> bytes:
    """A database with two sessions, of which one has a transcript."""
    now = time.time()
    transcript = Transcript(Path(where.claude_dir) / "projects/-x-app/transcript.jsonl")
    transcript.user(now - 100, cwd="/x/app").answer(now - 90, wrote_1h=7).title("T")
    write_note(where, "turn", "transcript", now - 89, cwd="/x/app", transcript_path=str(transcript.path))
    write_note(where, "turn", "row-only", now - 80, cwd="/x/other")
    ingest.Ingester(where, Store(where.database)).drain()
    duckdb.connect(where.database).close()  # a checkpoint: all is in one file
    assert not os.path.exists(where.database + ".wal")
    return Path(where.database).read_bytes()


def status(where: Paths) -> tuple[dict[str, float], str]:
    done = subprocess.run([*COMMAND, "status", "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {s["session_id"]: s["seconds_left"] for s in json.loads(done.stdout)["sessions"]}, done.stderr


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_status_sets_a_damaged_database_aside_and_rebuilds_it_from_spool_and_transcripts(
    damage: Callable[[bytes], bytes], good: bytes, where: Paths
) -> None:
    bad = damage(good)
    Path(where.database).write_bytes(bad)
    write_note(where, "turn", "waiting", time.time())
    left, stderr = status(where)
    assert left["transcript"] == pytest.approx(3500, abs=20)
    assert left["waiting"] == pytest.approx(300, abs=20)
    (kept,) = aside(where)
    assert kept.read_bytes() == bad
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stderr.count("\n") == 1
    assert kept.name in stderr
    assert where.database in stderr
    left, stderr = status(where)  # once is enough
    assert set(left) == {"transcript", "waiting"}
    assert stderr == ""
    assert aside(where) == [kept]
    assert files.broken_files(where.database) == [str(kept)]


def test_a_hook_without_a_monitor_rebuilds_it_too(good: bytes, where: Paths) -> None:
    Path(where.database).write_bytes(b"junk" * 2000)
    done = subprocess.run([*COMMAND, "mark-prompt"], input=b'{"session_id": "s"}', capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    wait_until_applied(where)
    assert {s.session_id for s in Store(where.database).load()} == {"s", "transcript"}
    assert len(aside(where)) == 1
    assert os.listdir(where.spool) == []


def test_the_monitor_keeps_every_row_that_it_has_loaded_and_logs_one_line(
    good: bytes, where: Paths, caplog: pytest.LogCaptureFixture
) -> None:
    monitor = Monitor(where)
    monitor.look()
    Path(where.database).write_bytes(DAMAGES["damaged tables"](good))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            monitor.look()
    shot = monitor.snapshot()
    assert (shot.problem, {s.session.session_id for s in shot.sessions}) == (None, {"transcript", "row-only"})
    assert {s.session_id for s in Store(where.database).load()} == {"transcript", "row-only"}
    (record,) = caplog.records
    assert aside(where)[0].name in record.getMessage()
    assert "2 sessions" in record.getMessage()


class Killed(BaseException):
    """Stands for a kill: the code under test runs no further."""


@pytest.mark.parametrize("step", ["link", "rename", "utime", "replace"])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_a_kill_during_the_rebuild_loses_nothing(
    step: str, done: bool, good: bytes, where: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Path(where.database)
    database.write_bytes(b"\0" * 4096 + good[4096:])
    Path(where.database + ".wal").write_bytes(b"junk")
    real = getattr(os, step)

    def killed(*arguments: Any, **options: Any) -> None:
        if done:
            real(*arguments, **options)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(os, step, killed)
        with pytest.raises(Killed):
            ingest.Ingester(where, Store(where.database)).replace_database()
    assert "transcript" in status(where)[0]
    assert not Path(where.database + ".rebuilt").exists()
    assert b"\0" * 4096 + good[4096:] in [path.read_bytes() for path in aside(where)]


def test_a_session_that_no_row_can_hold_is_left_out_of_the_rebuild(good: bytes, where: Paths) -> None:
    Path(where.database).write_bytes(b"junk" * 2000)
    odd = Session("odd", last_event_at=time.time(), context_tokens=10**20)
    others = [Session(f"s{n}", last_event_at=time.time()) for n in range(5)]
    assert ingest.Ingester(where, Store(where.database)).replace_database([*others[:2], odd, *others[2:]])
    assert {s.session_id for s in Store(where.database).load()} == {"transcript", *(f"s{n}" for n in range(5))}
    assert not Path(where.database + ".rebuilt").exists()


def test_the_rebuild_works_on_a_file_system_without_hard_links(
    good: bytes, where: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: str) -> None:
        raise PermissionError

    Path(where.database).write_bytes(b"\0" * 4096 + good[4096:])
    monkeypatch.setattr(os, "link", refused)
    assert ingest.Ingester(where, Store(where.database)).replace_database()
    assert {s.session_id for s in Store(where.database).load()} == {"transcript"}
    assert len(aside(where)) == 1


def test_a_forgotten_session_stays_forgotten_after_the_rebuild(good: bytes, where: Paths) -> None:
    write_note(where, "forget", "transcript", time.time())
    ingest.Ingester(where, Store(where.database)).drain()
    with duckdb.connect(where.database) as connection:
        connection.execute("ALTER TABLE session_status DROP COLUMN project")
    assert set(status(where)[0]) <= {"row-only"}


def test_a_transcript_that_grew_is_written_to_the_rebuilt_database(good: bytes, where: Paths) -> None:
    monitor = Monitor(where)
    monitor.look()
    stamp = Store(where.database).stamp()
    assert stamp is not None
    Path(where.database).write_bytes(b"x" * stamp[1])
    os.utime(where.database, ns=(stamp[0], stamp[0]))  # its date is unchanged: only the next write notices
    transcript = Transcript(Path(where.claude_dir) / "projects/-x-app/transcript.jsonl")
    transcript.user(time.time()).answer(time.time(), message="next", wrote_1h=9)
    monitor.look()
    assert monitor.snapshot().problem is None
    rows = {s.session_id: s for s in Store(where.database).load()}
    assert rows["transcript"].request is not None
    assert rows["transcript"].request.started_at == pytest.approx(time.time(), abs=20)


def test_a_damaged_log_is_set_aside_with_its_database_and_readable_rows_are_kept(good: bytes, where: Paths) -> None:
    # A log is left where a writer was killed; damage in its middle is what a replay stops at.
    subprocess.run(
        [
            sys.executable,
            "-c",
            "import duckdb, os, sys; db = duckdb.connect(sys.argv[1])\n"
            "for n in range(9): db.execute(f\"INSERT INTO session_status (session_id) VALUES ('x{n}')\")\n"
            "os._exit(9)",
            where.database,
        ]
    )
    log = Path(where.database + ".wal")
    data = bytearray(log.read_bytes())
    data[500:510] = b"\xff" * 10
    log.write_bytes(data)
    with pytest.raises(StoreBrokenError, match="WAL"):
        Store(where.database).load()
    left, _ = status(where)
    assert set(left) >= {"transcript", "row-only"}
    kept = aside(where)
    assert [p.suffix == ".wal" for p in kept] == [False, True]
    assert kept[0].read_bytes() == good
    assert not log.exists()


@pytest.mark.parametrize("junk", [b"", b"x", b"junk" * 1000, bytes(5000)], ids=["empty", "a byte", "junk", "zeros"])
def test_a_file_in_place_of_the_log_loses_nothing(junk: bytes, good: bytes, where: Paths) -> None:
    Path(where.database + ".wal").write_bytes(junk)
    write_note(where, "turn", "waiting", time.time())
    left, stderr = status(where)
    assert (set(left), stderr, aside(where)) == ({"transcript", "row-only", "waiting"}, "", [])


@pytest.mark.parametrize(
    "statement",
    ["DROP TABLE session_status", "ALTER TABLE session_status DROP COLUMN request_at", "DROP TABLE schema_version"],
)
def test_a_table_that_another_tool_changed_counts_as_damage(statement: str, good: bytes, where: Paths) -> None:
    with duckdb.connect(where.database) as db:
        db.execute(statement)
    if "schema_version" in statement:
        Store(where.database).load()  # it looks like the original's: its rows are converted
        return
    left, _ = status(where)
    assert "transcript" in left
    assert len(aside(where)) == 1


def test_values_that_no_version_of_ours_wrote_are_ignored(good: bytes, where: Paths) -> None:
    with duckdb.connect(where.database) as db:
        db.execute("UPDATE session_status SET source = 'x', transcript_turn = 'x', client_status = 'x'")
        db.execute("UPDATE session_status SET alerts = 'x', stamps = '[[1]]', pid = -1, ended_at = 'infinity'")
        db.execute("INSERT INTO session_status (session_id, started_at) VALUES ('x', '0044-03-15 (BC)'::TIMESTAMP)")
    assert len(Store(where.database).load()) == 3
    _, stderr = status(where)
    assert (stderr, aside(where)) == ("", [])


# ---- what must not be set aside ---------------------------------------------


@pytest.mark.parametrize("folder", ["plain", "lockwood, a block of Corrupt version number"])
def test_a_locked_file_never_counts_as_damaged_whatever_its_path_is(folder: str, tmp_path: Path) -> None:
    where = Paths(str(tmp_path / folder))
    write_note(where, "turn", "s", NOW)
    ingester = ingest.Ingester(where, Store(where.database, sleep=lambda seconds: None))
    ingester.drain()
    with held_by_another_program(where.database):
        for attempt in (
            ingester.replace_database,
            lambda: Store(where.database, sleep=lambda s: None).renew(NOW, list),
        ):
            with pytest.raises(StoreLockedError):
                attempt()
    Path(where.database).write_bytes(b"junk" * 2000)
    with pytest.raises(StoreBrokenError):
        Store(where.database).load()
    assert ingester.replace_database()
    assert len(aside(where)) == 1


def test_a_file_that_is_being_copied_is_checked_a_second_time(good: bytes, where: Paths) -> None:
    Path(where.database).write_bytes(good[:300_000])
    waits: list[float] = []

    def finish(seconds: float) -> None:
        waits.append(seconds)
        Path(where.database).write_bytes(good)

    assert Store(where.database, sleep=finish).renew(time.time(), list) is None
    assert waits == [0.5]
    assert aside(where) == []
    assert len(Store(where.database).load()) == 2


def test_a_process_without_the_ingest_lock_sets_nothing_aside(good: bytes, where: Paths) -> None:
    Path(where.database).write_bytes(b"junk" * 2000)
    lock = FileLock(where.ingest_lock)
    assert lock.acquire()
    assert not ingest.Ingester(where, Store(where.database)).replace_database()
    monitor = Monitor(where)
    monitor.look()
    assert where.database in str(monitor.snapshot().problem)
    lock.release()
    assert aside(where) == []
    monitor.look()
    assert monitor.snapshot().problem is None
    assert len(aside(where)) == 1


def test_twenty_hooks_at_once_rebuild_it_once_and_lose_nothing(good: bytes, where: Paths) -> None:
    Path(where.database).write_bytes(b"junk" * 2000)
    hooks = []
    for number in range(20):
        hook = subprocess.Popen([*COMMAND, "mark-turn"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert hook.stdin is not None
        hook.stdin.write(b'{"session_id": "s%d"}' % number)
        hook.stdin.close()
        hooks.append(hook)
    assert [hook.wait() for hook in hooks] == [0] * 20
    wait_until_applied(where)
    assert {s.session_id for s in Store(where.database).load()} == {"transcript", *(f"s{n}" for n in range(20))}
    assert len(aside(where)) == 1
    assert os.listdir(where.spool) == []


def test_at_most_three_databases_an_hour_are_set_aside(good: bytes, where: Paths) -> None:
    store = Store(where.database, sleep=lambda seconds: None)
    for _ in range(3):
        Path(where.database).write_bytes(b"junk" * 2000)
        assert store.renew(time.time(), list) is not None
    Path(where.database).write_bytes(b"junk" * 2000)
    with pytest.raises(StoreBrokenError) as caught:
        store.renew(time.time(), list)
    assert "3 times within the hour" in caught.value.next_step
    assert len(aside(where)) == 3
    later = time.time() + 7200
    assert store.renew(later, list) is not None


def test_a_database_of_a_newer_version_is_left_unchanged_and_notes_wait(good: bytes, where: Paths) -> None:
    with duckdb.connect(where.database) as db:
        db.execute("INSERT INTO schema_version (version) VALUES (99)")
    before = Path(where.database).read_bytes()
    for number in range(3):
        done = subprocess.run([*COMMAND, "mark-turn"], input=b'{"session_id": "s%d"}' % number, capture_output=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        wait_for_ingester(where)
    monitor = Monitor(where, clock=FakeClock())
    monitor.poll()
    assert "newer version" in str(monitor.snapshot().problem)
    done = subprocess.run([*COMMAND, "status"], capture_output=True)
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 2
    with pytest.raises(StoreNewerError):
        Store(where.database).renew(time.time(), list)
    assert Path(where.database).read_bytes() == before
    assert len(os.listdir(where.spool)) == 3
    with duckdb.connect(where.database) as db:  # the upgrade: now it is ours
        db.execute("DELETE FROM schema_version WHERE version = 99")
    left, _ = status(where)
    assert set(left) == {"transcript", "row-only", "s0", "s1", "s2"}


def test_the_error_for_a_newer_duckdbs_file_names_its_version(good: bytes, where: Paths) -> None:
    Path(where.database).write_bytes(of_a_newer_duckdb(good))
    with pytest.raises(StoreBrokenError, match="9999"):
        Store(where.database).load()


@pytest.mark.parametrize("folder", ["plain", "a Corrupt version number"])
def test_a_folder_in_place_of_the_database_does_not_count_as_damage(folder: str, tmp_path: Path) -> None:
    where = Paths(str(tmp_path / folder))
    os.makedirs(where.database)
    with pytest.raises(StoreUnusableError):
        Store(where.database).renew(NOW, list)


# ---- an odd value does not stop the others ---------------------------------


def test_a_note_with_a_value_that_no_column_takes_is_refused_and_the_others_are_applied(
    where: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        write_note(where, "turn", f"s{number}", NOW + number)
    ingester = ingest.Ingester(where, Store(where.database))
    refresh = ingester.refresh

    def odd(session: Session) -> Session:
        session = refresh(session)
        return replace(session, context_tokens=1 << 70) if session.session_id == "s3" else session

    monkeypatch.setattr(ingester, "refresh", odd)
    ingester.drain()
    assert {s.session_id for s in Store(where.database).load()} == {"s0", "s1", "s2", "s4"}
    assert [n for n in os.listdir(where.spool) if n.endswith(".refused")] == os.listdir(where.spool)
    assert aside(where) == []


@pytest.mark.parametrize("text", ["\ud800", "a\x00b", "\x1b[31m", "🌍" * 2000, "\U0010ffff"])
def test_any_text_can_be_stored(text: str, where: Paths) -> None:
    store = Store(where.database)
    store.update([], lambda before: [Session(f"s{text}", title=text, cwd=text, model=text)])
    (held,) = store.load()
    assert held.title == text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("at", [-1e12, 0.0, LATEST_AT, LATEST_AT + 3600, 1e15])
def test_any_time_can_be_stored(at: float, where: Paths) -> None:
    store = Store(where.database)
    store.update([], lambda before: [Session("s", started_at=at)])
    (held,) = store.load()
    assert held.started_at == min(max(at, 0.0), LATEST_AT)


# ---- sessions by their transcripts ------------------------------------------


def test_recent_transcripts_are_found_with_their_folders(where: Paths) -> None:
    projects = Path(where.claude_dir) / "projects"
    files: tuple[tuple[str, float, list[dict[str, Any]]], ...] = (
        ("-a/one", NOW, [{"cwd": "/first"}, {"cwd": "/x/last"}, {"type": "mode"}]),
        ("-a/old", NOW - 90_000, [{"cwd": "/x"}]),
        ("-b/agent-7", NOW, [{"cwd": "/x"}]),
        ("-b/two", NOW - 5, [{"cwd": 7}, {"cwd": ""}]),
    )
    for name, at, lines in files:
        transcript = Transcript(projects / f"{name}.jsonl")
        for line in lines:
            transcript.line(**line)
        transcript.written_at(at)
    Transcript(projects / "-b/two/subagents/agent-8.jsonl").line(cwd="/x")
    (projects / "-b/folder.jsonl").mkdir()
    os.mkfifo(projects / "-b/pipe.jsonl")
    (projects / "a file").write_text("x")
    listed = [(s.session_id, s.cwd, s.project) for s in discovery.sessions(where.claude_dir, NOW - 86_400)]
    assert listed == [("one", "/first", "first")]
    assert list(discovery.sessions(where.claude_dir + "/nowhere", 0)) == []
