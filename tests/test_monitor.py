"""The loop, in virtual time: what is seen when, what it costs, and that an alert comes once and in time."""

import itertools
import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claude_session_status import notes, reducer
from claude_session_status.claude import ingest
from claude_session_status.claude.liveness import Liveness
from claude_session_status.config import Config
from claude_session_status.errors import StoreLockedError
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
from claude_session_status.spool import Spool
from claude_session_status.store.database import Store
from fakes import NOW, FakeClock, Transcript


class Watched:
    """A monitor under a fake clock, and what it has shown and said."""

    def __init__(self, where: Paths, clock: FakeClock, **options: Any) -> None:
        self.where, self.clock = where, clock
        self.store = CountingStore(where.database)
        self.alive: dict[int, Liveness] = {}
        self.shown: list[Snapshot] = []
        self.told: list[tuple[float, str]] = []
        self.expiries: list[tuple[str, float]] = []  # what was told of
        self.monitor = Monitor(
            where,
            clock=clock,
            store=self.store,
            alive=lambda process, at: self.alive.get(process.pid if process else 0, Liveness.UNKNOWN),
            **options,
        )

    def say(self, kind: str, session_id: str = "s", **fields: Any) -> None:
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
            self.told += [(self.clock.now, a.state.session.session_id) for a in alerts]
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

    @contextmanager
    def _open(self, *, read_only: bool) -> Iterator[Any]:
        if self.locked:
            raise StoreLockedError("the database is locked", "wait")
        self.opened += 1
        with super()._open(read_only=read_only) as connection:
            yield connection


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def watched(where: Paths, clock: FakeClock) -> Watched:
    return Watched(where, clock)


def test_an_event_is_shown_at_the_next_poll(watched: Watched) -> None:
    watched.run(1)
    assert not watched.last.sessions
    watched.say("turn")
    watched.run(2.5)
    (state,) = watched.last.sessions
    assert (state.cache, state.activity) == (Cache.WARM, Activity.IDLE)


def test_the_countdown_moves_by_the_second_without_looking_at_files(watched: Watched) -> None:
    watched.say("turn")
    watched.run(20)
    left = [shot.sessions[0].seconds_left for shot in watched.shown]
    assert left[:4] == [300, 299, 298, 297]
    assert watched.store.opened == 2  # one to apply the note, one to read the rows


def test_the_database_is_opened_only_when_something_changed(watched: Watched, where: Paths) -> None:
    watched.say("turn")
    watched.run(4)
    before = watched.store.opened
    watched.run(60)
    assert watched.store.opened == before
    Store(where.database).update(["x"], lambda rows: [Session("x", last_event_at=NOW)])
    watched.run(4)
    assert {s.session.session_id for s in watched.last.sessions} == {"s", "x"}


def test_a_busy_transcript_is_shown_at_each_poll_but_written_at_most_once_in_ten_seconds(
    watched: Watched, tmp_path: Path, clock: FakeClock
) -> None:
    told = Transcript(tmp_path / "t.jsonl").user(NOW).tool_use(NOW, wrote_5m=5)
    watched.say("turn", transcript_path=str(told.path))
    watched.run(4)
    before = watched.store.opened
    opened: list[int] = []

    def grow() -> None:
        told.tool_result(clock.now).tool_use(clock.now, read=5)
        opened.append(watched.store.opened - before)

    for n in range(30):
        clock.at(clock.now + 2 * n + 0.5, grow)
    watched.run(60)
    assert all(s.sessions[0].activity is Activity.WORKING for s in watched.shown[8:])
    assert min(s.sessions[0].seconds_left or 0 for s in watched.shown[8:]) >= 297
    assert 5 <= opened[-1] <= 6


