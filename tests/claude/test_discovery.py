"""Sessions that no hook has reported: found by their transcripts, taken over by hooks, and never brought back."""

import json
import os
import time
import uuid
from pathlib import Path
from typing import Any

import psutil
import pytest

from claude_session_status import notes
from claude_session_status.claude.discovery import FOLDERS_A_LOOK, FULL_LOOK_SECONDS, Finder, Trace, event_of
from claude_session_status.claude.liveness import Liveness
from claude_session_status.claude.registry import ListedClient
from claude_session_status.errors import StoreLockedError
from claude_session_status.model import Activity, Cache, Event, EventKind, Process, Session, SessionState, Source
from claude_session_status.monitor import Monitor
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.store.database import Store
from fakes import NOW, FakeClock, Transcript

A, B = (str(uuid.UUID(int=n)) for n in (1, 2))


class Machine:
    """A folder of Claude Code with transcripts and running clients in it."""

    def __init__(self, where: Paths, clock: FakeClock) -> None:
        self.where, self.clock = where, clock
        self.dead: set[int] = set()

    def transcript(
        self, session_id: str, *, age: float = 100, folder: str = "-x-my-app", cwd: str = "/x/my-app"
    ) -> Transcript:
        """A session that was answered `age` seconds ago, its file written then."""
        at = self.clock.now - age
        lines = Transcript(Path(self.where.projects, folder, f"{session_id}.jsonl"))
        return lines.user(at - 5, cwd=cwd).answer(at, message=f"m{at}", wrote_5m=900, cwd=cwd).written_at(at)

    def client(self, session_id: str, pid: int = 7, **fields: Any) -> None:
        """A client that lists a session."""
        os.makedirs(self.where.client_registry, exist_ok=True)
        entry = {"sessionId": session_id, "pid": pid, "procStart": str(pid * 100), "startedAt": pid, **fields}
        path = Path(self.where.client_registry, f"{pid}.json")
        path.write_text(json.dumps(entry))
        os.utime(path, ns=(0, int(self.clock.now * 1e9) + len(path.read_bytes())))

    def alive(self, process: Process | None, at: float | None) -> Liveness:
        if process is None:
            return Liveness.UNKNOWN
        return Liveness.GONE if process.pid in self.dead else Liveness.ALIVE

    def finder(self) -> Finder:
        return Finder(self.where, self.alive)

    def monitor(self, **options: Any) -> Monitor:
        return Monitor(self.where, clock=self.clock, alive=self.alive, **options)

    def shown(self, monitor: Monitor | None = None) -> dict[str, SessionState]:
        """What one look shows."""
        monitor = monitor or self.monitor(alerts=False)
        monitor.look()
        assert monitor.snapshot().problem is None
        return {s.session.session_id: s for s in monitor.snapshot().sessions}

    def hook(self, kind: str, session_id: str = A, **fields: Any) -> None:
        event = Event(EventKind(kind), session_id, self.clock.now, **fields)
        Spool(self.where.spool).write(notes.encode(event), self.clock.now)


@pytest.fixture
def machine(where: Paths) -> Machine:
    return Machine(where, FakeClock())


def test_the_first_look_shows_what_runs_already(machine: Machine) -> None:
    machine.transcript(A).title("Fix it").written_at(NOW - 90)
    state = machine.shown()[A]
    assert (state.cache, state.activity, state.seconds_left) == (Cache.WARM, Activity.IDLE, 195)
    session = state.session
    assert (session.is_found, session.project, session.cwd, session.title) == (True, "my-app", "/x/my-app", "Fix it")
    assert session.request is not None
    assert session.request.source is Source.TRANSCRIPT
    assert (session.started_at, session.last_event_at, session.last_turn_at) == (None, None, None)


