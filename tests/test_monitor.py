"""The monitor's loop in virtual time: what it shows and when, what that costs, and that each alert comes once."""

import itertools
import json
import logging
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from queue import SimpleQueue
from types import ModuleType
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claude_session_status import alerting, future_times, heartbeat, last_request, notes, policy
from claude_session_status.claude import discovery, ingest, transcript
from claude_session_status.claude.liveness import Liveness
from claude_session_status.config import Config
from claude_session_status.errors import StoreLockedError
from claude_session_status.lock import FileLock
from claude_session_status.model import (
    Activity,
    Cache,
    Event,
    EventKind,
    Pause,
    Process,
    Session,
    SessionState,
    Snapshot,
)
from claude_session_status.monitor import Monitor
from claude_session_status.paths import Paths
from claude_session_status.poller import TICK_SECONDS
from claude_session_status.spool import Spool
from claude_session_status.store.database import Store
from fakes import NOW, FakeClock, Transcript, holding


class Scene:
    """A monitor under a fake clock, and the snapshots and alerts that it gave."""

    def __init__(self, where: Paths, clock: FakeClock, **options: Any) -> None:
        self.where, self.clock = where, clock
        self.store = CountingStore(where.database)
        self.alive: dict[int, Liveness] = {}
        self.shown: list[Snapshot] = []
        self.alerts_given: list[tuple[float, str]] = []
        self.expiries: list[tuple[str, float]] = []  # of the alerts: session, expiry
        self.monitor = Monitor(
            where,
            clock=clock,
            store=self.store,
            alive=lambda process, at: self.alive.get(process.pid if process else 0, Liveness.UNKNOWN),
            **options,
        )

    def write(self, kind: str, session_id: str = "s", **fields: Any) -> None:
        now = self.clock.now
        Spool(self.where.spool).write(notes.encode(Event(EventKind(kind), session_id, now, **fields)), now)

    def run(self, seconds: float) -> None:
        """Let the monitor run for so long."""
        stop = threading.Event()

        def end() -> None:
            stop.set()
            self.monitor.wake()

        self.clock.at(self.clock.now + seconds, end)

        def listen(shot: Snapshot, alerts: Any) -> None:
            self.shown.append(shot)
            self.alerts_given += [(self.clock.now, a.state.session.session_id) for a in alerts]
            requests = [(a.state.session.session_id, a.state.session.request) for a in alerts]
            self.expiries += [(name, request.expires_at) for name, request in requests if request is not None]

        self.monitor.run(stop, listen)

    @property
    def activities(self) -> list[Activity]:
        return [s.activity for s in self.last.sessions]

    @property
    def last(self) -> Snapshot:
        return self.shown[-1]


class CountingStore(Store):
    """A store that counts how often the database is opened, and can be locked."""

    opened = 0
    locked = False

    def _count(self, is_opened: bool) -> None:
        if self.locked:
            raise StoreLockedError("the database is locked", "wait")
        self.opened += is_opened

    def load(self, since: float | None = None, ended_since: float | None = None) -> list[Session]:
        self._count(is_opened=self.stamp() is not None)
        return super().load(since, ended_since)

    def select(self, session_ids: Iterable[str]) -> list[Session]:
        self._count(is_opened=self.stamp() is not None)
        return super().select(session_ids)

    def update(self, session_ids: Iterable[str], change: Callable[[dict[str, Session]], Iterable[Session]]) -> None:
        self._count(is_opened=True)
        super().update(session_ids, change)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def scene(where: Paths, clock: FakeClock) -> Scene:
    return Scene(where, clock)


def test_an_event_is_shown_at_the_next_poll(scene: Scene) -> None:
    scene.run(1)
    assert not scene.last.sessions
    scene.write("turn")
    scene.run(2.5)
    (state,) = scene.last.sessions
    assert (state.cache, state.activity) == (Cache.WARM, Activity.IDLE)


def test_the_countdown_moves_by_the_second_without_looking_at_files(scene: Scene) -> None:
    scene.write("turn")
    scene.run(20)
    left = [shot.sessions[0].seconds_left for shot in scene.shown]
    assert left[:4] == [300, 299, 298, 297]
    assert scene.store.opened == 2  # one to apply the note, one to read the rows


def test_the_database_is_opened_only_when_something_changed(scene: Scene, where: Paths) -> None:
    scene.write("turn")
    scene.run(4)
    before = scene.store.opened
    scene.run(60)
    assert scene.store.opened == before
    Store(where.database).update(["x"], lambda rows: [Session("x", last_event_at=NOW)])
    scene.run(4)
    assert {s.session.session_id for s in scene.last.sessions} == {"s", "x"}


def test_a_busy_transcript_is_shown_at_each_poll_but_written_at_most_once_in_ten_seconds(
    scene: Scene, tmp_path: Path, clock: FakeClock
) -> None:
    lines = Transcript(tmp_path / "t.jsonl").user(NOW).tool_use(NOW, wrote_5m=5)
    scene.write("turn", transcript_path=str(lines.path))
    scene.run(4)
    before = scene.store.opened
    opened: list[int] = []

    def grow() -> None:
        lines.tool_result(clock.now).tool_use(clock.now, read=5)
        opened.append(scene.store.opened - before)

    for n in range(30):
        clock.at(clock.now + 2 * n + 0.5, grow)
    scene.run(60)
    assert all(s.sessions[0].activity is Activity.WORKING for s in scene.shown[8:])
    assert min(s.sessions[0].seconds_left or 0 for s in scene.shown[8:]) >= 297
    assert 5 <= opened[-1] <= 6


