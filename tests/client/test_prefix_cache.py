"""The model of the API's prompt cache reads, writes, renews and forgets prefixes as the API documents it."""

from pathlib import Path
from typing import Any

import pytest

from client.harness import Home, Terminal
from client.prefix_cache import CacheUse, PrefixCache
from client.standin import StandIn
from waiting import wait_for

Json = dict[str, Any]

NOW = 1_000_000.0
LONG = "x" * 4000  # about 1,000 tokens


def block(text: str, ttl: str | None = None) -> Json:
    made: Json = {"type": "text", "text": text}
    return made if ttl is None else {**made, "cache_control": {"type": "ephemeral", "ttl": ttl}}


def body(*texts: str, ttl: str = "5m", model: str = "opus", system: str = LONG, **settings: Any) -> Json:
    """A request whose system prompt and last message are breakpoints; the texts are turns of user and model."""
    roles = ("user", "assistant")
    messages = [{"role": roles[at % 2], "content": [block(text)]} for at, text in enumerate(texts)]
    messages[-1]["content"] = [block(texts[-1], ttl)]
    return {"model": model, "system": [block(system, ttl)], "messages": messages, **settings}


def test_the_first_request_writes_all_and_the_next_one_reads_it() -> None:
    cache = PrefixCache()
    first = cache.take(body(LONG), NOW)
    assert (first.read, first.written_1h, first.uncached) == (0, 0, 0)
    second = cache.take(body(LONG, "ok", "more"), NOW + 10)
    assert second.read == first.written_5m
    assert 0 < second.written_5m < 100


@pytest.mark.parametrize(
    ("what", "other"),
    [
        ("another model", body(LONG, model="sonnet")),
        ("another first tool", body(LONG, tools=[{"name": "New"}])),
        ("another system prompt", body(LONG, system="short")),
    ],
)
def test_a_request_with_another_beginning_reads_nothing(what: str, other: Json) -> None:
    cache = PrefixCache()
    cache.take(body(LONG), NOW)
    assert cache.take(other, NOW + 10).read == 0, what


@pytest.mark.parametrize("other", [body("y" + LONG), body(LONG, output_config={"effort": "low"})])
def test_another_conversation_or_effort_reads_the_system_prompt_only(other: Json) -> None:
    cache = PrefixCache()
    whole = cache.take(body(LONG), NOW)
    found = cache.take(other, NOW + 10)
    assert found.read == pytest.approx(whole.written / 2, abs=50)
    assert found.written == pytest.approx(whole.written / 2, abs=50)


@pytest.mark.parametrize(("ttl", "seconds"), [("5m", 300), ("1h", 3600)])
def test_a_prefix_is_cached_for_its_time_to_live_which_each_read_renews(ttl: str, seconds: float) -> None:
    cache = PrefixCache()
    assert cache.take(body(LONG, ttl=ttl), NOW).read == 0
    assert cache.take(body(LONG, ttl=ttl), NOW + seconds - 1).written == 0
    assert cache.take(body(LONG, ttl=ttl), NOW + 2 * seconds - 2).written == 0
    assert cache.take(body(LONG, ttl=ttl), NOW + 3 * seconds).read == 0


def test_the_time_to_live_that_is_asked_for_is_the_one_that_is_written() -> None:
    found = PrefixCache().take(body(LONG, ttl="1h"), NOW)
    assert (found.written_5m, found.written_1h) == (0, found.written)


def test_a_prefix_more_than_twenty_blocks_back_is_not_found() -> None:
    cache = PrefixCache()
    first = cache.take(body(LONG), NOW)
    near = cache.take(body(LONG, *["turn"] * 20), NOW + 10)
    assert near.read == first.written
    cache = PrefixCache()
    cache.take(body(LONG), NOW)
    far = cache.take(body(LONG, *["turn"] * 22), NOW + 10)
    assert far.read == pytest.approx(first.written / 2, abs=50), "the system prompt only"


def test_the_billing_line_and_the_breakpoints_themselves_are_no_part_of_a_prefix() -> None:
    cache = PrefixCache()
    cache.take(body(LONG), NOW)
    again = body(LONG)
    again["system"] = [block("x-anthropic-billing-header: cc_version=1"), block(LONG)]
    assert cache.take(again, NOW + 10).written == 0


def test_a_request_without_breakpoints_caches_nothing() -> None:
    cache = PrefixCache()
    plain: Json = {"model": "opus", "messages": [{"role": "user", "content": LONG}]}
    assert cache.take(plain, NOW) == CacheUse(0, 0, 0, cache.take(plain, NOW).uncached)


@pytest.mark.client
def test_the_real_client_reads_in_its_second_turn_what_the_first_one_wrote(
    tmp_path: Path, client_program: Path
) -> None:
    with StandIn(prefix_cache=PrefixCache()) as api:
        home = Home(tmp_path, api.url, client_program).prepare()
        with Terminal(home) as terminal:
            terminal.turn("hello")
            terminal.turn("[tool] hello again")

            def counted() -> Json | None:
                report = home.prompt_cache(terminal.session_id)
                return report if report is not None and report["requests"] == 3 else None

            report = wait_for("a report on three requests", counted)
            assert (report["misses"], report["warm"]) == (0, True)
            assert report["hit_ratio"] > 0.5
