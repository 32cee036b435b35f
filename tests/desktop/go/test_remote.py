"""The terminal here that leads to another machine."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from claude_session_status.desktop.go import process
from claude_session_status.desktop.go.remote import leads_to, terminals, with_port
from claude_session_status.model import Host, Process
from waiting import wait_for

BUILD, ME = Host("build"), Host("me@gpu-box")
DEV = Host("dev", ("docker", "exec", "-i", "dev"))
BOX = Host("box", ("ssh", "-p", "2222", "box.example"))


@pytest.mark.parametrize(
    ("command", "host", "leads"),
    [
        ("ssh build", BUILD, True),
        ("/usr/bin/ssh -A build", BUILD, True),
        ("ssh -t build tmux attach", BUILD, True),
        ("ssh -p 22 -o ServerAliveInterval=5 -Lx:1:y build", BUILD, True),
        ("ssh -vvp 22 build", BUILD, True),
        ("ssh -- build", BUILD, True),
        ("ssh me@build", BUILD, True),
        ("ssh -l me build", BUILD, True),
        ("ssh ssh://me@gpu-box", ME, True),
        ("ssh gpu-box", ME, True),
        ("ssh -l me gpu-box", ME, True),
        ("ssh you@gpu-box", ME, False),
        ("ssh -l you gpu-box", ME, False),
        ("ssh builder", BUILD, False),
        ("ssh -J build other", BUILD, False),
        ("ssh other build", BUILD, False),
        ("ssh -W [x]:22 jump", BUILD, False),
        ("ssh", BUILD, False),
        ("ssh -p", BUILD, False),
        ("sshd build", BUILD, False),
        ("vim build", BUILD, False),
        ("", BUILD, False),
        ("ssh -T -oBatchMode=yes -- build x", BUILD, False),
        ("ssh build claude-session-status watch", BUILD, False),
        ("docker exec -it dev bash", DEV, True),
        ("docker exec -ti dev", DEV, True),
        ("docker exec -it other bash", DEV, False),
        ("docker ps", DEV, False),
        ("podman exec -it dev bash", DEV, False),
        ("docker exec -i dev sh -c claude-session-status", DEV, False),
        ("ssh -p 2222 box.example", BOX, True),
        ("ssh box", BOX, False),
    ],
)
def test_which_process_leads_to_the_host(command: str, host: Host, leads: bool) -> None:
    assert leads_to(command.split(), host) is leads


ONE, TWO = Process(1), Process(2)


@pytest.mark.parametrize(
    ("ports", "found"),
    [
        ({1: {50_001}, 2: {50_002, 8080}}, [TWO]),
        ({1: {50_001}, 2: {50_003}}, [ONE, TWO]),  # a machine between has changed the port
        ({1: set(), 2: {50_002}}, [ONE, TWO]),  # the first one may use the connection of the second
        ({1: {50_002}, 2: {50_002}}, [ONE, TWO]),
    ],
)
def test_of_several_terminals_the_port_of_the_connection_says_which(
    ports: dict[int, set[int]], found: list[Process]
) -> None:
    assert with_port([ONE, TWO], 50_002, ports.__getitem__) == found


@pytest.fixture
def ssh(tmp_path: Path) -> tuple[str, ...]:
    """A program named ssh that stays: it reads a file that nobody writes."""
    os.mkfifo(tmp_path / "a-box")
    return shutil.copy(shutil.which("cat") or "cat", str(tmp_path / "ssh")), "a-box"


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and pseudo terminals as Linux has them")
def test_a_process_in_a_terminal_is_found_and_its_place_can_be_read(ssh: tuple[str, ...], tmp_path: Path) -> None:
    pid, terminal = os.forkpty()
    if pid == 0:
        os.chdir(tmp_path)
        os.execv(ssh[0], ssh)
    with subprocess.Popen(ssh, cwd=tmp_path, start_new_session=True, stdin=subprocess.DEVNULL) as without_terminal:
        try:
            found = wait_for("the process", lambda: terminals(Host("a-box")))
            assert [each.pid for each in found] == [pid]
            place = process.read(found[0])
            assert place is not None
            assert place.tty is not None
        finally:
            without_terminal.kill()
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(terminal)