@pytest.mark.parametrize(
    ("what", "name", "age"),
    [
        ("a subagent's file", "agent-1234abcd.jsonl", 10),
        ("written long ago", f"{A}.jsonl", 3700),
        ("from the future", f"{A}.jsonl", -900),
        ("some other file", "notes.jsonl", 10),
        ("a copy", f"{A}.jsonl.bak", 10),
        ("deeper", f"{A}/subagents/{B}.jsonl", 10),
    ],
)
def test_what_is_not_found(what: str, name: str, age: float, machine: Machine) -> None:
    lines = Transcript(Path(machine.where.projects, "-x", name))
    lines.user(NOW - age, cwd="/x").answer(NOW - age, wrote_5m=9, cwd="/x").written_at(NOW - age)
    assert machine.shown() == {}, what


@pytest.mark.parametrize(
    "lines",
    [
        [{"type": "user", "isSidechain": True, "cwd": "/x"}],
        [{"type": "mode", "sessionId": A}],
        [{"type": "user", "cwd": 7}],
        [],
    ],
    ids=["a side chain", "no folder named", "another type", "empty"],
)
def test_a_file_that_is_not_a_sessions_own_is_ignored(lines: list[dict[str, Any]], machine: Machine) -> None:
    written = Transcript(Path(machine.where.projects, "-x", f"{A}.jsonl")).raw(b"{half\n")
    for fields in lines:
        written.line(**fields)
    written.written_at(NOW)
    assert event_of(Trace(A, str(written.path), NOW)) is None
    assert machine.shown() == {}


def test_the_folder_is_the_one_in_which_the_session_started(machine: Machine) -> None:
    written = machine.transcript(A, cwd="/x/\u0436").user(NOW, cwd="/x/later").raw(b'{"cwd": "/half')
    written.written_at(NOW)
    event = event_of(Trace(A, str(written.path), NOW))
    assert event is not None
    assert (event.cwd, event.project_folder) == ("/x/\u0436", "/x/\u0436")
    assert machine.shown()[A].session.project == "\u0436"


def test_behind_first_lines_that_are_too_long_the_last_folder_counts(machine: Machine) -> None:
    path = Path(machine.where.projects, "-x", f"{A}.jsonl")
    written = Transcript(path).hole(3_000_000).user(NOW, cwd="/x/last")
    event = event_of(Trace(A, str(written.path), NOW))
    assert event is not None
    assert event.project_folder == "/x/last"


class TestHooks:
    def test_a_hook_takes_over(self, machine: Machine) -> None:
        machine.transcript(A)
        monitor = machine.monitor()
        assert machine.shown(monitor)[A].session.is_found
        machine.hook("prompt", cwd="/x/other", project="Other")
        machine.clock.now += 5
        state = machine.shown(monitor)[A]
        assert not state.session.is_found
        assert (state.activity, state.session.project) == (Activity.WORKING, "Other")

    def test_what_a_hook_reported_before_is_kept(self, machine: Machine) -> None:
        machine.hook("start", cwd="/x/other", project="Other")
        machine.shown()
        machine.clock.now += 5
        machine.transcript(A, age=0)
        assert machine.shown()[A].session.project == "Other"

    def test_a_session_that_ended_never_comes_back(self, machine: Machine) -> None:
        machine.transcript(A)
        machine.hook("turn")
        machine.hook("end")
        machine.shown()
        for _ in range(3):
            machine.clock.now += 700  # so long that it is no longer among the rows that are shown
            machine.transcript(A, age=1)
            assert machine.shown() == {}
            assert machine.shown(machine.monitor(everything=True))[A].activity is Activity.ENDED

    @pytest.mark.parametrize("hours", [0.05, 2, 30])
    def test_a_session_that_ended_goes_on_when_a_running_client_lists_it(self, hours: float, machine: Machine) -> None:
        machine.transcript(A)
        machine.hook("turn", process=Process(6, 600))
        machine.hook("end", process=Process(6, 600))
        monitor = machine.monitor()
        machine.shown(monitor)
        machine.clock.now += 3600 * hours
        machine.transcript(A, age=10)
        since = (machine.clock.now - 15) * 1000
        machine.client(A, 7, status="busy", statusUpdatedAt=since)
        state = machine.shown(monitor)[A]
        assert (state.cache, state.activity) == (Cache.WARM, Activity.WORKING)
        machine.dead.add(7)
        assert machine.shown(monitor)[A].activity is Activity.ENDED

    @pytest.mark.parametrize("last", ["turn", "end"])
    def test_going_on_is_noted_once_however_long_the_session_was_silent(self, last: str, machine: Machine) -> None:
        machine.transcript(A)
        machine.hook("turn", process=Process(6, 600))
        machine.hook(last, process=Process(6, 600))
        monitor = machine.monitor()
        machine.shown(monitor)
        machine.clock.now += 3 * 86400
        machine.client(A, 7)
        stamps = set()
        for _ in range(5):
            machine.clock.now += 70
            machine.transcript(A, age=1)
            assert set(machine.shown(monitor)) == {A}
            stamps.add(monitor.snapshot().sessions[0].session.opened_at)
        assert len(stamps) == 1

    def test_the_last_lines_of_a_client_that_ends_bring_nothing_back(self, machine: Machine) -> None:
        machine.transcript(A)
        machine.client(A, 7)
        machine.hook("turn", process=Process(7, 700))
        machine.hook("end", process=Process(7, 700))
        machine.clock.now += 5
        machine.transcript(A, age=0)
        assert machine.shown()[A].activity is Activity.ENDED

    def test_a_forgotten_session_is_not_brought_back_by_its_client(self, machine: Machine) -> None:
        machine.transcript(A)
        machine.client(A, 7)
        machine.hook("turn", process=Process(7, 700))
        machine.clock.now += 1
        machine.hook("forget")
        machine.clock.now += 90_000
        machine.transcript(A, age=0)
        assert machine.shown() == {}

    def test_nothing_is_noted_for_known_sessions(self, machine: Machine) -> None:
        machine.transcript(A)
        machine.hook("turn")
        monitor = machine.monitor()
        machine.shown(monitor)
        before = Store(machine.where.database).stamp()
        for _ in range(5):
            machine.clock.now += 100
            machine.shown(monitor)
        assert Store(machine.where.database).stamp() == before