def test_a_transcript_ahead_of_the_clock_is_read_at_each_poll_but_written_only_when_it_says_something_new(
    scene: Scene, tmp_path: Path
) -> None:
    lines = Transcript(tmp_path / "t.jsonl").user(NOW).answer(NOW, wrote_1h=5)
    scene.write("turn", transcript_path=str(lines.path))
    os.utime(lines.path, (NOW + 7200, NOW + 7200))
    scene.run(20)
    before = scene.store.opened
    scene.run(120)
    assert scene.store.opened == before


def test_what_another_monitor_wrote_just_before_us_is_shown(where: Paths, clock: FakeClock, tmp_path: Path) -> None:
    lines = Transcript(tmp_path / "t.jsonl").user(NOW - 50).answer(NOW - 40, wrote_5m=9)
    Scene(where, clock).write("turn", "a", transcript_path=str(lines.path))
    other = Monitor(where, clock=clock, alerts=False)
    after_refresh: list[Callable[[], None]] = []

    def alive(process: Process | None, at: float | None) -> Liveness:
        """Called between reading the transcripts and writing what they say."""
        while after_refresh:
            after_refresh.pop()()
        return Liveness.UNKNOWN

    def write_as_another_monitor() -> None:
        Scene(where, clock).write("start", "b")
        other.poll()

    ours = Monitor(where, clock=clock, alerts=False, alive=alive)
    ours.poll()
    clock.now += 20
    lines.user(clock.now - 5).answer(clock.now, message="2", wrote_5m=9)
    after_refresh.append(write_as_another_monitor)
    ours.poll()
    ours.poll()
    assert {s.session.session_id for s in ours.snapshot().sessions} == {"a", "b"}


def test_the_end_of_a_transcript_is_in_the_database_when_the_monitor_ends(
    scene: Scene, tmp_path: Path, clock: FakeClock, where: Paths
) -> None:
    lines = Transcript(tmp_path / "t.jsonl").user(NOW).answer(NOW, wrote_5m=5)
    scene.write("turn", transcript_path=str(lines.path))
    clock.at(NOW + 3, lambda: lines.user(NOW + 2.5).answer(NOW + 2.9, read=5))
    scene.run(5)
    (session,) = Store(where.database).load()
    assert session.request is not None
    assert session.request.started_at == NOW + 2.5


def test_while_the_database_is_locked_the_last_snapshot_is_shown_as_stale(scene: Scene) -> None:
    scene.write("turn", "known")
    scene.run(3)
    scene.store.locked = True
    scene.write("turn", "new")
    scene.run(3)
    assert (scene.last.stale, scene.last.problem) == (True, None), "it is short so far"
    scene.run(5)
    assert (scene.last.stale, scene.last.problem) == (True, "the database is locked")
    assert [s.session.session_id for s in scene.last.sessions] == ["known"]
    scene.store.locked = False
    scene.run(3)
    assert not scene.last.stale
    assert {s.session.session_id for s in scene.last.sessions} == {"known", "new"}


def test_a_session_whose_process_is_gone_has_ended_within_a_poll(scene: Scene, where: Paths) -> None:
    _note(scene, "turn", Process(7))
    scene.alive[7] = Liveness.ALIVE
    scene.run(3)
    assert scene.activities == [Activity.IDLE]
    scene.alive[7] = Liveness.GONE
    scene.run(2.5)
    assert scene.activities == [Activity.ENDED]
    scene.run(2.5)
    assert [s.is_ended for s in Store(where.database).load()] == [True]
    _note(scene, "start", Process(8))
    scene.run(2.5)
    assert scene.activities == [Activity.IDLE]


