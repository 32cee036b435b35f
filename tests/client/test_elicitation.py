"""An MCP server asks the user something through the real Claude Code: the session waits, and its cache drains."""

import pytest

from client import mcp_server
from client.agreement import expect_agreement, expect_start, wait_for_ours
from client.harness import Home, Terminal
from client.standin import StandIn
from waiting import wait_for

pytestmark = pytest.mark.client


def test_a_session_waits_while_an_mcp_server_asks_the_user(home: Home, api: StandIn) -> None:
    arguments = ("--mcp-config", mcp_server.config(), "--allowedTools", mcp_server.CALLED)
    # The client starts its MCP servers before the first prompt is sent, not beside it.
    with Terminal(home, *arguments, extra={"MCP_CONNECTION_NONBLOCKING": "0"}) as terminal:
        session_id = terminal.session_id
        terminal.type(f"[call {mcp_server.CALLED}] hello")
        terminal.wait_for_screen(mcp_server.QUESTION)
        [request] = api.main_requests(session_id)
        waiting = wait_for_ours(home, session_id, activity="waiting", request=request)
        expect_start(waiting, request)
        wait_for("a notification that our hook is installed for", lambda: kind_of_last(home) == "elicitation_dialog")
        wait_for_ours(home, session_id, activity="waiting")

        terminal.keys("Escape")
        terminal.wait_for_hook("Stop")
        expect_agreement(home, api, session_id, answered=2, activity="idle")


def kind_of_last(home: Home) -> str | None:
    """The kind of the newest notification."""
    note = home.hook("Notification")
    return None if note is None else note.data.get("notification_type")
