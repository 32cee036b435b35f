"""The terminal here that leads to another machine."""

import pytest

from claude_session_status.desktop.go.remote import leads_to
from claude_session_status.model import Host

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
