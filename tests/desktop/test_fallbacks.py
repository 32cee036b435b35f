"""Where no panel asks for icons on D-Bus: the X11 icon, its click, and the way back; and no display at all."""

import signal
import subprocess
from pathlib import Path

import pytest

from claude_session_status.desktop.icon import PAINTS
from claude_session_status.model import Urgency
from desktop.app import FakeApp, session
from desktop.harness import Desktop, Program, wait_for

pytestmark = pytest.mark.desktop

AMBER = PAINTS[Urgency.SOON].left[:3]
RED = PAINTS[Urgency.LAST].left[:3]


def test_a_tray_of_the_old_kind_gets_an_icon_whose_click_opens_the_table(
    desktop: Desktop, app: FakeApp, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    terminal = tmp_path / "terminal"
    terminal.write_text(f'#!/bin/sh\necho "$@" > {told}\n')
    terminal.chmod(0o755)
    desktop.start_trayer()
    app.start(session("a", 100), table=("the", "table"), TERMINAL=str(terminal))
    x, y = wait_for("amber", lambda: desktop.find_colour(AMBER))
    app.show(session("a", 29))
    wait_for("red", lambda: desktop.find_colour(RED))
    desktop.click(x, y)
    wait_for("the terminal", lambda: told.exists() and told.read_text() == "-e the table\n")
    assert app.signal(signal.SIGTERM) == 0


def test_a_tray_of_the_old_kind_that_restarts_gets_the_icon_back(desktop: Desktop, app: FakeApp) -> None:
    trayer = desktop.start_trayer()
    app.start(session("a", 100))
    wait_for("amber", lambda: desktop.find_colour(AMBER))
    trayer.end(signal.SIGKILL)
    wait_for("no amber", lambda: not desktop.find_colour(AMBER))
    desktop.start_trayer()
    wait_for("amber", lambda: desktop.find_colour(AMBER))


def test_a_panel_takes_over_from_a_tray_of_the_old_kind(desktop: Desktop, app: FakeApp) -> None:
    trayer = desktop.start_trayer()
    app.start(session("a", 100))
    wait_for("amber", lambda: desktop.find_colour(AMBER))
    desktop.start_panel()
    assert "● a" in desktop.item().labels()[0]
    wait_for("the X11 icon's end", lambda: not x11_icons(desktop))
    trayer.end()
    wait_for("amber", lambda: desktop.find_colour(AMBER))


def test_without_a_bus_there_still_is_the_old_way(desktop: Desktop, app: FakeApp) -> None:
    desktop.start_trayer()
    app.start(session("a", 100), DBUS_SESSION_BUS_ADDRESS="unix:path=/nowhere")
    wait_for("amber", lambda: desktop.find_colour(AMBER))
    assert "the icon has no menu" in app.program.text
    assert app.signal(signal.SIGTERM) == 0


def test_without_a_display_it_says_so(desktop: Desktop, app: FakeApp) -> None:
    app.start(session("a", 100), DISPLAY="")
    assert app.ended() == 0
    assert "no display There is no graphical display here" in app.program.text


def test_a_bus_that_goes_away_is_survived_for_a_while(desktop: Desktop, panel: Program, app: FakeApp) -> None:
    app.start(session("a", 100))
    desktop.item()
    assert desktop.bus_daemon is not None
    desktop.bus_daemon.end(signal.SIGKILL)
    wait_for("a word on the bus", lambda: "the session bus went away" in app.program.text)
    assert app.signal(signal.SIGTERM) == 0


def x11_icons(desktop: Desktop) -> list[str]:
    argv = ["xdotool", "search", "--class", "claude-session-status"]
    return subprocess.run(argv, env=desktop.env, capture_output=True, text=True, check=False).stdout.split()
