"""The table of truth: whatever happened to a session, `status --json` shows the right state, within a second.

The rows are in the files beside this one, in the vocabulary of story.py; a new case is a new row there. Every story is
played in two ways: as it happens, where each hook runs alone, and late, where the notes arrive backwards and each of
them twice. The result must not depend on when the notes are applied.
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
WAYS = {"as it happens": Stage.live, "late and backwards": Stage.backwards}


@pytest.fixture
def stage(tmp_path: Path, where: Paths, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    for name in ("CLAUDE_PID", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_PROJECT_DIR"):
        monkeypatch.setenv(name, "")  # a story may set it; this unsets it again
    stage = Stage(tmp_path, where)
    yield stage
    stage.close()


@pytest.mark.parametrize(
    ("way", "row"),
    [
        pytest.param(way, row, id=f"{row.name}, {way}")
        for row in TABLE
        for way in WAYS
        if way == "as it happens" or not row.only_live
    ],
)
def test_status_shows_what_happened(way: str, row: Row, stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    if row.config:
        Path(stage.where.folder).mkdir(parents=True)
        Path(stage.where.config).write_text(row.config)
    WAYS[way](stage, row.story)
    shown = stage.status(everything=row.everything)
    expected = {OURS: (row.cache, row.activity, row.left), **row.others} if row.cache else row.others
    assert {name: (s["cache"], s["activity"], _near(s["seconds_left"])) for name, s in shown.items()} == expected
    assert {key: shown[OURS][key] for key in row.also} == row.also if row.also else True
    assert capfd.readouterr().err == "", "status printed an error"


def _near(left: float | None) -> object:
    return None if left is None else pytest.approx(left, abs=WITHIN_SECONDS)


def test_no_two_rows_have_one_name() -> None:
    names = [row.name for row in TABLE]
    assert len(names) == len(set(names))
