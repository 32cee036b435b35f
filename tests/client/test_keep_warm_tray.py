"""From end to end: a click in the tray's menu becomes an order, the real client's ping, and the menu's changed line."""

import json
import re
from typing import Any

import pytest

from claude_session_status.keep_warm_orders import Orders
from client.harness import VERSIONS, Terminal
from client.keep_warm import KeepWarm
from client.tray import Tray
from desktop.harness import Desktop
from waiting import wait_for

pytestmark = [pytest.mark.client, pytest.mark.desktop]
AN_HOUR = {"ENABLE_PROMPT_CACHING_1H": "1"}
CLIENT = VERSIONS[0]


def start(keep: KeepWarm, desktop: Desktop) -> tuple[Tray, Orders]:
    """The tray, at the client's time, for which small conversations count."""
    keep.home.install_hooks("--statusline")
    (keep.folder / "config.toml").write_text("keep_warm_min_tokens = 1000\n")
    return Tray(desktop, keep.home, keep.clock.environment), Orders(str(keep.folder / "keep-warm"))


def status(keep: KeepWarm) -> dict[str, Any]:
    """Our session in `status --json`."""
    (ours,) = json.loads(keep.product("status", "--json").stdout)["sessions"]
    return dict(ours)


def test_from_the_menus_click_to_the_real_clients_ping_and_the_menus_line(keep: KeepWarm, desktop: Desktop) -> None:
    tray, orders = start(keep, desktop)
    with keep.terminal(extra=AN_HOUR) as terminal:
        terminal.turn("hello")
        keep.wait_for_report(terminal.session_id, state="ready", ttl=3600)
        offer = tray.wait_line(r"^Keep warm: .*an hour")
        assert any("first ping is a trial" in line.label for line in offer.children)
        tray.click("^for 3 hours$")
        tray.wait_line(r"^Kept warm until \d\d:\d\d$")
        assert orders.of(terminal.session_id) is not None
        keep.approach_expiry(terminal.session_id)
        keep.wait_for_report(terminal.session_id, state="kept")
        tray.wait_line(r"^Kept warm until \d\d:\d\d · kept \d\d:\d\d, read \d+k$")
        tray.wait_line(r"5\d:\d\d ● my-app")
        ours = status(keep)
        assert ours["kept_at"] is not None
        assert ours["keep_warm_until"] is not None
        assert ours["seconds_left"] > 3300
        tray.click("^off$")
        wait_for("no order", lambda: orders.of(terminal.session_id) is None)
        expect_all_read(keep, terminal)


def expect_all_read(keep: KeepWarm, terminal: Terminal) -> None:
    """The next turn reads the whole conversation, though the first cache would have expired by now."""
    keep.clock.advance(1800)
    terminal.turn("here I am again")
    assert keep.cache.uses[-1].read >= keep.report(terminal.session_id)["tokens"] * 0.9
    assert len(keep.pings) == 1


def notification(desktop: Desktop, pattern: str) -> str:
    """The text of a notification that dunst has shown, once there is one with this pattern."""

    def look() -> str | None:
        desktop.run("dunstctl", "close-all")
        (shown,) = json.loads(desktop.run("dunstctl", "history"))["data"]
        texts = (f"{each['summary']['data']}\n{each['body']['data']}" for each in shown)
        return next((text for text in texts if re.search(pattern, text)), None)

    return wait_for(f"a notification with {pattern}", look)


def test_a_miss_stops_the_pings_and_a_notification_says_what_it_cost(keep: KeepWarm, desktop: Desktop) -> None:
    """Up to the next turn, and until the version is trusted again; then a miss after the expiry, with the API down."""
    desktop.start_dunst()
    tray, orders = start(keep, desktop)
    with keep.terminal(extra=AN_HOUR | {"CLAUDE_CODE_MAX_RETRIES": "10"}) as terminal:
        terminal.turn("hello")
        session_id = terminal.session_id
        keep.wait_for_report(session_id, state="ready", ttl=3600)
        tray.wait_line("^Keep warm: .* an hour in place of ")  # the prices are known
        tray.click("^for 3 hours$")
        tray.wait_line("^Kept warm until")
        keep.cache.forget()
        keep.approach_expiry(session_id)
        keep.wait_for_report(session_id, state="missed", reason="")
        text = notification(desktop, "my-app: keep warm has stopped")
        assert re.search(r"The ping missed and wrote \d+k tokens, about \$0\.\d+", text)
        assert f"claude-session-status keep-warm --trust {CLIENT}" in text
        wait_for("no order", lambda: orders.of(session_id) is None)
        tray.wait_line(rf"^Keep warm: a ping of Claude Code {CLIENT} missed$")
        tray.wait_line(r"^stopped: the ping missed and wrote \d+k tokens, about \$0\.\d+$")
        keep.expect_no_ping(1)

        refused = keep.product("keep-warm", "my-app", "--for", "1h")
        assert f"keep-warm --trust {CLIENT}" in refused.stderr
        assert "is trusted again" in keep.product("keep-warm", "--trust", CLIENT).stdout
        tray.wait_line("^Keep warm: its last ping missed")
        keep.order(session_id)  # an order alone changes nothing: the mod waits for a turn, too
        keep.expect_no_ping(1)
        keep.turn(terminal)
        tray.click("^for 3 hours$")
        wait_for("an order", lambda: orders.of(session_id))
        keep.api.is_down = True
        keep.approach_expiry(session_id)
        wait_for("the ping", lambda: len(keep.pings) > 1)
        keep.clock.advance(300)  # past the expiry
        keep.api.is_down = False
        keep.wait_for_report(session_id, state="missed", reason="late")
        text = notification(desktop, "came after the expiry")
        assert re.search(r"wrote \d+k tokens, about \$0\.\d+.* send a message and ask once more", text)
        assert "--trust" not in text
        tray.wait_line(r"^Keep warm: its cache has expired")
