"""How our command is written for each kind of shell, how it is found, and which commands are known as ours."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from claude_session_status.claude.setup.hook_commands import (
    Launcher,
    find_launcher,
    hook_command_of,
    isolation_flags,
    mentions_us,
    this_launcher,
)
from claude_session_status.paths import Paths

OURS = [
    ("bare, as the original wrote it", "claude-session-status mark-start", "mark-start"),
    ("by a path", "/home/me/.local/bin/claude-session-status mark-turn", "mark-turn"),
    ("a path in double quotes", '"/my tools/claude-session-status" mark-end', "mark-end"),
    ("a path in single quotes", "'/my tools/claude-session-status' mark-prompt", "mark-prompt"),
    ("a path with a quote in it", "'/o'\"'\"'brien/claude-session-status' mark-wait", "mark-wait"),
    ("a path with an escaped space", r"/my\ tools/claude-session-status mark-turn", "mark-turn"),
    ("Windows, slashes", "C:/Users/me/Scripts/claude-session-status.exe mark-turn", "mark-turn"),
    ("Windows, backslashes", r"C:\Users\me\Scripts\claude-session-status.exe mark-turn", "mark-turn"),
    ("Windows, quoted", r'"C:\Users\My Name\claude-session-status.exe" mark-turn', "mark-turn"),
    ("PowerShell", r'& "C:\Users\My Name\claude-session-status.exe" mark-turn', "mark-turn"),
    ("the module", "python3 -m claude_session_status mark-turn", "mark-turn"),
    ("the module, with options", '"/my venv/bin/python" -P -m claude_session_status mark-turn', "mark-turn"),
    ("a runner", "uvx claude-session-status mark-turn", "mark-turn"),
    ("silenced", "claude-session-status mark-turn 2>/dev/null || true", "mark-turn"),
    ("in the background", "claude-session-status mark-turn >/dev/null 2>&1 &", "mark-turn"),
    ("spaces around", "  claude-session-status   mark-turn ", "mark-turn"),
]

NOT_OURS = [
    ("nothing", ""),
    ("another program", "notify-send mark-turn"),
    ("a name that ends like ours", "my-claude-session-status mark-turn"),
    ("a name that begins like ours", "claude-session-status-hook mark-turn"),
    ("another command of ours", "claude-session-status status"),
    ("a hook command that we do not have", "claude-session-status mark-turns"),
    ("one of several", "cd /x && claude-session-status mark-turn"),
    ("followed by another", "claude-session-status mark-turn; notify-send done"),
    ("piped", "tee /tmp/x | claude-session-status mark-turn"),
    ("only named", "echo claude-session-status mark-turn"),
    ("only named, by a path", "/bin/echo /x/claude-session-status mark-turn"),
    ("with a variable", "A=b claude-session-status mark-turn"),
    ("a space that the shell does not know", "claude-session-status\u2028mark-turn"),
    ("another one", "claude-session-status\x0bmark-turn"),
    ("another module", "python3 -m claude_session_status_x mark-turn"),
]


@pytest.mark.parametrize(("command", "hook_command"), [row[1:] for row in OURS], ids=[row[0] for row in OURS])
def test_a_command_that_runs_our_hook_is_recognised(command: str, hook_command: str) -> None:
    assert hook_command_of({"type": "command", "command": command, "async": True}) == hook_command


@pytest.mark.parametrize("command", [row[1] for row in NOT_OURS], ids=[row[0] for row in NOT_OURS])
def test_a_command_that_does_more_or_other_things_is_not_ours(command: str) -> None:
    assert hook_command_of({"command": command}) is None


@pytest.mark.parametrize(
    "entry",
    [{}, {"command": None}, {"command": ["claude-session-status", "mark-turn"]}, {"command": "true", "args": "x"}],
    ids=str,
)
def test_an_entry_of_another_form_is_not_ours(entry: dict[str, object]) -> None:
    assert hook_command_of(entry) is None


def test_an_entry_with_args_is_known_by_both() -> None:
    assert hook_command_of({"command": r"C:\a b\Claude-Session-Status.EXE", "args": ["mark-turn"]}) == "mark-turn"
    assert (
        hook_command_of({"command": "python.exe", "args": ["-P", "-m", "claude_session_status", "mark-end"]})
        == "mark-end"
    )
    assert hook_command_of({"command": "echo", "args": ["mark-turn"]}) is None
    assert hook_command_of({"command": "claude-session-status", "args": ["--help"]}) is None
    assert hook_command_of({"command": "claude-session-status mark-turn", "args": []}) == "mark-turn"


def test_a_command_that_calls_us_among_other_things_is_recognised() -> None:
    assert mentions_us({"command": "cd /x && claude-session-status mark-turn"})
    assert not mentions_us({"command": "claude-session-status status"})


PROGRAMS = [
    "/opt/x/claude-session-status",
    "/my tools/claude-session-status",
    "/o'brien/$HOME/`x`/claude-session-status",
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_a_launcher_writes_is_recognised(program: str) -> None:
    for launcher in (Launcher(program), Launcher(program, direct=True)):
        assert hook_command_of(launcher.entry("mark-turn")) == "mark-turn"


@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no sh here")
@pytest.mark.parametrize("folder", ["plain", "my tools", "o'brien", '"$HOME" `x` \\ ; &', "каталог"])
def test_the_shell_starts_the_program_whatever_its_path(tmp_path: Path, folder: str) -> None:
    program = tmp_path / folder / "claude-session-status"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf %s "$1"\n')
    program.chmod(0o755)
    command = str(Launcher(str(program)).entry("mark-turn")["command"])
    # Through JSON, as Claude Code reads it.
    command = json.loads(json.dumps(command))
    assert subprocess.run(["sh", "-c", command], capture_output=True, text=True).stdout == "mark-turn"


def test_on_windows_there_is_no_shell_to_quote_for() -> None:
    launcher = Launcher(r"C:\Users\My Name\claude-session-status.exe", direct=True)
    assert launcher.entry("mark-turn") == {
        "command": r"C:\Users\My Name\claude-session-status.exe",
        "args": ["mark-turn"],
    }


POSIX_PLACES = [
    (
        "pipx or uv: the link, not what it points to",
        "/home/me/.local/bin/claude-session-status",
        "/home/me/.local/share/pipx/venvs/x/bin/python",
        {"/home/me/.local/bin/claude-session-status", "/home/me/.local/share/pipx/venvs/x/bin/claude-session-status"},
        Launcher("/home/me/.local/bin/claude-session-status"),
    ),
    (
        "called by a relative path",
        "venv/bin/claude-session-status",
        "/work/venv/bin/python",
        {"/work/venv/bin/claude-session-status"},
        Launcher("/work/venv/bin/claude-session-status"),
    ),
    (
        "called by its bare name",
        "claude-session-status",
        "/usr/bin/python3",
        {"/usr/local/bin/claude-session-status"},
        Launcher("/usr/local/bin/claude-session-status"),
    ),
    (
        "started with -m, a script beside the interpreter",
        "/work/src/claude_session_status/__main__.py",
        "/work/venv/bin/python",
        {"/work/venv/bin/claude-session-status"},
        Launcher("/work/venv/bin/claude-session-status"),
    ),
    (
        "started with -m, no script anywhere",
        "/work/src/claude_session_status/__main__.py",
        "/usr/bin/python3",
        set(),
        Launcher("/usr/bin/python3", ("-P", "-m", "claude_session_status")),
    ),
    (
        "a script that is gone",
        "/gone/claude-session-status",
        "/usr/bin/python3",
        set(),
        Launcher("/usr/bin/python3", ("-P", "-m", "claude_session_status")),
    ),
]

WINDOWS_PLACES = [
    (
        "a venv: pip's launcher takes the suffix off argv[0]",
        r"C:\my venv\Scripts\claude-session-status",
        r"C:\my venv\Scripts\python.exe",
        {r"C:\my venv\Scripts\claude-session-status.exe"},
        Launcher(r"C:\my venv\Scripts\claude-session-status.exe", direct=True),
    ),
    (
        "started with -m from an installation for all users",
        r"C:\src\claude_session_status\__main__.py",
        r"C:\Python311\python.exe",
        {r"C:\Python311\Scripts\claude-session-status.exe"},
        Launcher(r"C:\Python311\Scripts\claude-session-status.exe", direct=True),
    ),
    (
        "no script anywhere",
        r"C:\src\claude_session_status\__main__.py",
        r"C:\Python311\python.exe",
        set(),
        Launcher(r"C:\Python311\python.exe", ("-P", "-m", "claude_session_status"), direct=True),
    ),
]


@pytest.mark.parametrize(
    ("windows", "argv0", "executable", "files", "launcher"),
    [(False, *row[1:]) for row in POSIX_PLACES] + [(True, *row[1:]) for row in WINDOWS_PLACES],
    ids=[row[0] for row in POSIX_PLACES + WINDOWS_PLACES],
)
def test_where_the_program_is_found_that_python_alone_would_not_find(
    windows: bool, argv0: str, executable: str, files: set[str], launcher: Launcher
) -> None:
    found = find_launcher(
        argv0,
        executable,
        None,
        windows=windows,
        is_file=files.__contains__,
        which=lambda name: f"/usr/local/bin/{name}",
        here="C:\\work" if windows else "/work",
    )
    assert found == launcher
    assert hook_command_of(found.entry("mark-turn")) == "mark-turn"


ISOLATED = ("-E", "-P", "-s")
HOMEBREW = "/opt/homebrew/Cellar/claude-session-status/1.0.0/libexec/bin/python"
LASTING = "/opt/homebrew/opt/claude-session-status/libexec/bin/python"


@pytest.mark.parametrize(
    ("executable", "files", "program"),
    [
        ("/home/me/.local/share/pipx/venvs/x/bin/python", [], "/home/me/.local/share/pipx/venvs/x/bin/python"),
        (HOMEBREW, [LASTING], LASTING),  # an upgrade changes the version in the other path
        (HOMEBREW, [], HOMEBREW),
    ],
)
def test_where_python_finds_the_program_the_command_starts_python_itself(
    executable: str, files: list[str], program: str
) -> None:
    found = find_launcher(
        "/home/me/.local/bin/claude-session-status",
        executable,
        ISOLATED,
        windows=False,
        is_file=lambda path: path in files or path.endswith("claude-session-status"),
        which=lambda name: None,
        here="/work",
    )
    assert found == Launcher(program, ("-E", "-P", "-s", "-m", "claude_session_status"))
    assert hook_command_of(found.entry("mark-turn")) == "mark-turn"


@pytest.mark.parametrize(
    ("folder", "flags"),
    [
        ("/venv/lib/python3.12/site-packages", ISOLATED),
        ("/home/me/.local/lib/python3.12/site-packages", ("-E", "-P")),  # -s would hide it
        ("/usr/lib/claude-session-status", None),  # the Debian package, whose launcher has -IS
        (None, None),  # not installed: started from the source
    ],
)
def test_which_options_keep_environment_and_working_folder_away(
    folder: str | None, flags: tuple[str, ...] | None
) -> None:
    site_folders = ["/usr/lib/python3/dist-packages", "/venv/lib/python3.12/site-packages"]
    assert isolation_flags(folder, site_folders, "/home/me/.local/lib/python3.12/site-packages") == flags


def test_this_installation_is_started_by_python_itself() -> None:
    """The tests run in an environment that the program is installed in, as the README says."""
    assert this_launcher() == Launcher(sys.executable, ("-E", "-P", "-s", "-m", "claude_session_status"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets nobody delete it; start these under Linux or macOS")
def test_in_a_folder_that_was_deleted_it_is_found_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert os.path.isabs(this_launcher().program)


TRAPS = "import os; os.close(os.open(os.environ['TRAP'], os.O_CREAT | os.O_WRONLY))\n"
ODD_VARIABLES = {
    "PYTHONPATH": ":/nonexistent",
    "PYTHONHOME": "/nonexistent",
    "PYTHONWARNINGS": "error",
    "PYTHONINSPECT": "1",
    "PYTHONSTARTUP": "json.py",
    "PYTHONDEVMODE": "1",
    "PYTHONHASHSEED": "x",
    "PYTHONIOENCODING": "bogus",
    "PYTHONUTF8": "7",
    "PYTHONMALLOC": "nonsense",
    "PYTHONSAFEPATH": "",
    "PYTHONUSERBASE": ".",
}


@pytest.mark.parametrize("name", [*ODD_VARIABLES, "all of them"])
def test_no_variable_and_no_file_of_the_project_keeps_an_event_away(name: str, tmp_path: Path, where: Paths) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for module in ("json", "re", "os", "sitecustomize", "usercustomize", "claude_session_status", "enum", "runpy"):
        (project / f"{module}.py").write_text(TRAPS)
    trap = tmp_path / "trap"
    odd = ODD_VARIABLES if name == "all of them" else {name: ODD_VARIABLES[name]}
    os.makedirs(where.folder, 0o700)
    Path(where.monitor_alive).touch()  # a monitor runs: the note stays where it is for it
    done = subprocess.run(
        ["sh", "-c", str(this_launcher().entry("mark-turn")["command"])],
        cwd=project,
        env={**os.environ, **odd, "TRAP": str(trap)},
        input='{"session_id": "s", "cwd": "/a"}',
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(list(Path(where.spool).glob("*.json"))) == 1
    assert not trap.exists()
