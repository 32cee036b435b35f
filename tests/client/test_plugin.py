"""The real Claude Code validates and loads the plugin: its hooks fire, and each event counts once."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from claude_session_status.claude.setup.hook_commands import Launcher
from claude_session_status.claude.setup.hook_entries import HOOKS
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from client.agreement import expect_agreement
from client.harness import Home, Terminal
from client.standin import StandIn
from waiting import wait_for

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "packaging/claude-plugin"
KEEP_WARM = ROOT / "packaging/claude-plugin-keep-warm"
HOOKS_FILE = PLUGIN / "hooks/hooks.json"
RUN = PLUGIN / "hooks/run.sh"
COMMAND = "claude-session-status"
ONE_TURN = ["mark-start", "mark-prompt", "mark-turn", "mark-end"]


FOR_POWERSHELL = 'set x "\\"; $input | & (Join-Path ${{CLAUDE_PLUGIN_ROOT}} hooks/run.ps1) {} #"; '
FOR_SH = 'sh "${CLAUDE_PLUGIN_ROOT}/hooks/run.sh"'

# ---- without the client -----------------------------------------------------


def test_its_hooks_are_those_that_install_hooks_writes() -> None:
    """The same groups for each event; only the command differs: it searches for the program."""
    found = json.loads(HOOKS_FILE.read_text())["hooks"]
    assert list(found) == [hook.event for hook in HOOKS]
    for hook in HOOKS:
        expected = hook.group(Launcher("/x"))
        expected["hooks"] = [
            {
                "type": "command",
                "command": f"{FOR_POWERSHELL.format(hook.command)}{FOR_SH} {hook.command}",
                "timeout": 10,
            }
        ]
        assert found[hook.event] == [expected]


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_to_sh_the_part_for_powershell_is_a_text(shell: str, tmp_path: Path) -> None:
    """A program called `hooks/run.ps1`, or files that a star or `input` could name, change nothing."""
    scripts = tmp_path / "o'brien's plug-in/hooks"
    scripts.mkdir(parents=True)
    for name in ("run.sh", "run.ps1", "run.ps1 mark-turn #"):
        (scripts / name).write_text(f'#!/bin/sh\ncat >/dev/null; echo "{name}" "$@"\n')
        (scripts / name).chmod(0o755)
    for hook in HOOKS:
        command = json.loads(HOOKS_FILE.read_text())["hooks"][hook.event][0]["hooks"][0]["command"]
        env = {"PATH": os.environ["PATH"], "CLAUDE_PLUGIN_ROOT": str(scripts.parent), "input": "rm"}
        done = subprocess.run([shell, "-c", command], input=b"{}", env=env, cwd=tmp_path, capture_output=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"run.sh {hook.command}\n".encode(), b"")


def call(
    path: Sequence[str | Path], home: Path, standard_input: bytes = b"{}", **extra: str
) -> "subprocess.CompletedProcess[bytes]":
    """Run the plugin's script as a hook, with this PATH and home."""
    env = {"PATH": ":".join(map(str, path)), "HOME": str(home), **extra}
    return subprocess.run(["/bin/sh", str(RUN), "mark-turn"], input=standard_input, env=env, capture_output=True)


def put_command(folder: Path) -> Path:
    """A program with our name that records how it was called."""
    folder.mkdir(parents=True)
    program = folder / COMMAND
    program.write_text('#!/bin/sh\n/bin/cat >/dev/null\necho "$0 $*"\n')
    program.chmod(0o755)
    return program


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with `cat` and nothing of ours, in place of the system's folders."""
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "cat").symlink_to(shutil.which("cat") or "/bin/cat")
    return folder


@pytest.mark.skipif(os.name == "nt", reason="the script is run by sh; start these tests under Linux or macOS")
@pytest.mark.parametrize("place", [".local/bin", "Library/Python/3.13/bin", "AppData/Roaming/Python/Python313/Scripts"])
@pytest.mark.parametrize("home", ["home", "o'brien's home"])
def test_it_finds_the_command_where_installers_put_it(place: str, home: str, tmp_path: Path, tools: Path) -> None:
    program = put_command(tmp_path / home / place)
    done = call([tools], tmp_path / home, APPDATA=str(tmp_path / home / "AppData/Roaming"))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{program} mark-turn\n".encode(), b"")


@pytest.mark.skipif(os.name == "nt", reason="the script is run by sh; start these tests under Linux or macOS")
def test_the_command_on_path_comes_first(tmp_path: Path, tools: Path) -> None:
    put_command(tmp_path / ".local/bin")
    program = put_command(tmp_path / "a folder")
    done = call([tmp_path / "a folder", tools], tmp_path)
    assert done.stdout == f"{program} mark-turn\n".encode()


@pytest.mark.skipif(os.name == "nt", reason="the script is run by sh; start these tests under Linux or macOS")
def test_without_the_command_the_script_is_silent_and_reads_its_input(tmp_path: Path, tools: Path) -> None:
    done = call([tools], tmp_path / "nobody", b"x" * 1_000_000)  # more than a pipe holds: the writer must not fail
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


# ---- with the client --------------------------------------------------------


