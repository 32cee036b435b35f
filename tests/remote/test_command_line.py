"""The command that runs our program there: no name is an option, no user's configuration is overruled without need."""

import os
import subprocess
from pathlib import Path

import pytest

from claude_session_status.model import Host
from claude_session_status.remote.command_line import argv
from remote.machines import write_program

SHELLS = [path for path in ("/bin/sh", "/bin/bash", "/bin/dash") if os.path.exists(path)]


def test_ssh_never_asks_and_carries_nothing_of_the_users_but_the_output() -> None:
    words = argv(Host("me@gpu-box"))
    assert words[0] == "ssh"
    assert {
        "-oBatchMode=yes",
        "-oServerAliveInterval=15",
        "-oConnectTimeout=20",
        "-oClearAllForwardings=yes",
        "-oForwardAgent=no",
        "-oControlMaster=no",
    } <= set(words)
    assert words[-3:-1] == ("--", "me@gpu-box")
    assert not any(word.startswith(("-F", "-oStrictHostKeyChecking", "-oControlPath")) for word in words)


@pytest.mark.parametrize("name", ["-oProxyCommand=x", "me@-oX", "", "a b", "a/b", "a\nb", "$(x)", "a" * 65, "ä"])
def test_a_name_that_could_be_anything_but_a_host_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a host"):
        argv(Host(name))


@pytest.mark.parametrize("program", ["-x", "a b", "a;b", "$(x)", "a'b", 'a"b', "a\\b", "`x`"])
def test_a_program_that_needs_quotes_is_refused(program: str) -> None:
    with pytest.raises(ValueError, match="not the path of a program"):
        argv(Host("build", program=program))


def test_a_containers_command_is_used_as_it_is() -> None:
    words = argv(Host("dev", ("docker", "exec", "-i", "dev")))
    assert words[:6] == ("docker", "exec", "-i", "dev", "sh", "-c")


@pytest.mark.parametrize("ssh", ["ssh", "/usr/bin/ssh", r"C:\Windows\System32\OpenSSH\ssh.exe"])
def test_an_ssh_of_the_users_gets_one_word_which_its_shell_there_parses(ssh: str) -> None:
    words = argv(Host("dev", (ssh, "-p", "2222", "box")))
    assert words[:4] == (ssh, "-p", "2222", "box")
    assert len(words) == 5
    assert words[4].startswith("exec sh -c '")


@pytest.mark.parametrize("outer", SHELLS)
@pytest.mark.parametrize("login", [*SHELLS, "/bin/unknown-shell"])
@pytest.mark.parametrize(
    ("program", "folder"),
    [
        pytest.param(None, ".local/bin", id="on the PATH of a login shell"),
        pytest.param(None, "on path", id="on the PATH of an image, which a login shell may replace"),
        pytest.param("~/.local/bin/claude-session-status", ".local/bin", id="where the settings say"),
    ],
)
def test_the_program_is_found_as_in_a_login_and_its_output_alone_comes(
    outer: str, login: str, program: str | None, folder: str, tmp_path: Path
) -> None:
    write_program(tmp_path / folder / "claude-session-status", 'echo "ran $*"')
    profile = 'PATH="$HOME/.local/bin:/usr/bin:/bin"; echo Welcome; echo "what a day"\n'
    (tmp_path / ".profile").write_text(profile)
    environment = {"HOME": str(tmp_path), "SHELL": login, "PATH": f"{tmp_path}/on path:/usr/bin:/bin"}
    command = argv(Host("build", program=program))[-1]
    done = subprocess.run([outer, "-c", command], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran status --json --follow --all\n", "")


def test_a_container_without_a_shell_variable_runs_sh(tmp_path: Path) -> None:
    write_program(tmp_path / ".local/bin/claude-session-status", "cat")
    (tmp_path / ".profile").write_text('PATH="$HOME/.local/bin:$PATH"\n')
    words = argv(Host("dev", ("env", "-i", f"HOME={tmp_path}", "PATH=/usr/bin:/bin")))
    done = subprocess.run(words, input="the input stays\n", capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "the input stays\n")
