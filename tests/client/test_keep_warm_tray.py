"""From end to end: a click in the tray's menu becomes an order, the real client's ping, and the menu's changed line."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from claude_session_status.keep_warm_orders import Orders
from client.harness import Terminal
from client.keep_warm import KeepWarm
from desktop.harness import Desktop, Item, MenuLine
from waiting import wait_for

pytestmark = [pytest.mark.client, pytest.mark.desktop]
AN_HOUR = {"ENABLE_PROMPT_CACHING_1H": "1"}


def lines(menu: tuple[MenuLine, ...] | list[MenuLine]) -> Iterator[MenuLine]:
    """Every line of the menu and its submenus."""
    for line in menu:
        yield line
        yield from lines(line.children)


def wait_line(item: Item, pattern: str) -> MenuLine:
    def found() -> MenuLine | None:
        return next((line for line in lines(item.menu()) if re.search(pattern, line.label)), None)

    return wait_for(lambda: f"{pattern} in {[line.label for line in lines(item.menu())]}", found)


def test_from_the_menus_click_to_the_real_clients_ping_and_the_menus_line(keep: KeepWarm, desktop: Desktop) -> None:
    keep.home.install_hooks("--statusline")
    (keep.folder / "config.toml").write_text("keep_warm_min_tokens = 1000\n")
    environment = {"CLAUDE_CONFIG_DIR": str(keep.home.config), **keep.clock.environment}
    desktop.start([sys.executable, "-m", "claude_session_status", "tray"], "tray", environment)
    item = desktop.item()
    orders = Orders(str(keep.folder / "keep-warm"))
    with keep.terminal(extra=AN_HOUR) as terminal:
        terminal.turn("hello")
        keep.wait_for_report(terminal.session_id, state="ready", ttl=3600)
        offer = wait_line(item, r"^Keep warm: .*an hour")
        assert any("first ping is a trial" in line.label for line in offer.children)
        (choice,) = [line for line in offer.children if line.label == "for 3 hours"]
        item.event(choice.id, "clicked")
        wait_line(item, r"^Kept warm until \d\d:\d\d$")
        assert orders.of(terminal.session_id) is not None
        keep.approach_expiry(terminal.session_id)
        keep.wait_for_report(terminal.session_id, state="kept")
        wait_line(item, r"^Kept warm until \d\d:\d\d · kept \d\d:\d\d, read \d+k$")
        wait_line(item, r"5\d:\d\d ● my-app")
        ours = status(environment)
        assert ours["kept_at"] is not None
        assert ours["keep_warm_until"] is not None
        assert ours["seconds_left"] > 3300
        off = wait_line(item, "^off$")
        item.event(off.id, "clicked")
        wait_for("no order", lambda: orders.of(terminal.session_id) is None)
        expect_all_read(keep, terminal)


def status(environment: dict[str, str]) -> dict[str, Any]:
    """Our session in `status --json`, at the client's time."""
    command = [sys.executable, "-m", "claude_session_status", "status", "--json"]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, check=True)
    (ours,) = json.loads(done.stdout)["sessions"]
    return dict(ours)


def expect_all_read(keep: KeepWarm, terminal: Terminal) -> None:
    """The next turn reads the whole conversation, though the first cache would have expired by now."""
    keep.clock.advance(1800)
    terminal.turn("here I am again")
    assert keep.cache.uses[-1].read >= keep.report(terminal.session_id)["tokens"] * 0.9
    assert len(keep.pings) == 1
