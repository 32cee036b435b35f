"""Notes and transcripts become rows: nothing lost, nothing twice, whichever process ingests, also when it is killed."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from claude_session_status import notes, reducer
from claude_session_status.claude import ingest, transcript
from claude_session_status.errors import StoreBrokenError
from claude_session_status.lock import FileLock
from claude_session_status.model import (
    ClientStatus,
    Event,
    EventKind,
    Process,
    Request,
    Session,
    Source,
    TranscriptFacts,
)
from claude_session_status.monitor import Monitor
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.store.database import Store
from fakes import NOW, FakeClock, Transcript
from ingester import wait_until_applied


class Place:
    """One folder with a spool and a database."""

    def __init__(self, where: Paths) -> None:
        self.where, self.spool, self.store = where, Spool(where.spool), Store(where.database)
        self.ingester = ingest.Ingester(where, self.store)

    def write(self, kind: str, session_id: str = "s", at: float = NOW, **fields: object) -> str:
        """Write a note; its name."""
        event = Event(EventKind(kind), session_id, at, **fields)  # type: ignore[arg-type]
        return self.spool.write(notes.encode(event), at)

    def drain(self, batches: int | None = None) -> ingest.DrainResult:
        return self.ingester.drain(batches)

    def rows(self) -> dict[str, Session]:
        return {s.session_id: s for s in self.store.load()}


@pytest.fixture
def place(where: Paths) -> Place:
    return Place(where)


def test_notes_become_rows_and_are_gone(place: Place) -> None:
    place.write("start", "a", cwd="/x/a")
    place.write("turn", "b", NOW + 1)
    assert place.drain() is ingest.DrainResult.DONE
    assert set(place.rows()) == {"a", "b"}
    assert place.rows()["a"].cwd == "/x/a"
    assert place.spool.names() == []


@pytest.mark.parametrize(("hours", "believed"), [(1, True), (1.9, True), (2.1, False), (23, False)])
def test_a_busy_status_without_a_live_process_is_trusted_for_two_hours(
    hours: float, believed: bool, where: Paths
) -> None:
    """One in a container that was killed leaves its file behind, which says busy."""
    in_container = Process(7, 555, "pid:[1]")
    entry = {"pid": 7, "sessionId": "s", "procStart": "555", "status": "busy", "statusUpdatedAt": NOW * 1000}
    os.makedirs(where.client_registry)
    Path(where.client_registry, "7.json").write_text(json.dumps({**entry, "pidDomain": "linux:abc:pid:[1]"}))
    ingester = ingest.Ingester(where, Store(where.database), clock=lambda: NOW + hours * 3600)
    session = ingester.refresh(Session("s", last_event_at=NOW, process=in_container))
    assert session.client_status is (ClientStatus.BUSY if believed else None)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("mute", {}),
        ("alerted", {"expires_at": NOW + 30, "lead_seconds": 30.0}),
        ("statusline", {"expires_at": NOW + 290, "ttl_seconds": 300}),
    ],
)
def test_notes_about_a_forgotten_session_count_once_it_is_back(
    tmp_path: Path, kind: str, fields: dict[str, Any]
) -> None:
    """Whether the note that brings it back is taken in with the others or later."""

    def row(*, at_once: bool) -> Session:
        place = Place(Paths(str(tmp_path / str(at_once))))
        place.write("forget", at=NOW - 50)
        place.write(kind, at=NOW - 10, **fields)
        if not at_once:
            place.drain()
        place.write("start", at=NOW - 20)
        place.drain()
        return place.rows()["s"]

    assert row(at_once=False) == row(at_once=True)


def test_a_process_that_finds_the_lock_taken_leaves_the_notes(place: Place) -> None:
    place.write("start")
    lock = FileLock(place.where.ingest_lock)
    assert lock.acquire()
    assert place.drain() is ingest.DrainResult.LOCKED
    assert len(place.spool.names()) == 1
    lock.release()
    assert place.drain() is ingest.DrainResult.DONE


def test_a_note_that_arrives_while_the_holder_releases_the_lock_is_applied(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write("start", "early")
    release = FileLock.release

    def late(lock: FileLock) -> None:
        monkeypatch.setattr(FileLock, "release", release)
        place.write("start", "late")
        assert not FileLock(lock.path).acquire()  # its own hook finds the lock taken, and leaves
        release(lock)

    monkeypatch.setattr(FileLock, "release", late)
    place.drain()
    assert set(place.rows()) == {"early", "late"}


def test_an_unreadable_note_is_set_aside_and_the_others_are_applied(place: Place) -> None:
    place.write("start", "good")
    bad = Path(place.where.spool) / "00000000000000001-1-aa.json"
    bad.write_bytes(b'{"half": \n')
    place.drain()
    assert set(place.rows()) == {"good"}
    assert place.spool.names() == []
    assert bad.with_name(bad.name + ".refused").read_bytes() == b'{"half": \n'


@pytest.mark.parametrize(
    "poison",
    [
        b'{"kind":"start","session_id":"p","at":1' + b"0" * 400 + b"}\n",
        b"[" * 100_000 + b"\n",
        b'{"kind": []}\n',
        b"\n",
    ],
    ids=["a huge number", "deeply nested", "no kind", "empty"],
)
def test_a_poison_note_does_not_stop_the_notes_behind_it(poison: bytes, place: Place) -> None:
    place.write("start", "before", NOW - 1)
    bad = Path(place.where.spool, "00000000000000001-1-aa.json")
    bad.write_bytes(poison)
    place.write("start", "behind", NOW + 1)
    assert place.drain() is ingest.DrainResult.DONE
    assert set(place.rows()) == {"before", "behind"}
    assert os.listdir(place.where.spool) == [bad.name + ".refused"]


def test_an_event_that_cannot_be_applied_costs_no_other_event(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    apply = reducer.apply

    def fail_for_odd(session: Session, event: Event, now: float) -> Session:
        if event.session_id == "odd":
            raise TypeError("unhashable type: 'list'")
        return apply(session, event, now)

    monkeypatch.setattr(reducer, "apply", fail_for_odd)
    for n in range(20):
        place.write("turn", "odd" if n == 7 else f"s{n}", NOW + n)
    assert place.drain() is ingest.DrainResult.DONE
    assert set(place.rows()) == {f"s{n}" for n in range(20) if n != 7}
    assert [name.endswith(".refused") for name in os.listdir(place.where.spool)] == [True]


def test_a_transcript_that_cannot_be_read_costs_no_event(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    odd, fine = Transcript(tmp_path / "odd.jsonl"), Transcript(tmp_path / "fine.jsonl")
    for transcript_file in (odd, fine):
        transcript_file.user(NOW - 20).answer(NOW - 1, wrote_1h=7)
    read = transcript.read

    def fail_for_odd(path: str, now: float) -> TranscriptFacts | None:
        if path == str(odd.path):
            raise TypeError("unhashable type: 'list'")
        return read(path, now)

    monkeypatch.setattr(transcript, "read", fail_for_odd)
    for at in (NOW, NOW + 1):
        place.write("turn", "odd", at, transcript_path=str(odd.path))
        place.write("turn", "fine", at, transcript_path=str(fine.path))
        place.drain()
    assert {name: row.last_turn_at for name, row in place.rows().items()} == {"odd": NOW + 1, "fine": NOW + 1}
    assert place.rows()["fine"].request == Request(NOW - 20, 3600, Source.TRANSCRIPT)
    assert os.listdir(place.where.spool) == []
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "session (odd): reading its files failed: TypeError: unhashable type: 'list' ("
    )
    assert record.exc_info is None  # a hook's log is Claude Code's standard error: one line


class TestNotesThatCannotBeMoved:
    """As with `chattr +i`, or in a folder that another program holds open on Windows."""

    @pytest.fixture
    def stuck(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> set[str]:
        """The names of notes that can be neither removed nor renamed."""
        names: set[str] = set()
        remove, refuse = Spool.remove, Spool.refuse

        def unless_stuck(act: Callable[[Spool, str], None]) -> Callable[[Spool, str], None]:
            def attempt(spool: Spool, name: str) -> None:
                if name in names:
                    raise PermissionError(1, "Operation not permitted", name)
                act(spool, name)

            return attempt

        monkeypatch.setattr(Spool, "remove", unless_stuck(remove))
        monkeypatch.setattr(Spool, "refuse", unless_stuck(refuse))
        return names

    def test_the_oldest_does_not_stop_those_behind_it(
        self, place: Place, stuck: set[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ingest, "BATCH", 3)
        stuck.add(place.write("start", "stuck"))
        for n in range(10):
            place.write("turn", f"s{n}", NOW + 1 + n)
        assert place.drain() is ingest.DrainResult.DONE
        assert set(place.rows()) == {"stuck", *(f"s{n}" for n in range(10))}
        assert set(place.spool.names()) == stuck

    def test_an_applied_note_is_named_and_not_applied_again(self, place: Place, stuck: set[str]) -> None:
        stuck.add(place.write("start", "stuck"))
        place.drain()
        stamp = place.store.stamp()
        assert place.drain() is ingest.DrainResult.DONE
        assert place.store.stamp() == stamp
        assert place.ingester.problem is not None
        assert "Operation not permitted" in place.ingester.problem.title
        assert place.spool.names()[0] in place.ingester.problem.title
        stuck.clear()
        place.drain()
        assert place.spool.names() == []
        assert place.ingester.problem is None

    def test_a_refused_note_is_read_once(self, place: Place, stuck: set[str]) -> None:
        stuck.add(place.spool.write(b"nonsense", NOW))
        place.write("start", "behind", NOW + 1)
        assert place.drain() is ingest.DrainResult.DONE
        assert place.drain() is ingest.DrainResult.DONE
        assert set(place.rows()) == {"behind"}
        assert set(place.spool.names()) == stuck  # never deleted: it was not applied
        assert place.ingester.problem is not None

    def test_notes_of_another_user_are_left_to_that_user(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ingest, "BATCH", 3)
        foreign = {place.write("start", "foreign", NOW + n) for n in range(5)}
        read = Spool.read
        monkeypatch.setattr(Spool, "read", lambda spool, name: None if name in foreign else read(spool, name))
        place.write("turn", "own", NOW + 10)
        assert place.drain(1) is ingest.DrainResult.DONE
        assert set(place.rows()) == {"own"}
        assert set(place.spool.names()) == foreign


def test_a_drain_of_one_batch_leaves_the_rest_to_the_next(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BATCH", 7)
    for n in range(20):
        place.write("turn", f"s{n}", NOW + n)
    results = []
    left = []
    for _ in range(3):
        results.append(place.drain(1))
        left.append(len(place.spool.names()))
    assert left == [13, 6, 0]
    assert results == [ingest.DrainResult.MORE, ingest.DrainResult.MORE, ingest.DrainResult.DONE]


def test_a_database_that_fails_keeps_the_notes(place: Place) -> None:
    place.write("start")
    Path(place.where.database).write_bytes(b"junk" * 2000)
    with pytest.raises(StoreBrokenError):
        place.drain()
    assert len(place.spool.names()) == 1


def test_a_crowded_spool_is_applied_in_batches(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BATCH", 7)
    for n in range(20):
        place.write("turn", f"s{n % 5}", NOW + n)
    place.drain()
    assert {s.session_id: s.last_turn_at for s in place.rows().values()} == {f"s{n}": NOW + 15 + n for n in range(5)}


_KILLED = """
import os, sys
from claude_session_status import paths, spool
from claude_session_status.claude import ingest, transcript
remove = spool.Spool.remove
def die(self, name):
    os.kill(os.getpid(), 9)
