"""The history in the terminal, as lines of cells."""

import pytest

from claude_session_status.cli import table
from claude_session_status.cli.history_table import lines
from claude_session_status.costs.summary import By, Summary
from claude_session_status.paths import Paths
from claude_session_status.text_width import columns_of
from costs.conversations import Ask, history, write

NAMES = ("web-shop", "shop-🛒👍🏽", "تحسين-صفحة-الدفع", "データ分析", "a-project-with-a-name-longer-than-any-room")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    folder = tmp_path_factory.mktemp("history")
    for number, name in enumerate(NAMES):
        asks = [Ask(0, wrote_5m=100_000 + number * 20_000), Ask(900, wrote_5m=101_000 + number * 20_000)]
        write(folder / "projects" / f"-{number}" / f"{number}.jsonl", asks, folder=f"/home/me/{name}")
    return history(Paths(str(folder)))


@pytest.mark.parametrize("by", [By.PROJECT, By.SESSION])
@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_numbers_stay_in_their_columns_whatever_the_names_are(found: Summary, by: By, width: int) -> None:
    drawn = lines(found, by, width)
    head = next(number for number, line in enumerate(drawn) if line.cells and line.cells[0].text == by.value.upper())
    rows = drawn[head + 1 : head + 1 + len(NAMES)]
    ends = {tuple(cell.at + len(cell.text) for cell in row.cells[1:4]) for row in drawn[head : head + 1 + len(NAMES)]}
    assert len(ends) == 1
    assert all(columns_of(row.cells[0].text) < row.cells[1].at for row in rows)
    assert {len(row.cells) for row in rows} == {5 if width >= 72 else 4}  # with a bar
    assert all(columns_of(table.plain(line)) <= width for line in drawn)


def test_the_plot_names_its_first_and_last_day(found: Summary) -> None:
    texts = [table.plain(line) for line in lines(found, By.CAUSE, 100)]
    assert "Tokens rebuilt each day" in texts
    assert not [line for line in lines(found, By.DAY, 100) if table.plain(line) == "Tokens rebuilt each day"]
