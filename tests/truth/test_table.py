"""The table of truth: whatever happened to a session, a user is told what is so, within a second.

Each row is judged through the real `status --json`. The rows are in the files beside this one, told in words that
story.py explains; a new case is a new line there. Every story is told twice: as it happens, each hook at work alone;
and late, the notes backwards and each of them twice. For what a user is shown must not depend on who looked when.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_session_status.paths import Paths
from truth import rows_activity, rows_cache, rows_client, rows_clock, rows_countdown, rows_files
from truth.story import OURS, Row, Stage

TABLE = [
    *rows_countdown.ROWS,
    *rows_cache.ROWS,
    *rows_activity.ROWS,
    *rows_files.ROWS,
    *rows_clock.ROWS,
    *rows_client.ROWS,
]
WITHIN_SECONDS = 1.0
TELLINGS = {"as it happens": Stage.live, "late and backwards": Stage.backwards}


@pytest.fixture
def stage(tmp_path: Path, where: Paths, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    for name in ("CLAUDE_PID", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_PROJECT_DIR"):
        monkeypatch.setenv(name, "")  # what a story sets is unset after it
    stage = Stage(tmp_path, where)
    yield stage
    stage.close()


@pytest.mark.parametrize(
    ("telling", "row"),
    [
        pytest.param(telling, row, id=f"{row.name}, told {telling}")
        for row in TABLE
        for telling in TELLINGS
        if telling == "as it happens" or not row.only_live
    ],
)
def test_a_user_is_told_what_is_so(telling: str, row: Row, stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    if row.config:
        Path(stage.where.folder).mkdir(parents=True)
        Path(stage.where.config).write_text(row.config)
    TELLINGS[telling](stage, row.story)
    told = stage.status(everything=row.everything)
    expected = {OURS: (row.cache, row.activity, row.left), **row.others} if row.cache else row.others
    assert {name: (s["cache"], s["activity"], _near(s["seconds_left"])) for name, s in told.items()} == expected
    assert {key: told[OURS][key] for key in row.also} == row.also if row.also else True
    assert capfd.readouterr().err == "", "nothing to complain of"


def _near(left: float | None) -> object:
    return None if left is None else pytest.approx(left, abs=WITHIN_SECONDS)


def test_no_two_rows_have_one_name() -> None:
    names = [row.name for row in TABLE]
    assert len(names) == len(set(names))
