"""Root beside a user, as in a container that has that user's `~/.claude` mounted: what it makes there is the user's."""

import json
import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from claude_session_status import heartbeat, pause
from claude_session_status.claude.setup.hook_commands import Launcher
from claude_session_status.claude.setup.settings_file import SettingsFile
from claude_session_status.errors import StoreUnusableError
from claude_session_status.lock import FileLock
from claude_session_status.model import EventKind, Session
from claude_session_status.monitor import Monitor
from claude_session_status.paths import Paths
from claude_session_status.private import give_to_owner, make_private_folder, open_private
from claude_session_status.spool import Spool
from claude_session_status.store import files
from claude_session_status.store.database import LOG_BYTES, Store
from ingester import wait_for_ingester
from safety.small_disk import COMMAND

USER, GROUP = 65534, 65533

pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, whose files are at stake"
)


@pytest.fixture
def where() -> Iterator[Paths]:
    """Below a home of that user's in which Claude Code never ran. Not in pytest's folder: closed to the user."""
    with tempfile.TemporaryDirectory() as root:
        os.chmod(root, 0o755)
        home = Path(root, "home")
        home.mkdir()
        os.chown(home, USER, GROUP)
        yield Paths(str(home / ".claude"))


def not_the_users(where: Paths) -> list[str]:
    """What lies below the home and belongs to somebody else than its owner."""
    home = Path(where.claude_dir).parent
    return [str(p) for p in home.rglob("*") if (p.lstat().st_uid, p.lstat().st_gid) != (USER, GROUP)]