class TestTwoClientsOnOneSession:
    """A session that is resumed a second time while it is open."""

    TERMINAL, SCRIPT = Process(7, 700), Process(8, 800)

    @pytest.fixture
    def both(self, scene: Scene, clock: FakeClock) -> Scene:
        """The session was opened in a terminal, and then resumed by a script."""
        os.makedirs(scene.where.client_registry)
        for process in (self.TERMINAL, self.SCRIPT):
            scene.alive[process.pid] = Liveness.ALIVE
            listed = {"sessionId": "s", "procStart": str(process.started), "startedAt": process.pid}
            self.file(scene, process).write_text(json.dumps(listed))
            for kind in ("start", "prompt", "turn"):
                scene.write(kind, process=process)
                clock.now += 1
        return scene

    def file(self, scene: Scene, process: Process) -> Path:
        return Path(scene.where.client_registry, f"{process.pid}.json")

    def leaves(self, scene: Scene, process: Process) -> None:
        """A client ends, in the order of the real one."""
        self.file(scene, process).unlink()
        scene.write("end", process=process)
        scene.alive[process.pid] = Liveness.GONE
        scene.clock.now += 1

    def seen(self, scene: Scene) -> tuple[Activity, int | None]:
        """Activity and process of the session after a poll."""
        scene.monitor.poll()
        (state,) = scene.monitor.snapshot().sessions
        return state.activity, state.session.process.pid if state.session.process else None

    @pytest.mark.parametrize(("first", "second"), [(TERMINAL, SCRIPT), (SCRIPT, TERMINAL)])
    @pytest.mark.parametrize("polled", [True, False], ids=["seen before", "not seen before"])
    def test_the_session_ends_when_both_have_left(
        self, first: Process, second: Process, polled: bool, both: Scene, where: Paths
    ) -> None:
        if polled:
            assert self.seen(both) == (Activity.IDLE, self.SCRIPT.pid)
        self.leaves(both, first)
        assert self.seen(both) == (Activity.IDLE, second.pid)
        both.monitor.poll()
        assert [s.is_ended for s in Store(where.database).load()] == [False]  # it is a row, not only ours
        self.leaves(both, second)
        assert self.seen(both) == (Activity.ENDED, second.pid)

    def test_the_session_ends_when_the_other_is_killed_later(self, both: Scene) -> None:
        self.leaves(both, self.SCRIPT)
        assert self.seen(both)[0] is Activity.IDLE
        both.alive[self.TERMINAL.pid] = Liveness.GONE  # its file stays
        for _ in range(3):
            assert self.seen(both)[0] is Activity.ENDED
        assert os.listdir(both.where.spool) == []

    @pytest.mark.parametrize(("killed", "other"), [(TERMINAL, SCRIPT), (SCRIPT, TERMINAL)])
    def test_the_session_goes_on_when_one_of_them_is_killed(self, killed: Process, other: Process, both: Scene) -> None:
        both.alive[killed.pid] = Liveness.GONE  # its file stays
        for _ in range(3):
            assert self.seen(both) == (Activity.IDLE, other.pid)
        assert os.listdir(both.where.spool) == []

    @pytest.mark.parametrize(("began_before", "expected"), [(-60, Activity.ENDED), (60, Activity.IDLE)])
    def test_a_process_that_reuses_the_id_of_a_killed_client_is_another_one(
        self, began_before: float, expected: Activity, where: Paths
    ) -> None:
        """Where the client gives its start as a date, not in clock ticks."""
        began = psutil.Process().create_time()
        clock = FakeClock()
        clock.now = began + 3600
        scene = Scene(where, clock)
        started = (began + began_before) * 1000
        listed = {"sessionId": "s", "procStart": "Mon Nov 16 10:00:00 2026", "startedAt": started}
        os.makedirs(where.client_registry)
        Path(where.client_registry, f"{os.getpid()}.json").write_text(json.dumps(listed))
        for kind in ("start", "turn", "end"):
            scene.write(kind, process=self.SCRIPT)
            clock.now += 1
        monitor = Monitor(where, clock=clock, alerts=False)
        monitor.poll()
        assert [state.activity for state in monitor.snapshot().sessions] == [expected]

    def test_the_session_ends_when_the_other_opens_another_session(self, both: Scene) -> None:
        self.leaves(both, self.SCRIPT)
        assert self.seen(both)[0] is Activity.IDLE
        both.write("end", process=self.TERMINAL)  # /clear: it lists the new session some milliseconds later
        assert self.seen(both)[0] is Activity.ENDED

    def test_the_session_ends_when_nothing_is_known_of_the_other(self, both: Scene) -> None:
        both.alive[self.TERMINAL.pid] = Liveness.UNKNOWN
        self.leaves(both, self.SCRIPT)
        assert self.seen(both)[0] is Activity.ENDED


def test_the_heartbeat_is_fresh_while_it_runs_and_gone_afterwards(scene: Scene, where: Paths, clock: FakeClock) -> None:
    ages: list[float] = []
    for n in range(10):
        clock.at(NOW + n, lambda: ages.append(clock.now - os.stat(where.monitor_alive).st_mtime))
    scene.run(10)
    assert max(ages) <= 2
    assert not os.path.exists(where.monitor_alive)


# ---- faults -----------------------------------------------------------------


def _fail_for_odd(work: Callable[..., Any]) -> Callable[..., Any]:
    """`work`, which raises where any argument is or belongs to the session `odd`."""

    def attempt(*arguments: Any, **options: Any) -> Any:
        if any("odd" in str(argument) for argument in arguments):
            raise TypeError("unhashable type: 'list'")
        return work(*arguments, **options)

    return attempt


