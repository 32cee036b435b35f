"""`prices.json`: what it keeps, and that any other content counts as none and is replaced."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from claude_session_status import price_file, pricing
from claude_session_status.paths import Paths
from claude_session_status.price_file import Samples

SIZES, TTLS = pricing.SIZES, (*pricing.TTLS, pricing.READ)
GOOD: Samples = {ttl: [0.000_005] * len(SIZES) for ttl in TTLS}


class Library:
    """A price list that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def sample(self, model: str) -> Samples | None:
        self.asked.append(model)
        if model == "broken":
            raise pricing.NoPricesError("it can't be asked")
        return GOOD if model.startswith("known") else None


@pytest.fixture
def library() -> Library:
    return Library()


def prices(where: Paths, library: Library, version: str | None = "1.0") -> pricing.PriceList:
    """The prices as a new process sees them."""
    return pricing.PriceList(where.prices, library.sample, lambda: version)


def test_a_model_is_sampled_once_for_all_processes_also_an_unknown_one(where: Paths, library: Library) -> None:
    for _ in range(3):
        assert prices(where, library).rewrite_cost("known", 300, 100_000) == pytest.approx(0.5)
        assert prices(where, library).rewrite_cost("no-such", 300, 100_000) is None
    assert library.asked == ["known", "no-such"]


def test_in_the_background_a_price_is_there_at_once_only_where_it_was_sampled_before(
    where: Paths, library: Library
) -> None:
    prices(where, library).rewrite_cost("known", 300, 1)
    known = threading.Event()
    background = pricing.PricesInBackground(prices(where, library), known.set)
    assert background.rewrite_cost("known", 300, 100_000) == pytest.approx(0.5)
    assert background.rewrite_cost("known-2", 300, 100_000) is None
    assert known.wait(10)
    assert background.rewrite_cost("known-2", 300, 100_000) == pytest.approx(0.5)
    assert library.asked == ["known", "known-2"]


def test_only_the_owner_may_read_it(where: Paths, library: Library) -> None:
    os.umask(0)
    prices(where, library).rewrite_cost("known", 300, 1)
    assert stat.S_IMODE(os.stat(where.prices).st_mode) == 0o600
    assert os.listdir(where.folder) == ["prices.json"]


def test_another_version_of_the_library_is_asked_again_and_replaces_the_file(where: Paths, library: Library) -> None:
    prices(where, library, "1.0").rewrite_cost("known", 300, 1)
    prices(where, library, "1.1").rewrite_cost("known-2", 300, 1)
    assert list(json.loads(Path(where.prices).read_bytes())["models"]) == ["known-2"]


def test_without_a_version_nothing_is_kept(where: Paths, library: Library) -> None:
    prices(where, library, None).rewrite_cost("known", 300, 1)
    assert not os.path.exists(where.prices)


def test_a_failure_is_no_unknown_model_the_next_process_tries_again(where: Paths, library: Library) -> None:
    first = prices(where, library)
    assert [first.rewrite_cost("broken", 300, 1) for _ in range(3)] == [None] * 3
    prices(where, library).rewrite_cost("broken", 300, 1)
    assert library.asked == ["broken", "broken"]


def test_two_processes_keep_what_the_other_has_added(where: Paths, library: Library) -> None:
    one, other = prices(where, library), prices(where, library)
    for name, process in [("known-1", one), ("known-2", other), ("known-3", one)]:
        process.rewrite_cost(name, 300, 1)
    assert set(json.loads(Path(where.prices).read_bytes())["models"]) == {"known-1", "known-2", "known-3"}


WHOLE = {"format": 2, "library": "1.0", "sizes": list(SIZES), "models": {"known": {str(t): GOOD[t] for t in TTLS}}}
ODD = {
    "empty": b"",
    "torn": json.dumps(WHOLE).encode()[:-20],
    "binary": bytes(range(256)),
    "deep": b"[" * 100_000,
    "a list": b"[]",
    "another format": json.dumps(WHOLE | {"format": 1}).encode(),
    "other sizes": json.dumps(WHOLE | {"sizes": [1]}).encode(),
    "no models": json.dumps(WHOLE | {"models": None}).encode(),
    "a text": json.dumps(WHOLE | {"models": {"known": "dear"}}).encode(),
    "a row too short": json.dumps(WHOLE | {"models": {"known": {"300": [1e-6], "3600": [1e-6]}}}).encode(),
    "no row": json.dumps(WHOLE | {"models": {"known": {"300": GOOD[300]}}}).encode(),
    "a negative price": json.dumps(
        WHOLE | {"models": {"known": {str(t): [-1e-6] * len(SIZES) for t in TTLS}}}
    ).encode(),
    "not a number": json.dumps(WHOLE).replace("5e-06", "NaN").encode(),
    "far too dear": json.dumps(WHOLE).replace("5e-06", "1e9").encode(),
    "true": json.dumps(WHOLE).replace("5e-06", "true").encode(),
}


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
def test_an_odd_file_counts_as_none_and_is_replaced(content: bytes, where: Paths, library: Library) -> None:
    os.makedirs(where.folder)
    Path(where.prices).write_bytes(content)
    assert prices(where, library).rewrite_cost("known", 3600, 100_000) == pytest.approx(0.5)
    assert library.asked == ["known"]
    assert json.loads(Path(where.prices).read_bytes()) == WHOLE


def test_the_good_file_is_good(where: Paths, library: Library) -> None:
    os.makedirs(where.folder)
    Path(where.prices).write_text(json.dumps(WHOLE))
    assert prices(where, library).rewrite_cost("known", 3600, 100_000) == pytest.approx(0.5)
    assert library.asked == []


def test_a_link_or_a_folder_in_its_place_costs_only_time(where: Paths, library: Library, tmp_path: Path) -> None:
    os.makedirs(where.prices)
    assert prices(where, library).rewrite_cost("known", 300, 100_000) == pytest.approx(0.5)


def test_model_names_of_transcripts_do_not_make_it_grow(where: Paths, library: Library) -> None:
    one = prices(where, library)
    for number in range(price_file.MOST_MODELS + 10):
        one.rewrite_cost(f"known-{number}", 300, 1)
    one.rewrite_cost("x" * 4096, 300, 1)
    models = json.loads(Path(where.prices).read_bytes())["models"]
    assert len(models) <= price_file.MOST_MODELS
    assert "known-59" in models


def test_the_version_is_the_installed_librarys() -> None:
    from importlib import metadata

    assert price_file.library_version() == metadata.version("genai-prices")
    assert price_file.library_version(["/nonexistent"]) is None
