"""`tray --demo` on a real panel."""

import os
import sys

import pytest

from claude_session_status.claude.setup.hook_commands import this_launcher
from claude_session_status.demo import CAST
from desktop.harness import Desktop, Program
from waiting import wait_for

COMMAND = [sys.executable, "-m", "claude_session_status"]


@pytest.mark.desktop
def test_the_icon_counts_down_fast_and_an_alert_comes(desktop: Desktop, panel: Program) -> None:
    desktop.start_dunst()
    told = desktop.root / "told"
    terminal = desktop.root / "terminal"
    terminal.write_text(f'#!/bin/sh\necho "$@" > {told}.new\nmv {told}.new {told}\n')
    terminal.chmod(0o755)
    temporary = desktop.root / "temporary"
    temporary.mkdir()
    environment = {"TERMINAL": str(terminal), "TMPDIR": str(temporary)}
    tray = desktop.start([*COMMAND, "tray", "--demo"], "demo", environment)
    item = desktop.item()
    names = [part.project for part in CAST]
    wait_for("six sessions", lambda: all(any(name in label for label in item.labels()) for name in names))
    assert item.labels()[0].startswith("Demo: six made-up sessions")
    wait_for("an alert", lambda: desktop.run("dunstctl", "count", "displayed").strip() != "0", 60)
    item.click("Show table")
    wait_for("the terminal", told.exists)
    assert told.read_text() == f"-e {this_launcher()} watch --demo\n"
    item.click("Quit")
    assert tray.process.wait(5) == 0
    assert "Traceback" not in tray.text
    assert os.listdir(temporary) == []
    assert not (desktop.home / ".claude").exists()
