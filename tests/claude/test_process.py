"""Whether a session's process is still there: said only when sure."""

import os
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest

from claude_session_status.claude import hook
from claude_session_status.claude.process import Liveness, liveness
from claude_session_status.model import Process


@pytest.fixture
def me() -> Process:
    return Process(os.getpid(), hook.start_ticks(os.getpid()), hook.pid_namespace())


def test_a_running_process_is_alive(me: Process) -> None:
    assert liveness(me, time.time()) is Liveness.ALIVE


def test_a_process_nobody_named_is_unknown() -> None:
    assert liveness(None, time.time()) is Liveness.UNKNOWN


def test_a_killed_process_is_gone_even_before_its_parent_looks() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    named = Process(child.pid, hook.start_ticks(child.pid), hook.pid_namespace())
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


@pytest.mark.parametrize(
    ("named_after", "expected"), [(0.0, Liveness.ALIVE), (-3600.0, Liveness.GONE)], ids=["in time", "before it began"]
)
def test_without_ticks_the_process_must_have_begun_before_it_was_named(
    named_after: float, expected: Liveness, me: Process
) -> None:
    began = psutil.Process().create_time()
    assert liveness(replace(me, started=None), began + named_after) is expected


def test_without_ticks_a_process_that_is_no_more_is_gone(me: Process) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert liveness(replace(me, pid=child.pid, started=None), time.time()) is Liveness.GONE