def test_what_another_monitor_wrote_just_before_us_is_shown(where: Paths, clock: FakeClock, tmp_path: Path) -> None:
    told = Transcript(tmp_path / "t.jsonl").user(NOW - 50).answer(NOW - 40, wrote_5m=9)
    Watched(where, clock).say("turn", "a", transcript_path=str(told.path))
    other = Monitor(where, clock=clock, alerts=False)
    after_refresh: list[Callable[[], None]] = []

    def alive(process: Process | None, at: float | None) -> Liveness:
        """Called between reading the transcripts and writing what they say."""
        while after_refresh:
            after_refresh.pop()()
        return Liveness.UNKNOWN

    def write_as_another_monitor() -> None:
        Watched(where, clock).say("start", "b")
        other.poll()

    ours = Monitor(where, clock=clock, alerts=False, alive=alive)
    ours.poll()
    clock.now += 20
    told.user(clock.now - 5).answer(clock.now, message="2", wrote_5m=9)
    after_refresh.append(write_as_another_monitor)
    ours.poll()
    ours.poll()
    assert {s.session.session_id for s in ours.snapshot().sessions} == {"a", "b"}


def test_the_last_of_a_transcript_is_in_the_database_when_the_monitor_ends(
    watched: Watched, tmp_path: Path, clock: FakeClock, where: Paths
) -> None:
    told = Transcript(tmp_path / "t.jsonl").user(NOW).answer(NOW, wrote_5m=5)
    watched.say("turn", transcript_path=str(told.path))
    clock.at(NOW + 3, lambda: told.user(NOW + 2.5).answer(NOW + 2.9, read=5))
    watched.run(5)
    (session,) = Store(where.database).load()
    assert session.request is not None
    assert session.request.started_at == NOW + 2.5


def test_while_the_database_is_locked_the_last_snapshot_is_shown_with_a_mark(watched: Watched) -> None:
    watched.say("turn", "known")
    watched.run(3)
    watched.store.locked = True
    watched.say("turn", "new")
    watched.run(3)
    assert watched.last.stale
    assert watched.last.problem == "the database is locked"
    assert [s.session.session_id for s in watched.last.sessions] == ["known"]
    watched.store.locked = False
    watched.run(3)
    assert not watched.last.stale
    assert {s.session.session_id for s in watched.last.sessions} == {"known", "new"}


def test_a_session_whose_process_is_gone_has_ended_within_a_poll(watched: Watched, where: Paths) -> None:
    _note(watched, "turn", Process(7))
    watched.alive[7] = Liveness.ALIVE
    watched.run(3)
    assert watched.activities == [Activity.IDLE]
    watched.alive[7] = Liveness.GONE
    watched.run(2.5)
    assert watched.activities == [Activity.ENDED]
    watched.run(2.5)
    assert [s.is_ended for s in Store(where.database).load()] == [True]
    _note(watched, "start", Process(8))
    watched.run(2.5)
    assert watched.activities == [Activity.IDLE]


