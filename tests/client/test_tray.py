"""From end to end: the real Claude Code fires a hook, and a real panel shows the countdown."""

import re
import sys

import pytest

from claude_session_status.desktop.icon import PAINTS
from claude_session_status.model import Urgency
from client.harness import Home, Terminal
from client.standin import StandIn
from desktop.harness import Desktop, Item
from waiting import PATIENCE, wait_for

pytestmark = [pytest.mark.client, pytest.mark.desktop]

GREEN = PAINTS[Urgency.CALM].left[:3]
GREY = PAINTS[Urgency.NONE].left[:3]


def wait_line(item: Item, pattern: str) -> str:
    return wait_for(f"a line with {pattern}", lambda: next((s for s in item.labels() if re.search(pattern, s)), None))


def test_from_claude_codes_hook_to_a_tray_icon(home: Home, api: StandIn, desktop: Desktop) -> None:
    tray = desktop.start(
        [sys.executable, "-m", "claude_session_status", "tray"], "tray", {"CLAUDE_CONFIG_DIR": str(home.config)}
    )
    item = desktop.item()
    wait_for("grey: nothing is warm", lambda: desktop.find_colour(GREY))
    with Terminal(home) as terminal:
        wait_line(item, "my-app.*   nothing cached")
        terminal.type("[slow 4] hello")
        wait_line(item, "▶ my-app")
        terminal.wait_for_hook("Stop")
        line = wait_line(item, "4:5. ● my-app")
        wait_for("green", lambda: desktop.find_colour(GREEN))
        wait_for("a countdown that moves", lambda: "my-app" in item.labels()[0] and item.labels()[0] != line)
        terminal.process.kill()
        wait_line(item, "No running sessions")
    wait_for("grey again", lambda: desktop.find_colour(GREY))
    item.click("Quit")
    assert tray.process.wait(PATIENCE) == 0
