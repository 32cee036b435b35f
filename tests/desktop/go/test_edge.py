"""The edge for real: sockets whose owner the kernel names, terminal devices, processes."""

import os
import pty
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from claude_session_status.claude.pids import pid_namespace, start_ticks
from claude_session_status.desktop.go import process
from claude_session_status.desktop.go.edge import Edge
from claude_session_status.model import Process
from waiting import wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what the Linux kernel reports")

NOBODY = 65534
SERVER = """
import os, socket, sys
if sys.argv[2] != "0": os.setuid(int(sys.argv[2]))
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); print("ready", flush=True)
while True: s.accept()
"""


def test_a_socket_names_the_process_that_serves_it(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    connection = Edge({}).connect(path)
    assert connection is not None
    with connection:
        assert connection.pid == os.getpid()
    server.close()
    assert Edge({}).connect(path) is None
    assert Edge({}).connect("@nobody-listens-here") is None
    assert Edge({}).connect("/" + "x" * 200) is None


def test_a_socket_that_another_user_serves_is_refused(tmp_path: Path) -> None:
    """As an ordinary user, who can't start another user's process, root's own socket must do."""
    if os.getuid() != 0:
        assert Edge({}).connect("/run/dbus/system_bus_socket") is None
        return
    path = f"\0css-{tmp_path.name}-{os.getpid()}"
    argv = [sys.executable, "-c", SERVER.replace("sys.argv[1]", repr(path)), "", str(NOBODY)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            assert Edge({}).connect("@" + path[1:]) is None
        finally:
            server.kill()


def test_a_reply_is_read_until_it_is_whole_and_a_closed_connection_gives_none() -> None:
    ours, theirs = socket.socketpair()
    from claude_session_status.desktop.go.edge import OwnSocket

    with OwnSocket(ours, 1) as connection:
        sender = threading.Thread(target=theirs.sendall, args=(b"ab\n",))
        sender.start()
        assert connection.read(lambda data: data.endswith(b"\n")) == b"ab\n"
        sender.join()
        theirs.close()
        assert connection.read(lambda data: data.endswith(b"\n")) is None
        assert not connection.send(b"x")


def test_a_command_that_fails_or_is_missing_prints_nothing() -> None:
    edge = Edge(os.environ)
    assert edge.run("printf", "%s", "a b; $(id)") == "a b; $(id)"
    assert edge.run("false") is None
    assert edge.run("no-such-program-here") is None
    assert edge.run("printf", "a\0b") is None


def test_a_process_is_read_only_while_it_is_the_one_that_was_recorded() -> None:
    here = Process(os.getpid(), start_ticks(os.getpid()), pid_namespace())
    place = process.read(here)
    assert place is not None
    assert (place.pid, place.chain[1].pid) == (os.getpid(), os.getppid())
    assert process.is_same(place.chain[0])
    assert not process.is_same(replace(place.chain[0], started=(here.started or 0) + 1))
    assert process.read(replace(here, started=(here.started or 0) + 1)) is None
    assert process.read(replace(here, namespace="pid:[1]@another-machine")) is None


def test_another_users_process_is_not_read() -> None:
    if os.getuid() != 0:
        assert process.read_pid(1) is None
        return
    with subprocess.Popen(["sleep", "60"], user=NOBODY) as other:
        try:
            assert process.read_pid(other.pid) is None
        finally:
            other.kill()


def test_only_a_terminal_device_of_our_own_is_written_to(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    path = os.ttyname(slave)
    os.fchown(slave, os.getuid(), -1)
    assert process.write_to_tty(path, b"mark\n")
    assert os.read(master, 100) == b"mark\r\n"
    other = tmp_path / "file"
    other.touch()
    for wrong in (str(other), "/dev/null", "/dev/pts/../null", "/dev/pts/999999", "/dev/tty", ""):
        assert not process.write_to_tty(wrong, b"mark\n")
    assert other.read_bytes() == b""
    if os.getuid() == 0:
        os.fchown(slave, NOBODY, -1)
        assert not process.write_to_tty(path, b"mark\n")
    os.close(slave)
    os.close(master)


def test_a_terminal_that_was_opened_later_is_known_too() -> None:
    """psutil remembers the devices of its first look, and a tray runs for weeks."""
    for _ in range(2):
        _check_a_new_terminal()
    assert process.terminal_of(999_999_999) is None


def _check_a_new_terminal() -> None:
    master, slave = pty.openpty()
    path = os.ttyname(slave)
    with subprocess.Popen(["setsid", "--ctty", "sleep", "60"], stdin=slave) as child:
        try:
            wait_for("its terminal", lambda: process.terminal_of(child.pid) == path)
            wait_for("its name", lambda: (child.pid, path) in set(process.named("sleep")))
        finally:
            child.kill()
    os.close(slave)
    os.close(master)
