"""kill -9 at any moment: no event is lost, none counts twice, and the next start is clean.

To find an event that was applied twice: a second application changes nothing by design, so every column of every row
must be as after one undisturbed pass over the same notes. A log at each COMMIT counts the notes that were committed
twice, so that the test can't pass unless kills fell between a commit and the removal of its notes.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_session_status.claude import hook, payload
from claude_session_status.claude.ingest import Ingester
from claude_session_status.model import Session
from claude_session_status.monitor import Monitor
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.store.database import Store
from claude_session_status.store.files import broken_files

COMMAND = [sys.executable, "-m", "claude_session_status"]
TORN = re.compile(r"Corrupt database file: computed checksum \d+ .* in block at location \d+\. It was set aside as ")
KILLS = 200
SESSIONS = 20
LEAST = 50  # events a session

# Ingests in forked children, which start no interpreter, and kills each. Every other child is killed after a random
# time, the rest at a random step: on a busy machine most children would be killed before they do anything.
_KILLER = """
import os, random, sys, time
from claude_session_status import paths, spool
from claude_session_status.store import database
from claude_session_status.claude import ingest
where, dice = paths.from_environment(), random.Random(int(sys.argv[2]))
log = os.open(sys.argv[3], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
left, names = 0, []

def step():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), 9)

class Connection:
    def __init__(self, *arguments, **options):
        self.real = connect(*arguments, **options)

    def __getattr__(self, name):
        return getattr(self.real, name)

    def execute(self, statement, *arguments):
        result = self.real.execute(statement, *arguments)
        if statement == "COMMIT":
            os.write(log, "".join(f"{name}\\n" for name in names).encode())
            names.clear()
        step()
        return result

    def close(self):
        self.real.close()
        step()

def read(self, name, real=spool.Spool.read):
    names.append(name)
    return real(self, name)

def remove(self, name, real=spool.Spool.remove):
    real(self, name)
    step()

connect, database.duckdb.connect = database.duckdb.connect, Connection
spool.Spool.read, spool.Spool.remove = read, remove
for number in range(int(sys.argv[1])):
    by_the_clock = number % 2
    left = -1 if by_the_clock else dice.randrange(1, 40)
    child = os.fork()
    if child == 0:
        try:
            while True:
                ingest.run_alone(where)
                time.sleep(0.002)
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\\n".encode())
            os._exit(1)
    if by_the_clock:
        time.sleep(dice.uniform(0, 0.06))
        os.kill(child, 9)
    os.waitpid(child, 0)
