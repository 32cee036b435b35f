"""What re-caching costs, by the prices that come with the library."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from claude_session_status import price_file, pricing


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
def test_the_cost_is_a_write_minus_a_read(model: str, ttl: int, usd: float | None) -> None:
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
def test_a_model_is_found_by_its_plain_name(model: str, plain: str) -> None:
    assert pricing.plain_name(model) == plain


def test_nothing_cached_costs_nothing() -> None:
    assert pricing.rewrite_cost("claude-opus-5-5", 300, 0) == 0


def test_the_prices_are_loaded_only_when_one_is_asked_for_and_without_a_network() -> None:
    script = """
import socket, sys
import claude_session_status.cli.status, claude_session_status.monitor
from claude_session_status import pricing
assert "genai_prices" not in sys.modules
def refuse(*_): raise AssertionError("the network was used")
socket.socket.connect = socket.getaddrinfo = refuse
assert pricing.rewrite_cost("claude-opus-5-5", 300, 1000) > 0
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("tokens", [1, 900, 142_000, 200_000, 200_001, 950_000])
@pytest.mark.parametrize("ttl", [300, 3600])
@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-sonnet-4-5", "us.anthropic.claude-sonnet-4-5-v1:0"])
def test_the_price_list_has_the_same_prices(model: str, ttl: int, tokens: int) -> None:
    listed = pricing.PriceList(sampler=pricing.sample).rewrite_cost(model, ttl, tokens)
    assert listed == pytest.approx(pricing.rewrite_cost(model, ttl, tokens))


def test_the_price_list_samples_each_model_once_also_an_unknown_one() -> None:
    sampled: list[str] = []

    def sampler(model: str) -> price_file.Samples | None:
        sampled.append(model)
        return pricing.sample(model)

    prices = pricing.PriceList(sampler=sampler)
    costs = [prices.rewrite_cost(model, 300, 1000) for model in ("claude-opus-5-5", "no-such-model") * 3]
    assert [cost is None for cost in costs] == [False, True] * 3
    assert sampled == ["claude-opus-5-5", "no-such-model"]


def test_a_child_process_samples_the_prices_without_the_library_in_this_one() -> None:
    program = (
        "import sys; from claude_session_status.pricing import PriceList\n"
        "print(PriceList().rewrite_cost('claude-opus-5-5', 300, 1000000), PriceList().rewrite_cost('x', 300, 1),"
        " 'genai_prices' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    cost, unknown, loaded = done.stdout.split()
    assert float(cost) == pytest.approx(4.8)
    assert (unknown, loaded) == ("None", "False")


def test_a_child_process_that_fails_gives_no_price(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    assert pricing.PriceList().rewrite_cost("claude-opus-5-5", 300, 1000) is None


def test_without_the_library_there_is_no_price_and_one_warning(tmp_path: Path) -> None:
    """Its compiled part may not load: that is one line and no traceback."""
    (tmp_path / "genai_prices.py").write_text("raise ImportError('DLL load failed')")
    script = """
from claude_session_status import pricing
print([pricing.rewrite_cost("claude-opus-5-5", 300, tokens) for tokens in (1, 2)])
"""
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[None, None]\n", "no prices: ImportError: DLL load failed\n")
