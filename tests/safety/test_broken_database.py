"""A database that can't be read is set aside and made anew; one that is locked, newer or just being copied is not."""

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
from claude_session_status.model import Event, EventKind, Session
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


def say(where: Paths, kind: str, session_id: str, at: float, **fields: str) -> None:
    Spool(where.spool).write(notes.encode(Event(EventKind(kind), session_id, at, **fields)), at)  # type: ignore[arg-type]


def aside(where: Paths) -> list[Path]:
    found = [p for p in Path(where.folder).iterdir() if ".broken-" in p.name]
    assert all(BROKEN.fullmatch(p.name) for p in found)
    return sorted(found)


@pytest.fixture
def good(where: Paths) -> bytes:
    """A database with two sessions: one of them has a transcript."""
    now = time.time()
    told = Transcript(Path(where.claude_dir) / "projects/-x-app/told.jsonl")
    told.user(now - 100, cwd="/x/app").answer(now - 90, wrote_1h=7).title("T")
    say(where, "turn", "told", now - 89, cwd="/x/app", transcript_path=str(told.path))
    say(where, "turn", "untold", now - 80, cwd="/x/other")
    ingest.Ingester(where, Store(where.database)).drain()
    duckdb.connect(where.database).close()  # a checkpoint: all is in one file
    assert not os.path.exists(where.database + ".wal")
    return Path(where.database).read_bytes()