def test_a_locked_database_is_read_again_at_the_next_look_without_a_problem(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.transcript(A)
    monitor = machine.monitor()

    def locked(store: Store, session_ids: Any) -> Any:
        raise StoreLockedError("locked", "wait")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "select", locked)
        assert machine.shown(monitor) == {}
    assert set(machine.shown(monitor)) == {A}


class TestClients:
    def test_a_client_that_lists_the_session_gives_its_name_process_and_activity(self, machine: Machine) -> None:
        machine.transcript(A)
        machine.client(A, name="Good name", nameSource="user", status="busy", statusUpdatedAt=NOW * 1000)
        state = machine.shown()[A]
        assert state.activity is Activity.WORKING
        assert state.session.title == "Good name"
        assert state.session.process is not None
        assert state.session.process.pid == 7

    def test_a_name_that_the_client_derived_from_the_folder_is_no_title(self, machine: Machine) -> None:
        machine.transcript(A)
        machine.client(A, name="my-app-d0", nameSource="derived")
        assert machine.shown()[A].session.title is None

    def test_where_clients_list_themselves_a_session_that_none_lists_has_ended(self, machine: Machine) -> None:
        machine.transcript(A)
        machine.transcript(B)
        machine.client(B, 8)
        assert set(machine.shown()) == {B}

    @pytest.mark.parametrize(
        ("what", "left_ago", "shown"),
        [
            ("a newer client ran once, and an older one has written since", 3000, {A}),
            ("the client that wrote it left after that", 50, set()),
            ("it wrote some last lines when it had left", 130, set()),
        ],
    )
    def test_where_no_client_is_listed_older_ones_may_run_which_list_nothing(
        self, what: str, left_ago: float, shown: set[str], machine: Machine
    ) -> None:
        machine.transcript(A, age=100)
        os.makedirs(machine.where.client_registry)
        os.utime(machine.where.client_registry, (NOW - left_ago, NOW - left_ago))
        assert set(machine.shown()) == shown, what

    def test_a_file_that_a_crash_left_behind_is_no_client(self, machine: Machine) -> None:
        machine.transcript(A)
        machine.client(A, 7)
        machine.dead.add(7)
        assert machine.shown() == {}
        machine.client(A, 8)
        assert set(machine.shown()) == {A}

    def test_a_client_that_is_gone_ends_its_session_and_one_that_resumes_it_brings_it_back(
        self, machine: Machine
    ) -> None:
        machine.transcript(A)
        machine.client(A, 7)
        monitor = machine.monitor()
        assert machine.shown(monitor)[A].activity is Activity.IDLE
        machine.dead.add(7)
        assert machine.shown(monitor)[A].activity is Activity.ENDED
        machine.clock.now += 60
        machine.transcript(A, age=1)
        machine.client(A, 8)
        assert machine.shown(monitor)[A].activity is Activity.IDLE

    def test_a_client_that_opens_another_session_has_ended_the_old_one(self, machine: Machine) -> None:
        machine.transcript(A)
        machine.client(A, 7)
        monitor = machine.monitor()
        machine.shown(monitor)
        machine.clock.now += 5
        machine.transcript(B, age=0)
        machine.client(B, 7, startedAt=8)
        after = {key: state.activity for key, state in machine.shown(monitor).items()}
        assert after == {A: Activity.ENDED, B: Activity.IDLE}

    def test_a_newer_file_that_a_crash_left_behind_hides_no_older_client(self, machine: Machine) -> None:
        machine.transcript(A)
        machine.client(A, 7)
        machine.client(A, 8)
        machine.dead.add(8)
        session = machine.shown()[A].session
        assert session.process is not None
        assert session.process.pid == 7

    @pytest.mark.parametrize(("began_before", "found"), [(-60, set()), (60, {A})])
    def test_where_the_start_is_not_in_ticks_a_process_that_began_after_the_client_is_another(
        self, began_before: float, found: set[str], machine: Machine
    ) -> None:
        began = psutil.Process().create_time()
        machine.clock.now = time.time() + 100
        machine.transcript(A, age=0)
        started = (began + began_before) * 1000
        machine.client(A, os.getpid(), procStart="Mon Nov 16 10:00:00 2026", startedAt=started)
        assert {trace.session_id for trace in Finder(machine.where).look(machine.clock.now)} == found

    @pytest.mark.parametrize("junk", ["", "[1]", '{"sessionId": 7}', '{"pid"', '{"sessionId": "s", "procStart": {}}'])
    def test_junk_in_the_clients_folder_is_ignored(self, junk: str, machine: Machine) -> None:
        machine.transcript(A)
        machine.client(A)
        Path(machine.where.client_registry, "9.json").write_text(junk)
        Path(machine.where.client_registry, "9.key").mkdir()
        assert set(machine.shown()) == {A}


