"""The database is opened only where it is one, for its owner only, and with nothing else in reach."""

import os
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from claude_session_status.errors import StoreBrokenError
from claude_session_status.model import Session
from claude_session_status.paths import Paths
from claude_session_status.store import connection, files
from claude_session_status.store.database import LOG_BYTES, Store

# ---- what is not a regular file ---------------------------------------------


def _socket(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path)


def _link_to_a_fifo(path: str) -> None:
    os.mkfifo(f"{path}.fifo")
    os.symlink(f"{path}.fifo", path)


KINDS: dict[str, Callable[[str], None]] = {
    "FIFO": os.mkfifo,
    "folder": os.mkdir,
    "device": lambda path: os.symlink("/dev/zero", path),
    "socket": _socket,
    "link to a FIFO": _link_to_a_fifo,
}

# What a monitor, a hook and a repair do; in a process of its own, which can be ended where one blocks.
_USE = """
from claude_session_status import paths
from claude_session_status.errors import SessionStatusError
from claude_session_status.model import Session
from claude_session_status.store.database import Store
store = Store(paths.from_environment().database, sleep=lambda seconds: None)
for use in (
    store.load,
    lambda: store.select(["s"]),
    lambda: store.update(["s"], lambda before: [Session("s")]),
    lambda: store.renew(1e9, list),
):
    try:
        use()
    except SessionStatusError as error:
        print(type(error).__name__, error)
"""


def use(where: Paths) -> list[str]:
    done = subprocess.run([sys.executable, "-c", _USE], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("name", ["status.duckdb", "status.duckdb.wal"])
def test_what_is_not_a_regular_file_is_refused_at_once(
    name: str, make: Callable[[str], None], where: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "status.duckdb.wal":
        Store(where.database).update([], lambda before: [Session("s")])
        os.unlink(where.database + ".wal")
    os.makedirs(where.folder, exist_ok=True)
    monkeypatch.chdir(where.folder)  # a socket's path may not be long
    make(name)
    lines = use(where)
    assert len(lines) == 4
    for line in lines:
        assert line.startswith("StoreUnusableError")
        assert os.path.join(where.folder, name) in line
        assert "not a regular file. Move it away" in line
    assert files.set_aside(where.database) == []


@pytest.mark.parametrize("name", ["checkpoint", "checkpoint.wal", "new", "rebuilt", "original"])
def test_a_fifo_under_a_name_of_ours_blocks_nothing(name: str, where: Paths) -> None:
    os.makedirs(where.folder)
    os.mkfifo(f"{where.database}.{name}")
    assert use(where) == []
    assert [s.session_id for s in Store(where.database).load()] == ["s"]


def test_a_database_of_another_user_is_refused(where: Paths) -> None:
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("needs root, to make a file of another user")
    Store(where.database).update([], lambda before: [Session("s")])
    os.chown(where.database, 65534, 65534)
    lines = use(where)
    assert len(lines) == 4
    assert all("belongs to another user. Move it away" in line for line in lines)


# ---- what is not a DuckDB database ------------------------------------------


def _sqlite(path: str) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE t (a)")
    db.commit()
    db.close()


FOREIGN: dict[str, Callable[[str], object]] = {
    "SQLite": _sqlite,
    "Parquet": lambda path: Path(path).write_bytes(b"PAR1" + bytes(5000) + b"PAR1"),
    "CSV": lambda path: Path(path).write_text("a,b\n1,2\n"),
    "JSON": lambda path: Path(path).write_text('[{"a": 1}]'),
    "text with a DuckDB inside": lambda path: Path(path).write_bytes(b"        DUC" + bytes(5000)),
}


@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN)
def test_a_file_of_another_kind_is_never_opened_by_duckdb_and_set_aside(
    make: Callable[[str], None], where: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    os.makedirs(where.folder)
    make(where.database)
    content = Path(where.database).read_bytes()
    store = Store(where.database, sleep=lambda seconds: None)
    with pytest.raises(StoreBrokenError, match="not a DuckDB database"):
        store.load()
    aside = store.renew(1e9, lambda readable: [Session("s")])
    assert aside is not None
    assert Path(aside.path).read_bytes() == content
    assert store.load() == [Session("s")]
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("statement", ["INSTALL sqlite", "LOAD sqlite", "ATTACH 'other.db'", "COPY x TO 'other.csv'"])
@pytest.mark.parametrize("read_only", [True, False])
def test_no_connection_reaches_an_extension_or_another_file(statement: str, read_only: bool, where: Paths) -> None:
    Store(where.database).update([], lambda before: [])
    opened = connection.connect(where.database, read_only=read_only)
    with pytest.raises(duckdb.PermissionException):
        opened.execute(statement.replace("x TO", "session_status TO"))
    for setting in ("autoinstall_known_extensions", "autoload_known_extensions", "enable_external_access"):
        assert opened.execute(f"SELECT current_setting('{setting}')").fetchone() == (False,)
    opened.close()


# ---- for its owner only, without the umask ----------------------------------


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_all_files_are_their_owners_whatever_the_umask(umask: int, where: Paths) -> None:
    program = (
        "import os, sys; os.umask(int(sys.argv[1]))\n"
        "from claude_session_status import paths\n"
        "from claude_session_status.model import Session\n"
        "from claude_session_status.store import files\n"
        "from claude_session_status.store.database import LOG_BYTES, Store\n"
        "def refused(mask): raise AssertionError('the umask was changed')\n"
        "os.umask = refused\n"
        "database = paths.from_environment().database\n"
        "store = Store(database, sleep=lambda seconds: None)\n"
        "while files.log_size(database) <= LOG_BYTES:\n"
        "    store.update([], lambda before: [Session(os.urandom(8).hex(), title='x' * 2000)])\n"
        "store.update([], lambda before: []); store.load()\n"
    )
    subprocess.run([sys.executable, "-c", program, str(umask)], check=True)
    assert files.log_size(where.database) < LOG_BYTES, "there was a checkpoint"
    _all_private(where)
    damaged = Path(where.database)
    damaged.write_bytes(b"junk" * 2000)
    program += "store.renew(1e9, lambda readable: [Session('s')])\n"
    program = program.replace("while files.log_size(database) <= LOG_BYTES", "while False")
    program = program.replace("store.update([], lambda before: []); store.load()\n", "")
    subprocess.run([sys.executable, "-c", program, str(umask)], check=True)
    assert len(files.broken_files(where.database)) == 1
    _all_private(where)


def _all_private(where: Paths) -> None:
    modes = {name: stat.S_IMODE(os.stat(Path(where.folder, name)).st_mode) for name in os.listdir(where.folder)}
    assert modes == dict.fromkeys(modes, 0o600)
    assert stat.S_IMODE(os.stat(where.folder).st_mode) == 0o700


def test_nothing_that_a_killed_process_left_under_the_new_ones_name_stays(where: Paths) -> None:
    os.makedirs(where.database + ".new")
    Path(where.database + ".new", "status.duckdb").write_bytes(b"half")
    Path(where.database + ".new", "status.duckdb.wal").write_bytes(b"half")
    Store(where.database).update([], lambda before: [Session("s")])
    assert set(os.listdir(where.folder)) == {"status.duckdb", "status.duckdb.wal"}