def status(where: Paths) -> tuple[dict[str, float], str]:
    done = subprocess.run([*COMMAND, "status", "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {s["session_id"]: s["seconds_left"] for s in json.loads(done.stdout)["sessions"]}, done.stderr


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_status_sets_it_aside_and_rebuilds_from_spool_and_transcripts(
    damage: Callable[[bytes], bytes], good: bytes, where: Paths
) -> None:
    bad = damage(good)
    Path(where.database).write_bytes(bad)
    say(where, "turn", "waiting", time.time())
    left, said = status(where)
    assert left["told"] == pytest.approx(3500, abs=20)
    assert left["waiting"] == pytest.approx(300, abs=20)
    (kept,) = aside(where)
    assert kept.read_bytes() == bad
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert said.count("\n") == 1
    assert kept.name in said
    assert where.database in said
    left, said = status(where)  # once is enough
    assert set(left) == {"told", "waiting"}
    assert said == ""
    assert aside(where) == [kept]
    assert files.broken_files(where.database) == [str(kept)]


def test_a_lone_hook_does_so_too(good: bytes, where: Paths) -> None:
    Path(where.database).write_bytes(b"junk" * 2000)
    done = subprocess.run([*COMMAND, "mark-prompt"], input=b'{"session_id": "s"}', capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    wait_until_applied(where)
    assert {s.session_id for s in Store(where.database).load()} == {"s", "told"}
    assert len(aside(where)) == 1
    assert os.listdir(where.spool) == []


def test_the_monitor_loses_no_row_that_it_knew_and_says_it_once(
    good: bytes, where: Paths, caplog: pytest.LogCaptureFixture
) -> None:
    monitor = Monitor(where)
    monitor.look()
    Path(where.database).write_bytes(DAMAGES["damaged tables"](good))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            monitor.look()
    shot = monitor.snapshot()
    assert (shot.problem, {s.session.session_id for s in shot.sessions}) == (None, {"told", "untold"})
    assert {s.session_id for s in Store(where.database).load()} == {"told", "untold"}
    (record,) = caplog.records
    assert aside(where)[0].name in record.getMessage()
    assert "2 sessions" in record.getMessage()


class Killed(BaseException):
    """What a kill is to the code it hits: nothing runs after it."""


@pytest.mark.parametrize("step", ["link", "rename", "utime", "replace"])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_a_kill_while_it_is_made_anew_costs_nothing(
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
            ingest.Ingester(where, Store(where.database)).mend()
    assert "told" in status(where)[0]
    assert not Path(where.database + ".rebuilt").exists()
    assert b"\0" * 4096 + good[4096:] in [path.read_bytes() for path in aside(where)]


def test_one_row_that_cannot_be_held_costs_only_itself(good: bytes, where: Paths) -> None:
    Path(where.database).write_bytes(b"junk" * 2000)
    odd = Session("odd", last_event_at=time.time(), context_tokens=10**20)
    others = [Session(f"s{n}", last_event_at=time.time()) for n in range(5)]
    assert ingest.Ingester(where, Store(where.database)).mend([*others[:2], odd, *others[2:]])
    assert {s.session_id for s in Store(where.database).load()} == {"told", *(f"s{n}" for n in range(5))}
    assert not Path(where.database + ".rebuilt").exists()


def test_where_a_file_has_one_name_only_it_is_made_anew_too(
    good: bytes, where: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: str) -> None:
        raise PermissionError

    Path(where.database).write_bytes(b"\0" * 4096 + good[4096:])
    monkeypatch.setattr(os, "link", refused)
    assert ingest.Ingester(where, Store(where.database)).mend()
    assert {s.session_id for s in Store(where.database).load()} == {"told"}
    assert len(aside(where)) == 1


def test_what_a_person_wanted_forgotten_stays_so_where_the_rows_can_be_read(good: bytes, where: Paths) -> None:
    say(where, "forget", "told", time.time())
    ingest.Ingester(where, Store(where.database)).drain()
    with duckdb.connect(where.database) as connection:
        connection.execute("ALTER TABLE session_status DROP COLUMN project")
    assert set(status(where)[0]) <= {"untold"}


def test_a_transcript_that_grew_is_written_to_the_new_one(good: bytes, where: Paths) -> None:
    monitor = Monitor(where)
    monitor.look()
    stamp = Store(where.database).stamp()
    assert stamp is not None
    Path(where.database).write_bytes(b"x" * stamp[1])
    os.utime(where.database, ns=(stamp[0], stamp[0]))  # nobody sees that by its date: only the write does
    told = Transcript(Path(where.claude_dir) / "projects/-x-app/told.jsonl")
    told.user(time.time()).answer(time.time(), message="next", wrote_1h=9)
    monitor.look()
    assert monitor.snapshot().problem is None
    rows = {s.session_id: s for s in Store(where.database).load()}
    assert rows["told"].request is not None
    assert rows["told"].request.started_at == pytest.approx(time.time(), abs=20)


def test_a_damaged_log_is_set_aside_with_its_database_and_what_can_be_read_is_kept(good: bytes, where: Paths) -> None:
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
    assert set(left) >= {"told", "untold"}
    kept = aside(where)
    assert [p.suffix == ".wal" for p in kept] == [False, True]
    assert kept[0].read_bytes() == good
    assert not log.exists()


@pytest.mark.parametrize("junk", [b"", b"x", b"junk" * 1000, bytes(5000)], ids=["empty", "a byte", "junk", "zeros"])
def test_a_log_that_is_no_log_costs_nothing(junk: bytes, good: bytes, where: Paths) -> None:
    Path(where.database + ".wal").write_bytes(junk)
    say(where, "turn", "waiting", time.time())
    left, said = status(where)
    assert (set(left), said, aside(where)) == ({"told", "untold", "waiting"}, "", [])


@pytest.mark.parametrize(
    "statement",
    ["DROP TABLE session_status", "ALTER TABLE session_status DROP COLUMN request_at", "DROP TABLE schema_version"],
)
def test_a_table_that_another_tool_spoiled_counts_as_broken(statement: str, good: bytes, where: Paths) -> None:
    with duckdb.connect(where.database) as db:
        db.execute(statement)
    if "schema_version" in statement:
        Store(where.database).load()  # taken for one of the original's: its rows are carried over
        return
    left, _ = status(where)
    assert "told" in left
    assert len(aside(where)) == 1


def test_values_that_no_version_of_ours_wrote_are_passed_over(good: bytes, where: Paths) -> None:
    with duckdb.connect(where.database) as db:
        db.execute("UPDATE session_status SET source = 'x', transcript_turn = 'x', client_status = 'x'")
        db.execute("UPDATE session_status SET alerts = 'x', stamps = '[[1]]', pid = -1, ended_at = 'infinity'")
        db.execute("INSERT INTO session_status (session_id, started_at) VALUES ('x', '0044-03-15 (BC)'::TIMESTAMP)")
    assert len(Store(where.database).load()) == 3
    _, said = status(where)
    assert (said, aside(where)) == ("", [])


# ---- what must not be set aside ---------------------------------------------


@pytest.mark.parametrize("folder", ["plain", "lockwood, a block of Corrupt version number"])
def test_a_locked_file_is_never_taken_for_a_broken_one_whatever_its_path_says(folder: str, tmp_path: Path) -> None:
    where = Paths(str(tmp_path / folder))
    say(where, "turn", "s", NOW)
    ingester = ingest.Ingester(where, Store(where.database, sleep=lambda seconds: None))
    ingester.drain()
    with held_by_another_program(where.database):
        for attempt in (ingester.mend, lambda: Store(where.database, sleep=lambda s: None).renew(NOW, list)):
            with pytest.raises(StoreLockedError):
                attempt()
    Path(where.database).write_bytes(b"junk" * 2000)
    with pytest.raises(StoreBrokenError):
        Store(where.database).load()
    assert ingester.mend()
    assert len(aside(where)) == 1


def test_a_file_that_is_being_copied_is_looked_at_again_before_it_is_judged(good: bytes, where: Paths) -> None:
    Path(where.database).write_bytes(good[:300_000])
    waits: list[float] = []

    def finish(seconds: float) -> None:
        waits.append(seconds)
        Path(where.database).write_bytes(good)

    assert Store(where.database, sleep=finish).renew(time.time(), list) is None
    assert waits == [0.5]
    assert aside(where) == []
    assert len(Store(where.database).load()) == 2


def test_who_does_not_hold_the_ingest_lock_sets_nothing_aside(good: bytes, where: Paths) -> None:
    Path(where.database).write_bytes(b"junk" * 2000)
    lock = FileLock(where.ingest_lock)
    assert lock.acquire()
    assert not ingest.Ingester(where, Store(where.database)).mend()
    monitor = Monitor(where)
    monitor.look()
    assert where.database in str(monitor.snapshot().problem)
    lock.release()
    assert aside(where) == []
    monitor.look()
    assert monitor.snapshot().problem is None
    assert len(aside(where)) == 1


def test_twenty_hooks_at_once_set_it_aside_once_and_lose_nothing(good: bytes, where: Paths) -> None:
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
    assert {s.session_id for s in Store(where.database).load()} == {"told", *(f"s{n}" for n in range(20))}
    assert len(aside(where)) == 1
    assert os.listdir(where.spool) == []


def test_a_disk_that_breaks_every_file_is_not_fed_for_ever(good: bytes, where: Paths) -> None:
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


def test_a_newer_version_of_ours_is_refused_untouched_and_hooks_keep_their_notes(good: bytes, where: Paths) -> None:
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
    assert set(left) == {"told", "untold", "s0", "s1", "s2"}


def test_a_file_of_a_newer_duckdb_is_named_as_such(good: bytes, where: Paths) -> None:
    Path(where.database).write_bytes(of_a_newer_duckdb(good))
    with pytest.raises(StoreBrokenError, match="9999"):
        Store(where.database).load()


@pytest.mark.parametrize("folder", ["plain", "a Corrupt version number"])
def test_a_folder_in_its_place_is_no_damage_whatever_its_path_says(folder: str, tmp_path: Path) -> None:
    where = Paths(str(tmp_path / folder))
    os.makedirs(where.database)
    with pytest.raises(StoreUnusableError):
        Store(where.database).renew(NOW, list)


# ---- one odd value must not stop the others ---------------------------------


def test_a_note_whose_value_no_column_takes_is_set_aside_and_the_others_go_on(
    where: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        say(where, "turn", f"s{number}", NOW + number)
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
def test_any_text_can_be_held(text: str, where: Paths) -> None:
    store = Store(where.database)
    store.update([], lambda before: [Session(f"s{text}", title=text, cwd=text, model=text)])
    (held,) = store.load()
    assert held.title == text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("at", [-1e12, 0.0, 253402300799.0, 253402300799.0 + 3600, 1e15])
def test_any_moment_can_be_held(at: float, where: Paths) -> None:
    store = Store(where.database)
    store.update([], lambda before: [Session("s", started_at=at)])
    (held,) = store.load()
    assert held.started_at == min(max(at, 0.0), 253402300799.0)


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
        told = Transcript(projects / f"{name}.jsonl")
        for line in lines:
            told.line(**line)
        told.written_at(at)
    Transcript(projects / "-b/two/subagents/agent-8.jsonl").line(cwd="/x")
    (projects / "-b/folder.jsonl").mkdir()
    os.mkfifo(projects / "-b/pipe.jsonl")
    (projects / "a file").write_text("x")
    listed = [(s.session_id, s.cwd, s.project) for s in discovery.sessions(where.claude_dir, NOW - 86_400)]
    assert listed == [("one", "/x/last", "last")]
    assert list(discovery.sessions(where.claude_dir + "/nowhere", 0)) == []
