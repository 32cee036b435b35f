"""Whether a session's process still runs: ALIVE or GONE only where that is certain."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest

from claude_session_status.claude import liveness as module
from claude_session_status.claude import pids
from claude_session_status.claude.liveness import Liveness, LivenessProbe, liveness
from claude_session_status.model import Process


@pytest.fixture
def me() -> Process:
    return Process(os.getpid(), pids.start_ticks(os.getpid()), pids.pid_namespace())


def test_a_running_process_is_alive(me: Process) -> None:
    assert liveness(me, time.time()) is Liveness.ALIVE


def test_without_a_process_liveness_is_unknown() -> None:
    assert liveness(None, time.time()) is Liveness.UNKNOWN


def test_a_killed_process_is_gone_even_before_its_parent_looks() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    named = Process(child.pid, pids.start_ticks(child.pid), pids.pid_namespace())
    assert liveness(named, time.time()) is Liveness.ALIVE
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, but not collected
    assert liveness(named, time.time()) is Liveness.GONE
    child.communicate()
    assert liveness(named, time.time()) is Liveness.GONE


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_later_process_of_the_same_id_is_another(me: Process) -> None:
    assert me.started is not None
    assert liveness(replace(me, started=me.started - 1), time.time()) is Liveness.GONE


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_of_another_namespace_is_unknown(me: Process) -> None:
    assert liveness(replace(me, namespace="pid:[1]"), time.time()) is Liveness.UNKNOWN


@pytest.fixture
def machine_id(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Sets the content of /etc/machine-id, None for no such file. The machine's name is `box`."""
    content: list[str | None] = [None]
    real_open = os.open
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(nodename="box"))

    def fake_open(path: str, flags: int, *mode: int) -> int:
        if path != "/etc/machine-id":
            return real_open(path, flags, *mode)
        if content[0] is None:
            raise FileNotFoundError(2, "No such file or directory", path)
        reader, writer = os.pipe()
        os.write(writer, content[0].encode())
        os.close(writer)
        return reader

    monkeypatch.setattr(os, "open", fake_open)

    def set_content(text: str | None) -> None:
        content[0] = text

    return set_content


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes have no namespace")
@pytest.mark.parametrize(
    ("what", "content", "machine"),
    [
        ("its own id", "3d1219c7c4c5404aaa1f6d2a48adfda4\n", "3d1219c7c4c5404aaa1f6d2a48adfda4"),
        ("none", None, "box"),
        ("an image's, that is to be filled in", "\n", "box"),
        ("another form of that", "uninitialized\n", "box"),
    ],
)
def test_a_namespace_names_its_machine(
    what: str, content: str | None, machine: str, machine_id: Callable[[str | None], None]
) -> None:
    machine_id(content)
    assert pids.pid_namespace() == f"{os.readlink('/proc/self/ns/pid')}@{machine}", what


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes have no namespace")
def test_a_process_of_another_machine_that_shares_the_home_is_unknown(
    machine_id: Callable[[str | None], None],
) -> None:
    machine_id("there")
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    theirs = Process(child.pid, 123, pids.pid_namespace())
    assert liveness(theirs, time.time()) is Liveness.GONE
    machine_id("here")
    assert liveness(theirs, time.time()) is Liveness.UNKNOWN


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes have no namespace")
def test_repeated_checks_look_up_our_own_namespace_once(machine_id: Callable[[str | None], None], me: Process) -> None:
    machine_id("here")
    ours, theirs = (replace(me, namespace=pids.pid_namespace()), replace(me, namespace="pid:[1]@here"))
    watch = LivenessProbe()
    assert watch(ours, time.time()) is Liveness.ALIVE
    machine_id("not looked up again")
    assert watch(ours, time.time()) is Liveness.ALIVE
    assert watch(theirs, time.time()) is Liveness.UNKNOWN


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such descriptors")
def test_a_watched_process_is_not_looked_up_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    probe, before = LivenessProbe(), os.listdir("/proc/self/fd")
    children = [subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) for _ in range(2)]
    named = [Process(child.pid, pids.start_ticks(child.pid), pids.pid_namespace()) for child in children]
    for _ in range(2):
        assert [probe(process, time.time()) for process in named] == [Liveness.ALIVE] * 2
    looked_up: list[int] = []

    def look_up(pid: int) -> int | None:
        looked_up.append(pid)
        return pids.start_ticks(pid)

    monkeypatch.setattr(module, "start_ticks", look_up)
    assert [probe(process, time.time()) for process in named] == [Liveness.ALIVE] * 2
    assert looked_up == []
    children[0].kill()
    os.waitid(os.P_PID, children[0].pid, os.WEXITED | os.WNOWAIT)  # dead, but not collected
    assert [probe(process, time.time()) for process in named] == [Liveness.GONE, Liveness.ALIVE]
    assert looked_up == [children[0].pid]
    for child in children:
        child.communicate()
    probe.close()
    assert os.listdir("/proc/self/fd") == before
    assert [probe(process, time.time()) for process in named] == [Liveness.GONE] * 2


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_that_an_earlier_version_noted_is_of_this_machine(me: Process) -> None:
    noted = replace(me, namespace=os.readlink("/proc/self/ns/pid"))
    assert liveness(noted, time.time()) is Liveness.ALIVE
    assert liveness(replace(noted, pid=me.pid, started=1), time.time()) is Liveness.GONE


@pytest.mark.parametrize(
    ("reported_after", "expected"),
    [(0.0, Liveness.ALIVE), (-3600.0, Liveness.GONE)],
    ids=["in time", "too early"],
)
def test_without_ticks_the_process_must_have_started_before_it_was_reported(
    reported_after: float, expected: Liveness, me: Process
) -> None:
    began = psutil.Process().create_time()
    assert liveness(replace(me, started=None), began + reported_after) is expected


def test_without_ticks_a_process_that_is_no_more_is_gone(me: Process) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert liveness(replace(me, pid=child.pid, started=None), time.time()) is Liveness.GONE


def test_where_no_process_can_be_seen_none_is_gone(me: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("claude_session_status.claude.liveness._processes_can_be_seen", lambda: False)
    assert liveness(replace(me, started=None), time.time()) is Liveness.UNKNOWN
    assert liveness(replace(me, started=1), time.time()) is Liveness.UNKNOWN
