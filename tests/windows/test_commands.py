"""What runs in a terminal, installed by pip into a Windows Python under Wine: hooks, table, JSON, settings, locks."""

import ast
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from claude_session_status import __version__
from claude_session_status.desktop.resume import remote_resume_command, resume_command, terminal_words
from claude_session_status.errors import SessionStatusError
from claude_session_status.model import Host
from fakes import Transcript
from remote.machines import write_program
from waiting import wait_for
from windows.prepare import ROOT
from windows.user import User
from windows.wine import FROM_WHEEL, LOADER, Done, Wine

pytestmark = [pytest.mark.windows, pytest.mark.xdist_group("windows")]

MARKS = ["mark-start", "mark-prompt", "mark-turn", "mark-wait", "mark-end"]
EVENTS: dict[str, dict[str, Any]] = {
    "mark-start": {"hook_event_name": "SessionStart", "source": "startup"},
    "mark-prompt": {"hook_event_name": "UserPromptSubmit", "prompt": "a secret"},
    "mark-turn": {"hook_event_name": "Stop", "last_assistant_message": "a secret"},
    "mark-wait": {"hook_event_name": "Notification", "notification_type": "permission_prompt"},
    "mark-end": {"hook_event_name": "SessionEnd", "reason": "other"},
}


def silent(done: Done) -> bool:
    return (done.code, done.out, done.err) == (0, b"", b"")


def only(sessions: list[dict[str, Any]]) -> dict[str, Any]:
    assert len(sessions) == 1
    return sessions[0]


# ---- hooks ------------------------------------------------------------------


@pytest.mark.parametrize("command", MARKS)
def test_beside_a_monitor_a_hook_leaves_a_note_and_prints_nothing(user: User, command: str) -> None:
    user.touch_heartbeat()
    assert silent(user.mark(command, **EVENTS[command]))
    note = json.loads(only_note(user))
    assert note["session_id"] == "s1"
    assert note["cwd"] == user.windows_path(user.project)
    assert "secret" not in only_note(user)
    assert not (user.folder / "status.duckdb").exists()


def only_note(user: User) -> str:
    notes = user.notes()
    assert len(notes) == 1
    assert [path.name for path in notes[0].parent.iterdir()] == [notes[0].name]  # no half written one beside it
    return notes[0].read_text("utf-8")


def test_without_a_monitor_a_hook_starts_what_writes_the_row(user: User) -> None:
    for command in ("mark-start", "mark-prompt", "mark-turn"):
        assert silent(user.mark(command, **EVENTS[command]))
    wait_for("an empty spool", lambda: not user.notes())
    session = only(user.status())
    assert session["cwd"] == user.windows_path(user.project)
    assert (session["cache"], session["activity"]) == ("warm", "idle")
    assert 200 < session["seconds_left"] <= 300


@pytest.mark.parametrize(
    ("stdin", "complaint"),
    [
        (b"", "standard input is empty"),
        (b"{", "not JSON"),
        (b"[]", "not an object"),
        (b"\xff\xfe{\x00}\x00", "not JSON"),  # what Windows' own tools call Unicode
        (b"{}", "no session_id"),
    ],
)
def test_a_hook_with_unreadable_input_prints_one_line_and_exits_with_0(
    user: User, stdin: bytes, complaint: str
) -> None:
    done = user.run("mark-turn", stdin=stdin)
    assert (done.code, done.out) == (0, b"")
    assert complaint in done.complaint
    assert done.complaint.count("\n") == 1


def test_many_hooks_at_once_lose_nothing(user: User) -> None:
    names = [f"s{number}" for number in range(12)]
    with ThreadPoolExecutor(len(names)) as pool:
        done = list(pool.map(lambda name: user.mark("mark-turn", session_id=name), names))
    assert [d.code for d in done] == [0] * len(names)
    assert [d.out for d in done] == [b""] * len(names)
    assert sorted(s["session_id"] for s in user.status()) == sorted(names)
    assert user.notes() == []