spool.Spool.remove = die
ingest.run_alone(paths.from_environment())
"""


def test_an_ingester_killed_between_commit_and_removal_changes_nothing_when_it_runs_again(place: Place) -> None:
    place.write("start", cwd="/x")
    place.write("turn", at=NOW + 5)
    subprocess.run([sys.executable, "-c", _KILLED], check=False)
    first = place.rows()
    assert first["s"].last_turn_at == NOW + 5
    assert len(place.spool.names()) == 2
    place.drain()
    assert place.rows() == first
    assert place.spool.names() == []


def test_a_turn_without_a_transcript_counts_from_the_hook(place: Place) -> None:
    place.write("turn")
    place.drain()
    assert place.rows()["s"].request == Request(NOW, 300, Source.HOOK)


def test_a_turn_with_a_transcript_counts_from_its_request(place: Place, tmp_path: Path) -> None:
    lines = Transcript(tmp_path / "t.jsonl").user(NOW - 20).answer(NOW - 1, wrote_1h=7)
    place.write("turn", transcript_path=str(lines.path))
    place.drain()
    assert place.rows()["s"].request == Request(NOW - 20, 3600, Source.TRANSCRIPT)


def test_at_stop_the_request_is_in_the_transcript_before_its_response(place: Place, tmp_path: Path) -> None:
    lines = Transcript(tmp_path / "t.jsonl").user(NOW - 20).request(NOW - 19, "r")
    place.write("turn", transcript_path=str(lines.path))
    place.drain()
    assert place.rows()["s"].request == Request(NOW - 19, 300, Source.HOOK)
    lines.answer(NOW - 1, wrote_1h=7, requestRef="r")
    assert place.ingester.write_refreshed(["s"]) is not None
    assert place.rows()["s"].request == Request(NOW - 19, 3600, Source.TRANSCRIPT)


def test_a_deleted_transcript_leaves_what_was_read(place: Place, tmp_path: Path) -> None:
    lines = Transcript(tmp_path / "t.jsonl").user(NOW - 20).answer(NOW - 1, wrote_1h=7).title("T")
    place.write("turn", transcript_path=str(lines.path))
    place.drain()
    lines.path.unlink()
    place.write("prompt", at=NOW + 50)
    place.drain()
    assert place.rows()["s"].request == Request(NOW - 20, 3600, Source.TRANSCRIPT)
    place.write("turn", at=NOW + 60)
    place.drain()
    assert place.rows()["s"].request == Request(NOW + 60, 3600, Source.HOOK)
    assert place.rows()["s"].title == "T"


def test_a_value_that_the_table_cannot_hold_keeps_no_other_session_from_being_written(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {name: Transcript(tmp_path / f"{name}.jsonl") for name in ("odd", "fine", "good")}
    for name, lines in files.items():
        lines.user(NOW - 20).answer(NOW - 19, wrote_1h=7)
        place.write("turn", name, transcript_path=str(lines.path))
    place.drain()
    for lines in files.values():
        lines.user(NOW - 10).answer(NOW - 9, wrote_1h=7)
    read = transcript.read

    def read_too_much(path: str, now: float) -> TranscriptFacts | None:
        facts = read(path, now)
        return replace(facts, context_tokens=10**30) if facts is not None and "odd" in path else facts

    monkeypatch.setattr(transcript, "read", read_too_much)
    assert place.ingester.write_refreshed(files) is not None
    starts = {name: row.request.started_at - NOW for name, row in place.rows().items() if row.request is not None}
    assert starts == {"odd": -20, "fine": -10, "good": -10}


def test_an_unchanged_transcript_is_not_read_again(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = Transcript(tmp_path / "t.jsonl").user(NOW - 20).answer(NOW - 1, wrote_1h=7)
    place.write("turn", transcript_path=str(lines.path))
    place.drain()
    (session,) = place.store.load()
    monkeypatch.setattr(transcript, "read", lambda path: pytest.fail("read again"))
    assert place.ingester.refresh(session) is session


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are not UTF-8")
def test_a_home_that_is_not_utf8_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(Paths(os.fsdecode(bytes(tmp_path) + b"/caf\xe9/.claude")))
    by_hook = Transcript(Path(place.where.projects, "-x", "hooked.jsonl")).user(NOW - 20).answer(NOW - 1, wrote_1h=7)
    as_the_client_names_it = str(by_hook.path).encode("utf-8", "replace").decode()
    place.write("turn", "hooked", transcript_path=as_the_client_names_it)
    found = str(uuid.UUID(int=1))
    lines = Transcript(Path(place.where.projects, "-x", f"{found}.jsonl"))
    lines.user(NOW - 20, cwd="/x").answer(NOW - 1, wrote_1h=7, cwd="/x").written_at(NOW)
    monitor = Monitor(place.where, clock=FakeClock(), alerts=False)
    for _ in range(2):
        monitor.look()
        shot = monitor.snapshot()
        assert shot.problem is None
        assert {s.session.session_id: s.seconds_left for s in shot.sessions} == {"hooked": 3580, found: 3580}
    assert os.listdir(place.where.spool) == []


@pytest.mark.parametrize("monitors", [0, 1, 2])
def test_96_sessions_24_hooks_at_a_time_lose_nothing(monitors: int, place: Place) -> None:
    watching = [
        subprocess.Popen([sys.executable, "-c", _MONITOR], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(monitors)
    ]
    for monitor in watching:
        assert monitor.stdout is not None
        assert monitor.stdout.readline() == b"polled\n"
    numbers = iter(range(96))
    running: list[subprocess.Popen[bytes]] = []
    for number in numbers:
        if len(running) == 24:
            assert running.pop(0).wait() == 0
        hook = subprocess.Popen([sys.executable, "-m", "claude_session_status", "mark-turn"], stdin=subprocess.PIPE)
        assert hook.stdin is not None
        hook.stdin.write(b'{"session_id": "s%d", "cwd": "/x/p%d"}' % (number, number))
        hook.stdin.close()
        running.append(hook)
    assert [hook.wait() for hook in running] == [0] * 24
    for monitor in watching:
        monitor.communicate()  # it looks once more before it ends
        assert monitor.returncode == 0
    wait_until_applied(place.where)
    assert {s.session_id: s.project for s in place.store.load()} == {f"s{n}": f"p{n}" for n in range(96)}
    assert os.listdir(place.where.spool) == []


_MONITOR = """
import sys, threading
from claude_session_status import monitor, paths
watcher, stop = monitor.Monitor(paths.from_environment(), alerts=False), threading.Event()
thread = threading.Thread(target=watcher.run, args=(stop, lambda shot, alerts: print("polled", flush=True)))
thread.start()
sys.stdin.read()
stop.set()
watcher.wake()
thread.join()
watcher.look()
"""
