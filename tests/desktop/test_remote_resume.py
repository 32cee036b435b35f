"""The command that resumes another machine's session: a shell here reads it first, then a shell there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from claude_session_status.desktop.resume import remote_resume_command
from claude_session_status.errors import SessionStatusError
from claude_session_status.model import Host

BUILD = Host("build")
DEV = Host("dev", ("docker", "exec", "-i", "dev"))
WSL = Host("wsl", ("wsl.exe", "-d", "Ubuntu", "--exec"))
ODD = Host("dev", ("C:\\a&b\\docker.exe", "exec", "-i", "a&b"))
IN_CONTAINER = 'PATH="$PATH:$HOME/.local/bin" exec claude'


@pytest.mark.parametrize(
    ("host", "platform", "folder", "expected"),
    [
        (BUILD, "linux", "/srv/a", "ssh -t build 'cd -- /srv/a && exec \"$SHELL\" -lic \"claude --resume id-1\"'"),
        (BUILD, "darwin", None, "ssh -t build 'exec \"$SHELL\" -lic \"claude --resume id-1\"'"),
        (
            BUILD, "linux", "/srv/a b",
            """ssh -t build 'cd -- '"'"'/srv/a b'"'"' && exec "$SHELL" -lic "claude --resume id-1"'""",
        ),
        (BUILD, "win32", "/srv/a b", "ssh -t build \"cd -- '/srv/a b' && exec sh -lc 'claude --resume id-1'\""),
        (DEV, "linux", "/srv/a", f"docker exec -it dev sh -c 'cd -- /srv/a && {IN_CONTAINER} --resume id-1'"),
        (DEV, "win32", "/srv/a", "docker exec -it dev sh -c \"cd -- '/srv/a' && exec claude --resume id-1\""),
        (ODD, "win32", None, '"C:\\a&b\\docker.exe" exec -it "a&b" sh -c "exec claude --resume id-1"'),
        (WSL, "win32", "/srv/a", "wsl.exe -d Ubuntu --exec sh -lc \"cd -- '/srv/a' && exec claude --resume id-1\""),
    ],
)  # fmt: skip
def test_the_command_of_another_machines_session(host: Host, platform: str, folder: str | None, expected: str) -> None:
    assert remote_resume_command(host, folder, "id-1", platform) == expected


@pytest.mark.parametrize(
    ("command", "terminal"),
    [
        ("docker exec -i dev", "docker exec -it dev"),
        ("docker exec dev", "docker exec -it dev"),
        ("docker exec --tty -i -u me dev", "docker exec -it -u me dev"),
        ("/usr/bin/podman exec -i dev", "/usr/bin/podman exec -it dev"),
        ("docker compose -f x.yml exec -T web", "docker compose -f x.yml exec web"),
        ("kubectl -n x exec -i pod --", "kubectl -n x exec -it pod --"),
        ("wsl.exe -d Ubuntu --exec", "wsl.exe -d Ubuntu --exec"),
        ("sudo -u other", "sudo -u other"),
    ],
)
def test_a_command_is_run_in_a_terminal(command: str, terminal: str) -> None:
    made = remote_resume_command(Host("dev", tuple(command.split())), None, "s", "linux")
    assert made == f"{terminal} sh -c '{IN_CONTAINER} --resume s'"


def test_ssh_with_options_of_its_own_gets_a_terminal_too() -> None:
    host = Host("box", ("ssh", "-T", "-p", "2222", "box.example"))
    assert remote_resume_command(host, None, "s", "linux").startswith("ssh -t -p 2222 box.example 'exec ")


@pytest.mark.parametrize(
    ("host", "folder", "platform", "title"),
    [
        (Host("dev", ("enter-dev",)), "/a", "linux", "It is not known how enter-dev opens a terminal on dev"),
        (Host("dev", ("docker", "run", "x")), "/a", "linux", "It is not known how docker opens a terminal on dev"),
        (BUILD, "C:\\Users\\me", "linux", "On build, the session runs in Windows"),
        (BUILD, "/a\nrm -rf ~", "linux", "The name of the session's folder contains characters that a shell could run"),
        (BUILD, "/a$(id)", "win32", "The name of the session's folder contains characters that a shell could run"),
    ],
)
def test_a_command_that_is_not_known_or_not_safe_is_refused(host: Host, folder: str, platform: str, title: str) -> None:
    with pytest.raises(SessionStatusError) as caught:
        remote_resume_command(host, folder, "s", platform)
    assert (caught.value.title, caught.value.next_step) == (
        title,
        f"Open a terminal on {host.name} and run there: claude --resume",
    )


# ---- through two real shells ----------------------------------------------------

ODD_FOLDERS = ["plain", "it's $HOME; `x` & 'co' $(id) %PATH% !! \"q\"", "-rf", "a\\b", "ключ ☃", "~", "a*?[b]", "#x"]
# What sshd does with the words that ssh sends: it joins them, and the user's shell reads the text.
SSH = '#!/bin/sh\n[ "$1 $2" = "-t build" ] || exit 9\nshift 2\nexec "$SHELL" -c "$*"\n'
DOCKER = '#!/bin/sh\n[ "$1 $2 $3" = "exec -it dev" ] || exit 9\nshift 3\nexec "$@"\n'
CLAUDE = '#!/bin/sh\npwd\nfor each in "$@"; do echo "<$each>"; done\n'


@pytest.fixture
def machines(tmp_path: Path) -> Path:
    """A folder with `ssh`, `docker` and, only on the PATH of the other machine's profile, `claude`."""
    (tmp_path / "home/.local/bin").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    for path, text in (("bin/ssh", SSH), ("bin/docker", DOCKER), ("home/.local/bin/claude", CLAUDE)):
        (tmp_path / path).write_text(text)
        (tmp_path / path).chmod(0o755)
    for profile in (".profile", ".bash_profile"):
        (tmp_path / "home" / profile).write_text('PATH="$HOME/.local/bin:$PATH"\n')
    return tmp_path


