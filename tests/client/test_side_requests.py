"""A request beside the conversation renews its cache. The status line shows that; the transcript has no response."""

import time

import pytest

from client.agreement import (
    FIVE_MINUTES,
    TOLERANCE_SECONDS,
    Json,
    expect_status_line_source,
    seconds_of,
)
from client.harness import VERSIONS, Home, Terminal
from client.standin import Received, StandIn
from waiting import wait_for

pytestmark = pytest.mark.client
CLIENT_VERSIONS = VERSIONS

BTW, RECAP = ("/btw what is this", "to copy"), ("/recap", "⎿")  # and what the screen shows with the response


def test_a_side_request_renews_the_cache(bare_home: Home, api: StandIn) -> None:
    bare_home.install_hooks("--statusline")
    with Terminal(bare_home) as terminal:
        terminal.turn("hello")
        ours = expect_status_line_source(bare_home, terminal.session_id, requests=1)
        for command, shown in (BTW, RECAP):
            request = ask_beside(terminal, api, command, shown)
            ours = wait_for_later(bare_home, ours)
            assert seconds_of(ours["expires_at"]) == pytest.approx(request.at + FIVE_MINUTES, abs=TOLERANCE_SECONDS)


def ask_beside(terminal: Terminal, api: StandIn, command: str, shown: str) -> Received:
    """Enter a command that makes a request of its own, clearly later than the last one; return that request."""
    last = api.received[-1].at
    wait_for("a time that is clearly another request's", lambda: time.time() - last > 2 * TOLERANCE_SECONDS)
    terminal.type(command)
    wait_for("the request", lambda: api.received[-1].at > last)
    terminal.wait_for_screen(shown)
    terminal.keys("Escape")
    return api.received[-1]


def wait_for_later(home: Home, before: Json) -> Json:
    """Our session, once its countdown was renewed."""

    def renewed() -> Json | None:
        ours = home.status()[before["session_id"]]
        return ours if seconds_of(ours["expires_at"]) > seconds_of(before["expires_at"]) + 1 else None

    return wait_for("a countdown that the side request renewed", renewed)
