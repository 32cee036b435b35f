"""What the terminal shows, as data: the table's columns and the JSON."""

import itertools
from dataclasses import replace

import pytest

from claude_session_status import policy, report, words
from claude_session_status.model import Session
from fakes import NOW
from rows import ENDED, make, shot


@pytest.mark.parametrize(
    ("session", "cache"),
    [
        (make("a", 134), "WARM ██████░░░░ 2m 46s left"),
        (make("a", 0), "WARM ██████████ 5m 0s left"),
        (make("a", 663), "EXPIRED (6m 3s ago)"),
        (make("a", **ENDED), "ENDED"),
        (make("a", None), "NONE"),
    ],
)
def test_the_cache_column_of_each_state(session: Session, cache: str) -> None:
    (row,) = report.rows(shot(session), report.columns(120))
    assert row.cache == cache


@pytest.mark.parametrize("width", [60, 61, 71, 72, 79, 80, 89, 90, 99, 100, 110, 120, 200])
def test_columns_fill_the_terminal_and_no_more(width: int) -> None:
    c = report.columns(width)
    assert all(left.at + left.width + 2 == right.at for left, right in itertools.pairwise(c.shown))
    assert c.shown[-1].at + c.shown[-1].width <= width
    assert c.width_of("project") >= 8
    assert c.width_of("cache") >= len("WARM " + "█" * c.bar + " 59m 59s left")
    assert c.width_of("last_turn") >= len("59m ago")


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        (59, ["", "PROJECT", "CACHE"]),
        (60, ["", "PROJECT", "SESSION", "LAST TURN", "CACHE"]),
        (79, ["", "PROJECT", "SESSION", "LAST TURN", "CACHE"]),
        (80, ["", "PROJECT", "TITLE", "SESSION", "LAST TURN", "CACHE"]),
        (100, ["", "PROJECT", "TITLE", "SESSION", "LAST TURN", "CACHE", "TOKENS", "COST"]),
    ],
)
def test_titles_are_shown_from_80_columns_on_and_costs_from_100(width: int, heads: list[str]) -> None:
    assert [column.head for column in report.columns(width).shown] == heads


def test_titles_get_the_room_that_short_project_names_leave() -> None:
    long, short = report.columns(100), report.columns(100, longest_project=11)
    assert short.width_of("project") == 11
    assert short.width_of("title") == long.width_of("title") + long.width_of("project") - 11
    assert report.columns(100, longest_project=99) == long
    assert report.columns(100, longest_project=1).width_of("project") == len("PROJECT")


@pytest.mark.parametrize(("width", "title"), [(120, 36), (160, 76), (200, 116), (400, 130)])
def test_a_wide_terminal_shows_long_titles(width: int, title: int) -> None:
    assert report.columns(width, 12, 130).width_of("title") == title


def test_without_any_turn_there_is_no_column_for_the_last_one() -> None:
    heads = [column.head for column in report.columns(80, last_turns=False).shown]
    assert heads == ["", "PROJECT", "TITLE", "SESSION", "CACHE"]
    assert report.columns(80, 12, 99, last_turns=False).width_of("title") == (
        report.columns(80, 12, 99).width_of("title") + len("LAST TURN") + 2
    )


def test_short_titles_take_no_more_room_than_they_need() -> None:
    assert report.columns(200, 12, 20).width_of("title") == 20
    assert report.columns(200, 12, 0).width_of("title") == len("TITLE")


def test_the_summary_names_the_next_session_and_what_is_at_risk() -> None:
    warm = [make("api", 100, context_tokens=1, model="m"), make("web-shop", 259, context_tokens=1, model="m")]
    priced = policy.snapshot([*warm, make("cold", 400), make("gone", 10, **ENDED)], NOW, price=lambda *_: 1.05)
    assert report.summary(priced) == "2 warm, next 0:41 web-shop, $2.10 at risk"
    assert report.summary(shot(*warm)) == "2 warm, next 0:41 web-shop"
    assert report.summary(shot(make("cold", 400))) == "no warm cache"


def test_tokens_and_cost_are_in_the_table() -> None:
    known = make("a", 10, context_tokens=142_000, model="m")
    (row,) = report.rows(policy.snapshot([known], NOW, price=lambda *_: 0.8219), report.columns(120))
    assert (row.tokens, row.cost) == ("142k", "$0.82")
    (row,) = report.rows(shot(make("b", 10)), report.columns(120))
    assert (row.tokens, row.cost) == ("", "")


def test_the_table_says_when_the_client_compacts_a_session_and_that_it_has() -> None:
    large = make("a", 400, 3600, context_tokens=214_000, idle_compact_tokens=200_000, title="T")
    at = words.clock(NOW - 400 + 3240)[:5]
    (row,) = report.rows(shot(large), report.columns(120))
    assert row.title == f"compacts at {at} · T"
    (row,) = report.rows(shot(replace(large, uncached_at=NOW, compacted_at=NOW)), report.columns(120))
    assert (row.cache, row.title) == ("COMPACTED", "T")


def test_json_has_the_documented_keys_and_null_for_what_is_unknown() -> None:
    made = report.as_json(shot(make("a", 133.6, cwd="/home/me/my-app"), make("b", None)))
    assert made["schema"] == 1
    assert made["now"] == "2026-11-24T08:40:00.000Z"
    first, second = made["sessions"]
    assert list(first) == [
        "session_id", "title", "project", "cwd", "cache", "activity", "ttl_seconds", "started_at", "last_turn_at",
        "last_request_at", "expires_at", "seconds_left", "context_tokens", "model", "rewrite_cost_usd", "source",
        "muted", "compacts_at", "compacted_at", "cache_miss_reason", "waiting_since", "ended_at", "host",
        "keep_warm_until", "kept_at", "ssh_client_port",
    ]  # fmt: skip
    assert (first["seconds_left"], first["expires_at"]) == (166.4, "2026-11-24T08:42:46.400Z")
    assert {second[k] for k in ("expires_at", "seconds_left", "ttl_seconds", "last_request_at", "source")} == {None}
    assert second["cache"] == "none"
    priced = policy.snapshot([make("a", 10, context_tokens=1, model="m")], NOW, price=lambda *_: 0.68159)
    assert report.as_json(priced)["sessions"][0]["rewrite_cost_usd"] == 0.6816
    assert second["rewrite_cost_usd"] is None
