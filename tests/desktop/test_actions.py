"""What a click does outside the program, as data; and the clipboard, with programs that are made for the test."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from claude_session_status.desktop import terminal
from claude_session_status.desktop.actions import SystemActions, clipboard_ways, folder_launch, resume_command
from claude_session_status.errors import SessionStatusError


def which(*programs: str) -> terminal.Which:
    return lambda name: f"/bin/{name}" if name in programs else None


@pytest.mark.parametrize(
    ("platform", "folder", "expected"),
    [
        ("linux", "/home/me/app", "cd -- /home/me/app && claude --resume id-1"),
        ("linux", "/home/me/my app", "cd -- '/home/me/my app' && claude --resume id-1"),
        ("linux", "/tmp/$(rm -rf ~)'s", """cd -- '/tmp/$(rm -rf ~)'"'"'s' && claude --resume id-1"""),
        ("darwin", None, "claude --resume id-1"),
        ("win32", "C:\\My Files\\app", 'pushd "C:\\My Files\\app"\r\nclaude --resume "id-1"'),
    ],
)
def test_the_resume_command_is_quoted_for_the_shell(platform: str, folder: str | None, expected: str) -> None:
    assert resume_command(folder, "id-1", platform) == expected


@pytest.mark.parametrize(
    ("platform", "folder", "session_id"),
    [("linux", "/a\nrm -rf ~", "s"), ("linux", "/a\x1b[201~b", "s"), ("linux", "/a", "s\n"), ("win32", "C:", 's" & x')],
)
def test_what_would_type_when_it_is_pasted_is_refused(platform: str, folder: str, session_id: str) -> None:
    with pytest.raises(SessionStatusError):
        resume_command(folder, session_id, platform)


def test_a_shell_reads_the_command_as_it_is_meant(tmp_path: Path) -> None:
    folder = tmp_path / "it's $HOME; `x` & 'co'"
    folder.mkdir()
    claude = tmp_path / "claude"
    claude.write_text('#!/bin/sh\npwd\necho "$@"\n')
    claude.chmod(0o755)
    line = resume_command(str(folder), "a b")
    done = subprocess.run(
        ["sh", "-c", line], env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{folder}\n--resume a b\n"


@pytest.mark.parametrize(
    ("platform", "environ", "there", "names"),
    [
        (
            "linux",
            {"WAYLAND_DISPLAY": "w", "DISPLAY": ":1"},
            ("wl-copy", "xclip", "xsel"),
            ["wl-copy", "xclip", "xsel"],
        ),
        ("linux", {"DISPLAY": ":1"}, ("wl-copy", "xsel"), ["xsel"]),
        ("linux", {}, ("wl-copy", "xclip"), []),
        ("darwin", {}, ("pbcopy",), ["pbcopy"]),
        ("win32", {}, ("clip.exe",), ["clip.exe"]),
    ],
)
def test_the_ways_to_the_clipboard(
    platform: str, environ: dict[str, str], there: tuple[str, ...], names: list[str]
) -> None:
    assert [Path(w.argv[0]).name for w in clipboard_ways(environ, platform, which(*there))] == names


@pytest.mark.parametrize(
    ("platform", "there", "argv"),
    [
        ("linux", ("xdg-open", "gio"), ("/bin/xdg-open", "/a")),
        ("linux", ("gio",), ("/bin/gio", "open", "/a")),
        ("linux", (), None),
        ("darwin", (), ("open", "/a")),
        ("win32", (), ("explorer.exe", "/a")),
    ],
)
def test_how_a_folder_is_opened(platform: str, there: tuple[str, ...], argv: tuple[str, ...] | None) -> None:
    launch = folder_launch("/a", platform, which(*there))
    assert (launch and launch.argv) == argv


class Machine:
    """Programs that write down what they were given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {"DISPLAY": ":9"}

    def program(self, name: str, script: str) -> None:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def which(self, name: str) -> str | None:
        path = self.folder / name
        return str(path) if path.exists() else None

    def deeds(self) -> SystemActions:
        return SystemActions(["watch"], ["doctor"], self.environ, "linux", self.which)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_first_way_that_works_gets_the_text(machine: Machine) -> None:
    machine.program("xclip", "exit 1")
    machine.program("xsel", f"cat > {machine.folder}/told")
    machine.deeds().copy_resume_command("/a b", "s")
    assert (machine.folder / "told").read_text() == "cd -- '/a b' && claude --resume s"


def test_without_a_way_to_the_clipboard_the_command_is_shown_in_a_terminal(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, ...]] = []
    monkeypatch.setattr(terminal, "open_in_terminal", lambda command, environ, which: opened.append(command))
    machine.deeds().copy_resume_command("/a", "s")
    assert opened[0][-1] == "cd -- /a && claude --resume s"
    shown = subprocess.run(opened[0], env={"SHELL": "/bin/true", "PATH": "/bin"}, capture_output=True, text=True)
    assert shown.stdout == "cd -- /a && claude --resume s\n\n"


def test_a_terminal_that_stays_waits_for_the_reader() -> None:
    command = terminal.staying(["printf", "%s|", "a b", "c"], "linux")
    shown = subprocess.run(command, input="\n", capture_output=True, text=True)
    assert shown.stdout.startswith("a b|c|\nPress Enter")
    assert shlex.join(terminal.staying(["x"], "win32")) == "cmd.exe /s /k x"
    assert terminal.staying(["x"], "darwin") == ("x",)


def test_a_folder_that_has_gone_is_said(machine: Machine) -> None:
    with pytest.raises(SessionStatusError, match="not there any more"):
        machine.deeds().open_folder(str(machine.folder / "gone"))
    with pytest.raises(SessionStatusError, match="xdg-utils"):
        machine.deeds().open_folder(str(machine.folder))