def test_the_time_of_a_hook_is_printed(user: User, capsys: pytest.CaptureFixture[str]) -> None:
    """Printed, not checked: times under Wine say little about Windows."""
    code = "import sys; sys.stdin.read()"
    bare = min(user.python("-I", "-S", "-c", code).seconds for _ in range(5))
    payload, module_call = b'{"session_id": "s"}', ("-I", "-m", "claude_session_status", "mark-turn")
    user.touch_heartbeat()
    module = [user.python(*module_call, stdin=payload) for _ in range(5)]
    user.touch_heartbeat()
    program = [user.run("mark-turn", stdin=payload) for _ in range(5)]
    assert all(silent(done) for done in [*module, *program])
    fastest = [min(done.seconds for done in runs) / bare for runs in (module, program)]
    with capsys.disabled():
        print(f"\nhook under Wine: bare Python {bare * 1000:.0f} ms, -m {fastest[0]:.1f}x, .exe {fastest[1]:.1f}x")


# ---- what is known ----------------------------------------------------------


def test_the_countdown_comes_from_the_transcript(user: User) -> None:
    path = user.claude / "projects/C--my-app/s1.jsonl"
    asked = time.time() - 100
    Transcript(path).title("Größe prüfen ●").user(asked).answer(asked + 2, wrote_1h=5000)
    user.mark("mark-turn", transcript_path=user.windows_path(path), **EVENTS["mark-turn"])
    session = only(user.status())
    assert session["title"] == "Größe prüfen ●"
    assert (session["source"], session["ttl_seconds"], session["context_tokens"]) == ("transcript", 3600, 5003)
    assert 3600 - 100 - 60 < session["seconds_left"] <= 3600 - 100
    assert 0 < session["rewrite_cost_usd"] < 1


def test_the_table_prints_into_a_pipe(user: User) -> None:
    user.mark("mark-turn", session_title="Größe", **EVENTS["mark-turn"])
    done = user.run("status")
    assert (done.code, done.err) == (0, b"")
    assert re.search(r"^● +my-app +s1 ", done.text, re.MULTILINE)
    assert "█" in done.text


def test_a_closed_pipe_is_no_failure(user: User) -> None:
    user.mark("mark-turn", **EVENTS["mark-turn"])
    done = user.python("-c", _WRITE_TO_NOBODY, user.windows_path_of_program)
    assert done.text == "0 b''\n"


_WRITE_TO_NOBODY = """
import os, subprocess, sys
reading, writing = os.pipe()
os.close(reading)
done = subprocess.run([sys.argv[1], "status"], stdout=writing, stderr=subprocess.PIPE)
print(done.returncode, done.stderr)
"""


def test_a_process_that_is_gone_ends_its_session(user: User) -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(120)"
    client = user.wine.start(user.wine.python, "-c", code)
    while not client.text.strip():
        assert client.alive()
        time.sleep(0.05)
    user.mark("mark-start", env={"CLAUDE_PID": client.text.strip()}, **EVENTS["mark-start"])
    assert only(user.status())["activity"] == "idle"
    client.end()
    user.wine.run("taskkill", "/f", "/pid", client.text.strip())
    deadline = time.monotonic() + 20  # the process ends a moment after the kill
    while user.status() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert user.status() == []
    assert only(user.status("--all"))["activity"] == "ended"


def test_a_locked_database_loses_no_event_and_is_reported_as_locked(user: User) -> None:
    user.mark("mark-start", **EVENTS["mark-start"])
    wait_for("an empty spool", lambda: not user.notes())
    assert only(user.status())["session_id"] == "s1"
    database = user.windows_path(user.folder / "status.duckdb")
    code = "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print('held', flush=True); time.sleep(120)"
    holder = user.wine.start(user.wine.python, "-c", code, database)
    while "held" not in holder.text:
        assert holder.alive()
        time.sleep(0.05)
    done = user.mark("mark-turn", **EVENTS["mark-turn"])
    assert (done.code, done.out) == (0, b"")
    assert len(user.notes()) == 1
    # At first the process that the hook started may still try.
    wait_for("the reason", lambda: "is locked by another program" in user.run("status").complaint)
    assert user.run("status").code == 1
    holder.end()
    assert only(user.status())["cache"] == "warm"
    assert user.notes() == []


