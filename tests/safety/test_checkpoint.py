"""DuckDB's checkpoint writes over a block that is in use. Whatever stops it there, no row is lost.

The states that a kill or a power cut leaves are made here byte by byte: the first block partly old and partly new,
the log's last entry partly zeros.
"""

import contextlib
import os
import shutil
import stat
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from claude_session_status.claude.ingest import Ingester
from claude_session_status.errors import StoreBrokenError
from claude_session_status.model import Session
from claude_session_status.paths import Paths
from claude_session_status.store import files
from claude_session_status.store.database import LOG_BYTES, Store

pytestmark = pytest.mark.xdist_group("checkpoint")  # a worker writes its templates once

PAGE = 4096  # bytes: a write that is cut short is cut between these
BLOCK = range(12288, 12288 + 262144)  # the first one
SESSIONS = 20

# A writer that is killed at its nth statement that begins with `step`, or at its nth connect or close.
_KILLED = """
import os, sys
import _duckdb
real, killing_step, left = _duckdb.connect, sys.argv[1], int(sys.argv[2])

def step(text):
    global left
    if text.startswith(killing_step):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)

class Connection:
    def __init__(self, *arguments, **options):
        step("connect")
        self.real = real(*arguments, **options)
        step("connected")
    def __getattr__(self, name):
        return getattr(self.real, name)
    def execute(self, statement, *arguments):
        step(statement)
        return self.real.execute(statement, *arguments)
    def close(self):
        step("close")
        self.real.close()
        step("closed")

_duckdb.connect = Connection
from claude_session_status import paths
from claude_session_status.store import database
from claude_session_status.model import Session
database.Store(paths.from_environment().database).update(["new"], lambda before: [Session("new")])
"""


def killed(step: str, time: int = 1, where: Paths | None = None) -> bool:
    """Run the writer; whether it reached that step and was killed there."""
    env = os.environ | ({"CLAUDE_CONFIG_DIR": where.claude_dir} if where else {})
    return subprocess.run([sys.executable, "-c", _KILLED, step, str(time)], env=env).returncode == -9


def fill(where: Paths, least: int = LOG_BYTES) -> dict[str, Session]:
    """Write rows until a checkpoint is due, and return them."""
    database, rows, number = Store(where.database), {}, 0
    while number < 2 * SESSIONS or files.log_size(database.path) <= least:
        session = Session(f"s{number % SESSIONS}", project=f"p{number}", last_event_at=1e9 + number)
        database.update([session.session_id], lambda before, session=session: [session])  # type: ignore[misc]
        rows[session.session_id] = session
        number += 1
    return rows


Rows = dict[str, Session]
Filled = Callable[[int], Rows]
Torn = tuple[bytes, bytes]


@pytest.fixture(scope="module")
def templates() -> dict[int, tuple[Paths, Rows]]:
    """Filled databases, by the size that their log has at least: writing one takes a second."""
    return {}


@pytest.fixture
def filled(where: Paths, templates: dict[int, tuple[Paths, Rows]], tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """Does what `fill` does to the test's own folder, by copying."""

    def fill_by_copying(least: int) -> Rows:
        if least not in templates:
            template = Paths(str(tmp_path_factory.mktemp("template")))
            templates[least] = template, fill(template, least)
        template, expected = templates[least]
        shutil.copytree(template.folder, where.folder)
        return dict(expected)

    return fill_by_copying


def rows(where: Paths) -> dict[str, Session]:
    return {s.session_id: s for s in Store(where.database).load()}


def files_beside(where: Paths) -> set[str]:
    """The names of the files beside the database; "broken" stands for those that were set aside."""
    return {"broken" if ".broken-" in name else name for name in os.listdir(where.folder)} - {"status.duckdb"}


def write_next(where: Paths) -> None:
    """Write as the next hook does, which first rebuilds a broken database."""

    def write() -> None:
        Store(where.database, sleep=lambda seconds: None).update(["next"], lambda before: [Session("next")])

    try:
        write()
    except StoreBrokenError:
        assert Ingester(where, Store(where.database, sleep=lambda seconds: None)).replace_database()
        write()


# ---- without a kill ----------------------------------------------------------


def test_changes_go_to_the_log_until_a_checkpoint_is_due(filled: Filled, where: Paths) -> None:
    expected = filled(LOG_BYTES)
    before = Path(where.database).read_bytes()
    Store(where.database).load()
    assert Path(where.database).read_bytes() == before
    write_next(where)
    assert Path(where.database).read_bytes() != before
    assert 0 < files.log_size(where.database) < LOG_BYTES
    assert files_beside(where) == {"status.duckdb.wal"}
    assert rows(where) == expected | {"next": Session("next")}


def test_the_copy_is_for_its_owner_only(filled: Filled, where: Paths) -> None:
    filled(LOG_BYTES)
    os.umask(0o022)
    assert killed("CHECKPOINT")
    copies = [Path(where.folder) / name for name in os.listdir(where.folder) if ".checkpoint" in name]
    assert len(copies) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in copies} == {0o600}


