"""What the terminal shows, as data: the table's columns and the JSON."""

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
    (row,) = report.rows(shot(session), report.Columns())
    assert row.cache == cache


@pytest.mark.parametrize("width", [60, 61, 71, 72, 80, 89, 90, 120, 200])
def test_columns_fill_the_terminal_and_no_more(width: int) -> None:
    c = report.columns(width)
    used = 1 + 2 + c.session + 2 + c.project + 2 + c.last_turn + 2 + c.cache + (2 + c.title if c.title else 0)
    assert used <= width
    assert c.project >= 8
    assert (c.title > 0) == (width >= 90)
    assert c.cache >= len("WARM " + "█" * c.bar + " 59m 59s left")
    assert c.last_turn >= len("59m 59s ago")


def test_titles_get_the_room_that_short_project_names_leave() -> None:
    long, short = report.columns(100), report.columns(100, longest_project=11)
    assert short.project == 11
    assert short.title == long.title + long.project - 11
    assert report.columns(100, longest_project=99) == long
    assert report.columns(100, longest_project=1).project == len("PROJECT")


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
        "muted", "compacts_at", "compacted_at", "cache_miss_reason",
    ]  # fmt: skip
    assert (first["seconds_left"], first["expires_at"]) == (166.4, "2026-11-24T08:42:46.400Z")
    assert {second[k] for k in ("expires_at", "seconds_left", "ttl_seconds", "last_request_at", "source")} == {None}
    assert second["cache"] == "none"
    priced = policy.snapshot([make("a", 10, context_tokens=1, model="m")], NOW, price=lambda *_: 0.68159)
    assert report.as_json(priced)["sessions"][0]["rewrite_cost_usd"] == 0.6816
    assert second["rewrite_cost_usd"] is None
