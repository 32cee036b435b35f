"""What the workflow runs on a real Mac and a real Windows, run here as far as it can."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


def run(script: str, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, **environment}
    argv = [sys.executable, str(TESTS / script), *arguments]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_on_a_mac_with_the_stand_in_for_appkit() -> None:
    done = run("macos/on_a_mac.py", "--stand-in")
    assert (done.returncode, done.stderr) == (0, "")
    assert "a click: ['a']" in done.stdout
    assert "at logout: 'finished, exit code 0'" in done.stdout


def test_every_applescript_is_written_for_osacompile(tmp_path: Path) -> None:
    paths = run("macos/write_scripts.py", str(tmp_path)).stdout.split()
    assert [Path(path).name for path in paths] == ["notify.applescript", "select_tab.applescript"]
    for path in paths:
        assert Path(path).read_text().startswith("on run argv\n")
        assert Path(path).read_text().endswith("end run\n")


STUB_APP = """
import os, pathlib, sys, time
folder = pathlib.Path(sys.argv[1], "claude-session-status")
(folder / "log").mkdir(parents=True)
(folder / "log/tray.log").write_text("tray icon: " + sys.argv[2])
(folder / "tray.lock").write_text(chr(0) + str(os.getpid()) + chr(10))
time.sleep(100)
"""


@pytest.mark.parametrize(
    ("route", "layer", "code", "says"),
    [("macOS menu bar", "25", 0, "its status item is in the menu bar"), ("none", "25", 1, "names no menu bar")],
)
def test_open_app_sees_a_tray_and_ends_it(route: str, layer: str, code: int, says: str, tmp_path: Path) -> None:
    """With stubs for `open` and `osascript`."""
    stub = tmp_path / "stub.py"
    stub.write_text(STUB_APP)
    app = f'"{sys.executable}" "{stub}" "${{3#CLAUDE_CONFIG_DIR=}}" "{route}" >/dev/null 2>&1 &'
    for name, line in {"open": app, "osascript": f"echo 0 {layer}"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / name).chmod(0o755)
    done = run("macos/open_app.py", "Stub.app", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == code, done.stderr
    assert says in done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [("installed",), ("plugin", "sh")])
def test_hooks_run_from_a_folder_with_spaces_and_parentheses(arguments: tuple[str, ...], tmp_path: Path) -> None:
    command = tmp_path / "claude-session-status"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m claude_session_status "$@"\n')
    command.chmod(0o755)
    done = run("windows/try_hooks.py", *arguments, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all arrived" in done.stdout


def test_a_hook_that_does_not_arrive_is_reported(tmp_path: Path) -> None:
    """The plugin's hooks are silent where the program is not installed."""
    for name in ("cat", "sh"):
        (tmp_path / name).symlink_to(f"/bin/{name}")
    done = run("windows/try_hooks.py", "plugin", "sh", PATH=str(tmp_path), HOME=str(tmp_path))
    assert done.returncode == 1
    assert "the sessions are {}" in done.stderr
