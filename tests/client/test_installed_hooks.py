"""The real Claude Code loads every installed settings file: each hook fires once, and foreign hooks still fire.

The installed command is a small recorder under our program's name, so that these tests depend on the settings file
alone.
"""

import json
import shlex
from pathlib import Path

import pytest

from claude.setup.settings_corpus import CORPUS, PLAIN, WITH_OURS, Shape
from claude_session_status.claude.setup.hook_commands import Launcher
from claude_session_status.claude.setup.settings_file import SettingsFile
from claude_session_status.paths import Paths
from client.harness import Home, Terminal
from waiting import wait_for

pytestmark = pytest.mark.client

ONE_TURN = ["mark-start", "mark-prompt", "mark-turn", "mark-end"]


class Recorder:
    """A program with our name, in a folder whose name needs quotes, that records its hook commands."""

    def __init__(self, folder: Path) -> None:
        self._program = folder / "o'brien's \"tools\"" / "claude-session-status"
        self._program.parent.mkdir()
        self._marks = folder / "marks"
        self._program.write_text(f'#!/bin/sh\ncat >/dev/null\nprintf "%s\\n" "$*" >>"{self._marks}"\n')
        self._program.chmod(0o755)
        self.folder = self._program.parent
        self.launcher = Launcher(str(self._program))
        self.launcher_without_shell = Launcher(str(self._program), direct=True)

    def command(self, word: str) -> str:
        """A foreign command, which records a word."""
        return shlex.join([str(self._program), word])

    @property
    def marks(self) -> list[str]:
        return self._marks.read_text().splitlines() if self._marks.exists() else []


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path)


@pytest.fixture
def settings(bare_home: Home) -> SettingsFile:
    return SettingsFile(Paths(str(bare_home.config)))


def give(home: Home, shape: Shape) -> None:
    """Replace the home's settings file by one of this shape."""
    home.settings.unlink()
    if shape.content is None:
        return
    target = home.home / "dotfiles.json" if shape.linked else home.settings
    target.write_bytes(shape.content)
    target.chmod(shape.mode)
    if shape.linked:
        home.settings.symlink_to(target)


@pytest.mark.parametrize("shape", CORPUS, ids=lambda shape: shape.name)
def test_the_client_loads_and_fires_each_shape(
    shape: Shape, bare_home: Home, recorder: Recorder, settings: SettingsFile
) -> None:
    give(bare_home, shape)
    settings.install(recorder.launcher)
    installed = bare_home.settings.read_bytes()

    assert bare_home.one_shot("hello").returncode == 0
    assert recorder.marks == ONE_TURN

    if bare_home.settings.read_bytes() == installed:  # the client may write settings of its own into it
        settings.uninstall()
        assert (bare_home.settings.read_bytes() if bare_home.settings.exists() else None) == shape.undone


def test_installing_repairs_the_dead_hooks_of_the_original_package(
    bare_home: Home, recorder: Recorder, settings: SettingsFile
) -> None:
    bare_home.environment["PATH"] = f"{recorder.folder}:{bare_home.environment['PATH']}"
    give(bare_home, next(shape for shape in WITH_OURS if shape.name == "made by the original on a fresh machine"))
    bare_home.one_shot("hello")
    assert "mark-start" not in recorder.marks

    settings.install(recorder.launcher)
    bare_home.one_shot("hello")
    assert recorder.marks[-4:] == ONE_TURN


def test_foreign_hooks_of_the_same_events_still_fire(
    bare_home: Home, recorder: Recorder, settings: SettingsFile
) -> None:
    theirs = [{"hooks": [{"type": "command", "command": recorder.command("theirs")}]}]
    bare_home.settings.write_text(json.dumps({"hooks": {"SessionStart": theirs, "Stop": theirs}}))
    settings.install(recorder.launcher)
    bare_home.one_shot("hello")
    assert sorted(recorder.marks) == sorted([*ONE_TURN, "theirs", "theirs"])


def test_the_windows_form_starts_the_program_without_a_shell(
    bare_home: Home, recorder: Recorder, settings: SettingsFile
) -> None:
    settings.install(recorder.launcher_without_shell)
    bare_home.one_shot("hello")
    assert recorder.marks == ONE_TURN


def test_a_failed_turn_calls_mark_turn(bare_home: Home, recorder: Recorder, settings: SettingsFile) -> None:
    settings.install(recorder.launcher)
    # In a terminal: `claude -p` exits without waiting for the hooks of a failure.
    with Terminal(bare_home) as terminal:
        terminal.type("[error 400] hello")
        wait_for("the mark", lambda: "mark-turn" in recorder.marks)
        terminal.wait_for_hook("StopFailure")
    assert bare_home.hook("Stop") is None


def test_a_permission_prompt_calls_mark_wait(bare_home: Home, recorder: Recorder, settings: SettingsFile) -> None:
    settings.install(recorder.launcher)
    with Terminal(bare_home) as terminal:
        terminal.type("[run touch made] hello")
        terminal.wait_for_hook("Notification")
        wait_for("the mark", lambda: "mark-wait" in recorder.marks)
        terminal.keys("Escape")
    assert recorder.marks.count("mark-wait") == 1


@pytest.mark.parametrize("there", [True, False], ids=["an edited file", "a created file"])
def test_a_running_client_reads_new_hooks(
    bare_home: Home, recorder: Recorder, settings: SettingsFile, *, there: bool
) -> None:
    give(bare_home, Shape("plain", PLAIN.encode() if there else None))
    with Terminal(bare_home) as terminal:
        settings.install(recorder.launcher)

        def asked() -> bool:
            terminal.type("hello")
            return "mark-prompt" in recorder.marks

        wait_for("a prompt that is marked", asked)