def test_a_silent_session_without_a_listed_client_is_hidden_after_an_hour(machine: Machine) -> None:
    machine.transcript(A)
    monitor = machine.monitor(alerts=False)
    assert set(machine.shown(monitor)) == {A}
    machine.clock.now += 3600
    assert machine.shown(monitor) == {}


def test_a_session_that_was_silent_for_a_day_is_found_again(machine: Machine) -> None:
    machine.transcript(A)
    assert set(machine.shown()) == {A}
    machine.clock.now += 30 * 3600
    monitor = machine.monitor()
    assert machine.shown(monitor) == {}
    machine.clock.now += 70
    machine.transcript(A, age=0)
    assert machine.shown(monitor)[A].cache is Cache.WARM


class TestCost:
    def test_a_folder_that_did_not_change_is_listed_once_a_minute(
        self, machine: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for n in range(20):
            machine.transcript(str(uuid.UUID(int=n)), folder=f"-x-{n}")
            os.utime(Path(machine.where.projects, f"-x-{n}"), (NOW - 50, NOW - 50))
        listed: list[str] = []
        scandir = os.scandir

        def counting(path: str) -> Any:
            listed.append(str(path))
            return scandir(path)

        monkeypatch.setattr(os, "scandir", counting)
        os.utime(machine.where.projects, (NOW - 50, NOW - 50))
        finder = machine.finder()
        assert len(finder.look(NOW)) == 20
        assert len(listed) == 21
        del listed[:]
        finder.look(NOW + 2)
        assert listed == []
        machine.transcript(A, folder="-x-3")
        os.utime(Path(machine.where.projects, "-x-3"), (NOW + 3, NOW + 3))
        assert len(finder.look(NOW + 4)) == 20  # A was session 1 already
        assert listed == [str(Path(machine.where.projects, "-x-3"))]
        del listed[:]
        finder.look(NOW + FULL_LOOK_SECONDS)
        assert len(listed) == 21

    def test_of_very_many_folders_the_latest_are_checked_at_each_look_and_all_once_a_minute(
        self, machine: Machine
    ) -> None:
        folders = [Path(machine.where.projects, f"-x-{n}") for n in range(FOLDERS_A_LOOK + 1)]
        for age, folder in enumerate(folders, 100):
            folder.mkdir(parents=True)
            os.utime(folder, (NOW - age, NOW - age))
        os.utime(machine.where.projects, (NOW - 50, NOW - 50))
        finder = machine.finder()
        assert finder.look(NOW) == ()
        machine.transcript(A, folder=folders[0].name, age=0)
        machine.transcript(B, folder=folders[-1].name, age=0)
        assert {trace.session_id for trace in finder.look(NOW + 2)} == {A}
        assert {trace.session_id for trace in finder.look(NOW + FULL_LOOK_SECONDS)} == {A, B}

    def test_a_new_folder_is_seen_at_once(self, machine: Machine) -> None:
        machine.transcript(A)
        os.utime(machine.where.projects, (NOW - 50, NOW - 50))
        finder = machine.finder()
        finder.look(NOW)
        machine.transcript(B, folder="-x-new")
        os.utime(machine.where.projects, (NOW + 1, NOW + 1))
        assert {trace.session_id for trace in finder.look(NOW + 2)} == {A, B}

    def test_a_transcript_that_grows_again_is_seen_within_a_minute(self, machine: Machine) -> None:
        lines = machine.transcript(A, age=9000)
        os.utime(lines.path.parent, (NOW - 9000, NOW - 9000))
        finder = machine.finder()
        assert finder.look(NOW) == ()
        lines.written_at(NOW + 5)
        assert finder.look(NOW + 6) == ()
        assert [trace.session_id for trace in finder.look(NOW + 61)] == [A]

    def test_other_clients_of_an_ended_session_are_looked_for_after_a_change_and_once_a_minute(
        self, machine: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        machine.client(B, 7)
        folder = machine.where.client_registry
        os.utime(folder, (NOW - 50, NOW - 50))
        looks: list[str] = []
        listdir = os.listdir

        def counting(path: str) -> list[str]:
            looks.append(path)
            return listdir(path)

        monkeypatch.setattr(os, "listdir", counting)
        finder = machine.finder()
        ended = [Session(A, ended_at=NOW - 10, process=Process(6, 600))]

        def others(now: float) -> list[int]:
            return [process.pid for _, process in finder.still_open(ended, now)]

        start = NOW // FULL_LOOK_SECONDS * FULL_LOOK_SECONDS
        assert others(start) == others(start + 2) == []
        assert looks == [folder]
        machine.client(A, 8)
        os.utime(folder, (start + 3, start + 3))
        assert others(start + 4) == others(start + 6) == [8]  # more may come in the same tick
        assert others(start + 8) == []
        assert len(looks) == 3
        ended = [Session(A, ended_at=NOW - 5, process=Process(6, 600))]
        assert others(start + 10) == [8]
        assert others(start + FULL_LOOK_SECONDS) == [8]
        assert len(looks) == 5

    def test_without_a_folder_nothing_is_found(self, machine: Machine) -> None:
        assert machine.finder().look(NOW) == ()


def test_a_trace_of_a_listed_client_names_its_process(machine: Machine) -> None:
    machine.transcript(A)
    machine.client(A, 7, pidDomain="linux:abc:pid:[4026531836]")
    (trace,) = machine.finder().look(NOW)
    assert trace.listed == ListedClient(Process(7, 700, "pid:[4026531836]@abc"), started_at=0.007)
