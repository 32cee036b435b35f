"""Another program locks the database for a while: hooks return, the monitor shows it, and no event is lost."""

import os
import subprocess
import sys
import threading
import time

import pytest

from claude_session_status import heartbeat, notes, view
from claude_session_status.claude import ingest
from claude_session_status.lock import FileLock
from claude_session_status.model import Event, EventKind, Snapshot
from claude_session_status.monitor import Monitor
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.store.database import Store
from fakes import NOW, FakeClock
from ingester import wait_for_ingester, wait_until_applied
from locking import held_by_another_program

COMMAND = [sys.executable, "-m", "claude_session_status"]


def write_note(where: Paths, session_id: str, at: float) -> None:
    Spool(where.spool).write(notes.encode(Event(EventKind.TURN, session_id, at)), at)


def hook(number: int) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([*COMMAND, "mark-turn"], input=b'{"session_id": "s%d"}' % number, capture_output=True)


def test_notes_of_hooks_wait_and_the_next_hook_applies_them_all(where: Paths) -> None:
    hook(0)
    wait_until_applied(where)
    with held_by_another_program(where.database):
        for number in range(1, 6):
            done = hook(number)
            assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        wait_for_ingester(where)
        assert len(os.listdir(where.spool)) == 5
    assert hook(6).stderr == b""
    wait_until_applied(where)
    assert {s.session_id for s in Store(where.database).load()} == {f"s{n}" for n in range(7)}
    assert os.listdir(where.spool) == []


def test_an_ingester_without_a_monitor_works_off_a_crowded_spool_in_slices(
    where: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BATCH", 10)
    for number in range(50):
        write_note(where, f"s{number}", NOW + number)
    lock, free = FileLock(where.ingest_lock), []

    def pause(_: float) -> None:
        free.append(lock.acquire())
        lock.release()

    monkeypatch.setattr(time, "sleep", pause)
    ingest.run_alone(where)
    assert free == [True] * 4  # between the slices any other process gets the lock
    assert len(Store(where.database).load()) == 50


def test_it_leaves_the_rest_to_a_monitor_that_has_started(where: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BATCH", 10)
    for number in range(50):
        write_note(where, f"s{number}", NOW + number)
    heartbeat.beat(where.monitor_alive, time.time())
    ingest.run_alone(where)
    assert len(os.listdir(where.spool)) == 40


class Watched:
    """A monitor in virtual time, and what it showed at each moment."""

    def __init__(self, where: Paths) -> None:
        self.clock = FakeClock()
        self.shots: list[Snapshot] = []
        self.monitor = Monitor(where, clock=self.clock, store=Store(where.database, sleep=lambda s: None, tries=3))

    def run(self, seconds: float) -> list[Snapshot]:
        stop, self.shots = threading.Event(), []

        def end() -> None:
            stop.set()
            self.monitor.wake()

        self.clock.at(self.clock.now + seconds, end)
        self.monitor.run(stop, lambda shot, alerts: self.shots.append(shot))
        return self.shots


@pytest.mark.parametrize("seconds", [10, 600])
def test_the_monitor_shows_its_last_rows_as_stale_and_every_session_after_that(
    seconds: int, where: Paths, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(where)
    write_note(where, "before", NOW)
    assert not watched.run(5)[-1].stale
    with held_by_another_program(where.database):
        for number in range(seconds):
            watched.clock.at(watched.clock.now + number, lambda n=number: write_note(where, f"s{n}", NOW + 5 + n))  # type: ignore[misc]
        shots = watched.run(seconds)
        assert all(shot.stale for shot in shots[2:])
        assert all([s.session.session_id for s in shot.sessions] == ["before"] for shot in shots)
        left = [shot.sessions[0].seconds_left or 0 for shot in shots]
        assert left == sorted(left, reverse=True)  # the countdown goes on
        assert left[-1] == pytest.approx(max(0, 295 - seconds), abs=3)
        assert "is locked by " in view.menu(shots[-1])[0].label
        assert "(process " in str(shots[-1].problem)
    assert len([r for r in caplog.records if "locked" in r.getMessage()]) <= 2  # the second as the monitor closed
    shot = watched.run(5)[-1]
    assert (shot.stale, shot.problem) == (False, None)
    assert {s.session.session_id for s in shot.sessions} == {"before", *(f"s{n}" for n in range(seconds))}
    watched.monitor.look()  # takes in what the monitor itself noted last: whom it has alerted
    assert os.listdir(where.spool) == []
