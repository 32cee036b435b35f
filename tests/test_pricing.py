"""What being late costs, by the prices that come with the library."""

import subprocess
import sys

import pytest

from claude_session_status import pricing

MILLION = 1_000_000


@pytest.mark.parametrize(
    ("model", "ttl", "usd"),
    [
        # Dollars a million tokens, write minus read, from the published list.
        ("claude-opus-5-5", 300, 5 - 0.2),
        ("claude-opus-5-5", 3600, 8 - 0.2),
        ("claude-sonnet-5-5", 300, 2.5 - 0.1),
        ("claude-sonnet-5-5", 3600, 4 - 0.1),
        ("claude-fable-5-1", 3600, 20 - 0.25),
        ("claude-opus-4-5-20251101", 300, 6.25 - 0.5),
        ("no-such-model", 300, None),
        ("", 300, None),
    ],
)
def test_the_cost_is_a_write_instead_of_a_read(model: str, ttl: int, usd: float | None) -> None:
    cost = pricing.rewrite_cost(model, ttl, 142_000)
    assert cost == (None if usd is None else pytest.approx(usd * 0.142))


@pytest.mark.parametrize(
    ("model", "plain"),
    [
        ("claude-opus-5[1m]", "claude-opus-5"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "claude-sonnet-4-20250514"),
        ("anthropic/claude-opus-4.5", "claude-opus-4.5"),
        ("anthropic.claude-opus-4-5", "claude-opus-4-5"),
        ("claude-sonnet-4@20250514", "claude-sonnet-4"),
        ("openrouter/anthropic/claude-opus-5-5", "claude-opus-5-5"),
        ("claude-opus-5-5", "claude-opus-5-5"),
        ("gpt-9", "gpt-9"),
    ],
)
def test_a_model_is_known_by_its_plain_name(model: str, plain: str) -> None:
    assert pricing.plain_name(model) == plain


def test_nothing_cached_costs_nothing() -> None:
    assert pricing.rewrite_cost("claude-opus-5-5", 300, 0) == 0


def test_the_prices_are_loaded_only_when_one_is_asked_for_and_without_a_network() -> None:
    script = """
import socket, sys
import claude_session_status.cli.status, claude_session_status.monitor
from claude_session_status import pricing
assert "genai_prices" not in sys.modules
def refuse(*_): raise AssertionError("the network was asked")
socket.socket.connect = socket.getaddrinfo = refuse
assert pricing.rewrite_cost("claude-opus-5-5", 300, 1000) > 0
"""
    subprocess.run([sys.executable, "-c", script], check=True)
