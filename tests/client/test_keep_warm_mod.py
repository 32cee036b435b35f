"""The keep-warm plugin in the real client: a ping renews the cache, leaves nothing behind, and stops when it must."""

import time

import pytest

from client import mcp_server
from client.harness import VERSIONS, Home, Terminal
from client.keep_warm import KeepWarm
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
        assert (ready["pid"], ready["client"]) == (terminal.process.pid, VERSIONS[0])
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
