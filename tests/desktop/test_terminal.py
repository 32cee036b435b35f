"""How a command is opened in a terminal window, on each platform and with each terminal."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from claude_session_status.desktop.terminal import Launch, launch_for, open_in_terminal, spawn, staying
from claude_session_status.errors import SessionStatusError
from waiting import wait_for

WATCH = ["/venv/bin/python", "-m", "claude_session_status", "watch"]


def only(*names: str) -> Callable[[str], str | None]:
    return lambda name: f"/usr/bin/{name}" if name in names else None


@pytest.mark.parametrize(
    ("name", "tail"),
    [
        ("x-terminal-emulator", ["-e"]),
        ("xdg-terminal-exec", []),
        ("gnome-terminal", ["--"]),
        ("konsole", ["-e"]),
        ("xfce4-terminal", ["-x"]),
        ("qterminal", ["-e"]),
        ("mate-terminal", ["-x"]),
        ("terminator", ["-x"]),
        ("kitty", []),
        ("alacritty", ["-e"]),
        ("foot", []),
        ("wezterm", ["start", "--"]),
        ("xterm", ["-e"]),
    ],
)
def test_each_terminal_gets_its_own_option(name: str, tail: list[str]) -> None:
    assert launch_for(WATCH, {}, "linux", only(name)) == Launch((f"/usr/bin/{name}", *tail, *WATCH))


@pytest.mark.parametrize("name", ["tilix", "lxterminal", "terminology", "sakura"])
def test_some_terminals_take_the_command_as_one_text(name: str) -> None:
    assert launch_for(["sh", "-c", "echo $1", "a b"], {}, "linux", only(name)) == Launch(
        (f"/usr/bin/{name}", "-e", "sh -c 'echo $1' 'a b'")
    )


@pytest.mark.parametrize(
    ("behind", "expected"),
    [
        ("/usr/bin/terminator", ["/usr/bin/terminator", "-x", *WATCH]),
        ("/usr/bin/tilix.wrapper", ["/usr/bin/tilix", "-e", " ".join(WATCH)]),
        ("/usr/bin/gnome-terminal.wrapper", ["/usr/bin/gnome-terminal", "--", *WATCH]),
        ("/usr/bin/kitty", ["/usr/bin/kitty", *WATCH]),
        ("/opt/mine/terminal", ["/usr/bin/x-terminal-emulator", "-e", *WATCH]),
    ],
)
def test_the_distributions_choice_is_started_in_its_own_way(behind: str, expected: list[str]) -> None:
    which = only("x-terminal-emulator", "terminator", "tilix", "gnome-terminal", "kitty", "xterm")
    assert launch_for(WATCH, {}, "linux", which, lambda _path: behind) == Launch(tuple(expected))


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("kitty", ["/usr/bin/kitty"]),
        ("kitty --single-instance", ["/usr/bin/kitty", "--single-instance"]),
        ("unknown-terminal", ["/usr/bin/unknown-terminal", "-e"]),
        ("gone-terminal", ["/usr/bin/konsole", "-e"]),
        ("'unbalanced", ["/usr/bin/konsole", "-e"]),
        ("", ["/usr/bin/konsole", "-e"]),
    ],
)
def test_the_users_choice_comes_first(chosen: str, expected: list[str]) -> None:
    which = only("kitty", "unknown-terminal", "xterm", "konsole")
    assert launch_for(WATCH, {"TERMINAL": chosen}, "linux", which) == Launch((*expected, *WATCH))


def test_without_a_terminal_there_is_nothing_to_launch() -> None:
    assert launch_for(WATCH, {}, "linux", only()) is None


def test_macos_opens_a_file_with_the_command() -> None:
    """AppleScript would need the user's permission to control Terminal."""
    launch = launch_for(["/my tools/python", "it's"], {}, "darwin")
    assert launch is not None
    assert launch.argv == ("open",)
    assert launch.script.splitlines()[-1] == """exec '/my tools/python' 'it'"'"'s'"""


