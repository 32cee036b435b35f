"""The keep-warm plugin in the real client: a ping renews the cache, leaves nothing behind, and stops when it must."""

import contextlib
import shutil
import time
from pathlib import Path

import pytest

from client import mcp_server
from client.harness import VERSIONS, Home, Terminal
from client.keep_warm import PLUGIN, KeepWarm
from client.prefix_cache import begins_with, prefix_of
from waiting import wait_for

pytestmark = pytest.mark.client
DRAFT = "a draft that is not sent"


def files_of(home: Home) -> dict[str, bytes]:
    """What the client keeps of conversations and of running clients, but for times in its registry."""
    kept = [*home.config.glob("projects/**/*"), *home.config.glob("todos/**/*"), home.config / "history.jsonl"]
    found = {str(path): path.read_bytes() for path in kept if path.is_file()}
    return found | {str(path): b"" for path in home.config.glob("sessions/*.json")}


def settled_files_of(home: Home) -> dict[str, bytes]:
    """The files, once the client has written the last lines of its turns."""
    seen = [files_of(home)]

    def is_settled() -> bool:
        time.sleep(0.7)
        seen.append(files_of(home))
        return seen[-1] == seen[-2]

    wait_for("a transcript that stays as it is", is_settled)
    return seen[-1]


def conversation(terminal: Terminal) -> list[str]:
    """The lines on the screen down to the input line; below it, the client shows changing hints."""
    lines = [line.strip() for line in terminal.screen().partition("❯ hello")[2].splitlines()]
    (draft,) = (at for at, line in enumerate(lines) if line.startswith("❯") and line.endswith(DRAFT))
    return [line for line in lines[: draft + 1] if line and "/effort" not in line]


@pytest.mark.parametrize(("ttl", "variables"), [(300, {}), (3600, {"ENABLE_PROMPT_CACHING_1H": "1"})])
def test_a_ping_keeps_the_cache_and_leaves_nothing_behind(ttl: int, variables: dict[str, str], keep: KeepWarm) -> None:
    """With an MCP server, after a tool and a subagent, and with a draft in the input line."""
    with keep.terminal("--mcp-config", mcp_server.config(), extra=variables) as terminal:
        terminal.turn("hello")
        terminal.turn("[tool] run something")
        terminal.turn("[agent say ok] start a subagent")
        session_id = terminal.session_id
        before = settled_files_of(keep.home)  # the subagent's end begins a turn of its own
        last = keep.api.main_requests(session_id)[-1]
        ready = keep.wait_for_report(session_id, state="ready", ttl=ttl)
        assert ready["pid"] == terminal.process.pid
        assert ready["client"] in VERSIONS
        assert ready["at"] == pytest.approx(last.at, abs=2)
        keep.order(session_id, allow_five_minutes=int(ttl == 300))
        terminal.draft(DRAFT)
        shown = conversation(terminal)
        keep.approach_expiry(session_id)
        report = keep.wait_for_report(session_id, state="kept")
        (ping,) = keep.pings
        (judged,) = report["pings"]
        assert begins_with(ping.body, prefix_of(last.body))
        assert judged["kept"]
        assert judged["wrote"] < 100, "the last response only"
        assert report["at"] == judged["at"] == pytest.approx(ping.at, abs=2)
        after = files_of(keep.home)
        assert after == before
        assert conversation(terminal) == shown
        # The first cache would have expired by now, and the conversation's next request reads all of it.
        keep.clock.advance(ttl - 30)
        terminal.keys("C-u")
        terminal.turn("here I am again")
        again = keep.api.main_requests(session_id)[-1]
        assert begins_with(again.body, prefix_of(last.body))
        assert keep.cache.uses[-1].read >= report["tokens"]


def test_a_miss_is_reported_and_stops_the_pings_until_the_next_turn(keep: KeepWarm) -> None:
    with keep.terminal() as terminal:
        session_id = keep.begin(terminal)
        keep.cache.forget()
        keep.approach_expiry(session_id)
        report = keep.wait_for_report(session_id, state="missed")
        (ping,) = report["pings"]
        assert (ping["kept"], ping["read"]) == (False, 0)
        assert ping["wrote"] >= 0.9 * report["tokens"]
        keep.clock.advance(240)  # a ping now would read what the last one wrote, and look like a hit
        keep.expect_no_ping(1)
        keep.turn(terminal)
        keep.approach_expiry(session_id)
        report = keep.wait_for_report(session_id, state="kept")
        assert [ping["kept"] for ping in report["pings"]] == [False, True]


