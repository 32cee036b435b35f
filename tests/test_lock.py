"""One holder at a time, in this process and in others, and none left behind by a killed one."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from claude_session_status.lock import FileLock
from claude_session_status.lock_holder import holder_of

_HOLD = """
import sys
from claude_session_status.lock import FileLock
print(FileLock(sys.argv[1]).acquire(), flush=True)
sys.stdin.read()
"""


def _holder(path: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", _HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    first, second = FileLock(str(tmp_path / "lock")), FileLock(str(tmp_path / "lock"))
    assert first.acquire()
    assert not first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()
    second.release()


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    with _holder(path) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        assert not FileLock(path).acquire()
        other.kill()
        other.wait()
        mine = FileLock(path)
        assert mine.acquire()
        mine.release()


@pytest.mark.skipif(sys.platform != "linux", reason="psutil reads /proc there")
def test_without_proc_no_holder_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    assert holder_of(str(tmp_path / "ingest.lock")) is None