@pytest.mark.skipif(sys.platform == "win32", reason="a script for sh")
def test_the_file_is_private_runs_the_command_and_removes_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept, made = tmp_path / "kept", tmp_path / "made"
    opener = tmp_path / "open"
    opener.write_text(f'#!/bin/sh\nstat -c %a "$1" >{kept}.half\necho "$1" >>{kept}.half\nmv {kept}.half {kept}\n')
    opener.chmod(0o700)
    words = ["/bin/sh", "-c", 'printf %s "$1" >"$2"', "sh", "a 'b' $c `d`\\", str(made)]
    launch = launch_for(words, {}, "darwin")
    assert launch is not None
    spawn(Launch((str(opener),), script=launch.script))
    wait_for("the opened file", kept.exists)
    mode, path = kept.read_text().split()
    assert mode == "700"
    assert path.endswith(".command")
    subprocess.run([path], check=True)
    assert made.read_text() == "a 'b' $c `d`\\"
    assert not Path(path).exists()


def test_windows_opens_a_console() -> None:
    assert launch_for(WATCH, {}, "win32") == Launch(tuple(WATCH), new_console=True)


@pytest.mark.parametrize(
    ("program", "line"),
    [
        (r"C:\Tools\x.exe", r'cmd.exe /s /k "C:\Tools\x.exe doctor"'),
        (r"C:\Program Files (x86)\x\x.exe", r'cmd.exe /s /k ""C:\Program Files (x86)\x\x.exe" doctor"'),
        (r"C:\Users\R&D\x.exe", r'cmd.exe /s /k ""C:\Users\R&D\x.exe" doctor"'),
    ],
)
def test_on_windows_a_command_that_stays_open_starts_from_any_folder(program: str, line: str) -> None:
    """cmd.exe removes the outermost quotes and reads the rest: what is not quoted there may be a command."""
    launch = launch_for(staying([program, "doctor"], "win32"), {}, "win32", only())
    assert launch is not None
    assert launch.started == line
    assert launch.new_console


def test_other_commands_are_started_word_by_word() -> None:
    assert Launch(("/opt/my tools/x", "watch")).started == ("/opt/my tools/x", "watch")


def test_a_terminal_that_can_not_be_started_is_an_error() -> None:
    with pytest.raises(SessionStatusError, match="could not be started"):
        spawn(Launch(("/nowhere/terminal",)))


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="these have a terminal of their own")
def test_a_missing_terminal_is_an_error() -> None:
    with pytest.raises(SessionStatusError, match="No terminal"):
        open_in_terminal(WATCH, {"TERMINAL": "none"}, only())


@pytest.mark.skipif(sys.platform == "win32", reason="sessions of processes are POSIX")
def test_what_is_opened_runs_in_a_session_of_its_own(tmp_path: Path) -> None:
    written = tmp_path / "written"
    script = f"import os, pathlib; pathlib.Path({str(written)!r}).write_text(str(os.getsid(0) == os.getpid()))"
    spawn(Launch((sys.executable, "-c", script)))
    deadline = time.monotonic() + 10
    while not (written.exists() and written.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert written.read_text() == "True"


@pytest.mark.parametrize(
    ("interpreter", "started"),
    [
        ("C:\\Python\\python.exe", "C:\\Python\\python.exe"),
        ("C:\\My Python\\pythonw.exe", "C:\\My Python\\python.exe"),
        ("C:\\Python\\PythonW.EXE", "C:\\Python\\python.exe"),
    ],
)
def test_on_windows_the_table_gets_the_interpreter_with_a_console(interpreter: str, started: str) -> None:
    """A tray at login is run by pythonw.exe."""
    launch = launch_for([interpreter, "-m", "x"], {}, "win32", only())
    assert launch == Launch((started, "-m", "x"), new_console=True)


def test_a_missing_windows_program_is_not_blamed_on_the_terminal() -> None:
    with pytest.raises(SessionStatusError, match="Run watch in a terminal yourself"):
        spawn(Launch(("/gone/python.exe", "watch"), new_console=True))
