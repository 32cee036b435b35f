"""`--demo` as a newcomer calls it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_session_status.claude.hook_commands import this_launcher
from desktop.harness import Desktop, wait_for, why_not

COMMAND = [sys.executable, "-m", "claude_session_status"]


def test_into_a_pipe_it_prints_once(claude_dir: Path) -> None:
    done = subprocess.run([*COMMAND, "watch", "--demo"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Demo: six made-up sessions" in done.stdout
    assert len(re.findall("WARM", done.stdout)) == 4
    assert not claude_dir.exists()


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Desktop]:
    """A screen with a panel and a notification service."""
    if reason := why_not():
        pytest.skip(reason)
    with Desktop(tmp_path / "desktop") as desktop:
        desktop.start_xfce_panel()
        desktop.start_dunst()
        yield desktop


@pytest.mark.desktop
def test_the_icon_counts_down_fast_and_an_alert_comes(desktop: Desktop) -> None:
    told = desktop.root / "told"
    terminal = desktop.root / "terminal"
    terminal.write_text(f'#!/bin/sh\necho "$@" > {told}.new\nmv {told}.new {told}\n')
    terminal.chmod(0o755)
    temporary = desktop.root / "temporary"
    temporary.mkdir()
    environment = {"TERMINAL": str(terminal), "TMPDIR": str(temporary)}
    tray = desktop.start([*COMMAND, "tray", "--demo"], "demo", environment)
    item = desktop.item()
    wait_for("six sessions", lambda: [s for s in item.labels() if "left" in s] and len(item.labels()) == 9)
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
