"""What a click does outside the program, as data; and the clipboard, with programs that are made for the test."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from claude_session_status.desktop import terminal
from claude_session_status.desktop.actions import SystemActions, clipboard_ways, folder_launch
from claude_session_status.desktop.resume import resume_command
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
def test_names_that_would_run_something_when_pasted_are_refused(platform: str, folder: str, session_id: str) -> None:
    with pytest.raises(SessionStatusError):
        resume_command(folder, session_id, platform)


def claude_in(folder: Path) -> None:
    """A program named claude that prints its folder and its arguments."""
    claude = folder / "claude"
    claude.write_text('#!/bin/sh\npwd\necho "$@"\n')
    claude.chmod(0o755)


NASTY = "it's $HOME; `x` & 'co' $(id) %PATH% !! \"q\""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX shells")
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_each_posix_shell_reads_the_command_as_it_is_meant(tmp_path: Path, shell: str) -> None:
    folder = tmp_path / NASTY
    folder.mkdir()
    claude_in(tmp_path)
    done = subprocess.run(
        [shell, "-c", resume_command(str(folder), "a b", "linux")],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{folder}\n--resume a b\n"


# ---- the command on Windows, for cmd, PowerShell and Git Bash ----------------

LITERAL = ["app", "my app", "it's", "a & b", "(x86)", "a;b", "a^b", "c#", "日本", "a-b.c+d=e@f~[g]{h}"]
EXPANDED = [
    "$(calc)",
    "$HOME",
    "`whoami`",
    "%COMSPEC%",
    "100%",
    "wow!",
    'a" & calc & "',
    "a\u201d; calc; \u201c",
    "a\u2019b",
]


@pytest.mark.parametrize("name", EXPANDED)
@pytest.mark.parametrize("place", ["folder", "id"])
def test_what_a_windows_shell_would_expand_is_refused(name: str, place: str) -> None:
    folder, session_id = (f"C:\\p\\{name}", "0b7f") if place == "folder" else ("C:\\p", name)
    with pytest.raises(SessionStatusError, match="shell could run"):
        resume_command(folder, session_id, "win32")


@pytest.mark.skipif(sys.platform == "win32", reason="there may be no bash")
@pytest.mark.parametrize("name", LITERAL)
def test_bash_reads_the_windows_command_literally(name: str, tmp_path: Path) -> None:
    """Git Bash, whose parser is bash's own. `pushd` is asked only for what it got."""
    command = resume_command(f"C:\\p\\{name}", "0b7f", "win32").replace("\r\n", "\n")
    script = 'pushd() { printf "%s\\n" "$1"; }; claude() { printf "%s\\n" "$@"; }\n' + command
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == f"C:\\p\\{name}\n--resume\n0b7f\n"


@pytest.mark.parametrize("name", LITERAL)
def test_powershell_reads_the_windows_command_literally(name: str) -> None:
    """By its rules: in double quotes only `$`, backticks and double quotes, straight or curly, are not literal."""
    first, second = resume_command(f"C:\\p\\{name}", "0b7f", "win32").split("\r\n")
    for text in (first.removeprefix("pushd "), second.removeprefix("claude --resume ")):
        assert (text[0], text[-1]) == ('"', '"')
        assert not re.search('[$`"\u201c\u201d\u201e]', text[1:-1])


@pytest.mark.parametrize("name", LITERAL)
def test_cmd_reads_the_windows_command_literally(name: str) -> None:
    """By its rules: in double quotes only `%`, `!` (where it is enabled) and the quote itself are not literal."""
    for text in re.findall('"(.*)"', resume_command(f"C:\\p\\{name}", "0b7f", "win32")):
        assert not set(text) & set('%!"')


def test_a_backslash_at_the_end_does_not_escape_the_quote() -> None:
    assert resume_command("C:\\", "0b7f", "win32").startswith('pushd "C:\\."\r\n')


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


@pytest.mark.parametrize(("platform", "locale"), [("darwin", "UTF-8"), ("linux", None), ("win32", None)])
def test_pbcopy_gets_the_encoding_that_a_launch_agent_lacks(platform: str, locale: str | None) -> None:
    ways = clipboard_ways({"DISPLAY": ":1"}, platform, which("pbcopy", "xclip", "clip.exe"))
    assert [way.environment.get("LC_CTYPE") for way in ways] == [locale]


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


@pytest.mark.parametrize(
    ("folder", "argv"),
    [
        ("/a/x.app", ("open", "-R", "/a/x.app")),
        ("/a/x.App/", ("open", "-R", "/a/x.App/")),
        ("/a/x.xcodeproj", ("open", "-R", "/a/x.xcodeproj")),
        ("/a/app", ("open", "/a/app")),
        ("/a/app-1.2", ("open", "/a/app-1.2")),
        ("/a/.config", ("open", "/a/.config")),
    ],
)
def test_on_macos_a_folder_named_like_a_program_is_not_started(folder: str, argv: tuple[str, ...]) -> None:
    launch = folder_launch(folder, "darwin", which())
    assert launch is not None
    assert launch.argv == argv


class Machine:
    """Programs made for the test."""

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

    def actions(self) -> SystemActions:
        return SystemActions(["watch"], ["doctor"], self.environ, "linux", self.which)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_first_way_that_works_gets_the_text(machine: Machine) -> None:
    machine.program("xclip", "exit 1")
    machine.program("xsel", f"cat > {machine.folder}/copied")
    machine.actions().copy_resume_command("/a b", "s")
    assert (machine.folder / "copied").read_text() == "cd -- '/a b' && claude --resume s"


def test_without_a_way_to_the_clipboard_the_command_is_shown_in_a_terminal(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, ...]] = []
    monkeypatch.setattr(terminal, "open_in_terminal", lambda command, environ, which: opened.append(command))
    machine.actions().copy_resume_command("/a", "s")
    assert opened[0][-1] == "cd -- /a && claude --resume s"
    shown = subprocess.run(opened[0], env={"SHELL": "/bin/true", "PATH": "/bin"}, capture_output=True, text=True)
    assert shown.stdout == "cd -- /a && claude --resume s\n\n"


def test_a_terminal_that_stays_waits_for_the_reader() -> None:
    command = terminal.staying(["printf", "%s|", "a b", "c"], "linux")
    shown = subprocess.run(command, input="\n", capture_output=True, text=True)
    assert shown.stdout.startswith("a b|c|\nPress Enter")
    assert shlex.join(terminal.staying(["x"], "win32")) == "cmd.exe /s /k x"
    assert terminal.staying(["x"], "darwin") == ("x",)


def test_a_folder_that_does_not_exist_is_an_error(machine: Machine) -> None:
    with pytest.raises(SessionStatusError, match="does not exist any more"):
        machine.actions().open_folder(str(machine.folder / "gone"))
    with pytest.raises(SessionStatusError, match="xdg-utils"):
        machine.actions().open_folder(str(machine.folder))
