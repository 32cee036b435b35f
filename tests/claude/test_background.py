"""The detached ingester: one at a time, out of the client's reach, and whatever the environment is."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from claude_session_status import notes
from claude_session_status.claude import background
from claude_session_status.lock import FileLock
from claude_session_status.model import Event, EventKind
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.store.database import Store
from fakes import NOW
from ingester import wait_until_applied

COMMAND = [sys.executable, "-m", "claude_session_status"]
RAW = b'{"session_id": "s", "cwd": "/x/y"}'

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="what it does on Windows is tested in tests/windows")


def sessions(where: Paths) -> set[str]:
    wait_until_applied(where)
    return {s.session_id for s in Store(where.database).load()}


def test_nothing_is_lost_when_the_clients_process_group_is_killed_right_after_the_hook(where: Paths) -> None:
    script = f'"{sys.executable}" -m claude_session_status mark-turn; kill -9 0'
    done = subprocess.run(["sh", "-c", script], input=RAW, start_new_session=True)
    assert done.returncode == -signal.SIGKILL
    assert sessions(where) == {"s"}


def test_a_killed_ingester_loses_no_note(where: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []
    spawn = os.posix_spawn
    monkeypatch.setattr(os, "posix_spawn", lambda *a, **k: started.append(spawn(*a, **k)))
    Spool(where.spool).write(notes.encode(Event(EventKind.TURN, "s", NOW)), NOW)
    background.start(where)
    os.kill(started[0], signal.SIGKILL)
    os.waitpid(started[0], 0)
    assert len(Spool(where.spool).names()) == 1
    subprocess.run([*COMMAND, "mark-turn"], input=b'{"session_id": "t"}', check=True)
    assert sessions(where) == {"s", "t"}


def test_of_24_hooks_at_once_one_starts_the_ingester_and_all_rows_come(where: Paths) -> None:
    running = [subprocess.Popen([*COMMAND, "mark-turn"], stdin=subprocess.PIPE) for _ in range(24)]
    for number, process in enumerate(running):
        assert process.stdin is not None
        process.stdin.write(json.dumps({"session_id": f"s{number}"}).encode())
        process.stdin.close()
    assert {process.wait() for process in running} == {0}
    assert sessions(where) == {f"s{number}" for number in range(24)}


def test_while_another_process_ingests_none_is_started(where: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    monkeypatch.setattr(os, "posix_spawn", lambda *a, **k: started.append(a))
    os.makedirs(where.folder)
    lock = FileLock(where.ingest_lock)
    assert lock.acquire()
    background.start(where)
    assert started == []
    lock.release()
    background.start(where)
    assert len(started) == 1


def test_the_lock_is_held_from_the_hook_to_the_ingester(where: Paths) -> None:
    """The hook is gone when `run` returns; from then on the lock is never free until the note is applied."""
    subprocess.run([*COMMAND, "mark-turn"], input=RAW, check=True)
    while Spool(where.spool).names():
        lock = FileLock(where.ingest_lock)
        if lock.acquire():
            assert not Spool(where.spool).names()
            lock.release()
    assert sessions(where) == {"s"}


def test_the_client_waits_for_no_pipe_of_the_ingesters(where: Paths) -> None:
    """Also not for one that a hook inherited by mistake: the ingester closes all but the lock."""
    reader, writer = os.pipe()
    with subprocess.Popen(
        [*COMMAND, "mark-turn"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=[writer],
    ) as process:
        os.close(writer)
        output = process.communicate(RAW)
    assert output == (b"", b"")
    assert os.read(reader, 1) == b""
    os.close(reader)
    assert sessions(where) == {"s"}


@pytest.mark.parametrize(
    "odd",
    [
        {"PYTHONPATH": "TRAP"},
        {"PYTHONPATH": ":/nonexistent"},
        {"PYTHONHOME": "/nonexistent"},
        {"PYTHONWARNINGS": "error"},
        {"PYTHONINSPECT": "1"},
        {"PYTHONHASHSEED": "x"},
        {"PYTHONIOENCODING": "bogus"},
        {"PYTHONUTF8": "7"},
        {"PYTHONDEVMODE": "1"},
        {"LC_ALL": "xx_YY.foo", "LANG": "zz"},
        {"TZ": "Bogus/Zone"},
    ],
    ids=lambda odd: next(iter(odd)) + "=" + next(iter(odd.values())),
)
def test_whatever_the_environment_the_row_comes_and_no_code_of_the_project_runs(
    odd: dict[str, str], where: Paths, tmp_path: Path
) -> None:
    """The hook itself starts with `-E -P`, as the installed command line does; so must the ingester."""
    trap = tmp_path / "trap"
    trap.mkdir()
    for module in ("json", "re", "duckdb", "enum", "logging", "datetime", "sitecustomize", "claude_session_status"):
        (trap / f"{module}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    environment = os.environ | {key: value.replace("TRAP", str(trap)) for key, value in odd.items()}
    hook = [sys.executable, "-E", "-P", *COMMAND[1:], "mark-turn"]
    done = subprocess.run(hook, input=RAW, env=environment, cwd=trap, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert sessions(where) == {"s"}
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("closing", ["2>&-", ">&- 2>&-", "</dev/stdin >&- 2>&-"])
def test_the_lock_is_handed_over_also_where_streams_are_closed(closing: str, where: Paths) -> None:
    line = f'"{sys.executable}" -m claude_session_status mark-turn {closing}'
    assert subprocess.run(["sh", "-c", line], input=RAW).returncode == 0
    assert sessions(where) == {"s"}


def test_a_frozen_program_starts_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert background._launcher() == [sys.executable]


def test_an_unknown_interpreter_is_an_error_with_words(where: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    os.makedirs(where.folder)
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(OSError, match="interpreter is unknown"):
        background.start(where)
    assert FileLock(where.ingest_lock).acquire()  # nobody is kept out


def test_an_ingester_that_hangs_ends_and_frees_the_lock(where: Paths) -> None:
    program = (
        "import sys, time; from claude_session_status.claude import background, ingest\n"
        "background.LONGEST_SECONDS = 1\n"
        "ingest.run_alone = lambda paths, lock: time.sleep(60)\n"
        "background.main([sys.argv[1], '-1'])"
    )
    done = subprocess.run([sys.executable, "-c", program, where.claude_dir], timeout=30)
    assert done.returncode == -signal.SIGALRM