@pytest.mark.parametrize(
    ("module", "function"),
    [
        (transcript, "read"),
        (last_request, "assume_request"),
        (policy, "is_abandoned"),
        (policy, "state_of"),
        (alerting, "alert_time"),
        (future_times, "drop_future"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_exception_from_one_session_is_logged_once_and_the_others_go_on(
    module: ModuleType, function: str, where: Paths, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene(where, FakeClock(), settings=Config(notify_before_seconds=(280,)))
    files = {name: Transcript(tmp_path / f"{name}.jsonl") for name in ("odd", "fine")}
    for name, lines in files.items():
        lines.user(NOW - 5).answer(NOW - 1, wrote_5m=5)
        scene.write("turn", name, transcript_path=str(lines.path))
    scene.run(3)
    assert scene.last.problem is None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, function, _fail_for_odd(getattr(module, function)))
        scene.clock.at(NOW + 10, lambda: files["fine"].user(NOW + 9).answer(NOW + 9.5, read=5))
        scene.clock.at(NOW + 10, lambda: files["odd"].user(NOW + 9).answer(NOW + 9.5, read=5))
        scene.clock.at(NOW + 20, lambda: scene.write("start", "new"))
        scene.run(40)
    seen = {state.session.session_id: state.session for state in scene.last.sessions}
    assert {"fine", "new"} <= set(seen)
    assert seen["fine"].request is not None
    assert seen["fine"].request.started_at == NOW + 9
    assert scene.last.problem is not None
    assert "(odd)" in scene.last.problem
    assert "unhashable" in scene.last.problem
    assert (NOW + 29, "fine") in scene.alerts_given
    assert [name for _, name in scene.alerts_given].count("odd") <= 1
    logged = [record.getMessage() for record in caplog.records]
    assert logged
    assert len(logged) == len(set(logged))
    scene.write("start", "odd")
    scene.run(5)
    assert scene.last.problem is None


def test_a_session_whose_process_cannot_be_checked_does_not_hide_that_another_ended(
    where: Paths, clock: FakeClock
) -> None:
    def alive(process: Process | None, at: float | None) -> Liveness:
        if process == Process(1):
            raise ValueError("no such tick")
        return Liveness.GONE

    monitor = Monitor(where, clock=clock, alive=alive, alerts=False)
    for pid in (1, 2):
        event = Event(EventKind.TURN, f"s{pid}", NOW, process=Process(pid))
        Spool(where.spool).write(notes.encode(event), NOW)
    monitor.poll()
    shot = monitor.snapshot()
    activities = {state.session.session_id: state.activity for state in shot.sessions}
    assert activities == {"s1": Activity.IDLE, "s2": Activity.ENDED}
    assert shot.problem == "session (s1): checking its process failed: ValueError: no such tick"


def test_a_step_that_fails_is_shown_and_the_loop_goes_on(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.write("turn")
    with monkeypatch.context() as patch:
        patch.setattr(discovery.Finder, "look", lambda self, now: 1 / 0)
        scene.run(5)
        assert scene.last.problem == "ZeroDivisionError: division by zero"
    assert [state.session.session_id for state in scene.last.sessions] == ["s"]
    scene.run(5)
    assert scene.last.problem is None


# ---- many notes, and a process that records none ----------------------------


def test_many_notes_are_applied_in_batches_and_what_is_known_is_shown_by_the_second(
    scene: Scene, where: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.write("turn", "known")
    scene.run(3)
    monkeypatch.setattr(ingest, "BATCH", 10)
    for n in range(60):
        scene.write("start", f"s{n:02}")
    ages: list[float] = []
    loads: list[float] = []
    beat, load = heartbeat.beat, Store.load

    def count(path: str, now: float) -> None:
        beat(path, now)
        ages.append(now)
        scene.clock.now += 0.4  # a batch takes a while

    def count_load(self: Store, *since: float) -> list[Session]:
        loads.append(scene.clock.now)
        return load(self, *since)

    monkeypatch.setattr(heartbeat, "beat", count)
    monkeypatch.setattr(Store, "load", count_load)
    shown = len(scene.shown)
    scene.run(1)
    assert [len(shot.sessions) for shot in scene.shown[shown : shown + 3]] == [11, 41, 61]
    assert len(ages) >= 6, "the heartbeat stays live"
    assert len(loads) == 3, "the rows are read by the second, not with each batch"
    assert os.listdir(where.spool) == []


def test_no_alert_is_given_while_newer_notes_wait(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BATCH", 10)
    scene.write("turn")
    for n in range(20):
        scene.clock.now += 13.5
        scene.write("start" if n < 19 else "prompt", "other" if n < 19 else "s")
    assert scene.clock.now == NOW + 270
    scene.run(10)
    assert scene.alerts_given == []


def test_a_process_that_holds_the_ingest_lock_and_stands_still_is_named(
    scene: Scene, where: Paths, tmp_path: Path
) -> None:
    scene.write("turn", "known")
    scene.run(3)
    with holding(where.ingest_lock) as pid:
        scene.write("turn", "new")
        scene.write("turn", "newer")
        scene.run(4)
        assert scene.last.problem is None  # it may only be slow
        scene.run(4)
        assert scene.last.problem == (
            f"Process {pid} holds up 2 events, end it with: kill -9 {pid} (it holds {where.ingest_lock})"
        )
        assert [state.session.session_id for state in scene.last.sessions] == ["known"]
    scene.run(3)
    assert scene.last.problem is None
    assert len(scene.last.sessions) == 3


def test_a_single_look_says_that_events_are_missing(where: Paths, clock: FakeClock) -> None:
    monitor = Monitor(where, clock=clock, alerts=False)
    Spool(where.spool).write(notes.encode(Event(EventKind.TURN, "s", NOW)), NOW)
    with holding(where.ingest_lock) as pid:
        monitor.look()
        assert monitor.problem is not None
        assert f"kill -9 {pid}" in monitor.problem.title
    monitor.look()
    assert monitor.problem is None
    assert len(monitor.snapshot().sessions) == 1


def test_a_single_look_waits_for_another_process_that_ingests(where: Paths, clock: FakeClock) -> None:
    monitor = Monitor(where, clock=clock, alerts=False)
    Spool(where.spool).write(notes.encode(Event(EventKind.TURN, "s", NOW)), NOW)
    lock = FileLock(where.ingest_lock)
    assert lock.acquire()
    clock.at(NOW + 1, lock.release)
    monitor.look()
    assert monitor.problem is None
    assert len(monitor.snapshot().sessions) == 1


# ---- the clock --------------------------------------------------------------


@pytest.mark.parametrize("jump", [-3600, -30, 3600])
def test_a_clock_that_is_set_while_the_listener_draws_makes_no_wait_longer_than_a_tick(
    jump: float, scene: Scene
) -> None:
    scene.write("turn")
    stop = threading.Event()
    drawn = 0

    def draw(shot: Snapshot, alerts: Any) -> None:
        nonlocal drawn
        drawn += 1
        scene.clock.now += jump if drawn == 5 else 0
        if drawn == 20:
            stop.set()

    scene.monitor.run(stop, draw)
    assert max(scene.clock.waits) <= TICK_SECONDS


# ---- a listener that need not be called each second ---------------------------


def shown_at(scene: Scene, seconds: float, wanted: Callable[[Snapshot], float | None]) -> list[float]:
    """Run for so long; return after how many seconds each snapshot was shown to a listener that wants `wanted`."""
    stop, found, began = threading.Event(), list[float](), scene.clock.now

    def end() -> None:
        stop.set()
        scene.monitor.wake()

    def listen(shot: Snapshot, alerts: Any) -> float | None:
        if not stop.is_set():
            found.append(round(shot.now - began, 3))
        return wanted(shot)

    scene.clock.at(began + seconds, end)
    scene.monitor.run(stop, listen)
    return found


def test_a_listener_that_names_no_time_is_called_each_second(scene: Scene) -> None:
    assert shown_at(scene, 4.5, lambda shot: None) == [0, 1, 2, 3, 4]


def test_a_listener_that_names_a_time_is_called_then_and_polls_go_on(scene: Scene) -> None:
    assert shown_at(scene, 20, lambda shot: shot.now + 7.5) == [0, 7.5, 15]
    assert max(scene.clock.waits) <= 2


def test_what_is_new_is_shown_at_the_next_poll_whatever_time_the_listener_named(scene: Scene) -> None:
    scene.clock.at(NOW + 4.5, lambda: scene.write("turn"))
    assert shown_at(scene, 20, lambda shot: shot.now + 100) == [0, 6]


def test_a_poll_that_takes_nothing_in_makes_no_snapshot(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[float] = []
    snapshot = scene.monitor.snapshot

    def counted() -> Snapshot:
        made.append(scene.clock.now - NOW)
        return snapshot()

    monkeypatch.setattr(scene.monitor, "snapshot", counted)
    scene.write("turn")
    shown_at(scene, 100, lambda shot: shot.now + 60)
    assert made == [0, 60]


def test_work_that_is_no_longer_believed_is_shown_then_whatever_time_the_listener_named(scene: Scene) -> None:
    scene.write("turn")
    scene.run(1)
    scene.write("prompt")
    seen: list[tuple[float, Activity]] = []
    stop = threading.Event()

    def listen(shot: Snapshot, alerts: Any) -> float:
        seen.append((round(shot.now - NOW, 1), shot.sessions[0].activity))
        if seen[-1][1] is Activity.IDLE:
            stop.set()
        return shot.now + 10_000

    scene.monitor.run(stop, listen)
    assert seen[-1] == (1 + policy.RESPONSE_LIMIT_SECONDS, Activity.IDLE)


def test_a_poll_comes_before_an_alert_whatever_time_the_listener_named(scene: Scene) -> None:
    scene.write("turn")
    scene.clock.at(NOW + 269.5, lambda: scene.write("turn"))
    stop, alerts = threading.Event(), list[float]()

    def listen(shot: Snapshot, due: Any) -> float:
        if due:
            alerts.append(shot.now - NOW)
            stop.set()
        return shot.now + 10_000

    scene.monitor.run(stop, listen)
    assert alerts == [pytest.approx(269.5 + 270, abs=0.05)]


def test_a_wake_is_shown_at_once_whatever_time_the_listener_named(scene: Scene) -> None:
    scene.clock.at(NOW + 4.5, scene.monitor.wake)
    assert shown_at(scene, 10, lambda shot: shot.now + 100) == [0, 4.5]


def test_an_alert_is_given_in_time_whatever_time_the_listener_named(scene: Scene) -> None:
    scene.write("turn")
    alerts: list[float] = []
    stop = threading.Event()

    def listen(shot: Snapshot, due: Any) -> float:
        if due:
            alerts.append(shot.now - NOW)
            stop.set()
        return shot.now + 10_000

    scene.monitor.run(stop, listen)
    assert alerts == [pytest.approx(270, abs=0.05)]


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_is_set_is_shown_by_the_next_poll(jump: float, scene: Scene) -> None:
    jumps = [jump]

    def wanted(shot: Snapshot) -> float:
        scene.clock.now += jumps.pop() if jumps else 0
        return shot.now + 100

    assert shown_at(scene, 5 + max(jump, 0.0), wanted)[1] == pytest.approx(jump, abs=2.1)


# ---- woken by hooks ---------------------------------------------------------


class TestWokenByHooks:
    """With the real clock: these tests wait for real threads."""

    @pytest.fixture
    def running(self, where: Paths) -> Iterator["SimpleQueue[Snapshot]"]:
        """What a monitor shows that polls only every five seconds."""
        monitor, stop = Monitor(where, Config(poll_seconds=5), alerts=False), threading.Event()
        shots: SimpleQueue[Snapshot] = SimpleQueue()
        thread = threading.Thread(target=monitor.run, args=(stop, lambda shot, alerts: shots.put(shot)))
        thread.start()
        shots.get(timeout=10)
        yield shots
        stop.set()
        monitor.wake()
        thread.join(10)
        assert not thread.is_alive()
        assert not [t for t in threading.enumerate() if t.name == "wake"]

    def delay(self, where: Paths, shots: "SimpleQueue[Snapshot]", session_id: str) -> float:
        """Seconds from a hook's note to the snapshot that shows its session."""
        began = time.monotonic()
        Spool(where.spool).write(notes.encode(Event(EventKind.START, session_id, time.time())), time.time())
        heartbeat.wake_monitor(where.wake)
        while session_id not in {state.session.session_id for state in shots.get(timeout=10).sessions}:
            pass
        return time.monotonic() - began

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no FIFOs")
    def test_the_snapshot_changes_at_once(self, running: "SimpleQueue[Snapshot]", where: Paths) -> None:
        delays = [self.delay(where, running, f"s{n}") for n in range(5)]
        assert statistics.median(delays) < 2

    @pytest.mark.parametrize("planted", ["file", "folder", "link"])
    def test_something_else_in_its_place_is_logged_once_and_costs_only_the_delay(
        self, planted: str, where: Paths, tmp_path: Path, caplog: pytest.LogCaptureFixture, clock: FakeClock
    ) -> None:
        caplog.set_level(logging.INFO)
        os.makedirs(where.folder)
        if planted == "file":
            Path(where.wake).write_bytes(b"precious")
        elif planted == "folder":
            os.mkdir(where.wake)
        else:
            Path(where.wake).symlink_to(tmp_path / "elsewhere")
        scene = Scene(where, clock)
        scene.write("turn")
        scene.run(5)
        assert len(scene.last.sessions) == 1
        assert [where.wake in record.getMessage() for record in caplog.records] == [True]
        assert planted != "file" or Path(where.wake).read_bytes() == b"precious"
        assert not (tmp_path / "elsewhere").exists()


def test_notes_that_another_process_is_recording_are_shown_soon(scene: Scene, where: Paths) -> None:
    scene.run(3)
    scene.write("turn")
    lock = FileLock(where.ingest_lock)
    assert lock.acquire()
    scene.clock.at(scene.clock.now + 0.5, lock.release)
    began = scene.clock.now
    scene.run(4)
    first = next(shot.now for shot in scene.shown if shot.sessions)
    assert first - began <= 0.8


# ---- alerts -----------------------------------------------------------------


def test_an_alert_comes_30_seconds_before_the_end_and_once(scene: Scene) -> None:
    scene.write("turn")
    scene.run(400)
    assert scene.alerts_given == [(NOW + 270, "s")]


def test_each_expiry_has_its_alert(scene: Scene, clock: FakeClock) -> None:
    scene.write("turn")
    clock.at(NOW + 290, lambda: scene.write("turn"))
    scene.run(900)
    assert [round(at - NOW) for at, _ in scene.alerts_given] == [270, 560]


@pytest.mark.parametrize("down", [1, 3, 20, 100])
def test_a_restart_repeats_nothing_and_makes_up_for_nothing(down: float, where: Paths, clock: FakeClock) -> None:
    first = Scene(where, clock)
    first.write("turn")
    first.run(270.5)
    assert len(first.alerts_given) == 1
    clock.now += down
    second = Scene(where, clock)
    second.run(100)
    assert second.alerts_given == []


def test_a_restart_right_after_the_alert_repeats_nothing(where: Paths, clock: FakeClock) -> None:
    first = Scene(where, clock)
    first.write("turn")
    first.run(270.001)
    second = Scene(where, clock)
    second.run(10)
    assert len(first.alerts_given) + len(second.alerts_given) == 1


def test_an_alert_given_while_the_database_is_locked_comes_once(scene: Scene, clock: FakeClock) -> None:
    scene.write("turn")
    clock.at(NOW + 260, lambda: setattr(scene.store, "locked", True))
    clock.at(NOW + 272, lambda: setattr(scene.store, "locked", False))
    scene.run(290)
    assert scene.alerts_given == [(NOW + 270, "s")]


def test_an_alert_is_not_repeated_while_another_process_ingests_it(
    scene: Scene, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, where: Paths
) -> None:
    """The other process holds the lock, and the rows in the database do not have the alert yet."""
    scene.write("turn")
    scene.run(269)
    monkeypatch.setattr(ingest.Ingester, "drain", lambda self, batches=None: ingest.DrainResult.LOCKED)
    clock.at(NOW + 271, lambda: Store(where.database).update(["x"], lambda rows: [Session("x", last_event_at=NOW)]))
    scene.run(10)
    assert len(scene.alerts_given) == 1


@pytest.mark.parametrize(
    ("what", "jump", "count"),
    [("asleep past the alert", 200, 0), ("asleep past the end", 5000, 0), ("set back an hour", -3600, 1)],
)
def test_a_clock_that_jumps_brings_no_late_and_no_second_alert(
    what: str, jump: float, count: int, scene: Scene, clock: FakeClock
) -> None:
    scene.write("turn")

    def leap() -> None:
        clock.now += jump

    clock.at(NOW + 100, leap)
    scene.run(100.5)
    scene.run(abs(jump) + 400)
    assert len(scene.alerts_given) == count, what


@pytest.mark.parametrize(
    ("what", "act", "count"),
    [
        ("prompted just before the alert", lambda w: w.write("prompt"), 0),
        ("waits for permission", lambda w: w.write("wait"), 1),
        ("ended", lambda w: w.write("end"), 0),
        ("answered again", lambda w: w.write("turn"), 0),
    ],
)
def test_an_event_within_a_second_of_an_alert_still_counts(
    what: str, act: Callable[[Scene], None], count: int, scene: Scene, clock: FakeClock
) -> None:
    scene.write("turn")
    clock.at(NOW + 269.9, lambda: act(scene))
    scene.run(299)
    assert len(scene.alerts_given) == count, what


def test_a_turn_that_ends_in_the_last_half_minute_gives_an_alert_at_once(
    scene: Scene, tmp_path: Path, clock: FakeClock
) -> None:
    one: dict[str, Any] = {"message": "m", "wrote_5m": 5}
    lines = Transcript(tmp_path / "t.jsonl").user(NOW - 5).answer(NOW - 1, stop=None, kind="thinking", **one)
    scene.write("prompt", transcript_path=str(lines.path))
    clock.at(NOW + 150, lambda: lines.answer(NOW + 150, stop=None, kind="thinking", **one).written_at(NOW + 150))
    clock.at(NOW + 279.9, lambda: lines.answer(NOW + 279.9, **one).written_at(NOW + 279.9))
    clock.at(NOW + 280, lambda: scene.write("turn"))
    scene.run(294)
    assert [round(at - NOW) for at, _ in scene.alerts_given] in ([280], [281], [282])


_DELAYS = st.sampled_from([0.3, 2.0, 25.0, 100.0, 268.5, 270.0, 271.5, 299.0])
_HAPPENINGS = st.sampled_from(
    ["prompt", "turn", "wait", "end", "start", "a whole turn", "restart", "away", "locked", "unlocked"]
)
_JUMPS = st.sampled_from(["back 5 s", "back 50 s", "back 1000 s", "ahead 50 s", "ahead 1000 s"])


def _happen(scene: Scene, what: str, lines: Transcript) -> Scene:
    now, where, clock = scene.clock.now, scene.where, scene.clock
    kind, _, by = what.partition(" ")
    if what == "a whole turn":
        scene.write("prompt", "t", transcript_path=str(lines.path))
        lines.user(now).answer(now, wrote_5m=9).written_at(now)
        scene.write("turn", "t")
    elif kind in ("restart", "away"):
        clock.now += 90 if what == "away" else 0
        again = Scene(where, clock)
        again.expiries, again.shown = scene.expiries, scene.shown
        return again
    elif kind in ("locked", "unlocked"):
        scene.store.locked = kind == "locked"
    elif kind in ("back", "ahead"):
        clock.now += float(by.split()[0]) * (1 if kind == "ahead" else -1)
    else:
        scene.write(kind)
    return scene


def _run(script: list[tuple[float, str]]) -> Scene:
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(Paths(folder), FakeClock())
        lines = Transcript(Path(folder) / "projects" / "t.jsonl")
        for delay, what in script:
            scene = _happen(scene, what, lines)
            scene.run(delay)
        scene.store.locked = False
        scene.run(310)
        return scene


_BRIEFLY = settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow])


@_BRIEFLY
@given(st.lists(st.tuples(_DELAYS, _HAPPENINGS | _JUMPS), min_size=2, max_size=6))
def test_an_expiry_gives_at_most_one_alert_whatever_happens(script: list[tuple[float, str]]) -> None:
    expiries = sorted(_run(script).expiries)
    for (name, expiry), (next_name, next_expiry) in itertools.pairwise(expiries):
        assert name != next_name or next_expiry - expiry >= last_request.SAME_EXPIRY_SECONDS


@_BRIEFLY
@given(st.lists(st.tuples(_DELAYS, _HAPPENINGS), min_size=2, max_size=6))
def test_no_countdown_that_is_shown_grows_without_a_newer_request(script: list[tuple[float, str]]) -> None:
    before: dict[str, SessionState] = {}
    for shot in _run(script).shown:
        for state in shot.sessions:
            earlier = before.get(state.session.session_id, state)
            old, new = earlier.session.request, state.session.request
            if old is not None and new is not None and new.started_at <= old.started_at:
                assert (state.seconds_left or 0) <= (earlier.seconds_left or 0)
            before[state.session.session_id] = state


def test_the_config_sets_the_lead_times(where: Paths, clock: FakeClock) -> None:
    scene = Scene(where, clock, settings=Config(notify_before_seconds=(120, 10)))
    scene.write("turn")
    scene.run(400)
    assert [at - NOW for at, _ in scene.alerts_given] == [180, 290]


def test_a_changed_config_is_used_and_a_wrong_one_is_shown_as_a_problem(
    scene: Scene, where: Paths, clock: FakeClock
) -> None:
    scene.write("turn")
    clock.at(NOW + 10, lambda: Path(where.config).write_text("notify_before_seconds = 60\npoll_seconds = 'x'"))
    clock.at(NOW + 250, lambda: Path(where.config).unlink())
    scene.run(245)
    assert scene.alerts_given == [(NOW + 240, "s")]
    assert scene.last.problem == "config.toml:2: poll_seconds must be a number from 0.5 to 5, not 'x'"
    scene.run(10)
    assert scene.last.problem is None
    assert scene.last.sessions


def test_the_configured_ttl_is_used_where_no_source_knows_one(scene: Scene, where: Paths) -> None:
    Path(where.folder).mkdir(parents=True)
    Path(where.config).write_text("default_ttl_seconds = 3600")
    scene.write("turn")
    scene.run(1)
    assert scene.last.sessions[0].seconds_left == 3600


def test_by_default_a_cache_of_an_hour_also_gives_an_alert_five_minutes_before(
    scene: Scene, tmp_path: Path, clock: FakeClock
) -> None:
    lines = Transcript(tmp_path / "t.jsonl").user(NOW).answer(NOW, wrote_1h=5)
    scene.write("turn", transcript_path=str(lines.path))
    scene.run(3700)
    assert [at - NOW for at, _ in scene.alerts_given] == [3300, 3570]


def test_two_sessions_that_expire_within_five_seconds_give_their_alerts_together(
    scene: Scene, clock: FakeClock
) -> None:
    scene.write("turn", "a")
    clock.at(NOW + 3, lambda: scene.write("turn", "b"))
    scene.run(400)
    assert scene.alerts_given == [(NOW + 270, "a"), (NOW + 270, "b")]


def test_a_session_that_waits_gives_an_alert_after_ten_seconds_and_once_across_a_restart(
    where: Paths, clock: FakeClock
) -> None:
    settings = Config(notify_when_waiting=True)
    first = Scene(where, clock, settings=settings)
    first.write("wait")
    first.run(12)
    first.monitor.close()
    second = Scene(where, clock, settings=settings)
    second.run(60)
    assert (first.alerts_given, second.alerts_given) == ([(NOW + 10, "s")], [])
    second.write("prompt")
    clock.at(clock.now + 20, lambda: second.write("wait"))
    again = clock.now + 30
    second.run(60)
    assert second.alerts_given == [(again, "s")]


def test_quiet_hours_of_the_file_silence_alerts_and_are_shown(scene: Scene, where: Paths, clock: FakeClock) -> None:
    Path(where.folder).mkdir(parents=True)
    Path(where.config).write_text('quiet = ["08:40-08:45"]')  # NOW is twenty to nine
    scene.write("turn")
    scene.run(299)
    assert scene.last.quiet_until == NOW + 300
    scene.run(10)
    assert scene.last.quiet_until is None
    assert scene.alerts_given == []


def test_a_monitor_that_may_not_give_an_alert_leaves_it_to_another(where: Paths, clock: FakeClock) -> None:
    silent = Scene(where, clock, alerts=lambda: False)
    silent.write("turn")
    silent.run(271)
    silent.monitor.close()
    other = Scene(where, clock)
    other.run(30)
    assert (silent.alerts_given, len(other.alerts_given)) == ([], 1)


# ---- actions from the menu --------------------------------------------------


def test_a_muted_session_gives_no_alert_also_after_a_restart(where: Paths, clock: FakeClock) -> None:
    first = Scene(where, clock)
    first.write("turn")
    clock.at(NOW + 10.5, lambda: first.monitor.submit(EventKind.MUTE, "s"))
    first.run(11)
    assert first.last.sessions[0].session.muted
    second = Scene(where, clock)
    clock.at(NOW + 100, lambda: second.monitor.submit(EventKind.UNMUTE, "s"))
    clock.at(NOW + 200, lambda: second.monitor.submit(EventKind.MUTE, "s"))
    second.run(289)
    assert second.alerts_given == []
    assert [s.muted for s in Store(where.database).load()] == [True]


def test_an_unmuted_session_gives_alerts_again(scene: Scene, clock: FakeClock) -> None:
    scene.write("turn")
    clock.at(NOW + 10, lambda: scene.monitor.submit(EventKind.MUTE, "s"))
    clock.at(NOW + 20, lambda: scene.monitor.submit(EventKind.UNMUTE, "s"))
    scene.run(300)
    assert scene.alerts_given == [(NOW + 270, "s")]


def test_a_forgotten_session_is_gone_at_once_until_its_next_event(scene: Scene, clock: FakeClock, where: Paths) -> None:
    scene.write("turn")
    old = Event(EventKind.TURN, "s", NOW + 1)
    clock.at(NOW + 10.5, lambda: scene.monitor.submit(EventKind.FORGET, "s"))
    scene.run(10.6)
    assert not scene.last.sessions
    Spool(where.spool).write(notes.encode(old), NOW + 1)  # a hook that came late, or twice
    scene.run(10)
    assert not scene.last.sessions
    assert Store(where.database).load() == []
    scene.write("prompt")
    scene.run(5)
    assert [s.session.session_id for s in scene.last.sessions] == ["s"]


def test_a_menu_action_is_shown_while_the_database_is_locked(scene: Scene, clock: FakeClock) -> None:
    scene.write("turn", "a")
    scene.write("turn", "b")
    scene.run(3)
    scene.store.locked = True
    scene.monitor.submit(EventKind.FORGET, "a")
    scene.monitor.submit(EventKind.MUTE, "b")
    scene.run(3)
    assert [(s.session.session_id, s.session.muted) for s in scene.last.sessions] == [("b", True)]
    scene.store.locked = False
    scene.run(3)
    assert [(s.session.session_id, s.session.muted) for s in scene.last.sessions] == [("b", True)]


def test_a_pause_holds_for_all_sessions_also_across_a_restart_and_ends_by_itself(
    where: Paths, clock: FakeClock
) -> None:
    first = Scene(where, clock)
    first.write("turn", "a")
    clock.at(NOW + 100, lambda: first.monitor.pause(Pause.HOUR))
    first.run(200)
    assert first.last.paused_until == NOW + 3700
    second = Scene(where, clock)
    clock.at(NOW + 3000, lambda: second.write("turn", "b"))
    clock.at(NOW + 3660, lambda: second.write("turn", "c"))
    second.run(4000)
    assert [(at - NOW, who) for at, who in second.alerts_given] == [(3930, "c")]
    assert second.last.paused_until is None


def test_a_pause_can_be_ended(scene: Scene, clock: FakeClock) -> None:
    scene.write("turn")
    scene.monitor.pause(Pause.TOMORROW)
    clock.at(NOW + 200, lambda: scene.monitor.pause(Pause.OFF))
    scene.run(300)
    assert scene.alerts_given == [(NOW + 270, "s")]


def test_the_price_is_looked_up_for_sessions_with_a_known_context(
    where: Paths, clock: FakeClock, tmp_path: Path
) -> None:
    lines = Transcript(tmp_path / "t.jsonl").user(NOW).answer(NOW, wrote_1h=5, read=100)
    asked: list[tuple[str, int, int]] = []

    def price(model: str, ttl_seconds: int, tokens: int) -> float | None:
        asked.append((model, ttl_seconds, tokens))
        return 0.5

    scene = Scene(where, clock, price=price)
    scene.write("turn", transcript_path=str(lines.path))
    scene.write("start", "new")
    scene.run(1)
    costs = {s.session.session_id: s.rewrite_cost_usd for s in scene.last.sessions}
    assert costs == {"s": 0.5, "new": None}
    assert set(asked) == {("claude-opus-5-5", 3600, 108)}


def test_a_table_gives_no_alerts(where: Paths, clock: FakeClock) -> None:
    scene = Scene(where, clock, alerts=False)
    scene.write("turn")
    scene.run(400)
    assert scene.alerts_given == []


def _note(scene: Scene, kind: str, process: Process) -> None:
    raw = notes.encode(Event(EventKind(kind), "s", scene.clock.now)).rstrip(b"}\n")
    Spool(scene.where.spool).write(raw + b', "pid": %d}' % process.pid, scene.clock.now)
