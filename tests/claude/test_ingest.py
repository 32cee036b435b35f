"""Notes and transcripts become rows: nothing lost, nothing twice, whoever does it and whenever it is killed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from claude_session_status import notes
from claude_session_status.claude import ingest, transcript
from claude_session_status.errors import StoreBrokenError
from claude_session_status.lock import FileLock
from claude_session_status.model import ClientStatus, Event, EventKind, Process, Request, Session, Source
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.store.database import Store
from fakes import NOW, Transcript


class Place:
    """One folder with a spool and a database."""

    def __init__(self, where: Paths) -> None:
        self.where, self.spool, self.store = where, Spool(where.spool), Store(where.database)
        self.ingester = ingest.Ingester(where, self.store)

    def say(self, kind: str, session_id: str = "s", at: float = NOW, **fields: object) -> None:
        event = Event(EventKind(kind), session_id, at, **fields)  # type: ignore[arg-type]
        self.spool.write(notes.encode(event), at)

    def drain(self) -> ingest.DrainResult:
        return self.ingester.drain()

    def rows(self) -> dict[str, Session]:
        return {s.session_id: s for s in self.store.load()}


@pytest.fixture
def place(where: Paths) -> Place:
    return Place(where)


def test_notes_become_rows_and_are_gone(place: Place) -> None:
    place.say("start", "a", cwd="/x/a")
    place.say("turn", "b", NOW + 1)
    assert place.drain() is ingest.DrainResult.DONE
    assert set(place.rows()) == {"a", "b"}
    assert place.rows()["a"].cwd == "/x/a"
    assert place.spool.names() == []


@pytest.mark.parametrize(("hours", "believed"), [(1, True), (1.9, True), (2.1, False), (23, False)])
def test_a_client_that_cannot_be_seen_to_run_is_not_busy_for_ever(hours: float, believed: bool, where: Paths) -> None:
    """One in a container that was killed leaves its file behind, which says busy."""
    elsewhere = Process(7, 555, "pid:[1]")
    said = {"pid": 7, "sessionId": "s", "procStart": "555", "status": "busy", "statusUpdatedAt": NOW * 1000}
    os.makedirs(where.client_registry)
    Path(where.client_registry, "7.json").write_text(json.dumps({**said, "pidDomain": "linux:abc:pid:[1]"}))
    ingester = ingest.Ingester(where, Store(where.database), clock=lambda: NOW + hours * 3600)
    session = ingester.refresh(Session("s", last_event_at=NOW, process=elsewhere))
    assert session.client_status is (ClientStatus.BUSY if believed else None)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("mute", {}),
        ("alerted", {"expires_at": NOW + 30, "lead_seconds": 30.0}),
        ("statusline", {"expires_at": NOW + 290, "ttl_seconds": 300}),
    ],
)
def test_what_is_told_of_a_forgotten_session_counts_once_it_is_back(
    tmp_path: Path, kind: str, told: dict[str, Any]
) -> None:
    """Whether the note that brings it back is taken in with the others or later."""

    def row(*, at_once: bool) -> Session:
        place = Place(Paths(str(tmp_path / str(at_once))))
        place.say("forget", at=NOW - 50)
        place.say(kind, at=NOW - 10, **told)
        if not at_once:
            place.drain()
        place.say("start", at=NOW - 20)
        place.drain()
        return place.rows()["s"]

    assert row(at_once=False) == row(at_once=True)


def test_who_finds_the_lock_taken_leaves_and_the_notes_stay(place: Place) -> None:
    place.say("start")
    lock = FileLock(place.where.ingest_lock)
    assert lock.acquire()
    assert place.drain() is ingest.DrainResult.LOCKED
    assert len(place.spool.names()) == 1
    lock.release()
    assert place.drain() is ingest.DrainResult.DONE


def test_a_note_that_comes_while_the_holder_lets_go_is_not_left_lying(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.say("start", "early")
    release = FileLock.release

    def late(lock: FileLock) -> None:
        monkeypatch.setattr(FileLock, "release", release)
        place.say("start", "late")
        assert not FileLock(lock.path).acquire()  # its own hook finds the lock taken, and leaves
        release(lock)

    monkeypatch.setattr(FileLock, "release", late)
    place.drain()
    assert set(place.rows()) == {"early", "late"}


def test_a_note_nobody_can_read_is_set_aside_and_the_others_go_on(place: Place) -> None:
    place.say("start", "good")
    bad = Path(place.where.spool) / "00000000000000001-1-aa.json"
    bad.write_bytes(b'{"half": \n')
    place.drain()
    assert set(place.rows()) == {"good"}
    assert place.spool.names() == []
    assert bad.with_name(bad.name + ".refused").read_bytes() == b'{"half": \n'


def test_a_database_that_fails_keeps_the_notes(place: Place) -> None:
    place.say("start")
    Path(place.where.database).write_bytes(b"junk" * 2000)
    with pytest.raises(StoreBrokenError):
        place.drain()
    assert len(place.spool.names()) == 1


def test_a_crowded_spool_is_worked_off_in_pieces(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BATCH", 7)
    for n in range(20):
        place.say("turn", f"s{n % 5}", NOW + n)
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


def test_killed_between_commit_and_removal_applies_the_notes_again_and_changes_nothing(place: Place) -> None:
    place.say("start", cwd="/x")
    place.say("turn", at=NOW + 5)
    subprocess.run([sys.executable, "-c", _KILLED], check=False)
    first = place.rows()
    assert first["s"].last_turn_at == NOW + 5
    assert len(place.spool.names()) == 2
    place.drain()
    assert place.rows() == first
    assert place.spool.names() == []


def test_a_turn_without_a_transcript_counts_from_the_hook(place: Place) -> None:
    place.say("turn")
    place.drain()
    assert place.rows()["s"].request == Request(NOW, 300, Source.HOOK)


def test_a_turn_with_a_transcript_counts_from_its_request(place: Place, tmp_path: Path) -> None:
    told = Transcript(tmp_path / "t.jsonl").user(NOW - 20).answer(NOW - 1, wrote_1h=7)
    place.say("turn", transcript_path=str(told.path))
    place.drain()
    assert place.rows()["s"].request == Request(NOW - 20, 3600, Source.TRANSCRIPT)


def test_at_stop_the_answer_is_not_written_yet_but_its_request_is(place: Place, tmp_path: Path) -> None:
    told = Transcript(tmp_path / "t.jsonl").user(NOW - 20).request(NOW - 19, "r")
    place.say("turn", transcript_path=str(told.path))
    place.drain()
    assert place.rows()["s"].request == Request(NOW - 19, 300, Source.HOOK)
    told.answer(NOW - 1, wrote_1h=7, requestRef="r")
    assert place.ingester.write_refreshed(["s"]) is not None
    assert place.rows()["s"].request == Request(NOW - 19, 3600, Source.TRANSCRIPT)


def test_a_transcript_that_is_gone_leaves_what_was_read(place: Place, tmp_path: Path) -> None:
    told = Transcript(tmp_path / "t.jsonl").user(NOW - 20).answer(NOW - 1, wrote_1h=7).title("T")
    place.say("turn", transcript_path=str(told.path))
    place.drain()
    told.path.unlink()
    place.say("prompt", at=NOW + 50)
    place.drain()
    assert place.rows()["s"].request == Request(NOW - 20, 3600, Source.TRANSCRIPT)
    place.say("turn", at=NOW + 60)
    place.drain()
    assert place.rows()["s"].request == Request(NOW + 60, 3600, Source.HOOK)
    assert place.rows()["s"].title == "T"


def test_an_unchanged_transcript_is_not_read_again(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Transcript(tmp_path / "t.jsonl").user(NOW - 20).answer(NOW - 1, wrote_1h=7)
    place.say("turn", transcript_path=str(told.path))
    place.drain()
    (session,) = place.store.load()
    monkeypatch.setattr(transcript, "read", lambda path: pytest.fail("read again"))
    assert place.ingester.refresh(session) is session


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