def test_without_a_copy_there_is_no_checkpoint(filled: Filled, where: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = filled(LOG_BYTES)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    write_next(where)
    assert files_beside(where) == {"status.duckdb.wal"}
    assert files.log_size(where.database) > LOG_BYTES
    assert rows(where) == expected | {"next": Session("next")}


def test_duckdb_1_2_can_read_a_new_file(filled: Filled, where: Paths) -> None:
    filled(0)
    (version,) = struct.unpack("<Q", Path(where.database).read_bytes()[12:20])
    assert version == 64


# ---- torn -------------------------------------------------------------------


@pytest.fixture(scope="module")
def torn_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Paths, Torn]:
    """The database before its checkpoint and after it, with the folder that a kill in between leaves."""
    kept, where = Paths(str(tmp_path_factory.mktemp("kept"))), Paths(str(tmp_path_factory.mktemp("torn")))
    fill(where)
    write_next(where)
    fill(where)  # the second checkpoint of a file is the first that writes over a block in use
    assert killed("CHECKPOINT", where=where)
    before = Path(where.database).read_bytes()
    shutil.copytree(where.folder, kept.folder)
    write_next(where)
    assert (files_beside(where), set(rows(where))) == (
        {"status.duckdb.wal"},
        {*(f"s{n}" for n in range(SESSIONS)), "next"},
    )
    duckdb.connect(where.database).close()
    return kept, (before, Path(where.database).read_bytes())


@pytest.fixture
def torn(torn_once: tuple[Paths, Torn], where: Paths) -> Torn:
    """The database before its checkpoint and after it; the test's own folder is as a kill in between leaves it."""
    shutil.copytree(torn_once[0].folder, where.folder)
    return torn_once[1]


def overwritten(before: bytes, after: bytes) -> range:
    """The first block of the database before the checkpoint that the checkpoint writes over."""
    starts = range(BLOCK.start, len(before), len(BLOCK))
    start = next(at for at in starts if before[at : at + len(BLOCK)] != after[at : at + len(BLOCK)])
    return range(start, start + len(BLOCK))


@pytest.mark.parametrize("pages", [1, 2, 3, 10, 63])
def test_an_interrupted_checkpoint_loses_no_row(pages: int, torn: tuple[bytes, bytes], where: Paths) -> None:
    before, after = torn
    block = overwritten(before, after)
    # All other blocks are written first, to places that are not in use.
    state = after[:PAGE] + before[PAGE : block.start] + after[block.start :]
    cut = block.start + pages * PAGE
    Path(where.database).write_bytes(state[:cut] + before[cut : block.stop] + state[block.stop :])
    if pages < 5:
        with pytest.raises(StoreBrokenError, match=f"{block.start}"):
            Store(where.database).load()
    write_next(where)
    assert set(rows(where)) == {*(f"s{n}" for n in range(SESSIONS)), "next"}
    assert files_beside(where) - {"broken"} <= {"status.duckdb.wal", "ingest.lock"}


def test_a_damaged_database_never_overwrites_the_copy_of_an_interrupted_checkpoint(
    filled: Filled, where: Paths
) -> None:
    expected = filled(LOG_BYTES)
    assert killed("CHECKPOINT")
    database = Path(where.database)
    database.write_bytes(database.read_bytes()[: BLOCK.start] + bytes(len(BLOCK)))
    with pytest.raises(StoreBrokenError):
        Store(where.database).update([], lambda before: [])
    assert expected.items() <= rows_of_a_copy(where).items()
    write_next(where)
    assert set(expected) <= set(rows(where))


def rows_of_a_copy(where: Paths) -> dict[str, Session]:
    return {s.session_id: s for s in Store(files.checkpoint_copy(where.database)).load()}


@pytest.mark.parametrize("lost", [1, 8, 40, 100])
def test_a_torn_last_entry_of_the_log_loses_only_that_entry(filled: Filled, lost: int, where: Paths) -> None:
    expected = filled(0)
    write_next(where)
    log = Path(where.database + ".wal")
    log.write_bytes(log.read_bytes()[:-lost] + bytes(lost))
    with pytest.raises(StoreBrokenError, match="WAL"):
        Store(where.database).load()
    assert Ingester(where, Store(where.database, sleep=lambda seconds: None)).replace_database()
    assert rows(where) == expected
    assert files_beside(where) == {"broken", "ingest.lock"}


# ---- the first write --------------------------------------------------------


@pytest.mark.parametrize("step", ["connect", "CREATE", "COMMIT", "close", "PRAGMA", "BEGIN", "INSERT"])
def test_a_kill_while_the_file_is_made_leaves_a_whole_one_or_none(step: str, where: Paths) -> None:
    for time in (1, 2, 3):
        shutil.rmtree(where.folder, ignore_errors=True)
        if not killed(step, time):
            assert time > 1
            continue
        write_next(where)
        assert rows(where)["next"] == Session("next")
        assert files_beside(where) == {"status.duckdb.wal"}


