"""`doctor` on a real desktop: it sees the panel, the tray that runs and the notification service, and sends one."""

import json
import subprocess
import sys

import pytest

from desktop.harness import Desktop, Program
from waiting import wait_for

pytestmark = pytest.mark.desktop

PRODUCT = [sys.executable, "-m", "claude_session_status"]


def doctor(desktop: Desktop, *options: str) -> dict[str, tuple[str, str]]:
    """State and meaning of each check."""
    done = subprocess.run([*PRODUCT, "doctor", "--json", *options], env=desktop.env, capture_output=True, text=True)
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert done.returncode == (0 if report["well"] else 1)
    return {check["name"]: (check["state"], check["meaning"]) for check in report["checks"]}


def test_all_is_well_once_everything_runs(desktop: Desktop, panel: Program) -> None:
    dunst = desktop.start_dunst()
    assert subprocess.run([*PRODUCT, "install-hooks"], env=desktop.env, capture_output=True).returncode == 0
    tray = desktop.start([*PRODUCT, "tray"], "tray")
    wait_for("the tray", desktop.items)
    wait_for("a running monitor", lambda: doctor(desktop)["monitor"][0] == "ok")
    report = doctor(desktop, "--notify")
    assert report["tray"] == ("ok", "by D-Bus (StatusNotifierItem)")
    assert report["notification"] == ("ok", "test notification sent (D-Bus)")
    assert "bad" not in {state for state, _ in report.values()}
    shown = json.loads(desktop.run("dunstctl", "history"))["data"][0] or desktop.run("dunstctl", "count", "displayed")
    assert shown
    tray.end()
    dunst.end()


def test_without_a_panel_it_names_what_is_missing(desktop: Desktop) -> None:
    report = doctor(desktop)
    assert report["tray"] == ("bad", "No panel takes tray icons yet; the icon comes when one does")
    assert report["monitor"][0] == "bad"