def claude(home: Home, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run one of the client's commands."""
    return subprocess.run(
        [str(home.program), *arguments],
        cwd=home.project,
        env=home.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def put_on_path(home: Home) -> Path:
    """Put a stand-in for our command first on PATH."""
    program = put_command(home.home / ".local/bin")
    home.environment["PATH"] = f"{program.parent}:{home.environment['PATH']}"
    return program


@pytest.mark.client
@pytest.mark.parametrize("plugin", [PLUGIN, KEEP_WARM], ids=["countdown", "keep-warm"])
def test_the_plugin_is_valid_for_the_plugin_directory(plugin: Path, bare_home: Home) -> None:
    """For a mod the client also reads the source: a call that it would refuse is an error."""
    done = claude(bare_home, "plugin", "validate", str(plugin), "--profile", "directory", "--strict", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["success"]) == (0, True), done.stdout
    assert found["directory"]["findings"] == []


@pytest.mark.client
def test_the_marketplace_file_is_valid(bare_home: Home) -> None:
    done = claude(bare_home, "plugin", "validate", str(ROOT), "--strict")
    assert done.returncode == 0, done.stdout


@pytest.fixture
def marks(bare_home: Home) -> Path:
    """Where a stand-in for our command records its arguments."""
    program = put_on_path(bare_home)
    noted = bare_home.home / "marks"
    program.write_text(f'#!/bin/sh\ncat >/dev/null\necho "$*" >>"{noted}"\n')
    return noted


@pytest.mark.client
def test_loaded_for_one_run_its_hooks_fire(bare_home: Home, marks: Path) -> None:
    done = claude(bare_home, "--plugin-dir", str(PLUGIN), "-p", "hello")
    assert done.returncode == 0, done.stderr
    assert marks.read_text().split() == ONE_TURN


@pytest.mark.client
def test_installed_from_the_marketplace_its_hooks_fire(bare_home: Home, marks: Path, tmp_path: Path) -> None:
    """As a user installs it, from a copy of the repository."""
    repository = tmp_path / "repository"
    shutil.copytree(ROOT / ".claude-plugin", repository / ".claude-plugin")
    for plugin in (PLUGIN, KEEP_WARM):
        shutil.copytree(plugin, repository / "packaging" / plugin.name)
    for step in (("marketplace", "add", str(repository)), ("install", "prompt-cache-countdown@prompt-cache-tools")):
        done = claude(bare_home, "plugin", *step)
        assert done.returncode == 0, done.stdout + done.stderr
    assert bare_home.one_shot("hello").returncode == 0
    assert marks.read_text().split() == ONE_TURN
    program = shutil.which(COMMAND, path=bare_home.environment["PATH"])
    assert hooks_of_doctor(bare_home) == {
        "name": "hooks",
        "state": "ok",
        "meaning": f"the plugin prompt-cache-countdown@prompt-cache-tools has them and runs {program}",
        "details": [],
        "command": None,
    }
    plan = bare_home.product("setup").stdout
    assert "  hooks        add none: the plugin prompt-cache-countdown@prompt-cache-tools has them\n" in plan
    bare_home.environment["PATH"] = "/usr/bin:/bin"
    Path(program or "").rename(tmp_path / COMMAND)
    found = hooks_of_doctor(bare_home)
    assert (found["state"], found["command"]) == ("bad", f"{COMMAND} install-hooks")
    claude(bare_home, "plugin", "disable", "prompt-cache-countdown@prompt-cache-tools")
    assert hooks_of_doctor(bare_home)["meaning"].startswith("none in ")


def hooks_of_doctor(home: Home) -> dict[str, Any]:
    argv = [sys.executable, "-m", "claude_session_status", "doctor", "--json"]
    done = subprocess.run(argv, env=home.environment, capture_output=True, timeout=60)
    (check,) = (check for check in json.loads(done.stdout)["checks"] if check["name"] == "hooks")
    return dict(check)


@pytest.mark.client
def test_without_the_command_the_client_reports_no_error(bare_home: Home) -> None:
    bare_home.environment["PATH"] = "/usr/bin:/bin"
    done = claude(bare_home, "--plugin-dir", str(PLUGIN), "--debug", "-p", "hello")
    assert (done.returncode, done.stderr) == (0, "")
    assert not (bare_home.config / COMMAND).exists()


@pytest.mark.client
def test_beside_hooks_in_the_settings_each_event_counts_once(home: Home, api: StandIn) -> None:
    """Both report each event: still one session and one countdown, which agrees with the client's."""
    program = put_on_path(home)
    calls = home.home / "calls"
    program.write_text(f'#!/bin/sh\necho "$1" >>"{calls}"\nexec "{sys.executable}" -m claude_session_status "$@"\n')
    with Terminal(home, "--plugin-dir", str(PLUGIN)) as terminal:
        terminal.turn("hello")
        terminal.turn("again")
        session_id = terminal.session_id
        wait_for("the second mark", lambda: calls.read_text().split().count("mark-turn") == 2)
        expect_agreement(home, api, session_id, answered=2)
        assert list(home.status()) == [session_id]
    wait_for("the end", lambda: home.status()[session_id]["activity"] == "ended")
    assert Spool(Paths(str(home.config)).spool).names() == []
    assert set(calls.read_text().split()) == set(ONE_TURN)
