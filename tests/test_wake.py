"""Hooks wake the monitor through a FIFO; where that fails the only cost is waiting for the next poll."""

import os
import stat
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import pytest

from claude_session_status.heartbeat import wake_monitor
from claude_session_status.paths import Paths
from claude_session_status.wake import WakePipe
from claude_session_status.wake_listener import WakeListener
from waiting import wait_for

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no FIFOs")


@pytest.fixture
def pipe(where: Paths) -> Iterator[WakePipe]:
    opened = WakePipe(where.wake)
    opened.open()
    yield opened
    opened.close()


def test_it_is_private(pipe: WakePipe) -> None:
    status = os.stat(pipe.path)
    assert stat.S_ISFIFO(status.st_mode)
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(pipe.path)).st_mode) == 0o700


def test_a_hook_wakes_the_monitor_once(pipe: WakePipe) -> None:
    assert not pipe.wait(0)
    wake_monitor(pipe.path)
    wake_monitor(pipe.path)
    assert pipe.wait(10)
    assert not pipe.wait(0)


def test_two_monitors_wake_both(pipe: WakePipe) -> None:
    other, woken = WakePipe(pipe.path), []
    other.open()
    threads = [threading.Thread(target=lambda each=each: woken.append(each.wait(10))) for each in (pipe, other)]
    for thread in threads:
        thread.start()
    while not all(thread.is_alive() for thread in threads):
        time.sleep(0.01)
    time.sleep(0.1)  # both are in select by now
    wake_monitor(pipe.path)
    for thread in threads:
        thread.join(20)
    other.close()
    assert woken == [True, True]


def test_of_two_monitors_each_wakes_once_for_a_hook_and_once_when_the_other_ends(where: Paths) -> None:
    woken = [SimpleQueue[bool](), SimpleQueue[bool]()]
    listeners = [WakeListener(where.wake, partial(each.put, True)) for each in woken]
    for listener in listeners:
        listener.start()
    try:
        wake_monitor(where.wake)
        wait_for("a monitor that wakes", lambda: not all(each.empty() for each in woken))
        listeners[0].stop()
        wait_for("the other one, at the latest when the first has ended", lambda: not woken[1].empty())
    finally:
        for listener in listeners:
            listener.stop()
    assert woken[0].qsize() <= 1
    assert woken[1].qsize() <= 2


def test_the_monitor_itself_can_end_the_wait(pipe: WakePipe) -> None:
    pipe.ring()
    assert pipe.wait(10)


def _fill(path: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    try:
        while True:
            os.write(descriptor, b"x" * 4096)
    except BlockingIOError:
        os.close(descriptor)


def test_a_full_pipe_blocks_no_hook(pipe: WakePipe) -> None:
    _fill(pipe.path)
    wake_monitor(pipe.path)
    pipe.ring()
    assert pipe.wait(10)
    assert not pipe.wait(0)


def test_without_a_reader_or_a_pipe_nothing_happens(pipe: WakePipe) -> None:
    pipe.close()
    wake_monitor(pipe.path)
    os.unlink(pipe.path)
    wake_monitor(pipe.path)
    assert not os.path.exists(pipe.path)
    with pytest.raises(OSError, match="not open"):
        pipe.wait(0)


@pytest.mark.parametrize("planted", ["file", "folder", "link to a file", "link to a FIFO", "socket"])
def test_what_is_no_fifo_of_ours_is_neither_written_to_nor_read(planted: str, where: Paths, tmp_path: Path) -> None:
    os.makedirs(where.folder, 0o700)
    target, path = tmp_path / "target", Path(where.wake)
    target.write_bytes(b"precious")
    reader = None
    if planted == "file":
        path.write_bytes(b"precious")
    elif planted == "folder":
        path.mkdir()
    elif planted == "socket":
        os.mknod(path, stat.S_IFSOCK | 0o600)
    else:
        if planted == "link to a FIFO":
            target.unlink()
            os.mkfifo(target)
            reader = os.open(target, os.O_RDONLY | os.O_NONBLOCK)
        path.symlink_to(target)
    wake_monitor(where.wake)
    with pytest.raises(OSError, match=r"."):
        WakePipe(where.wake).open()
    if planted == "file":
        assert path.read_bytes() == b"precious"
    if reader is None:
        assert target.read_bytes() == b"precious"
    else:
        assert os.read(reader, 1) == b""  # nobody wrote
        os.close(reader)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, to make another user's")
def test_another_users_fifo_is_left_alone(pipe: WakePipe) -> None:
    os.chown(pipe.path, 65534, 65534)
    wake_monitor(pipe.path)
    assert not pipe.wait(0)
    with pytest.raises(PermissionError, match="another user"):
        WakePipe(pipe.path).open()
