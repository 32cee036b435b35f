"""The client's own countdown, read from its status line: the best source, and it leaves the user's own line alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from client.agreement import expect_status_line_source, wait_for_ours
from client.harness import Home, Terminal
from client.standin import StandIn
from waiting import wait_for

pytestmark = pytest.mark.client


def test_a_wrapped_status_line_still_prints_and_uninstalling_restores_it(bare_home: Home, api: StandIn) -> None:
    before = bare_home.settings.read_bytes()
    bare_home.install_hooks("--statusline")
    with Terminal(bare_home) as terminal:
        terminal.turn("hello")
        first = expect_status_line_source(bare_home, terminal.session_id, requests=1)
        terminal.turn("[tools 3] hello")
        second = expect_status_line_source(bare_home, terminal.session_id, requests=5)
        assert second["expires_at"] > first["expires_at"]

        terminal.type("/model sonnet")
        terminal.close_dialog("Switch model?", "Enter")
        terminal.wait_for_screen("Set model to")
        wait_for_ours(bare_home, terminal.session_id, cache="expired")
        terminal.turn("hello")
        expect_status_line_source(bare_home, terminal.session_id, requests=6)

        terminal.type("/exit")
        terminal.wait_for_hook("SessionEnd")
        wait_for_ours(bare_home, terminal.session_id, activity="ended")
    client_wrote = json.loads(bare_home.settings.read_bytes())
    assert bare_home.product("uninstall-hooks").returncode == 0
    if set(client_wrote) == set(json.loads(before)):  # it may keep a choice of model of its own there
        assert bare_home.settings.read_bytes() == before
    assert json.loads(bare_home.settings.read_bytes())["statusLine"] == json.loads(before)["statusLine"]


def test_our_own_status_line_is_shown_and_says_until_when_the_cache_is_warm(bare_home: Home, api: StandIn) -> None:
    settings = json.loads(bare_home.settings.read_text())
    del settings["statusLine"]
    bare_home.settings.write_text(json.dumps(settings))
    before = bare_home.settings.read_bytes()
    bare_home.install_hooks("--statusline")
    with Terminal(bare_home) as terminal:
        terminal.wait_for_screen("○ no cache data")  # the client reports none before the first response
        terminal.turn("hello")
        terminal.wait_for_screen("● warm until ")
        wait_for_ours(bare_home, terminal.session_id, source="statusline", cache="warm")
        assert not list(Path(bare_home.config, "claude-session-status", "spool").glob("*.refused"))
    bare_home.product("uninstall-hooks")
    assert bare_home.settings.read_bytes() == before


def wait_for_found(home: Home) -> dict[str, Any]:
    """The only session, once its transcript exists: the client writes it up to half a second after its Stop hook."""
    [found] = wait_for("a discovered session", home.status).values()
    return found


def test_a_running_session_is_discovered_without_any_hook(bare_home: Home, api: StandIn) -> None:
    with Terminal(bare_home) as terminal:
        terminal.type("[slow 6] hello")
        terminal.wait_for_screen("Well,")
        ours = wait_for_found(bare_home)
        assert (ours["project"], ours["activity"]) == ("my-app", "working")
        terminal.wait_for_hook("Stop")
        wait_for_ours(bare_home, ours["session_id"], activity="idle", cache="warm", source="transcript")

        bare_home.install_hooks()

        def is_hooked() -> bool:
            terminal.turn("hello")  # a running client reads new hooks soon, not at once
            return bare_home.status()[ours["session_id"]]["last_turn_at"] is not None

        wait_for("a turn that one of our hooks reported", is_hooked, seconds=20)

    with Terminal(bare_home, "--resume", ours["session_id"]) as terminal:
        terminal.turn("hello")
    assert list(bare_home.status()) == [ours["session_id"]]


def test_a_discovered_session_ends_with_its_client(bare_home: Home, api: StandIn) -> None:
    with Terminal(bare_home) as terminal:
        terminal.turn("hello")
        found = wait_for_found(bare_home)
        wait_for_ours(bare_home, found["session_id"], cache="warm", activity="idle")
        terminal.type("/exit")
        wait_for("the end of the client", lambda: terminal.closed)
        wait_for_ours(bare_home, found["session_id"], activity="ended")