class TestTwoClientsOnOneSession:
    """Resumed a second time while it is open, by a person or by a script."""

    TERMINAL, SCRIPT = Process(7, 700), Process(8, 800)

    @pytest.fixture
    def both(self, watched: Watched, clock: FakeClock) -> Watched:
        """The session was opened in a terminal, and a script has asked it something since."""
        os.makedirs(watched.where.client_registry)
        for process in (self.TERMINAL, self.SCRIPT):
            watched.alive[process.pid] = Liveness.ALIVE
            listed = {"sessionId": "s", "procStart": str(process.started), "startedAt": process.pid}
            self.file(watched, process).write_text(json.dumps(listed))
            for kind in ("start", "prompt", "turn"):
                watched.say(kind, process=process)
                clock.now += 1
        return watched

    def file(self, watched: Watched, process: Process) -> Path:
        return Path(watched.where.client_registry, f"{process.pid}.json")

    def leaves(self, watched: Watched, process: Process) -> None:
        """What happens when a client ends, in the real one's order."""
        self.file(watched, process).unlink()
        watched.say("end", process=process)
        watched.alive[process.pid] = Liveness.GONE
        watched.clock.now += 1

    def seen(self, watched: Watched) -> tuple[Activity, int | None]:
        """What a poll makes of it, and whose process it belongs to."""
        watched.monitor.poll()
        (state,) = watched.monitor.snapshot().sessions
        return state.activity, state.session.process.pid if state.session.process else None

    @pytest.mark.parametrize(("first", "second"), [(TERMINAL, SCRIPT), (SCRIPT, TERMINAL)])
    @pytest.mark.parametrize("polled", [True, False], ids=["seen before", "not seen before"])
    def test_it_ends_when_both_have_left(
        self, first: Process, second: Process, polled: bool, both: Watched, where: Paths
    ) -> None:
        if polled:
            assert self.seen(both) == (Activity.IDLE, self.SCRIPT.pid)
        self.leaves(both, first)
        assert self.seen(both) == (Activity.IDLE, second.pid)
        both.monitor.poll()
        assert [s.is_ended for s in Store(where.database).load()] == [False]  # it is a row, not only ours
        self.leaves(both, second)
        assert self.seen(both) == (Activity.ENDED, second.pid)

    def test_the_other_is_killed_later(self, both: Watched) -> None:
        self.leaves(both, self.SCRIPT)
        assert self.seen(both)[0] is Activity.IDLE
        both.alive[self.TERMINAL.pid] = Liveness.GONE  # its file stays
        for _ in range(3):
            assert self.seen(both)[0] is Activity.ENDED
        assert os.listdir(both.where.spool) == []

    @pytest.mark.parametrize(("killed", "other"), [(TERMINAL, SCRIPT), (SCRIPT, TERMINAL)])
    def test_one_is_killed_and_the_other_goes_on(self, killed: Process, other: Process, both: Watched) -> None:
        both.alive[killed.pid] = Liveness.GONE  # its file stays
        for _ in range(3):
            assert self.seen(both) == (Activity.IDLE, other.pid)
        assert os.listdir(both.where.spool) == []

    @pytest.mark.parametrize(("began_before", "expected"), [(-60, Activity.ENDED), (60, Activity.IDLE)])
    def test_a_program_that_got_the_id_of_one_that_was_killed_is_not_it(
        self, began_before: float, expected: Activity, where: Paths
    ) -> None:
        """Where the client does not tell its start in ticks."""
        began = psutil.Process().create_time()
        clock = FakeClock()
        clock.now = began + 3600
        watched = Watched(where, clock)
        started = (began + began_before) * 1000
        listed = {"sessionId": "s", "procStart": "Mon Nov 16 10:00:00 2026", "startedAt": started}
        os.makedirs(where.client_registry)
        Path(where.client_registry, f"{os.getpid()}.json").write_text(json.dumps(listed))
        for kind in ("start", "turn", "end"):
            watched.say(kind, process=self.SCRIPT)
            clock.now += 1
        monitor = Monitor(where, clock=clock, alerts=False)
        monitor.poll()
        assert [state.activity for state in monitor.snapshot().sessions] == [expected]

    def test_the_other_goes_on_to_another_session(self, both: Watched) -> None:
        self.leaves(both, self.SCRIPT)
        assert self.seen(both)[0] is Activity.IDLE
        both.say("end", process=self.TERMINAL)  # /clear: it lists the new session some milliseconds later
        assert self.seen(both)[0] is Activity.ENDED

    def test_nothing_is_known_of_the_other(self, both: Watched) -> None:
        both.alive[self.TERMINAL.pid] = Liveness.UNKNOWN
        self.leaves(both, self.SCRIPT)
        assert self.seen(both)[0] is Activity.ENDED


def test_while_it_runs_hooks_can_see_that_it_lives_and_not_after(
    watched: Watched, where: Paths, clock: FakeClock
) -> None:
    ages: list[float] = []
    for n in range(10):
        clock.at(NOW + n, lambda: ages.append(clock.now - os.stat(where.monitor_alive).st_mtime))
    watched.run(10)
    assert max(ages) <= 2
    assert not os.path.exists(where.monitor_alive)


# ---- alerts -----------------------------------------------------------------


def test_an_alert_comes_30_seconds_before_the_end_and_once(watched: Watched) -> None:
    watched.say("turn")
    watched.run(400)
    assert watched.told == [(NOW + 270, "s")]


def test_each_expiry_has_its_alert(watched: Watched, clock: FakeClock) -> None:
    watched.say("turn")
    clock.at(NOW + 290, lambda: watched.say("turn"))
    watched.run(900)
    assert [round(at - NOW) for at, _ in watched.told] == [270, 560]


@pytest.mark.parametrize("down", [1, 3, 20, 100])
def test_a_restart_repeats_nothing_and_makes_up_for_nothing(down: float, where: Paths, clock: FakeClock) -> None:
    first = Watched(where, clock)
    first.say("turn")
    first.run(270.5)
    assert len(first.told) == 1
    clock.now += down
    second = Watched(where, clock)
    second.run(100)
    assert second.told == []