def as_root(where: Paths, command: str, session_id: str) -> None:
    done = subprocess.run(
        [*COMMAND, command],
        input=json.dumps({"session_id": session_id}).encode(),
        env=os.environ | {"CLAUDE_CONFIG_DIR": where.claude_dir},
        capture_output=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    wait_for_ingester(where)


def as_user(where: Paths, program: str, raw: bytes = b"") -> None:
    """Run a program as the user, which must say nothing."""
    # Not `user=`: an interpreter below a private folder could not be started by that user. What it imports comes first,
    # and for the same reason a hook ingests in its own process.
    start = (
        "import os, decimal, uuid\n"
        "from claude_session_status import config, monitor, pause\n"
        "from claude_session_status.claude import background, discovery, hook, ingest\n"
        "background.start = ingest.run_alone\n"
        f"os.setgroups([]); os.setgid({GROUP}); os.setuid({USER})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", start + program],
        input=raw,
        env=os.environ | {"CLAUDE_CONFIG_DIR": where.claude_dir, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
    )
    assert done.stderr.decode() + done.stdout.decode() == ""
    assert done.returncode == 0


def sessions(where: Paths) -> set[str]:
    return {s.session_id for s in Store(where.database).load()}


@pytest.mark.parametrize("first", ["nothing", "the client's folder", "our folder"])
def test_after_roots_hook_the_users_own_goes_on(first: str, where: Paths) -> None:
    if first != "nothing":
        Path(where.claude_dir).mkdir()
        os.chown(where.claude_dir, USER, GROUP)
    if first == "our folder":
        as_user(where, "hook.main('mark-start')", b'{"session_id": "before"}')
    as_root(where, "mark-turn", "by root")
    assert not_the_users(where) == []
    as_user(where, "hook.main('mark-turn')", b'{"session_id": "by the user"}')
    assert sessions(where) >= {"by root", "by the user"}
    assert os.listdir(where.spool) == []


def test_a_note_that_root_left_is_taken_in_by_the_users_monitor(where: Paths) -> None:
    os.makedirs(where.folder)
    for folder in (where.claude_dir, where.folder):
        os.chown(folder, USER, GROUP)
    Path(where.monitor_alive).touch()
    as_root(where, "mark-turn", "by root")
    assert sessions(where) == set()
    os.unlink(where.monitor_alive)
    as_user(where, "hook.main('mark-turn')", b'{"session_id": "by the user"}')
    assert sessions(where) == {"by root", "by the user"}


def test_after_roots_monitor_the_users_own_goes_on(where: Paths) -> None:
    monitor = Monitor(where)
    monitor.poll()
    monitor.submit(EventKind.MUTE, "s")
    monitor.poll()
    pause.write(where.pause, time.time() + 3600)
    assert os.path.exists(where.monitor_alive)
    assert not_the_users(where) == []
    theirs = f"monitor.Monitor(monitor.Paths({where.claude_dir!r}))"
    as_user(where, f"m = {theirs}; m.poll(); assert m.problem is None, m.problem; m.close()")
    as_user(where, f"pause.write({where.pause!r}, None)")


def test_what_a_killed_writer_leaves_beside_the_database_is_the_users(where: Paths) -> None:
    """A log stays also where a disk is full."""
    program = (
        "import os, sys; from claude_session_status.store.database import Store, duckdb\n"
        "from claude_session_status.model import Session\n"
        "connect = duckdb.connect\n"
        "def no_checkpoint(*a, **o):\n"
        "    c = connect(*a, **o); c.execute('PRAGMA disable_checkpoint_on_shutdown'); return c\n"
        "duckdb.connect = no_checkpoint\n"
        "Store(sys.argv[1]).update(['s'], lambda before: [Session('s')])"
    )
    subprocess.run([sys.executable, "-c", program, where.database], check=True)
    assert os.path.exists(where.database + ".wal")
    assert not_the_users(where) == []


def test_after_a_checkpoint_of_roots_and_while_it_is_killed_in_one_all_is_the_users(where: Paths) -> None:
    store, number = Store(where.database), 0
    while files.log_size(where.database) <= LOG_BYTES:
        number += 1
        store.update(["s"], lambda before, number=number: [Session("s", project=f"p{number}" * 20)])  # type: ignore[misc]
    assert not_the_users(where) == []
    program = (
        "import os, sys; from claude_session_status.store.database import Store, duckdb\n"
        "connect = duckdb.connect\n"
        "class Killed:\n"
        "    def __init__(self, *a, **o): self.real = connect(*a, **o)\n"
        "    def __getattr__(self, name): return getattr(self.real, name)\n"
        "    def execute(self, said, *a):\n"
        "        done = self.real.execute(said, *a)\n"
        "        if said == sys.argv[2]: os.kill(os.getpid(), 9)\n"
        "        return done\n"
        "duckdb.connect = Killed\n"
        "Store(sys.argv[1]).update([], lambda before: [])"
    )
    for statement in ("BEGIN", "COMMIT"):
        done = subprocess.run([sys.executable, "-c", program, where.database, statement])
        assert done.returncode == -9
        assert not_the_users(where) == []
        as_user(where, "hook.main('mark-turn')", b'{"session_id": "by the user"}')
    assert files.log_size(where.database) < LOG_BYTES, "there was a checkpoint"


def test_the_copy_of_an_old_database_is_the_users(where: Paths) -> None:
    make_private_folder(where.folder)
    Path(where.database).write_bytes(b"old")
    os.chown(where.database, USER, GROUP)
    files.keep_copy(where.database, where.database + ".original")
    assert not_the_users(where) == []


def test_settings_and_what_is_kept_of_them_are_the_users(where: Paths) -> None:
    assert SettingsFile(where).install(Launcher("/usr/bin/claude-session-status")).after
    assert {p.name for p in Path(where.claude_dir).iterdir()} >= {"settings.json", "claude-session-status"}
    assert not_the_users(where) == []


def test_what_the_status_line_remembers_is_the_users(where: Paths) -> None:
    cache = {"expires_at": int(time.time()) + 200, "ttl": "5m", "recache_tokens_if_cold": 9}
    done = subprocess.run(
        [*COMMAND, "statusline"],
        input=json.dumps({"session_id": "s", "prompt_cache": cache}).encode(),
        env=os.environ | {"CLAUDE_CONFIG_DIR": where.claude_dir},
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert os.listdir(where.statusline) == ["s"]
    assert not_the_users(where) == []


@pytest.mark.parametrize(
    "use",
    [
        lambda path: FileLock(path).acquire(),
        lambda path: open_private(path, os.O_WRONLY | os.O_TRUNC),
        lambda path: heartbeat.beat(path, 1.0),
    ],
    ids=["lock", "write", "heartbeat"],
)
@pytest.mark.parametrize("plant", [os.link, os.symlink])
def test_a_planted_name_of_a_file_of_roots_is_refused_and_the_file_stays_as_it_is(
    plant: Callable[[str, str], None], use: Callable[[str], object], where: Paths
) -> None:
    home = Path(where.claude_dir).parent
    secret = home.parent / "of-root"
    secret.write_text("secret")
    before = secret.stat()
    plant(str(secret), str(home / "planted"))
    with pytest.raises(OSError, match=r"another user|symbolic link"):
        use(str(home / "planted"))
    after = secret.stat()
    assert (secret.read_text(), after.st_uid, after.st_mtime_ns) == ("secret", 0, before.st_mtime_ns)


@pytest.mark.parametrize("plant", [os.mkdir, lambda path: os.symlink("/tmp", path)], ids=["folder", "link"])
def test_root_refuses_a_folder_that_a_user_planted_among_roots_own(plant: Callable[[str], None], where: Paths) -> None:
    root = Path(where.claude_dir).parent.parent
    plant(str(root / "folder"))
    os.lchown(root / "folder", USER, GROUP)
    with pytest.raises(PermissionError, match="another user"):
        Spool(str(root / "folder")).write(b"x", 1.0)
    assert Spool(str(root / "folder")).names() == []


def _planted(where: Paths, target: str, plant: Callable[[str, str], None]) -> None:
    """Let the user put a second name, or a link, to what lies at `target` in the place of the database."""
    make_private_folder(where.folder)
    plant(target, where.database)
    if plant is os.symlink:
        os.lchown(where.database, USER, GROUP)


@pytest.mark.parametrize(
    ("plant", "target"),
    [
        (os.link, "a database"),
        (os.link, "a text"),
        (os.symlink, "a database"),
        (os.symlink, "a text"),
        (os.symlink, "nothing"),
    ],
)
def test_root_uses_no_database_that_a_user_planted(
    plant: Callable[[str, str], None], target: str, where: Paths
) -> None:
    """Not to read it, not to write to it, and not to set it aside or make a new one in its place."""
    outside = Path(where.claude_dir).parent.parent / "outside"
    outside.mkdir()
    roots = outside / "roots.duckdb"
    if target == "a database":
        Store(str(roots)).update([], lambda _: [Session("of root")])
        duckdb.connect(str(roots)).close()  # a checkpoint: all is in one file
    elif target == "a text":
        roots.write_text("secret")
    before = {path.name: path.read_bytes() for path in outside.iterdir()}
    _planted(where, str(roots), plant)
    store = Store(where.database, sleep=lambda seconds: None)

    def write() -> None:
        store.update([], lambda _: [Session("another")])

    def renew() -> None:
        store.renew(time.time(), list)

    for use in (store.load, write, renew):
        with pytest.raises(StoreUnusableError, match="another user"):
            use()
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == before
    done = subprocess.run(
        [*COMMAND, "mark-turn"],
        input=b'{"session_id": "s"}',
        env=os.environ | {"CLAUDE_CONFIG_DIR": where.claude_dir},
        capture_output=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    wait_for_ingester(where)
    assert len(os.listdir(where.spool)) == 1
    monitor = Monitor(where)
    monitor.look()
    assert "another user" in str(monitor.snapshot().problem)
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == before
    assert not roots.exists() or roots.stat().st_uid == 0


def test_a_log_that_a_user_planted_is_not_followed(where: Paths) -> None:
    secret = Path(where.claude_dir).parent.parent / "of-root"
    secret.write_text("secret")
    as_root(where, "mark-turn", "s")
    os.unlink(where.database + ".wal")
    os.symlink(secret, where.database + ".wal")
    with pytest.raises(StoreUnusableError, match="not a regular file"):
        Store(where.database).update([], lambda _: [])
    assert secret.read_text() == "secret"


def test_the_users_own_link_to_a_database_works_for_that_user(where: Paths) -> None:
    home = Path(where.claude_dir).parent
    as_user(
        where,
        "from claude_session_status.store.database import Store; from claude_session_status.model import Session\n"
        f"os.mkdir({str(home / 'dotfiles')!r}, 0o755); os.makedirs({where.folder!r})\n"
        f"os.symlink({str(home / 'dotfiles/real.duckdb')!r}, {where.database!r})\n"
        f"Store({where.database!r}).update([], lambda _: [Session('theirs')])\n"
        f"assert [s.session_id for s in Store({where.database!r}).load()] == ['theirs']",
    )
    assert os.path.islink(where.database)
    assert sorted(os.listdir(home / "dotfiles")) == ["real.duckdb", "real.duckdb.wal"]
    assert stat.S_IMODE(os.stat(home / "dotfiles").st_mode) == 0o755  # it holds other things as well


@pytest.mark.parametrize("plant", [os.link, os.symlink])
def test_what_was_put_in_the_place_of_what_root_made_is_not_given_away(
    plant: Callable[[str, str], None], where: Paths
) -> None:
    home = Path(where.claude_dir).parent
    secret = home.parent / "of-root"
    secret.write_text("secret")
    plant(str(secret), str(home / "made"))
    give_to_owner(str(home / "made"), str(home))
    assert secret.stat().st_uid == 0


def test_where_root_may_give_nothing_away_the_event_is_kept_all_the_same(
    where: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container without that right, or a server that takes root for nobody."""

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", refused)
    name = Spool(where.spool).write(b"x", 1.0)
    assert Spool(where.spool).read(name) == b"x\n"
