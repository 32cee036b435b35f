"""The history in words, as JSON and as a page that needs nothing but itself."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from claude_session_status.costs import report
from claude_session_status.costs.page import page
from claude_session_status.costs.summary import By, Estimate, Summary
from claude_session_status.paths import Paths
from costs.conversations import Ask, history, write

EVIL = '/home/me/<script>alert(1)</script>"'


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    folder = tmp_path_factory.mktemp("page")
    asks = [Ask(0, wrote_5m=100_000), Ask(900, wrote_5m=101_000)]
    write(folder / "projects" / "-p" / "a.jsonl", asks)
    write(folder / "projects" / "-q" / "b.jsonl", asks, folder=EVIL)
    write(folder / "projects" / "-q" / "c.jsonl", [Ask(0, wrote_5m=9_000), Ask(60, wrote_5m=9_000)])
    return history(Paths(str(folder)))


def test_the_sentences_say_tokens_first(found: Summary) -> None:
    assert report.headline(found) == [
        "Last 30 days: 6 requests, list price about $2.62.",
        "3 requests missed the cache and rebuilt 209k tokens, about $1.20 more than reading them.",
        "2 of these came after the cache had expired: 200k tokens, about $1.15.",
    ]
    assert report.short(found) == "2 cold returns, about $1.15"


def test_the_rows_of_a_table_begin_with_the_most_expensive(found: Summary) -> None:
    rows = report.rows(found.groups[By.CAUSE], By.CAUSE)

    assert [(row.name, row.totals.misses, round(row.share, 3)) for row in rows] == [
        ("came after the cache expired", 2, 1.0),
        ("the cache was gone before its time", 1, 0.045),
    ]


def test_the_plot_is_as_high_as_its_largest_day(found: Summary) -> None:
    lines = report.plot(found.groups[By.DAY], height=3)

    assert [line.count("█") for line in lines] == [1, 1, 1]
    assert len(lines[0]) == 2 * 30


def test_the_json_has_the_keys_of_schema_1(found: Summary) -> None:
    data = report.as_json(found)

    assert (data["schema"], data["requests"]) == (1, 6)
    assert set(data["misses"][0]) == {
        *(
            "session_id",
            "host",
            "project",
            "model",
            "at",
            "gap_seconds",
            "ttl_seconds",
            "rebuilt_tokens",
            "cause",
            "usd",
        )
    }
    assert data["totals"] == {
        "rebuilt_tokens": 209_000,
        "usd": 1.20175,
        "expired_tokens": 200_000,
        "expired_usd": 1.15,
    }
    assert set(data["by"]) == {"day", "project", "model", "cause", "session"}
    assert set(data["advice"]) == {"usd_paid", "usd_5m", "usd_1h", "projects"}
    assert data["misses"][0]["usd"] == pytest.approx(data["misses"][0]["rebuilt_tokens"] * (6.25e-6 - 0.5e-6))


class _Tags(HTMLParser):
    """Collects the tags of a page, and all addresses in it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses |= {value for name, value in attrs if name in ("src", "href") and value}


def test_the_page_needs_nothing_but_itself_and_runs_no_script(found: Summary) -> None:
    text = page(found)
    tags = _Tags()
    tags.feed(text)

    assert {"script", "link", "iframe", "img"}.isdisjoint(tags.tags)
    assert tags.addresses == set()
    assert "svg" in tags.tags
    assert "@import" not in text
    assert not re.search(r"url\(", text)


def test_names_in_the_page_are_escaped(found: Summary) -> None:
    assert "<script>" not in page(found)
    assert "&lt;script&gt;" not in page(found).replace("&lt;script&gt;alert(1)&lt;/script&gt;&quot;", "")


def test_a_page_without_any_request_says_so(tmp_path: Path) -> None:
    paths = Paths(str(tmp_path))
    write(tmp_path / "projects" / "-p" / "a.jsonl", [Ask(0, wrote_5m=5)])
    nothing = history(paths, now=1_000_000_000.0)

    assert report.headline(nothing) == ["Last 30 days: no request in any transcript."]
    assert "no request in any transcript" in page(nothing)


@pytest.mark.parametrize(
    ("estimate", "shares"),
    [
        (None, None),
        (Estimate(9, 0.2, 0.5, 0.9), None),
        (Estimate(10, 0.2, 0.5, 0.9), (0.2, 0.9)),
        (Estimate(10, 0.95, 1.0, 1.0), None),
        (Estimate(10, 0.5, 1.0, 1.2), (0.5, 1.0)),
    ],
    ids=["unknown", "too few", "enough", "nearly all", "more than all"],
)
def test_the_estimate_is_corrected_only_by_enough_misses(
    found: Summary, estimate: Estimate | None, shares: tuple[float, float] | None
) -> None:
    assert report.rebuilt_shares(replace(found, estimate=estimate)) == shares
