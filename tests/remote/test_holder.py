"""One process holds the connections, notes what changed, and shows every face how it goes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from claude_session_status import host_states, remote_session
from claude_session_status.lock import FileLock
from claude_session_status.model import Activity, Event, Host, HostConnection, HostState, RemoteState, Session
from claude_session_status.paths import Paths
from claude_session_status.remote.changes import Received
from claude_session_status.remote.holder import HostConnections, Link
from fakes import NOW

BUILD, GPU = Host("build"), Host("gpu")


class FakeLink:
    """A connection that reports what the test gives it."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.state = HostState(host.name, HostConnection.CONNECTED, NOW)
        self.report: Received | None = None
        self.calls: list[str] = []

    def reports(self, *ids: str) -> None:
        state = RemoteState(self.host.name, Activity.IDLE, started_at=NOW - 9)
        keys = (remote_session.key_of(self.host.name, each) for each in ids)
        self.report = Received(self.host.name, dict.fromkeys(keys, state))

    def take(self) -> Received | None:
        report, self.report = self.report, None
        return report

    def start(self) -> None:
        self.calls.append("start")

    def retry(self, *, anew: bool = False, is_asked: bool = False) -> None:
        self.calls.append("retry because it was asked for" if is_asked else "retry anew" if anew else "retry")

    def stop(self) -> None:
        self.calls.append("stop")

    def join(self, seconds: float) -> None:
        self.calls.append("join")


class Desk:
    """A holder with fake connections, and the notes that it made."""

    def __init__(self, where: Paths) -> None:
        self.links: dict[str, FakeLink] = {}
        self.notes: list[Event] = []
        self.slept = 0.0
        self.holder = HostConnections(where, lambda: None, self._connect, lambda: self.slept, lambda: 0.0)

    def _connect(self, host: Host, on_news: Callable[[], object]) -> Link:
        link = self.links[host.name] = FakeLink(host)
        return link

    def poll(self, *hosts: Host, rows: dict[str, Session] | None = None) -> list[str]:
        self.notes.clear()
        self.holder.poll(hosts, rows or {}, NOW, self.notes.append)
        return [f"{note.kind.value} {note.session_id}" for note in self.notes]


@pytest.fixture
def desk(where: Paths) -> Iterator[Desk]:
    Path(where.folder).mkdir(parents=True)
    made = Desk(where)
    yield made
    made.holder.close()


def test_without_hosts_nothing_is_made(desk: Desk, where: Paths) -> None:
    assert desk.poll() == []
    assert list(Path(where.folder).iterdir()) == []


def test_what_a_host_reports_is_noted_once(desk: Desk) -> None:
    desk.poll(BUILD)
    desk.links["build"].reports("a")
    assert desk.poll(BUILD) == ["remote build/a"]
    desk.links["build"].reports("a")
    assert desk.poll(BUILD) == []


def test_a_note_that_can_not_be_written_is_written_at_the_next_poll(desk: Desk) -> None:
    def full_disk(_: Event) -> None:
        raise OSError(28, "No space left on device")

    desk.poll(BUILD)
    desk.links["build"].reports("a")
    with pytest.raises(OSError, match="No space"):
        desk.holder.poll((BUILD,), {}, NOW, full_disk)
    assert desk.poll(BUILD) == ["remote build/a"]


def test_only_one_process_connects_and_the_next_one_takes_over(desk: Desk, where: Paths) -> None:
    other = Desk(where)
    desk.poll(BUILD)
    other.poll(BUILD)
    assert (list(desk.links), list(other.links)) == (["build"], [])
    desk.holder.close()
    assert desk.links["build"].calls == ["start", "stop", "join"]
    other.poll(BUILD)
    assert list(other.links) == ["build"]
    other.holder.close()


def test_settings_that_change_connect_and_disconnect(desk: Desk, where: Paths) -> None:
    desk.poll(BUILD)
    desk.poll(BUILD, GPU)
    assert {name: link.calls for name, link in desk.links.items()} == {"build": ["start"], "gpu": ["start"]}
    desk.poll(GPU)
    assert desk.links["build"].calls == ["start", "stop", "join"]
    before = desk.links["gpu"]
    desk.poll(Host("gpu", program="~/css"))
    assert before.calls == ["start", "stop", "join"]
    desk.poll()
    assert FileLock(where.hosts_lock).acquire()


def test_every_face_reads_how_it_goes_and_off_where_nobody_connects(desk: Desk, where: Paths) -> None:
    desk.poll(BUILD)
    connected = HostState("build", HostConnection.CONNECTED, NOW)
    assert host_states.current(where, [BUILD, GPU]) == (connected, HostState("gpu", HostConnection.OFF))
    desk.holder.close()
    assert host_states.current(where, [BUILD]) == (HostState("build", HostConnection.OFF),)


ODD = '{"hosts": [7, {"name": "build", "connection": "x"}]}'


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"hosts": 7}', ODD, "[" * 9999])
def test_a_file_of_states_that_is_none_says_nothing(damage: str, desk: Desk, where: Paths) -> None:
    desk.poll(BUILD)
    Path(where.hosts).write_text(damage)
    assert host_states.current(where, [BUILD]) == (HostState("build", HostConnection.OFF),)


def test_after_sleep_every_host_is_connected_anew_at_the_next_poll(desk: Desk) -> None:
    desk.poll(BUILD, GPU)
    desk.slept = 3600.0
    desk.poll(BUILD, GPU)
    desk.poll(BUILD, GPU)
    assert [link.calls for link in desk.links.values()] == [["start", "retry anew"]] * 2


def test_a_user_who_fixed_a_connection_has_it_tried_at_once(desk: Desk, where: Paths) -> None:
    host_states.ask_for_retry(where)
    desk.poll(BUILD)
    desk.poll(BUILD)
    host_states.ask_for_retry(where)
    desk.poll(BUILD)
    desk.poll(BUILD)
    assert desk.links["build"].calls == ["start", "retry because it was asked for"]