@pytest.mark.parametrize("key", ["\x03", "q"])
def test_watch_in_a_console_ends_with_ctrl_c_and_q(user: User, key: str) -> None:
    user.mark("mark-turn", **EVENTS["mark-turn"])
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    watch = subprocess.Popen(
        ["setsid", "--ctty", LOADER, user.wine.python, "-c", _WATCH],  # Ctrl-C comes from its own terminal
        env={**user.wine.env, **user.env, "TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    try:
        os.close(theirs)
        shown = _read_until(ours, " left")
        # Wine's console writes runs of spaces as moves to the right, and other moves by the line's number.
        text = re.sub(r"\x1b\[(\d+)C", lambda move: " " * int(move[1]), shown.split("\x1b[H")[-1])
        text = re.sub(r"\x1b\[\d+;1H", "\n", text)
        lines = re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", text).replace("\r", "").split("\n")
        heading, titles, row = lines[:3]
        assert heading.startswith("1 warm, next 4:"), ascii(shown)
        assert titles.startswith("   PROJECT "), ascii(shown)
        assert re.match(r"●  my-app +s1 +\d+s ago +WARM █+ 4m \d\ds left", row), ascii(shown)
        assert (user.folder / "monitor.alive").exists()
        os.write(ours, key.encode())
        _read_until(ours, None)
        assert watch.wait(30) == 0
        assert not (user.folder / "monitor.alive").exists()
    finally:
        watch.kill()
        watch.wait()
        os.close(ours)


# Wine's console delivers no key before a read: `kbhit`, which only counts keys, is not enough.
_WATCH = """
import ctypes, sys
from claude_session_status.__main__ import main
kernel32, count = ctypes.windll.kernel32, ctypes.c_ulong()
event = ctypes.create_string_buffer(64)
kernel32.PeekConsoleInputW(ctypes.c_void_p(kernel32.GetStdHandle(-10)), event, 1, ctypes.byref(count))
sys.argv[1:] = ["watch"]
sys.exit(main())
"""


def _read_until(terminal: int, wanted: str | None, seconds: float = 30) -> str:
    """The output up to `wanted`, or to the end."""
    deadline, seen = time.monotonic() + seconds, b""
    while wanted is None or wanted not in seen.decode("utf-8", "replace"):
        assert time.monotonic() < deadline, seen.decode("utf-8", "replace")[-500:]
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                part = os.read(terminal, 65536)
            except OSError:  # the other end is closed
                part = b""
            if not part:
                break
            seen += part
    return seen.decode("utf-8", "replace")


def test_a_mistake_in_the_config_is_reported_with_its_line(user: User) -> None:
    user.folder.mkdir()
    (user.folder / "config.toml").write_bytes(b"\r\npoll_seconds = 99\r\n")
    done = user.run("status")
    assert done.code == 0
    assert f"{user.windows_path(user.folder)}\\config.toml:2: poll_seconds must be" in done.complaint


def test_every_module_can_be_imported(user: User) -> None:
    done = user.python("-W", "error", "-c", _IMPORT_ALL)
    assert (done.text, done.complaint) == ("", "")


_IMPORT_ALL = """
import importlib, pkgutil, claude_session_status as ours
other_systems = ("linux", "macos", "freedesktop")  # what needs D-Bus, or a Mac
of_linux = ("ghostty", "gnome_terminal", "konsole", "kwin", "terminals", "tilix", "x11")  # D-Bus or X11
other_systems += tuple(f"desktop.go.{name}" for name in of_linux)
for module in pkgutil.walk_packages(ours.__path__, ours.__name__ + "."):
    if not module.name.endswith("__main__") and not any(word in module.name for word in other_systems):
        try:
            importlib.import_module(module.name)
        except Exception as error:
            print(module.name, type(error).__name__, error)
"""


def test_the_installed_wheel_is_complete_and_starts(user: User) -> None:
    from_wheel = user.wine.prefix / FROM_WHEEL
    user.env["PYTHONPATH"] = user.windows_path(from_wheel)
    assert user.run("--version").text == f"claude-session-status, version {__version__}\n"
    assert user.run("watch", "--demo", "--once").code == 0
    files = [{str(path.relative_to(root)) for path in root.rglob("*.py")} for root in (from_wheel, ROOT / "src")]
    assert files[0] == files[1]


def test_the_demo_and_the_config_are_printed(user: User) -> None:
    demo = user.run("watch", "--demo", "--once")
    assert (demo.code, demo.err) == (0, b"")
    assert "█" in demo.text
    config = user.run("config")
    assert (config.code, config.err) == (0, b"")
    assert user.windows_path(user.folder / "config.toml") in config.text


def test_doctor_reports_what_is_missing_and_later_finds_it(user: User) -> None:
    before = user.run("doctor", "--json")
    assert (before.code, before.err, state_of_hooks(before)) == (1, b"", "bad")
    assert user.run("install-hooks").code == 0
    user.mark("mark-turn", **EVENTS["mark-turn"])
    after = user.run("doctor", "--json")
    assert (after.err, state_of_hooks(after)) == (b"", "ok")


def state_of_hooks(done: Done) -> str:
    (state,) = (check["state"] for check in json.loads(done.out)["checks"] if check["name"] == "hooks")
    return str(state)


def test_start_at_login_is_a_registry_value(user: User) -> None:
    assert user.run("autostart").text == "off\n"
    assert user.run("autostart", "on").code == 0
    key = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Run"
    value = user.wine.run("reg", "query", key, "/v", "claude-session-status").out.decode("cp1252")
    assert r'"C:\Program Files\Python313\pythonw.exe" -E -P -s -m claude_session_status tray' in value
    assert user.run("autostart").text.startswith("on: HKEY_CURRENT_USER")
    assert user.run("autostart", "off").code == 0
    assert user.run("autostart").text == "off\n"
    assert user.wine.run("reg", "query", key, "/v", "claude-session-status").code == 1


@pytest.mark.parametrize("folder", ["plain", "Program Files (x86)", "R&D", "a^b, c;d=e"])
def test_a_check_in_a_console_starts_from_any_folder_and_stays(user: User, folder: str) -> None:
    """Check set-up: when the command has ended, cmd.exe shows its prompt and accepts input."""
    program = user.home / folder / "claude-session-status.bat"
    program.parent.mkdir()
    program.write_text("@echo checked %1\r\n")
    script = (
        "import subprocess, sys\n"
        "from claude_session_status.desktop.terminal import Launch, staying\n"
        "line = Launch(staying((sys.argv[1], 'doctor'), 'win32')).started\n"
        "print(ascii(subprocess.run(line, input='echo still here\\n', capture_output=True, text=True).stdout))\n"
    )
    done = user.python("-c", script, user.windows_path(program))
    assert re.match(r"'checked doctor\\n.*>still here\\n", done.text), done.text + done.complaint


STATUS_LINE = {
    "session_id": "s1",
    "model": {"id": "claude-opus-5-5"},
    "context_window": {"total_input_tokens": 142_000},
}


def status_line() -> bytes:
    cache = {"warm": True, "ttl": "5m", "expires_at": int(time.time()) + 250, "recache_tokens_if_cold": 142_000}
    return json.dumps({**STATUS_LINE, "prompt_cache": cache}).encode()


def test_the_status_line_becomes_the_source_and_prints_a_line(user: User) -> None:
    done = user.run("statusline", stdin=status_line())
    assert (done.code, done.err) == (0, b"")
    assert re.fullmatch(r"● warm until \d\d:\d\d:\d\d · 142k\n", done.text)
    session = only(user.status())
    assert (session["source"], session["ttl_seconds"]) == ("statusline", 300)


def test_the_status_line_runs_a_wrapped_command(user: User) -> None:
    payload = status_line()
    code = "import sys; raw = sys.stdin.buffer.read(); sys.stdout.buffer.write(raw); sys.exit(3)"
    done = user.run("statusline", "--", user.windows_path(Path(user.wine.python)), "-c", code, stdin=payload)
    assert (done.code, done.out, done.err) == (3, payload, b"")


def test_a_users_own_status_line_is_not_wrapped_and_stays(user: User) -> None:
    """The quoting depends on the shell that the client uses there, Git Bash or PowerShell."""
    own = b'{"statusLine": {"type": "command", "command": "powershell -File C:\\\\me\\\\line.ps1"}}'
    user.settings.write_bytes(own)
    done = user.run("install-hooks", "--statusline")
    assert done.code == 1
    assert "can't be wrapped" in done.complaint
    assert "Traceback" not in done.complaint
    assert user.settings.read_bytes() == own


# ---- settings ---------------------------------------------------------------

OF_A_WINDOWS_CLIENT = (
    b'{\r\n  "model": "opus",\r\n  "env": {"TOOLS": "C:\\\\Program Files\\\\Gr\xc3\xb6\xc3\x9fe\\\\bin"},\r\n'
    b'  "hooks": {\r\n    "Stop": [\r\n      {"hooks": [{"type": "command", "command": '
    b'"powershell -File \\"C:\\\\My Hooks\\\\beep.ps1\\""}]}\r\n    ]\r\n  }\r\n}\r\n'
)


@pytest.mark.parametrize(
    "before",
    [OF_A_WINDOWS_CLIENT, b"{}", b'\xef\xbb\xbf{"model": "opus"}\r\n', None],
    ids=["crlf", "empty", "bom", "none"],
)
def test_installing_and_uninstalling_hooks_restores_every_byte(user: User, before: bytes | None) -> None:
    if before is not None:
        user.settings.write_bytes(before)
    done = user.run("install-hooks")
    assert done.code == 0, done.complaint
    assert user.windows_path(user.settings) in done.text
    assert user.run("install-hooks").text.endswith("Nothing was changed.\n")
    assert user.run("uninstall-hooks").code == 0
    assert (user.settings.read_bytes() if user.settings.exists() else None) == before


def test_the_installed_hooks_fire_as_they_are_written(user: User) -> None:
    """The form with `args`: a path with spaces and backslashes, started without a shell."""
    user.settings.write_bytes(OF_A_WINDOWS_CLIENT)
    assert user.run("install-hooks").code == 0
    hooks = json.loads(user.settings.read_text("utf-8"))["hooks"]
    assert set(hooks) == {"SessionStart", "UserPromptSubmit", "Stop", "StopFailure", "Notification", "SessionEnd"}
    for event, groups in hooks.items():
        user.touch_heartbeat()
        entry = groups[-1]["hooks"][0]
        assert entry["command"] == user.windows_path(Path(user.wine.python))
        assert entry["args"][:-1] == ["-E", "-P", "-s", "-m", "claude_session_status"]
        payload = json.dumps({"session_id": "s1", "hook_event_name": event}).encode()
        assert silent(user.wine.run(entry["command"], *entry["args"], stdin=payload, env=user.env))
    kinds = [json.loads(note.read_text())["kind"] for note in user.notes()]
    assert sorted(kinds) == sorted(["start", "prompt", "turn", "failure", "wait", "end"])


def test_a_read_only_settings_file_is_left_alone(user: User) -> None:
    user.settings.write_bytes(b"{}")
    user.python("-c", "import os, sys; os.chmod(sys.argv[1], 0o400)", user.windows_path(user.settings))
    done = user.run("install-hooks")
    assert done.code == 1
    assert "read-only" in done.complaint
    assert user.settings.read_bytes() == b"{}"
    assert [path.name for path in user.claude.iterdir() if path.suffix == ".tmp"] == []


def test_settings_that_a_program_holds_open_stay_complete(user: User) -> None:
    user.settings.write_bytes(b"{}")
    code = "import sys, time; f = open(sys.argv[1]); print('held', flush=True); time.sleep(120)"
    holder = user.wine.start(user.wine.python, "-c", code, user.windows_path(user.settings))
    while "held" not in holder.text:
        assert holder.alive()
        time.sleep(0.05)
    done = user.run("install-hooks")
    assert done.code == 1
    assert user.windows_path(user.settings) in done.complaint
    assert "Traceback" not in done.complaint
    assert user.settings.read_bytes() == b"{}"
    holder.end()
    assert user.run("install-hooks").code == 0


# ---- locks ----------------------------------------------------------

_TAKE = """
import sys, time
from claude_session_status.lock import FileLock
lock = FileLock(sys.argv[1])
print(lock.acquire(), FileLock(sys.argv[1]).acquire(), flush=True)
time.sleep(float(sys.argv[2]))
"""


def test_a_lock_has_one_holder_and_ends_with_it(user: User) -> None:
    path = user.windows_path(user.claude / "lock")
    holder = user.wine.start(user.wine.python, "-c", _TAKE, path, "120")
    while not holder.text:
        assert holder.alive()
        time.sleep(0.05)
    assert holder.text == "True False\n"
    assert user.python("-c", _TAKE, path, "0").text == "False False\n"
    holder.end()
    assert user.python("-c", _TAKE, path, "0").text == "True False\n"


def test_the_script_that_tries_the_hooks_on_a_real_windows(wine: Wine) -> None:
    """The workflow runs it there: hooks that are started without a shell, with a folder whose name has parentheses."""
    done = wine.run(wine.python, wine.windows_path(ROOT / "tests/windows/try_hooks.py"), "installed")
    assert (done.code, done.complaint) == (0, ""), done.text
    assert "4 events by installed hooks" in done.text


# ---- the resume command, pasted into cmd --------------------------------------

HARD_NAMES = ["my app", "a & b", "x(1) ^y", "it's = ~#@+,;", "back\u2032s"]
REPORTER = '@"{python}" -c "import os, sys; print(ascii([os.getcwd(), sys.argv[1:]]))" %*\r\n'
_TYPE_INTO_CMD = """
import os, subprocess, sys
env = {**os.environ, "PATH": sys.argv[2]}
with open(sys.argv[1], "rb") as typed:
    done = subprocess.run([os.environ["COMSPEC"], "/q"], stdin=typed, env=env, capture_output=True)
print(done.stdout.decode("ascii", "replace"), done.stderr.decode("ascii", "replace"))
"""


@pytest.mark.parametrize("name", HARD_NAMES)
def test_cmd_reads_a_pasted_resume_command_literally(wine: Wine, tmp_path: Path, name: str) -> None:
    """Wine's own cmd. A name that one of Windows' shells would expand is refused before, on every platform.

    The user's name is ASCII, as Wine's cmd decodes its input by the code page. The input is a file: of a pipe Wine's
    cmd reads only the first line.
    """
    user = User(wine, tmp_path.name)
    folder = user.home / name
    folder.mkdir()
    tools = user.home / "tools"
    tools.mkdir()
    (tools / "claude.bat").write_bytes(REPORTER.format(python=user.windows_path(Path(user.wine.python))).encode())
    try:
        pasted = resume_command(user.windows_path(folder), "0b7f3c52-1111", platform="win32")
    except SessionStatusError:
        assert not name.isascii()
        return
    typed = user.home / "typed.txt"
    typed.write_bytes(f"{pasted}\r\nexit\r\n".encode())
    done = user.python("-c", _TYPE_INTO_CMD, user.windows_path(typed), user.windows_path(tools))
    assert ascii([user.windows_path(folder), ["--resume", "0b7f3c52-1111"]]) in done.text, done.text


# ---- the resume command of another machine's session, pasted into cmd, read by a shell there ----------------------

READ_LITERALLY = [
    "plain", "my app", "a & calc", "a&calc", "a | more", "a>b <c", "x(1) ^y ^", "it's = ~#@+,;", "'", "''quoted''",
    "-rf", "~", "#x", "a*?[b]{c,d}", "two  spaces ", "&&", "a;b", "@echo off", "rem x",
]  # fmt: skip
REFUSED = ["$HOME", "`id`", "$(id)", "%PATH%", "a%b", "!x!", 'a"b', "a\\b", "a\nb", "back\u2032s", "\u2018"]
ANOTHER_MACHINES = [
    Host("build"),
    Host("dev", ("docker", "exec", "-i", "a&b")),
    Host("wsl", ("wsl", "-d", "My Ubuntu", "--exec")),
]
_ARGUMENTS = '@"{python}" -c "import sys; print(ascii(sys.argv[1:]))" %*\r\n'


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_a_windows_shell_would_change_is_refused(name: str) -> None:
    for host in ANOTHER_MACHINES:
        with pytest.raises(SessionStatusError):
            remote_resume_command(host, f"/srv/{name}", "0b7f3c52-1111", "win32")


def test_cmd_and_the_shell_there_read_a_pasted_command_literally(wine: Wine, tmp_path: Path) -> None:
    """Wine's own cmd passes the words on to programs of these names, and real shells here read what reaches them."""
    user, there = User(wine, tmp_path.name), tmp_path / "there"
    tools = user.home / "tools"
    tools.mkdir()
    for program in ("ssh", "docker", "wsl"):
        text = _ARGUMENTS.format(python=user.windows_path(Path(user.wine.python)))
        (tools / f"{program}.bat").write_bytes(text.encode())
    write_program(there / "bin/claude", 'pwd; for each in "$@"; do echo "<$each>"; done')
    (there / ".profile").write_text(f'PATH="{there}/bin:/usr/bin:/bin"\n')
    wanted = [(host, there / "srv" / name) for host in ANOTHER_MACHINES for name in READ_LITERALLY]
    typed = user.home / "typed.txt"
    commands = [remote_resume_command(host, str(folder), "0b7f3c52-1111", "win32") for host, folder in wanted]
    typed.write_bytes("\r\n".join([*commands, "exit", ""]).encode())

    done = user.python("-c", _TYPE_INTO_CMD, user.windows_path(typed), user.windows_path(tools))

    passed_on = re.findall(r"\[.*\]$", done.text.replace("\r", ""), re.MULTILINE)
    assert len(passed_on) == len(commands), done.text
    environment = {"HOME": str(there), "PATH": f"{there}/bin:/usr/bin:/bin"}
    for (host, folder), line in zip(wanted, passed_on, strict=True):
        folder.mkdir(parents=True, exist_ok=True)
        words: list[str] = ast.literal_eval(line)
        before = (*terminal_words(host),)[1:]  # type: ignore[misc]
        assert tuple(words[: len(before)]) == before
        for shell in ("dash", "bash"):
            # sshd gives the words to the user's shell as one text; the other programs run them as they are.
            rest = [shell, "-c", *words[len(before) :]] if host.name == "build" else words[len(before) :]
            read = subprocess.run(rest, env=environment, capture_output=True, text=True)
            assert read.stdout.splitlines() == [str(folder), "<--resume>", "<0b7f3c52-1111>"], (line, read.stderr)
