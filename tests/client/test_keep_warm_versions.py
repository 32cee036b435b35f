"""*Keep warm* with older versions of the real client: it works, or it is refused with the reason."""

import json

import pytest

from claude_session_status.keep_warm import is_too_old
from client.harness import VERSIONS
from client.keep_warm import KeepWarm
from client.prefix_cache import begins_with, prefix_of
from waiting import wait_for

pytestmark = pytest.mark.client
CLIENT_VERSIONS = VERSIONS[1:]
AN_HOUR = {"ENABLE_PROMPT_CACHING_1H": "1"}


def test_an_older_client_keeps_an_hours_cache_warm_or_says_why_not(keep: KeepWarm, client_version: str) -> None:
    """Of one that does not name the TTL to the mod, the order does."""
    keep.home.install_hooks()
    enable_plugin(keep)
    with keep.terminal(extra=AN_HOUR) as terminal:
        terminal.turn("hello")
        if is_too_old(client_version):
            refused = keep.product("keep-warm", "my-app", "--for", "3h")
            assert refused.returncode == 1
            assert f"Claude Code {client_version} can't load the plugin" in refused.stderr
            assert "claude update" in refused.stderr
            return
        session_id = terminal.session_id
        keep.wait_for_report(session_id, state="ready")
        placed = keep.product("keep-warm", "my-app", "--for", "3h")
        assert "3 pings" in placed.stdout, placed.stderr
        keep.clock.advance(280)  # a five-minute cache would be due
        keep.expect_no_ping()
        keep.approach_expiry(session_id, 3600)
        report = keep.wait_for_report(session_id, state="kept", ttl=3600)
        keep.clock.advance(1800)
        terminal.turn("here I am again")
        assert keep.cache.uses[-1].read >= 0.9 * report["tokens"]
        assert len(keep.pings) == 1
        before = keep.report(session_id)["at"]
        terminal.type("[run touch made.txt] ask me")
        terminal.wait_for_screen("Do you want to proceed?")
        wait_for("the mod's report", lambda: keep.report(session_id).get("at", 0) > before)
        last = keep.api.main_requests(session_id)[-2]
        keep.approach_expiry(session_id, 3600)
        keep.wait_for_report(session_id, state="kept", in_a_row=1)
        assert begins_with(keep.pings[-1].body, prefix_of(last.body))
        assert "Do you want to proceed?" in terminal.screen()


def enable_plugin(keep: KeepWarm) -> None:
    """Note in the settings that the plugin is enabled, and let small conversations be kept warm."""
    settings = json.loads(keep.home.settings.read_text())
    enabled = {"enabledPlugins": {"prompt-cache-keep-warm@prompt-cache-tools": True}}
    keep.home.settings.write_text(json.dumps(settings | enabled))
    (keep.folder / "config.toml").write_text("keep_warm_min_tokens = 1000\n")