def test_a_changed_conversation_is_not_pinged_before_its_next_turn(keep: KeepWarm) -> None:
    """After /effort, /model and /compact, whose next request has another prefix, and after /clear."""
    with keep.terminal() as terminal:
        session_id = keep.begin(terminal)
        changes = [
            ("/effort high", None, "effort-changed"),
            ("/model sonnet", "Switch model?", "model-changed"),
            ("/compact", None, "compacted"),
        ]
        for pings, (command, dialog, reason) in enumerate(changes):
            terminal.type(command)
            if dialog is not None:
                terminal.close_dialog(dialog, "Enter")
            keep.wait_for_report(session_id, state="refused", reason=reason)
            keep.approach_expiry(session_id)
            keep.expect_no_ping(pings)
            keep.turn(terminal)
            keep.approach_expiry(session_id)
            report = keep.wait_for_report(session_id, state="kept")
            assert report["in_a_row"] == 1
            assert len(keep.pings) == pings + 1
        terminal.type("/clear")
        keep.wait_for_report(session_id, state="refused", reason="cleared")
        begun = terminal.wait_for_hook("SessionStart", after=terminal.wait_for_hook("SessionEnd").at).session_id
        keep.order(begun)  # the new conversation has made no request
        keep.approach_expiry(session_id)
        keep.expect_no_ping(len(changes))
        assert keep.report(begun) == {}


def test_no_ping_is_sent_while_a_request_is_under_way(keep: KeepWarm) -> None:
    with keep.terminal() as terminal:
        session_id = keep.begin(terminal)
        terminal.type("[slow 3] a long response")
        wait_for("the request", lambda: len(keep.api.main_requests(session_id)) == 2)
        keep.approach_expiry(session_id)
        keep.expect_no_ping()
        assert keep.report(session_id)["in_a_row"] == 0
        terminal.wait_for_hook("Stop", after=terminal.wait_for_hook("UserPromptSubmit").at)


def test_a_conversation_that_waits_at_a_permission_prompt_is_kept_warm(keep: KeepWarm) -> None:
    with keep.terminal() as terminal:
        session_id = keep.begin(terminal)
        terminal.type("[run touch made.txt] ask me")
        terminal.wait_for_screen("Do you want to proceed?")
        first, last = keep.api.main_requests(session_id)
        wait_for("the mod's report", lambda: keep.report(session_id).get("at", 0) >= last.at - 1)
        keep.approach_expiry(session_id)
        report = keep.wait_for_report(session_id, state="kept")
        # All but the newest message, which the client joins with the ping's own.
        assert begins_with(keep.pings[-1].body, prefix_of(first.body))
        assert "Do you want to proceed?" in terminal.screen()
        keep.clock.advance(200)
        terminal.keys("Enter")
        terminal.wait_for_hook("Stop", after=terminal.wait_for_hook("UserPromptSubmit").at)
        assert keep.cache.uses[-1].read >= 0.95 * report["tokens"]


def test_two_clients_on_one_session_send_nothing_and_a_resumed_one_not_before_its_next_turn(keep: KeepWarm) -> None:
    with contextlib.ExitStack() as first:
        session_id = keep.begin(first.enter_context(keep.terminal()))
        with keep.terminal("--resume", session_id) as second:
            keep.let_the_mod_load()
            keep.approach_expiry(session_id)
            keep.wait_for_report(session_id, state="refused", reason="other-client")
            first.close()
            keep.expect_no_ping()
            keep.turn(second)
            keep.approach_expiry(session_id)
            keep.wait_for_report(session_id, state="kept", pid=second.process.pid)


def test_nothing_is_sent_after_the_cache_or_the_order_expired(keep: KeepWarm) -> None:
    with keep.terminal() as terminal:
        session_id = keep.begin(terminal)
        terminal.process.suspend()  # the machine sleeps
        keep.clock.advance(400)
        terminal.process.resume()
        keep.wait_for_report(session_id, state="expired", reason="slept")
        keep.turn(terminal)
        keep.order(session_id, until=keep.clock.now() + 100)
        keep.approach_expiry(session_id)
        keep.expect_no_ping()
        keep.order(session_id)
        keep.api.is_down = True
        keep.wait_for_report(session_id, state="failed", reason="api", pings=[])
        keep.clock.advance(70)
        keep.wait_for_report(session_id, state="expired", reason="api")
        keep.api.is_down = False
        asked = len(keep.pings)
        keep.clock.advance(240)
        keep.expect_no_ping(asked)


@pytest.mark.parametrize("broken", ["decisions.mjs", "mods"])
def test_a_mod_that_fails_harms_no_turn(broken: str, keep: KeepWarm, tmp_path: Path) -> None:
    """Its code throws wherever it decides, or its report can't be written."""
    plugin = tmp_path / "plugin"
    shutil.copytree(PLUGIN, plugin)
    if broken == "mods":
        (keep.folder / "mods").write_text("in the way")
    else:
        source = plugin / "hooks" / broken
        source.write_text(source.read_text().replace(") {\n", ') {\n  throw new Error("broken");\n'))
    with keep.terminal(plugin=plugin) as terminal:
        terminal.turn("hello")
        keep.order(terminal.session_id)
        terminal.turn("[tool] more")
        assert "broken" not in terminal.screen()
        terminal.type("/clear")
        terminal.wait_for_hook("SessionEnd")
