"""The same requests with another lifetime of the cache, calculated by hand.

A million tokens cost $6.25 or $10 to write, and $0.50 to read.
"""

from pathlib import Path

import pytest

from claude_session_status.costs import report
from claude_session_status.costs.summary import Advice
from claude_session_status.paths import Paths
from costs.conversations import Ask, history, write

M5, H1, READ = 6.25e-6, 10e-6, 0.5e-6
K100 = 100_000

TABLE = {
    # name: (requests, USD paid, USD with 5 m, USD with 1 h)
    "a return after ten minutes costs a rewrite with five minutes, a read with an hour": (
        [Ask(0, wrote_5m=K100), Ask(600, wrote_5m=K100 + 1_000)],
        (K100 + K100 + 1_000) * M5,
        (K100 + K100 + 1_000) * M5,
        (K100 + 1_000) * H1 + K100 * READ,
    ),
    "the same with an hour": (
        [Ask(0, wrote_1h=K100), Ask(600, read=K100, wrote_1h=1_000)],
        (K100 + 1_000) * H1 + K100 * READ,
        (K100 + K100 + 1_000) * M5,
        (K100 + 1_000) * H1 + K100 * READ,
    ),
    "after two hours both are cold": (
        [Ask(0, wrote_5m=K100), Ask(7_200, wrote_5m=K100)],
        2 * K100 * M5,
        2 * K100 * M5,
        2 * K100 * H1,
    ),
    "another model is a miss with either": (
        [Ask(0, wrote_5m=K100), Ask(60, wrote_5m=K100, in_message={"model": "claude-opus-4-7"})],
        2 * K100 * M5,
        2 * K100 * M5,
        2 * K100 * H1,
    ),
    "no gap is longer than five minutes": (
        [Ask(0, wrote_1h=K100), Ask(60, read=K100, wrote_1h=500)],
        (K100 + 500) * H1 + K100 * READ,
        (K100 + 500) * M5 + K100 * READ,
        (K100 + 500) * H1 + K100 * READ,
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_same_requests_with_another_lifetime(name: str, tmp_path: Path) -> None:
    asks, paid, five, hour = TABLE[name]
    write(tmp_path / "projects" / "-p" / "a.jsonl", asks)

    everything, project = history(Paths(str(tmp_path))).advice

    assert (everything.usd_paid, everything.usd_5m, everything.usd_1h) == pytest.approx((paid, five, hour))
    assert (project.project, project.usd_1h) == ("web-shop", everything.usd_1h)


def test_advice_names_the_setting_and_what_it_saves(tmp_path: Path) -> None:
    asks = [Ask(at, wrote_5m=K100) for at in range(0, 20 * 600, 600)]
    write(tmp_path / "projects" / "-p" / "a.jsonl", asks)

    lines = report.advice(history(Paths(str(tmp_path))))

    assert lines[0].startswith("With one-hour caches the last 30 days would have cost about $10.55 less ($1.95 instead")
    assert '"promptCacheTtl": "1h"' in lines[0]
    assert (
        lines[1]
        == 'Projects where one-hour caches ("promptCacheTtl": "1h") would have cost less: web-shop (about $10.55).'
    )
    assert "19 such returns" in lines[2]


def test_many_projects_share_a_sentence_the_one_that_saves_most_first(tmp_path: Path) -> None:
    for number in range(7):
        asks = [Ask(at, wrote_5m=K100 + 1_000 * number) for at in range(0, 20 * 600, 600)]
        path = tmp_path / "projects" / f"-{number}" / f"{number}.jsonl"
        write(path, asks, folder=f"/home/me/p{number}")

    lines = report.advice(history(Paths(str(tmp_path))))

    assert len(lines) == 3
    assert ": p6 (about $" in lines[1]
    assert lines[1].endswith("), and 2 more.")


def test_a_small_saving_is_no_advice(tmp_path: Path) -> None:
    write(tmp_path / "projects" / "-p" / "a.jsonl", [Ask(0, wrote_1h=9_000), Ask(60, read=9_000, wrote_1h=500)])

    assert report.advice(history(Paths(str(tmp_path)))) == []


def test_without_prices_there_is_no_advice() -> None:
    assert Advice(None, None, None, None, 0).usd_paid is None
