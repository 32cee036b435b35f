"""Compares our countdown with the client's own and with the moment when the stand-in received the request.

Three clocks must agree: the stand-in saw the request arrive, the client's status line says when it expects the cache to
expire, and `status --json` is what our user reads.
"""

from datetime import datetime
from typing import Any

import pytest

from client.harness import Home
from client.standin import Received, StandIn
from waiting import PATIENCE, wait_for

Json = dict[str, Any]

TOLERANCE_SECONDS = 2.0  # the client rounds up to a whole second
FIVE_MINUTES = 300
ONE_HOUR = 3600


def seconds_of(moment: str) -> float:
    """UTC epoch seconds of a moment in our JSON."""
    return datetime.fromisoformat(moment).timestamp()


def expect_agreement(
    home: Home,
    api: StandIn,
    session_id: str,
    *,
    answered: int,
    ttl: int = FIVE_MINUTES,
    request: Received | None = None,
    **expected: object,
) -> Json:
    """Compare the three clocks once the client has counted `answered` requests; return our session.

    `request` is the request that the countdown runs from, by default the newest. `expected` are further values that our
    session must show. The client writes its transcript up to half a second after its Stop hook, so this polls.
    """
    request = request or api.main_requests(session_id)[-1]

    def shown() -> Json | None:
        cache = home.prompt_cache(session_id)
        return cache if cache and cache["requests"] >= answered and cache["expires_at"] else None

    client = wait_for(f"a status line that counts {answered} requests", shown)
    ours = wait_for_ours(home, session_id, request=request, **expected)
    assert client["expires_at"] == pytest.approx(request.at + ttl, abs=TOLERANCE_SECONDS), "the client and the stand-in"
    assert seconds_of(ours["expires_at"]) == pytest.approx(client["expires_at"], abs=TOLERANCE_SECONDS)
    expect_start(ours, request, ttl=ttl)
    return ours


def expect_start(ours: Json, request: Received, *, ttl: int = FIVE_MINUTES) -> None:
    """Our session is warm and counts from this request. For moments when a dialog hides the client's status line."""
    assert (ours["cache"], ours["ttl_seconds"]) == ("warm", ttl)
    assert is_of(ours, request)
    assert seconds_of(ours["expires_at"]) == pytest.approx(request.at + ttl, abs=TOLERANCE_SECONDS)


def is_of(ours: Json, request: Received) -> bool:
    """Whether our session counts from this request, at most a second after it was received.

    A client without a line for the request itself may be slow to send it after the prompt's line: the start is earlier.
    """
    if ours.get("last_request_at") is None:
        return False
    return -TOLERANCE_SECONDS <= seconds_of(ours["last_request_at"]) - request.at <= 1


def wait_for_ours(home: Home, session_id: str, *, request: Received | None = None, **expected: object) -> Json:
    """Our session, once `status` shows these values for it and counts from this request."""

    seen: Json = {}

    def shown() -> bool:
        seen.clear()
        seen.update(home.status().get(session_id, {}))
        return {name: seen.get(name) for name in expected} == expected and (request is None or is_of(seen, request))

    wait_for(lambda: f"{expected} in our status, which is {seen}", shown, seconds=PATIENCE)
    return seen


def expect_status_line_source(home: Home, session_id: str, *, requests: int) -> Json:
    """Our session, once the client's status line has counted `requests` requests and is the source of our countdown."""

    def shown() -> Json | None:
        cache = home.prompt_cache(session_id)
        return cache if cache and cache["requests"] >= requests else None

    client = wait_for(f"a status line that counts {requests} requests", shown)
    seen: Json = {}

    def agrees() -> Json | None:
        seen.clear()
        seen.update(home.status().get(session_id, {}))
        if seen.get("source") != "statusline" or seen["expires_at"] is None:
            return None
        too_short = client["expires_at"] - seconds_of(seen["expires_at"])
        return seen if 0 <= too_short <= TOLERANCE_SECONDS else None

    # The recorder gets each status line before we do.
    return wait_for(lambda: f"the client's expiry {client['expires_at']} in our status, which is {seen}", agrees)