def test_a_log_without_its_database_is_set_aside_and_not_applied_to_the_new_one(filled: Filled, where: Paths) -> None:
    filled(0)
    old = Path(where.database + ".wal").read_bytes()
    os.unlink(where.database)
    write_next(where)
    assert rows(where) == {"next": Session("next")}
    (kept,) = Path(where.folder).glob("status.duckdb.broken-*.wal")
    assert kept.read_bytes() == old


# ---- where it is rebuilt ----------------------------------------------------


class Killed(BaseException):
    """Stands for a kill: the code under test runs no further."""


def tear_log(where: Paths) -> None:
    log = Path(where.database + ".wal")
    log.write_bytes(log.read_bytes()[:-8] + bytes(8))


def rebuild(where: Paths) -> None:
    assert Ingester(where, Store(where.database, sleep=lambda seconds: None)).replace_database()


@pytest.mark.parametrize("step", ["link", "rename", "utime", "replace"])
@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_a_kill_during_the_rebuild_after_a_torn_log_loses_no_row(
    step: str, nth: int, done: bool, *, filled: Filled, where: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = filled(0)
    write_next(where)
    tear_log(where)
    real, calls = getattr(os, step), 0

    def strike(*arguments: object, **options: object) -> None:
        nonlocal calls
        calls += 1
        if calls != nth or done:
            real(*arguments, **options)
        if calls == nth:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(os, step, strike)
        try:
            rebuild(where)
        except Killed:
            pass
        else:
            assert calls < nth
    with contextlib.suppress(StoreBrokenError):
        Store(where.database).load()  # another process reads in between
    write_next(where)
    assert rows(where) == expected | {"next": Session("next")}
    assert files_beside(where) <= {"broken", "status.duckdb.wal", "ingest.lock"}


def test_a_torn_log_is_read_on_a_file_system_without_hard_links(
    filled: Filled, where: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = filled(0)
    write_next(where)
    tear_log(where)

    def refused(*_: str) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refused)
    rebuild(where)
    assert rows(where) == expected


@pytest.mark.parametrize("name", ["status.duckdb.checkpoint", "status.duckdb.checkpoint.wal", "status.duckdb.new"])
@pytest.mark.parametrize("plant", [os.link, os.symlink])
def test_a_link_under_one_of_our_names_is_not_written_through(
    filled: Filled, plant: Callable[[str, str], None], name: str, where: Paths, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    if not name.endswith(".new"):
        filled(LOG_BYTES)
    os.makedirs(where.folder, exist_ok=True)
    plant(str(secret), os.path.join(where.folder, name))
    write_next(where)
    write_next(where)
    assert secret.read_text() == "secret"
    assert rows(where)["next"] == Session("next")


def test_a_link_to_the_database_is_followed_and_its_log_lies_beside_the_real_file(where: Paths, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "status.duckdb"
    real.parent.mkdir()
    Store(str(real)).update([], lambda before: [])
    os.makedirs(where.folder)
    os.symlink(real, where.database)
    expected = fill(where)
    stamp = Store(where.database).stamp()
    write_next(where)
    assert Store(where.database).stamp() != stamp
    assert files.log_size(str(real)) < LOG_BYTES, "there was a checkpoint"
    assert os.path.islink(where.database)
    assert rows(where) == expected | {"next": Session("next")}


def test_no_checkpoint_is_made_that_would_fill_the_disk(
    filled: Filled, where: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = filled(LOG_BYTES)
    real = os.statvfs

    def nearly_full(path: str) -> os.statvfs_result:
        values = list(real(path))
        values[4] = (2 << 20) // values[1]  # free blocks for us
        return os.statvfs_result(values)

    monkeypatch.setattr(os, "statvfs", nearly_full)
    write_next(where)
    assert files.log_size(where.database) > LOG_BYTES
    assert rows(where) == expected | {"next": Session("next")}


def test_a_checkpoint_that_fails_during_the_rebuild_is_an_error_that_names_the_database(
    filled: Filled, where: Paths
) -> None:
    filled(0)
    write_next(where)
    tear_log(where)
    limited = (
        "import resource, signal, sys\n"
        "from claude_session_status import paths\n"
        "from claude_session_status.monitor import Monitor\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)\n"
        "monitor = Monitor(paths.from_environment()); monitor.poll(); print(monitor.snapshot().problem)"
    )
    for size in (100_000, 300_000, 600_000):
        done = subprocess.run([sys.executable, "-B", "-c", limited, str(size)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert where.database in done.stdout
    rebuild(where)
    assert len(rows(where)) >= SESSIONS
    assert files_beside(where) <= {"broken", "ingest.lock", "monitor.alive", "spool", "log"}