def run(machines: Path, shell: str, command: str, *, there: str, path: str = "") -> list[str]:
    environ = {"HOME": str(machines / "home"), "SHELL": f"/bin/{there}", "PATH": f"{machines}/bin:{path}{os.defpath}"}
    done = subprocess.run(
        [shell, "-c", command], env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    return done.stdout.splitlines() or [done.stderr]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX shells")
@pytest.mark.parametrize("there", ["sh", "bash"])
@pytest.mark.parametrize("here", ["sh", "bash"])
@pytest.mark.parametrize("name", ODD_FOLDERS)
def test_two_shells_read_the_command_as_it_is_meant(machines: Path, name: str, here: str, there: str) -> None:
    folder = machines / "srv" / name
    folder.mkdir(parents=True)
    command = remote_resume_command(BUILD, str(folder), "id-1", "linux")
    assert run(machines, here, command, there=there) == [str(folder), "<--resume>", "<id-1>"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX shells")
@pytest.mark.parametrize("session_id", ["a b", 'it\'s "$HOME"; `x`', "-x"])
def test_an_odd_id_passes_three_shells(machines: Path, session_id: str) -> None:
    command = remote_resume_command(BUILD, str(machines), session_id, "linux")
    assert run(machines, "sh", command, there="bash") == [str(machines), "<--resume>", f"<{session_id}>"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX shells")
@pytest.mark.parametrize("is_on_path", [True, False])
@pytest.mark.parametrize("name", ODD_FOLDERS)
def test_a_container_reads_the_command_as_it_is_meant(machines: Path, name: str, is_on_path: bool) -> None:
    """Where an image names a PATH of its own, `claude` may be on it, and else is where its installer puts it."""
    folder = machines / "srv" / name
    folder.mkdir(parents=True)
    command = remote_resume_command(DEV, str(folder), "id-1", "linux")
    path = ""
    if is_on_path:
        (machines / "home/.local/bin").rename(machines / "opt")
        path = f"{machines}/opt:"
    assert run(machines, "bash", command, there="sh", path=path) == [str(folder), "<--resume>", "<id-1>"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX shells")
@pytest.mark.parametrize("name", ["plain", "my 'files' & more", "-x"])
def test_the_windows_command_means_the_same_to_git_bash(machines: Path, name: str) -> None:
    folder = machines / "srv" / name
    folder.mkdir(parents=True)
    command = remote_resume_command(BUILD, str(folder), "id-1", "win32")
    assert run(machines, "bash", command, there="bash") == [str(folder), "<--resume>", "<id-1>"]
