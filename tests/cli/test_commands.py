"""The commands as the user runs them: output, exit codes, and one clear message for each problem."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from claude_session_status import __version__
from claude_session_status.cli import main
from claude_session_status.cli import run as cli_run
from claude_session_status.cli.autostart import APART, APART_ON_WINDOWS
from claude_session_status.cli.tray import start_line
from claude_session_status.desktop.backend import Choice, Route
from claude_session_status.lock import FileLock
from claude_session_status.paths import Paths
from fakes import Transcript

COMMAND = [sys.executable, "-m", "claude_session_status"]
CALLED = f"{sys.executable} -m claude_session_status"  # as `run` does, so hints name it
COMMANDS = [
    "autostart",
    "completion",
    "config",
    "doctor",
    "go",
    "help",
    "history",
    "hosts",
    "install-hooks",
    "keep-warm",
    "setup",
    "status",
    "statusline",
    "tray",
    "uninstall",
    "uninstall-hooks",
    "watch",
]
HOOK_COMMANDS = ["mark-end", "mark-prompt", "mark-start", "mark-turn", "mark-wait"]


def run(*arguments: str, stdin: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *arguments], input=stdin, capture_output=True, text=True, env=os.environ | environment
    )


def mark(command: str, session_id: str, **fields: str) -> None:
    done = run(command, stdin=json.dumps({"session_id": session_id, **fields}))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_version_is_printed() -> None:
    assert run("--version").stdout == f"claude-session-status, version {__version__}\n"


def test_help_names_every_command() -> None:
    for arguments in ((), ("--help",), ("-h",)):
        done = run(*arguments)
        assert done.returncode == 0
        listed = [line.split()[0] for line in done.stdout.partition("Commands:\n")[2].splitlines()]
        assert sorted(listed) == sorted([*COMMANDS, *HOOK_COMMANDS])
        assert (listed[0], listed[-1]) == ("setup", "mark-end"), "what a newcomer needs comes first"
        assert "..." not in done.stdout.partition("Commands:\n")[2], "each command has its whole line"


@pytest.mark.parametrize("command", [*COMMANDS, *HOOK_COMMANDS])
def test_each_command_has_help(command: str) -> None:
    done = run(command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: claude-session-status {command}")


@pytest.mark.parametrize(
    "arguments", [["unheard-of"], ["status", "--xml"], ["status", "--json", "--short"], ["watch", "extra"]]
)
def test_wrong_usage_exits_with_2_and_says_what_is_wrong(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr


EMPTY = f"""No sessions yet. Each appears after its next reply.
If none appears, run: {CALLED} setup
"""


def test_an_empty_database_says_what_to_do_next() -> None:
    for command in ("status", "watch"):
        done = run(command)
        assert (done.returncode, done.stdout) == (0, EMPTY)
    assert json.loads(run("status", "--json").stdout)["sessions"] == []


def test_status_json_has_the_facts_of_the_transcript(tmp_path: Path) -> None:
    began = round(time.time() - 100, 3)
    transcript = Transcript(tmp_path / "t.jsonl").user(began).answer(began + 9, wrote_1h=900, read=100).title("Fix it")
    mark("mark-start", "abc", cwd="/home/me/my-app", transcript_path=str(transcript.path))
    mark("mark-turn", "abc", cwd="/home/me/my-app", transcript_path=str(transcript.path))
    (session,) = json.loads(run("status", "--json").stdout)["sessions"]
    assert 3500 - 30 < session.pop("seconds_left") <= 3500
    for unknowable in ("started_at", "last_turn_at"):
        assert session.pop(unknowable) is not None
    assert session == {
        "session_id": "abc",
        "title": "Fix it",
        "project": "my-app",
        "cwd": "/home/me/my-app",
        "cache": "warm",
        "activity": "idle",
        "ttl_seconds": 3600,
        "last_request_at": _iso(began),
        "expires_at": _iso(began + 3600),
        "context_tokens": 1003,
        "model": "claude-opus-5-5",
        "rewrite_cost_usd": 0.0078,
        "source": "transcript",
        "muted": False,
        "compacts_at": None,
        "compacted_at": None,
        "cache_miss_reason": None,
        "waiting_since": None,
        "ended_at": None,
        "host": None,
        "keep_warm_until": None,
        "kept_at": None,
        "ssh_client_port": None,
    }


def test_a_transcript_that_grows_without_a_hook_is_read(tmp_path: Path) -> None:
    began = round(time.time() - 200, 3)
    transcript = Transcript(tmp_path / "t.jsonl").user(began).answer(began + 9, wrote_5m=900)
    mark("mark-turn", "abc", transcript_path=str(transcript.path))
    transcript.user(began + 100).answer(began + 101, read=900)
    (session,) = json.loads(run("status", "--json").stdout)["sessions"]
    assert session["last_request_at"] == _iso(began + 100)


def test_ended_sessions_are_shown_only_with_all() -> None:
    mark("mark-turn", "ended")
    mark("mark-end", "ended")
    mark("mark-turn", "alive")
    short = json.loads(run("status", "--json").stdout)["sessions"]
    assert [s["session_id"] for s in short] == ["alive"]
    everything = json.loads(run("status", "--json", "--all").stdout)["sessions"]
    assert {s["session_id"]: s["activity"] for s in everything} == {"alive": "idle", "ended": "ended"}


def test_clear_ends_the_old_session_and_starts_a_new_one() -> None:
    mark("mark-turn", "old")
    mark("mark-end", "old", reason="clear")
    mark("mark-start", "new", source="clear")
    everything = json.loads(run("status", "--json", "--all").stdout)["sessions"]
    assert {s["session_id"]: (s["cache"], s["activity"]) for s in everything} == {
        "new": ("none", "idle"),
        "old": ("warm", "ended"),
    }


def test_a_session_whose_process_was_killed_has_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as client:
        run("mark-turn", stdin='{"session_id": "s"}', CLAUDE_PID=str(client.pid))
        assert [s["activity"] for s in json.loads(run("status", "--json").stdout)["sessions"]] == ["idle"]
        client.send_signal(signal.SIGKILL)
    assert json.loads(run("status", "--json").stdout)["sessions"] == []
    (session,) = json.loads(run("status", "--json", "--all").stdout)["sessions"]
    assert session["activity"] == "ended"


def test_into_a_pipe_the_table_is_printed_once_without_colours() -> None:
    mark("mark-turn", "0123456789", cwd="/x/my-app")
    for command in ("status", "watch"):
        done = run(command)
        header, row = done.stdout.splitlines()
        assert header.split() == ["PROJECT", "TITLE", "SESSION", "LAST", "TURN", "CACHE"]
        assert row.split()[:3] == ["●", "my-app", "01234567"]
        assert "WARM █████ 4m 5" in row
        assert "\x1b" not in done.stdout


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_the_table_fits_the_terminal(width: int) -> None:
    mark("mark-turn", "a", cwd="/x/" + "long" * 30)
    lines = run("status", COLUMNS=str(width)).stdout.splitlines()
    assert max(len(line) for line in lines) <= width
    assert " left" in lines[1]


def test_a_reader_that_leaves_early_causes_no_error() -> None:
    mark("mark-turn", "a")
    line = f'"{sys.executable}" -m claude_session_status status --json | true'
    for _ in range(5):
        done = subprocess.run(["sh", "-c", line], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_mistake_in_the_config_is_named_and_the_rest_works(where: Paths) -> None:
    os.makedirs(where.folder)
    Path(where.config).write_text("\npoll_seconds = 'often'\n")
    done = run("status", "--json")
    assert done.returncode == 0
    assert f"{where.config}:2: poll_seconds must be a number from 0.5 to 5" in done.stderr
    assert json.loads(done.stdout)["sessions"] == []


def test_config_prints_the_settings_in_effect_in_the_form_of_the_file(where: Paths) -> None:
    done = run("config")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:2] == [f"# {where.config}", "poll_seconds = 2"]
    os.makedirs(where.folder)
    Path(where.config).write_text(done.stdout.replace("poll_seconds = 2", "poll_seconds = 99\ndefault_ttl = 1"))
    wrong = run("config")
    assert (wrong.returncode, wrong.stdout) == (1, done.stdout)
    assert f"{where.config}:2: poll_seconds must be a number from 0.5 to 5, not 99\n" in wrong.stderr
    assert f"{where.config}:3: unknown key 'default_ttl'" in wrong.stderr


def test_autostart_is_turned_on_and_off(tmp_path: Path, claude_dir: Path) -> None:
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": ""}
    entry = tmp_path / ".config/autostart/claude-session-status.desktop"
    assert run("autostart", "status", **home).stdout == "off\n"
    now = (APART_ON_WINDOWS if sys.platform == "win32" else f"{APART}\n").replace("claude-session-status", CALLED)
    turned_on = run("autostart", "on", **home).stdout
    assert turned_on.startswith(f"The tray starts at your next login ({entry}).\nTo start it now: {now}")
    assert (
        f'"CLAUDE_CONFIG_DIR={claude_dir}"' in entry.read_text()
        or f"env CLAUDE_CONFIG_DIR={claude_dir}" in entry.read_text()
    )
    assert run("autostart", **home).stdout == f"on: {entry}\n"
    assert run("autostart", "off", **home).stdout == "Start at login is off now.\n"
    assert run("autostart", "off", **home).stdout == "Start at login was already off.\n"
    assert not entry.exists()
    entry.write_text("theirs")
    refused = run("autostart", "on", **home)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.count("\n") == 2
    assert entry.read_text() == "theirs"


def test_doctor_exits_with_1_and_says_how_to_fix_each_problem() -> None:
    done = run("doctor")
    assert done.returncode == 1
    assert f"-> {CALLED} install-hooks" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_of_that_shell(shell: str) -> None:
    done = run("completion", shell)
    assert done.returncode == 0
    assert "_CLAUDE_SESSION_STATUS_COMPLETE" in done.stdout


def test_completion_completes() -> None:
    words = {"COMP_WORDS": "claude-session-status auto", "COMP_CWORD": "1"}
    done = run(_CLAUDE_SESSION_STATUS_COMPLETE="bash_complete", **words)
    assert done.stdout == "plain,autostart\n"


def test_sessions_without_hooks_are_found_at_once(where: Paths) -> None:
    began = time.time() - 100
    path = Path(where.projects, "-x-my-app", "122865f5-4013-4fb5-a130-d9583e97387b.jsonl")
    Transcript(path).user(began, cwd="/x/my-app").answer(began + 9, wrote_5m=900, cwd="/x/my-app")
    for _ in range(2):
        (session,) = json.loads(run("status", "--json").stdout)["sessions"]
        assert (session["project"], session["cache"], session["source"]) == ("my-app", "warm", "transcript")
    assert "seen in transcript" in run("status").stdout


def test_a_database_that_can_not_be_opened_is_named_with_the_next_step(where: Paths) -> None:
    os.makedirs(where.database)
    done = run("status")
    assert done.returncode == 1
    assert done.stdout == ""
    assert where.database in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["status", "watch", "tray", "doctor", "config", "install-hooks"])
def test_without_a_home_each_command_says_what_to_do_and_makes_nothing(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLAUDE_CONFIG_DIR")
    monkeypatch.chdir(tmp_path)
    done = run(command, HOME="nowhere")
    expected = "claude-session-status: No home folder is known\nSet HOME or CLAUDE_CONFIG_DIR\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", expected)
    assert os.listdir(tmp_path) == []


def test_a_second_tray_says_that_one_is_running(where: Paths) -> None:
    os.makedirs(where.folder)
    lock = FileLock(where.tray_lock)
    assert lock.acquire()
    done = run("tray")
    lock.release()
    assert (done.returncode, done.stdout) == (0, "claude-session-status: the tray is running already\n")


@pytest.mark.parametrize(
    ("choice", "start"),
    [
        (
            Choice(Route.STATUS_NOTIFIER),
            "The icon is in the panel. To end the tray, choose Quit in its menu, press",
        ),
        (Choice(Route.STATUS_NOTIFIER, "No panel yet"), "To end the tray, choose Quit in its menu, press Ctrl-C"),
        (Choice(Route.X11, "The icon has no menu"), "To end the tray, press Ctrl-C"),
        (Choice(Route.WINDOWS), "The icon is in the notification area, by the clock. To end the tray, choose Quit"),
        (
            Choice(Route.MACOS),
            "The icon is in the menu bar; if you don't see it there, it is behind the notch or off in System",
        ),
    ],
)
def test_the_start_line_says_where_the_icon_is_and_how_to_end_the_tray(choice: Choice, start: str) -> None:
    line = start_line(choice)
    assert line.startswith(start)
    assert line.endswith("press Ctrl-C here or close this terminal.")
    assert "\n" not in line


def test_a_tray_without_display_and_terminal_says_why() -> None:
    without = {
        k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS")
    }
    done = subprocess.run(
        [*COMMAND, "tray"], capture_output=True, text=True, env=without | {"XDG_RUNTIME_DIR": "/nonexistent"}
    )
    assert done.returncode == 1
    assert done.stderr.startswith("claude-session-status: no tray: ")
    assert done.stderr.splitlines()[1:] == [f"In a terminal, run: {CALLED} watch"]


def _iso(at: float) -> str:
    from claude_session_status.words import iso

    return str(iso(at))


def test_the_forms_for_bars_are_one_line() -> None:
    assert run("status", "--short").stdout == "no warm cache\n"
    mark("mark-turn", "s", cwd="/x/my-app")
    assert re.fullmatch(r"1 warm, next 4:5\d my-app\n", run("status", "--short").stdout)
    line = run("status", "--waybar").stdout
    assert line.count("\n") == 1
    assert json.loads(line)["class"] == ["calm"]


def test_watch_once_prints_the_table_and_ends() -> None:
    mark("mark-turn", "s", cwd="/x/my-app")
    done = run("watch", "--once")
    assert (done.returncode, done.stderr) == (0, "")
    assert "my-app" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="needs file names of any bytes: start these tests under Linux")
def test_the_path_of_a_home_that_is_not_utf8_is_printed_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLAUDE_CONFIG_DIR")
    home = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(home)

    def run_at_home(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
        env = {**os.environb, b"HOME": home, b"PYTHONIOENCODING": b""}
        return subprocess.run([*COMMAND, *arguments], capture_output=True, env=env)

    assert run_at_home("config").stdout.startswith(b"# " + home + b"/.claude/")
    assert home in run_at_home("install-hooks").stdout
    assert home in run_at_home("doctor").stdout
    report = json.loads(run_at_home("doctor", "--json").stdout)
    assert any(home in os.fsencode(check["meaning"]) for check in report["checks"])
    assert home in run_at_home("uninstall-hooks").stdout


def test_a_ctrl_c_at_a_question_says_that_nothing_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def abort(**_: object) -> None:
        raise click.Abort

    monkeypatch.setattr(main.group, "main", abort)
    assert cli_run.main(["setup"]) == 130
    assert capsys.readouterr().err == "Aborted.\n"