"""
_TURNS = ("mark-start", "mark-prompt", "mark-wait", "mark-turn", "mark-prompt", "mark-turn", "mark-end")


def _write(where: Paths, kept: Path, number: int, stop: threading.Event) -> None:
    """One session: starts, works, ends and is resumed, until `stop` is set."""
    dice, spool, copy = random.Random(number), Spool(where.spool), Spool(str(kept))
    step = 0
    while step < LEAST or not stop.is_set():
        data = {"session_id": f"s{number}", "cwd": f"/x/p{number}-{step // 20}", "model": f"m{step % 3}"}
        at = round(time.time(), 6)
        note = hook.note_of(data, _TURNS[step % len(_TURNS)], at, {})
        assert note is not None
        raw = payload.encode(note)
        copy.write(raw, at)
        spool.write(raw, at)
        step += 1
        time.sleep(dice.uniform(0.05, 0.3))


def _write_turn(where: Paths, session_id: str) -> None:
    at = time.time()
    note = hook.note_of({"session_id": session_id}, "mark-turn", at, {})
    assert note is not None
    Spool(where.spool).write(payload.encode(note), at)


def _rows(where: Paths) -> dict[str, Session]:
    return {s.session_id: s for s in Store(where.database).load()}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in memory where the system has one: a kill leaves its content as well, and it is faster."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        monkeypatch.setenv("CLAUDE_CONFIG_DIR", f"{folder}/claude")
        yield Path(folder)


def test_200_kills_of_the_ingester_while_20_sessions_write_lose_and_double_no_event(quick: Path) -> None:
    where, undisturbed = Paths(f"{quick}/claude"), Paths(f"{quick}/undisturbed")
    stop, log = threading.Event(), quick / "log"
    writers = [threading.Thread(target=_write, args=(where, Path(undisturbed.spool), n, stop)) for n in range(SESSIONS)]
    for writer in writers:
        writer.start()
    try:
        done = subprocess.run(
            [sys.executable, "-c", _KILLER, str(KILLS), "7", str(log)], capture_output=True, text=True, timeout=300
        )
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert done.returncode == 0
    # The one line that is allowed: a kill tore the block that a checkpoint writes over, and the copy was used.
    torn = done.stderr.splitlines()
    assert [line for line in torn if not TORN.search(line)] == []
    written = len(os.listdir(undisturbed.spool))
    committed = Counter(log.read_text().split())
    assert written >= SESSIONS * LEAST
    assert sum(count > 1 for count in committed.values()) > 20

    last = subprocess.run([*COMMAND, "status", "--json", "--all"], capture_output=True, text=True)
    assert (last.returncode, last.stderr) == (0, "")
    assert len(json.loads(last.stdout)["sessions"]) == SESSIONS
    assert os.listdir(where.spool) == []
    left = [name for name in sorted(os.listdir(where.folder)) if not name.startswith("status.duckdb.broken-")]
    assert left == ["ingest.lock", "spool", "status.duckdb", "status.duckdb.wal"]
    assert len(broken_files(where.database)) == len(torn)
    Ingester(undisturbed, Store(undisturbed.database)).drain()
    assert _rows(where) == _rows(undisturbed)
    assert len(_rows(where)) == SESSIONS


def test_a_killed_hook_leaves_a_whole_note_or_none_and_the_other_events_arrive(where: Paths) -> None:
    dice, survivors, running = random.Random(7), set(), []
    for number in range(60):
        call = subprocess.Popen([*COMMAND, "mark-turn"], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        assert call.stdin is not None
        call.stdin.write(b'{"session_id": "s%d"}' % number)
        call.stdin.close()
        running.append((number, call))
        if number % 2:
            time.sleep(dice.uniform(0, 0.2))
            call.kill()
    for number, call in running:
        assert call.stderr is not None
        if call.wait() == 0:
            survivors.add(f"s{number}")
            assert call.stderr.read() == b""
        call.stderr.close()
    assert len(survivors) >= 30
    last = subprocess.run([*COMMAND, "status", "--json"], capture_output=True, text=True)
    assert (last.returncode, last.stderr) == (0, "")
    assert {s["session_id"] for s in json.loads(last.stdout)["sessions"]} >= survivors
    assert [name for name in os.listdir(where.spool) if not name.endswith(".tmp")] == []


def test_rows_that_a_killed_ingester_committed_are_shown_though_the_file_is_unchanged(where: Paths) -> None:
    monitor = Monitor(where)
    _write_turn(where, "before")
    monitor.look()
    _write_turn(where, "committed")
    program = (
        "import os; from claude_session_status import paths, spool\n"
        "from claude_session_status.claude import ingest\n"
        "import _duckdb; real = _duckdb.connect\n"
        "class Killed:\n"
        "    def __init__(self, *a, **k): self.real = real(*a, **k)\n"
        "    def __getattr__(self, name): return getattr(self.real, name)\n"
        "    def close(self): os.kill(os.getpid(), 9)\n"
        "_duckdb.connect = Killed\n"
        "ingest.run_alone(paths.from_environment())"
    )
    before = os.stat(where.database).st_mtime_ns
    subprocess.run([sys.executable, "-c", program])
    assert os.stat(where.database).st_mtime_ns == before
    for name in os.listdir(where.spool):  # as if it had removed them
        os.unlink(os.path.join(where.spool, name))
    monitor.look()
    assert {s.session.session_id for s in monitor.snapshot().sessions} == {"before", "committed"}


def test_a_partial_note_of_a_killed_writer_is_deleted_a_day_later(where: Paths) -> None:
    spool = Spool(where.spool)
    spool.write(b'{"kind": "turn", "session_id": "s", "at": 1}', 1.0)
    fresh, old = Path(where.spool) / "1-1-aa.tmp", Path(where.spool) / "0-1-aa.tmp"
    for path in (fresh, old):
        path.write_bytes(b'{"kind"')
    os.utime(old, (time.time() - 100_000,) * 2)
    Ingester(where, Store(where.database)).drain()
    assert os.listdir(where.spool) == [fresh.name]


def test_after_a_kill_during_the_conversion_of_an_old_file_the_next_start_converts_it(where: Paths) -> None:
    import duckdb

    os.makedirs(where.folder)
    with duckdb.connect(where.database) as db:
        db.execute(
            "CREATE TABLE session_status (session_id TEXT PRIMARY KEY, project TEXT, cwd TEXT,"
            " started_at TIMESTAMP, last_turn_at TIMESTAMP, status TEXT)"
        )
        db.execute(
            "INSERT INTO session_status SELECT i::TEXT, 'p', '/p', now()::TIMESTAMP, now()::TIMESTAMP, 'active'"
            " FROM range(300) t(i)"
        )
    original = Path(where.database).read_bytes()
    program = (
        "import os, random, sys, time\n"
        "from claude_session_status import paths; from claude_session_status.store import database\n"
        "where, dice = paths.from_environment(), random.Random(3)\n"
        "for _ in range(25):\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        database.Store(where.database).load(); os._exit(0)\n"
        "    time.sleep(dice.uniform(0, 0.12)); os.kill(child, 9); os.waitpid(child, 0)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert len(_rows(where)) == 300
    assert Path(where.database + ".original").read_bytes() == original
    expected = {"status.duckdb", "status.duckdb.wal", "status.duckdb.original"}
    leftovers = set(os.listdir(where.folder)) - expected
    assert all(n.startswith("status.duckdb.original.") for n in leftovers)  # a partial copy of a killed process
    shutil.rmtree(where.folder)