def test_a_restart_right_after_the_alert_repeats_nothing(where: Paths, clock: FakeClock) -> None:
    first = Watched(where, clock)
    first.say("turn")
    first.run(270.001)
    second = Watched(where, clock)
    second.run(10)
    assert len(first.told) + len(second.told) == 1


def test_an_alert_given_while_the_database_is_locked_comes_once(watched: Watched, clock: FakeClock) -> None:
    watched.say("turn")
    clock.at(NOW + 260, lambda: setattr(watched.store, "locked", True))
    clock.at(NOW + 272, lambda: setattr(watched.store, "locked", False))
    watched.run(290)
    assert watched.told == [(NOW + 270, "s")]


def test_an_alert_is_not_repeated_while_another_process_ingests_it(
    watched: Watched, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, where: Paths
) -> None:
    """The other holds the lock, and the rows in the database do not know of the alert yet."""
    watched.say("turn")
    watched.run(269)
    monkeypatch.setattr(ingest.Ingester, "drain", lambda self, batches=None: ingest.DrainResult.LOCKED)
    clock.at(NOW + 271, lambda: Store(where.database).update(["x"], lambda rows: [Session("x", last_event_at=NOW)]))
    watched.run(10)
    assert len(watched.told) == 1


@pytest.mark.parametrize(
    ("what", "jump", "told"),
    [("asleep past the mark", 200, 0), ("asleep past the end", 5000, 0), ("set back an hour", -3600, 1)],
)
def test_a_clock_that_jumps_brings_no_late_and_no_second_alert(
    what: str, jump: float, told: int, watched: Watched, clock: FakeClock
) -> None:
    watched.say("turn")

    def leap() -> None:
        clock.now += jump

    clock.at(NOW + 100, leap)
    watched.run(100.5)
    watched.run(abs(jump) + 400)
    assert len(watched.told) == told, what


@pytest.mark.parametrize(
    ("what", "act", "told"),
    [
        ("prompted just before the mark", lambda w: w.say("prompt"), 0),
        ("waits for permission", lambda w: w.say("wait"), 1),
        ("ended", lambda w: w.say("end"), 0),
        ("answered again", lambda w: w.say("turn"), 0),
    ],
)
def test_what_happens_within_a_second_of_the_mark_still_counts(
    what: str, act: Callable[[Watched], None], told: int, watched: Watched, clock: FakeClock
) -> None:
    watched.say("turn")
    clock.at(NOW + 269.9, lambda: act(watched))
    watched.run(299)
    assert len(watched.told) == told, what


def test_a_turn_that_ends_in_the_last_half_minute_is_told_at_once(
    watched: Watched, tmp_path: Path, clock: FakeClock
) -> None:
    one: dict[str, Any] = {"message": "m", "wrote_5m": 5}
    told = Transcript(tmp_path / "t.jsonl").user(NOW - 5).answer(NOW - 1, stop=None, kind="thinking", **one)
    watched.say("prompt", transcript_path=str(told.path))
    clock.at(NOW + 150, lambda: told.answer(NOW + 150, stop=None, kind="thinking", **one).written_at(NOW + 150))
    clock.at(NOW + 279.9, lambda: told.answer(NOW + 279.9, **one).written_at(NOW + 279.9))
    clock.at(NOW + 280, lambda: watched.say("turn"))
    watched.run(294)
    assert [round(at - NOW) for at, _ in watched.told] in ([280], [281], [282])


_DELAYS = st.sampled_from([0.3, 2.0, 25.0, 100.0, 268.5, 270.0, 271.5, 299.0])
_HAPPENINGS = st.sampled_from(
    ["prompt", "turn", "wait", "end", "start", "a whole turn", "restart", "away", "locked", "unlocked"]
)
_JUMPS = st.sampled_from(["back 5 s", "back 50 s", "back 1000 s", "ahead 50 s", "ahead 1000 s"])


