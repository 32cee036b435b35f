"""Until when notifications are paused: one time in a file."""

import os
from pathlib import Path

import pytest

from claude_session_status import pause
from claude_session_status.paths import Paths


def test_it_is_kept_privately_and_taken_back(where: Paths) -> None:
    assert pause.read(where.pause) is None
    pause.write(where.pause, 1_800_000_000.25)
    assert pause.read(where.pause) == 1_800_000_000.25
    assert os.listdir(where.folder) == ["paused-until"]
    if os.name == "posix":
        assert os.stat(where.pause).st_mode & 0o777 == 0o600
    pause.write(where.pause, None)
    pause.write(where.pause, None)
    assert pause.read(where.pause) is None


@pytest.mark.parametrize("text", [b"", b"soon", b"nan", b"inf", b"\xff", b"1e999", b"9" * 1000])
def test_what_can_not_be_read_is_no_pause(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "paused-until"
    path.write_bytes(text)
    until = pause.read(str(path))
    assert until is None or until > 1e60  # so far ahead that the rules do not believe it
