"""A process that holds the tray's lock: seen, started apart from us, and ended."""

import os
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from claude_session_status.cli import tray_process
from claude_session_status.lock import FileLock, is_held
from claude_session_status.paths import Paths
from claude_session_status.private import make_private_folder

HOLDER = (
    "import sys, time\n"
    "from claude_session_status.cli import tray_process\n"
    "from claude_session_status.lock import FileLock\n"
    "lock = FileLock(sys.argv[1]); lock.acquire(); tray_process.write_pid(sys.argv[1]); print('held', flush=True)\n"
    "time.sleep(60)\n"
)


@pytest.fixture
def lock(where: Paths) -> str:
    make_private_folder(where.folder)
    return where.tray_lock


@pytest.fixture
def holders() -> Iterator[list[psutil.Process]]:
    """Processes that a test started and that are gone after it."""
    started: list[psutil.Process] = []
    yield started
    for process in started:
        process.kill()
        process.wait(10)


def hold(lock: str, name: str) -> "subprocess.Popen[bytes]":
    """A process with `name` as its last word, which holds the lock."""
    words = [sys.executable, "-c", HOLDER, lock]
    process = subprocess.Popen([*words, "claude-session-status", name], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"held"
    process.stdout.close()
    return process


def test_a_tray_that_runs_is_seen_and_ended(lock: str) -> None:
    with open(lock, "wb") as file:
        file.write(b"\x001234567890\n")  # of an earlier tray
    assert not is_held(lock)
    with hold(lock, "tray") as tray:
        assert is_held(lock)
        assert tray_process.stop(lock)
        assert tray.wait(10) != 0
    assert not is_held(lock)


def test_another_program_whose_id_is_in_the_file_is_not_ended(lock: str) -> None:
    with hold(lock, "watch") as other:
        assert not tray_process.stop(lock)
        assert other.poll() is None
        other.kill()


@pytest.mark.parametrize(
    ("words", "tray"),
    [
        (["/x/bin/python", "-E", "-m", "claude_session_status", "tray"], True),
        (["/x/bin/claude-session-status", "tray"], True),
        (["/Applications/Claude Session Status.app/Contents/MacOS/claude-session-status-tray"], True),
        (["C:\\x\\claude-session-status-tray.exe"], True),
        (["/x/bin/claude-session-status", "watch"], False),
        (["/x/other", "tray"], False),
        ([], False),
    ],
)
def test_which_process_is_a_tray(words: list[str], tray: bool) -> None:
    assert tray_process.is_tray(words) is tray


@pytest.mark.parametrize("content", [b"", b"\0", b"\0nonsense\n", b"\0-1\n", b"\0999999999\n"])
def test_a_lock_without_an_id_that_means_anything_ends_nothing(lock: str, content: bytes) -> None:
    with open(lock, "wb") as file:
        file.write(content)
    assert tray_process.stop(lock), "nobody holds it"
    held = FileLock(lock)
    assert held.acquire()
    assert not tray_process.stop(lock)
    held.release()


def test_a_tray_is_started_in_a_session_of_its_own_and_waited_for(lock: str, holders: list[psutil.Process]) -> None:
    words = [sys.executable, "-c", HOLDER, lock, "claude-session-status", "tray"]
    assert tray_process.start(words, {"CLAUDE_CONFIG_DIR": "/x"}, lock)
    with open(lock, "rb") as file:
        tray = psutil.Process(int(file.read()[1:]))
    holders.append(tray)
    assert tray.environ()["CLAUDE_CONFIG_DIR"] == "/x"
    assert os.getsid(tray.pid) == tray.pid, "closing our terminal does not end it"


def test_a_tray_that_ends_before_it_shows_anything_is_a_failure(lock: str) -> None:
    assert not tray_process.start([sys.executable, "-c", "raise SystemExit(1)"], {}, lock)
