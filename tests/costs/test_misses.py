"""What counts as a miss, how much was rebuilt, why, and what it cost: each row's sums were made by hand."""

from pathlib import Path

import pytest

from claude_session_status.costs.summary import By, Summary
from claude_session_status.paths import Paths
from costs.conversations import Ask, history, write

BOUNDARY = {"type": "system", "subtype": "compact_boundary", "compactMetadata": {"trigger": "manual"}}
ENDED = {"type": "cost-state"}
READ_5M = 5.75e-6  # USD a token: 6.25 to write less 0.50 to read, a million
READ_1H = 9.5e-6

FIRST = Ask(0, wrote_5m=100_000)
FIRST_1H = Ask(0, wrote_1h=100_000)

TABLE = {
    # name: (requests, the miss of the last one: tokens, cause, TTL, USD; None where it is no miss)
    "everything is read": ([FIRST, Ask(60, read=100_000, wrote_5m=2_000)], None),
    "a first request has nothing to miss": ([FIRST], None),
    "1,023 tokens less are the new message": ([FIRST, Ask(60, read=98_977, wrote_5m=9_000)], None),
    "1,024 tokens are a miss": (
        [FIRST, Ask(60, read=98_976, wrote_5m=9_000)],
        (1_024, "vanished", 300, 1_024 * READ_5M),
    ),
    "after five minutes": ([FIRST, Ask(301, wrote_5m=101_000)], (100_000, "expired", 300, 100_000 * READ_5M)),
    "at the very end of the five minutes": (
        [FIRST, Ask(300, wrote_5m=101_000)],
        (100_000, "vanished", 300, 100_000 * READ_5M),
    ),
    "after an hour": ([FIRST_1H, Ask(3_601, wrote_1h=101_000)], (100_000, "expired", 3_600, 100_000 * READ_1H)),
    "within the hour": ([FIRST_1H, Ask(1_800, read=100_000, wrote_1h=1_000)], None),
    "a prefix that others keep warm was read": (
        [FIRST, Ask(900, read=15_000, wrote_5m=90_000)],
        (85_000, "expired", 300, 85_000 * READ_5M),
    ),
    "less was written than is missing: cut tool results": (
        [FIRST, Ask(900, wrote_5m=30_000)],
        (30_000, "expired", 300, 30_000 * READ_5M),
    ),
    "the TTL of the request before counts, not the new one": (
        [FIRST, Ask(900, wrote_1h=101_000)],
        (100_000, "expired", 300, 100_000 * READ_5M),
    ),
    "a read-only request has the TTL of the one that wrote": (
        [FIRST_1H, Ask(60, read=100_000), Ask(1_000, wrote_1h=100_500)],
        (100_000, "vanished", 3_600, 100_000 * READ_1H),
    ),
    "the API names the reason": (
        [
            FIRST,
            Ask(900, wrote_5m=101_000, in_message={"diagnostics": {"cache_miss_reason": {"type": "tools_changed"}}}),
        ],
        (100_000, "tools_changed", 300, 100_000 * READ_5M),
    ),
    "another model": (
        [FIRST, Ask(60, wrote_5m=100_000, in_message={"model": "claude-opus-4-7"})],
        (100_000, "model_changed", 300, 100_000 * READ_5M),
    ),
    "another effort": (
        [
            Ask(0, wrote_5m=100_000, extra={"effort": "high"}),
            Ask(60, wrote_5m=100_000, extra={"effort": "low"}),
        ],
        (100_000, "model_changed", 300, 100_000 * READ_5M),
    ),
    "another model, and too late: too late": (
        [FIRST, Ask(301, wrote_5m=100_000, in_message={"model": "claude-opus-4-7"})],
        (100_000, "expired", 300, 100_000 * READ_5M),
    ),
    "after /compact": (
        [FIRST, Ask(60, wrote_5m=12_000, before=(BOUNDARY,))],
        (12_000, "compacted", 300, 12_000 * READ_5M),
    ),
    "after a resume": (
        [FIRST, Ask(60, wrote_5m=100_500, before=(ENDED,))],
        (100_000, "started", 300, 100_000 * READ_5M),
    ),
    "after a resume that came too late": (
        [FIRST, Ask(600, wrote_5m=100_500, before=(ENDED,))],
        (100_000, "expired", 300, 100_000 * READ_5M),
    ),
    "none of these": ([FIRST, Ask(60, wrote_5m=100_500)], (100_000, "vanished", 300, 100_000 * READ_5M)),
    "the context of the request before includes what it read": (
        [FIRST, Ask(60, read=100_000, wrote_5m=5_000), Ask(500, wrote_5m=106_000)],
        (105_000, "expired", 300, 105_000 * READ_5M),
    ),
}


@pytest.fixture(scope="module")
def all_of_them(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    """The history of one transcript for each row of the table."""
    folder = tmp_path_factory.mktemp("table")
    for number, (asks, _) in enumerate(TABLE.values()):
        write(folder / "projects" / "-p" / f"{number}.jsonl", asks)
    return history(Paths(str(folder)))


@pytest.mark.parametrize("name", TABLE)
def test_a_miss_and_what_it_cost(name: str, all_of_them: Summary) -> None:
    asks, expected = TABLE[name]
    session_id = str(list(TABLE).index(name))
    [group] = [g for g in all_of_them.groups[By.SESSION] if g.name == session_id]
    assert group.requests == len(asks)
    misses = [miss for miss in all_of_them.misses if miss.session_id == session_id]
    if expected is None:
        assert misses == []
        return
    tokens, cause, ttl, usd = expected
    [miss] = misses
    assert (miss.rebuilt_tokens, miss.cause, miss.ttl_seconds) == (tokens, cause, ttl)
    assert miss.usd == pytest.approx(usd)
    assert miss.project == "web-shop"
    assert miss.gap_seconds == asks[-1].at - asks[-2].at


def test_the_totals_are_the_sums_of_the_misses(tmp_path: Path) -> None:
    paths = Paths(str(tmp_path))
    for name in ("one", "two"):
        asks = [FIRST, Ask(900, wrote_5m=101_000), Ask(960, wrote_5m=102_000)]
        write(tmp_path / "projects" / "-p" / f"{name}.jsonl", asks)

    found = history(paths)

    assert (found.totals.misses, found.totals.rebuilt_tokens) == (4, 2 * (100_000 + 101_000))
    assert (found.totals.expired, found.totals.expired_tokens) == (2, 200_000)
    assert found.totals.usd == pytest.approx(2 * 201_000 * READ_5M)
    assert found.totals.expired_usd == pytest.approx(200_000 * READ_5M)
    assert found.usd == pytest.approx(2 * 303_000 * 6.25e-6)
