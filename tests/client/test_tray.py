"""From end to end: the real Claude Code fires a hook, and a real panel shows the countdown."""

import pytest

from claude_session_status.desktop.icon import PAINTS
from claude_session_status.model import Urgency
from client.harness import Home, Terminal
from client.standin import StandIn
from client.tray import Tray
from desktop.harness import Desktop
from waiting import PATIENCE, wait_for

pytestmark = [pytest.mark.client, pytest.mark.desktop]

GREEN = PAINTS[Urgency.CALM].left[:3]
GREY = PAINTS[Urgency.NONE].left[:3]


def test_from_claude_codes_hook_to_a_tray_icon(home: Home, api: StandIn, desktop: Desktop) -> None:
    tray = Tray(desktop, home)
    wait_for("grey: nothing is warm", lambda: desktop.find_colour(GREY))
    with Terminal(home) as terminal:
        tray.wait_line("my-app.*   nothing cached")
        terminal.type("[slow 4] hello")
        tray.wait_line("▶ my-app")
        terminal.wait_for_hook("Stop")
        line = tray.wait_line("4:5. ● my-app").label
        wait_for("green", lambda: desktop.find_colour(GREEN))
        wait_for("a countdown that moves", lambda: "my-app" in tray.item.labels()[0] and tray.item.labels()[0] != line)
        terminal.process.kill()
        tray.wait_line("No running sessions")
    wait_for("grey again", lambda: desktop.find_colour(GREY))
    tray.item.click("Quit")
    assert tray.program.process.wait(PATIENCE) == 0
