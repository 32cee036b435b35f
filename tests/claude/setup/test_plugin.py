"""Our plugin as the program sees it: enabled or not, and which command its hooks would find."""

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from claude_session_status.claude.setup import plugin
from claude_session_status.claude.setup.hook_commands import Launcher
from claude_session_status.claude.setup.inspection import inspect, is_complete
from claude_session_status.paths import Paths

ROOT = Path(__file__).parents[3]
KEY = "prompt-cache-countdown@prompt-cache-tools"


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"enabledPlugins": {KEY: True}}, KEY),
        ({"enabledPlugins": {"other@x": True, "prompt-cache-countdown@fork": True}}, "prompt-cache-countdown@fork"),
        ({"enabledPlugins": {KEY: False}}, None),
        ({"enabledPlugins": {KEY: None}}, None),
        ({"enabledPlugins": {"prompt-cache-countdowns@x": True}}, None),
        ({"enabledPlugins": [KEY]}, None),
        ({"enabledPlugins": None}, None),
        ({}, None),
        ([], None),
    ],
)
def test_enabled_is_what_the_settings_say(settings: Any, key: str | None) -> None:
    assert plugin.enabled_in(json.dumps(settings)) == key


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000])
def test_what_is_no_json_enables_nothing(text: str) -> None:
    assert plugin.enabled_in(text) is None


def test_an_inspection_names_the_plugin_apart_from_hooks_in_the_settings() -> None:
    found = inspect(json.dumps({"enabledPlugins": {KEY: True}}), Launcher("/opt/claude-session-status"))
    assert (found.plugin, found.programs, found.problem, is_complete(found)) == (KEY, (), None, False)


def test_the_plugins_own_script_looks_in_the_same_places() -> None:
    script = (ROOT / "packaging/claude-plugin/hooks/run.sh").read_text()
    loop = re.search(r"for folder in (.*?); do", script, re.DOTALL)
    assert loop is not None
    words = re.sub(r"\$\{(\w+):-/\}", r"$\1", loop[1]).replace('"', "").replace("\\\n", " ").split()
    assert words == list(plugin.PLACES)


def test_the_powershell_script_looks_in_the_places_of_windows() -> None:
    script = (ROOT / "packaging/claude-plugin/hooks/run.ps1").read_text()
    words = re.findall(r'"\$env:(\w+)(/[^"]+)"', script)
    homes = [(f"${'HOME' if name == 'USERPROFILE' else name}{rest}") for name, rest in words]
    assert homes == [place for place in plugin.PLACES if place.startswith(("$HOME/.", "$APPDATA", "$LOCALAPPDATA"))]


def test_the_script_unsets_every_variable_that_python_knows() -> None:
    script = (ROOT / "packaging/claude-plugin/hooks/run.sh").read_text()
    known = subprocess.run([sys.executable, "--help-env"], capture_output=True, text=True, check=True).stdout
    names = set(re.findall(r"^(?:-\S+: )?(PYTHON\w+)", known, re.MULTILINE))
    assert len(names) > 20
    assert names - {"PYTHONUSERBASE"} <= set(re.findall(r"PYTHON\w+", script.partition("unset")[2]))


@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no sh here")
def test_through_the_script_no_variable_and_no_file_of_the_project_keeps_an_event_away(
    tmp_path: Path, where: Paths
) -> None:
    for module in ("json", "os", "sitecustomize", "usercustomize", "enum"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('a file of the project was imported')")
    os.makedirs(where.folder, 0o700)
    Path(where.monitor_alive).touch()  # a monitor runs: the note stays where it is for it
    odd = {"PYTHONPATH": ":", "PYTHONHOME": "/nonexistent", "PYTHONHASHSEED": "x", "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        ["sh", str(ROOT / "packaging/claude-plugin/hooks/run.sh"), "mark-turn"],
        cwd=tmp_path,
        env={**os.environ, **odd, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        input='{"session_id": "s", "cwd": "/a"}',
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(list(Path(where.spool).glob("*.json"))) == 1


@pytest.mark.parametrize(
    ("on_path", "files", "found"),
    [
        ("/v/bin/claude-session-status", ["/h/.local/bin/claude-session-status"], "/v/bin/claude-session-status"),
        (None, ["/h/.local/bin/claude-session-status"], "/h/.local/bin/claude-session-status"),
        (None, ["/usr/bin/claude-session-status", "/usr/local/bin/claude-session-status"],
            "/usr/local/bin/claude-session-status"),
        (None, ["/h/Library/Python/3.13/bin/claude-session-status"],
            "/h/Library/Python/3.13/bin/claude-session-status"),
        (None, ["/h/venv/bin/claude-session-status", "/Microsoft/WinGet/Links/claude-session-status"], None),
        (None, [], None),
    ],
)  # fmt: skip
def test_the_command_is_found_as_the_script_finds_it(on_path: str | None, files: list[str], found: str | None) -> None:
    folders = {file.rpartition("/")[0] for file in files}
    assert found == plugin.command_of(
        {"HOME": "/h"},
        suffix="",
        which=lambda _: on_path,
        matching=lambda pattern: sorted(folder for folder in folders if fnmatch.fnmatchcase(folder, pattern)),
        is_executable=lambda path: path in files,
    )