def _happen(watched: Watched, what: str, told: Transcript) -> Watched:
    now, where, clock = watched.clock.now, watched.where, watched.clock
    kind, _, by = what.partition(" ")
    if what == "a whole turn":
        watched.say("prompt", "t", transcript_path=str(told.path))
        told.user(now).answer(now, wrote_5m=9).written_at(now)
        watched.say("turn", "t")
    elif kind in ("restart", "away"):
        clock.now += 90 if what == "away" else 0
        again = Watched(where, clock)
        again.expiries, again.shown = watched.expiries, watched.shown
        return again
    elif kind in ("locked", "unlocked"):
        watched.store.locked = kind == "locked"
    elif kind in ("back", "ahead"):
        clock.now += float(by.split()[0]) * (1 if kind == "ahead" else -1)
    else:
        watched.say(kind)
    return watched


def _run(script: list[tuple[float, str]]) -> Watched:
    with tempfile.TemporaryDirectory() as folder:
        watched = Watched(Paths(folder), FakeClock())
        told = Transcript(Path(folder) / "projects" / "t.jsonl")
        for delay, what in script:
            watched = _happen(watched, what, told)
            watched.run(delay)
        watched.store.locked = False
        watched.run(310)
        return watched


_BRIEFLY = settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow])


@_BRIEFLY
@given(st.lists(st.tuples(_DELAYS, _HAPPENINGS | _JUMPS), min_size=2, max_size=6))
def test_an_expiry_is_told_of_at_most_once_whatever_happens(script: list[tuple[float, str]]) -> None:
    expiries = sorted(_run(script).expiries)
    for (name, expiry), (next_name, next_expiry) in itertools.pairwise(expiries):
        assert name != next_name or next_expiry - expiry >= reducer.SAME_EXPIRY_SECONDS


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


def test_lead_times_are_those_of_the_config(where: Paths, clock: FakeClock) -> None:
    watched = Watched(where, clock, settings=Config(notify_before_seconds=(120, 10)))
    watched.say("turn")
    watched.run(400)
    assert [at - NOW for at, _ in watched.told] == [180, 290]


def test_a_config_that_changes_is_followed_and_a_wrong_one_is_said_and_stops_nothing(
    watched: Watched, where: Paths, clock: FakeClock
) -> None:
    watched.say("turn")
    clock.at(NOW + 10, lambda: Path(where.config).write_text("notify_before_seconds = 60\npoll_seconds = 'x'"))
    clock.at(NOW + 250, lambda: Path(where.config).unlink())
    watched.run(245)
    assert watched.told == [(NOW + 240, "s")]
    assert watched.last.problem == "config.toml:2: poll_seconds must be a number from 0.5 to 5, not 'x'"
    watched.run(10)
    assert watched.last.problem is None
    assert watched.last.sessions


def test_the_ttl_of_the_config_is_used_where_no_source_tells_one(watched: Watched, where: Paths) -> None:
    Path(where.folder).mkdir(parents=True)
    Path(where.config).write_text("default_ttl_seconds = 3600")
    watched.say("turn")
    watched.run(1)
    assert watched.last.sessions[0].seconds_left == 3600


def test_by_default_an_hours_cache_is_told_of_five_minutes_before_as_well(
    watched: Watched, tmp_path: Path, clock: FakeClock
) -> None:
    told = Transcript(tmp_path / "t.jsonl").user(NOW).answer(NOW, wrote_1h=5)
    watched.say("turn", transcript_path=str(told.path))
    watched.run(3700)
    assert [at - NOW for at, _ in watched.told] == [3300, 3570]


def test_two_that_expire_within_five_seconds_are_told_of_at_once(watched: Watched, clock: FakeClock) -> None:
    watched.say("turn", "a")
    clock.at(NOW + 3, lambda: watched.say("turn", "b"))
    watched.run(400)
    assert watched.told == [(NOW + 270, "a"), (NOW + 270, "b")]


# ---- what a person wants ----------------------------------------------------


def test_a_muted_session_is_quiet_at_once_and_after_a_restart(where: Paths, clock: FakeClock) -> None:
    first = Watched(where, clock)
    first.say("turn")
    clock.at(NOW + 10.5, lambda: first.monitor.submit(EventKind.MUTE, "s"))
    first.run(11)
    assert first.last.sessions[0].session.muted
    second = Watched(where, clock)
    clock.at(NOW + 100, lambda: second.monitor.submit(EventKind.UNMUTE, "s"))
    clock.at(NOW + 200, lambda: second.monitor.submit(EventKind.MUTE, "s"))
    second.run(289)
    assert second.told == []
    assert [s.muted for s in Store(where.database).load()] == [True]


