"""`tray --demo` on a real panel."""

import os
import sys

import pytest

from claude_session_status.claude.setup.hook_commands import this_launcher
from claude_session_status.demo import DEMO_SESSIONS
from desktop.harness import Desktop, Program
from desktop.programs import RecordingTerminal
from waiting import PATIENCE, wait_for

COMMAND = [sys.executable, "-m", "claude_session_status"]


@pytest.mark.desktop
def test_the_icon_counts_down_fast_and_an_alert_comes(desktop: Desktop, panel: Program) -> None:
    desktop.start_dunst()
    terminal = RecordingTerminal(desktop.root)
    temporary = desktop.root / "temporary"
    temporary.mkdir()
    environment = {"TERMINAL": str(terminal.program), "TMPDIR": str(temporary)}
    tray = desktop.start([*COMMAND, "tray", "--demo"], "demo", environment)
    item = desktop.item()
    names = [session.project for session in DEMO_SESSIONS]
    wait_for("six sessions", lambda: all(any(name in label for label in item.labels()) for name in names))
    assert item.labels()[0].startswith("Demo: six made-up sessions")
    wait_for("an alert", lambda: desktop.run("dunstctl", "count", "displayed").strip() != "0", 60)
    item.click("Show table")
    assert wait_for("the terminal", terminal.arguments) == f"-e {this_launcher()} watch --demo\n"
    item.click("Quit")
    assert tray.process.wait(PATIENCE) == 0
    assert "Traceback" not in tray.text
    assert os.listdir(temporary) == []
    assert not (desktop.home / ".claude").exists()