def test_unmuted_it_is_heard_again(watched: Watched, clock: FakeClock) -> None:
    watched.say("turn")
    clock.at(NOW + 10, lambda: watched.monitor.submit(EventKind.MUTE, "s"))
    clock.at(NOW + 20, lambda: watched.monitor.submit(EventKind.UNMUTE, "s"))
    watched.run(300)
    assert watched.told == [(NOW + 270, "s")]


def test_a_forgotten_session_is_gone_at_once_and_stays_away_until_it_moves(
    watched: Watched, clock: FakeClock, where: Paths
) -> None:
    watched.say("turn")
    old = Event(EventKind.TURN, "s", NOW + 1)
    clock.at(NOW + 10.5, lambda: watched.monitor.submit(EventKind.FORGET, "s"))
    watched.run(10.6)
    assert not watched.last.sessions
    Spool(where.spool).write(notes.encode(old), NOW + 1)  # a hook that came late, or twice
    watched.run(10)
    assert not watched.last.sessions
    assert Store(where.database).load() == []
    watched.say("prompt")
    watched.run(5)
    assert [s.session.session_id for s in watched.last.sessions] == ["s"]


def test_what_a_person_wants_is_shown_while_the_database_is_locked(watched: Watched, clock: FakeClock) -> None:
    watched.say("turn", "a")
    watched.say("turn", "b")
    watched.run(3)
    watched.store.locked = True
    watched.monitor.submit(EventKind.FORGET, "a")
    watched.monitor.submit(EventKind.MUTE, "b")
    watched.run(3)
    assert [(s.session.session_id, s.session.muted) for s in watched.last.sessions] == [("b", True)]
    watched.store.locked = False
    watched.run(3)
    assert [(s.session.session_id, s.session.muted) for s in watched.last.sessions] == [("b", True)]


def test_a_pause_holds_for_all_sessions_also_across_a_restart_and_ends_by_itself(
    where: Paths, clock: FakeClock
) -> None:
    first = Watched(where, clock)
    first.say("turn", "a")
    clock.at(NOW + 100, lambda: first.monitor.pause(Pause.HOUR))
    first.run(200)
    assert first.last.paused_until == NOW + 3700
    second = Watched(where, clock)
    clock.at(NOW + 3000, lambda: second.say("turn", "b"))
    clock.at(NOW + 3660, lambda: second.say("turn", "c"))
    second.run(4000)
    assert [(at - NOW, who) for at, who in second.told] == [(3930, "c")]
    assert second.last.paused_until is None


def test_a_pause_can_be_taken_back(watched: Watched, clock: FakeClock) -> None:
    watched.say("turn")
    watched.monitor.pause(Pause.TOMORROW)
    clock.at(NOW + 200, lambda: watched.monitor.pause(Pause.OFF))
    watched.run(300)
    assert watched.told == [(NOW + 270, "s")]


def test_a_price_is_asked_for_where_one_is_given(where: Paths, clock: FakeClock, tmp_path: Path) -> None:
    told = Transcript(tmp_path / "t.jsonl").user(NOW).answer(NOW, wrote_1h=5, read=100)
    asked: list[tuple[str, int, int]] = []

    def price(model: str, ttl_seconds: int, tokens: int) -> float | None:
        asked.append((model, ttl_seconds, tokens))
        return 0.5

    watched = Watched(where, clock, price=price)
    watched.say("turn", transcript_path=str(told.path))
    watched.say("start", "new")
    watched.run(1)
    costs = {s.session.session_id: s.rewrite_cost_usd for s in watched.last.sessions}
    assert costs == {"s": 0.5, "new": None}
    assert set(asked) == {("claude-opus-5-5", 3600, 108)}


def test_a_table_gives_no_alerts(where: Paths, clock: FakeClock) -> None:
    watched = Watched(where, clock, alerts=False)
    watched.say("turn")
    watched.run(400)
    assert watched.told == []


def _note(watched: Watched, kind: str, process: Process) -> None:
    raw = notes.encode(Event(EventKind(kind), "s", watched.clock.now)).rstrip(b"}\n")
    Spool(watched.where.spool).write(raw + b', "pid": %d}' % process.pid, watched.clock.now)
