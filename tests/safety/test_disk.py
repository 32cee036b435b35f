"""A full disk, a read-only folder, a power cut: hooks return at once and name the folder, and no data is lost."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_session_status.claude import hook, hook_table, payload
from claude_session_status.claude.ingest import Ingester
from claude_session_status.monitor import Monitor
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.store.database import Store
from fakes import NOW
from ingester import wait_for_ingester, wait_until_applied
from safety.small_disk import COMMAND, Disk, can_mount, small_disk

HOOKS = sorted(hook_table.COMMANDS)


KINDS = ("simulated", "mounted") if can_mount() else ("simulated, since nothing can be mounted here",)


@pytest.fixture(params=KINDS)
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk", "2m", mounted=request.param == "mounted") as small:
        yield small


def paths_on(disk: Disk) -> Paths:
    return Paths(str(disk.root / "claude"))


def sessions(disk: Disk) -> set[str]:
    done = disk.run("status", "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    return {s["session_id"] for s in json.loads(done.stdout)["sessions"]}


def assert_returned_at_once(done: "subprocess.CompletedProcess[bytes]", named: str) -> None:
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr.count(b"\n") == 1
    assert named.encode() in done.stderr
    assert b"Traceback" not in done.stderr


class TestFull:
    @pytest.mark.parametrize("command", HOOKS)
    def test_a_hook_names_the_folder_and_changes_nothing(self, command: str, disk: Disk) -> None:
        where = paths_on(disk)
        disk.run("mark-turn", raw=b'{"session_id": "before"}')
        wait_until_applied(where)
        os.makedirs(where.folder, exist_ok=True)
        before = Path(where.database).read_bytes()
        disk.fill()
        done = disk.run(command, raw=b'{"session_id": "s"}')
        wait_for_ingester(where)
        assert_returned_at_once(done, where.folder)
        assert Path(where.database).read_bytes() == before
        assert [n for n in os.listdir(where.spool) if n.endswith(".tmp")] == []  # and no partial note
        assert list(Path(where.folder).glob("*.broken-*")) == []
        disk.free()
        assert sessions(disk) >= {"before"}

    def test_a_note_waits_while_the_database_has_no_room(self, disk: Disk) -> None:
        where = paths_on(disk)
        disk.run("mark-turn", raw=b'{"session_id": "before"}')
        wait_until_applied(where)
        notes = {f"s{number}" for number in range(3)}
        for session_id in sorted(notes):
            note = hook.note_of({"session_id": session_id, "cwd": "/x" * 2000}, "mark-turn", time.time(), {})
            assert note is not None
            Spool(where.spool).write(payload.encode(note), time.time())
        disk.fill()
        done = disk.run("status", room=4096)
        assert done.returncode == 0
        assert where.folder.encode() in done.stderr
        assert b"Traceback" not in done.stderr
        assert len(os.listdir(where.spool)) == 3
        assert list(Path(where.folder).glob("*.broken-*")) == []
        disk.free()
        assert sessions(disk) == {"before", *notes}
        assert os.listdir(where.spool) == []

    def test_the_original_database_is_unchanged_where_its_copy_does_not_fit(self, disk: Disk) -> None:
        import duckdb

        where = paths_on(disk)
        os.makedirs(where.folder)
        with duckdb.connect(where.database) as db:
            db.execute(
                "CREATE TABLE session_status (session_id TEXT PRIMARY KEY, project TEXT, cwd TEXT,"
                " started_at TIMESTAMP, last_turn_at TIMESTAMP, status TEXT)"
            )
            db.execute("INSERT INTO session_status VALUES ('old', 'p', '/p', now(), now(), 'active')")
        before = Path(where.database).read_bytes()
        disk.fill()
        done = disk.run("status", room=4096)
        assert done.returncode == 1
        assert where.folder.encode() in done.stderr
        assert b"Traceback" not in done.stderr
        assert Path(where.database).read_bytes() == before
        assert sorted(os.listdir(where.folder)) == ["status.duckdb"]
        disk.free()
        assert sessions(disk) == {"old"}
        assert Path(where.database + ".original").read_bytes() == before

    def test_the_monitor_shows_the_problem_and_goes_on(self, disk: Disk) -> None:
        where = paths_on(disk)
        disk.run("mark-turn", raw=b'{"session_id": "before"}')
        wait_until_applied(where)
        monitor = Monitor(where)
        monitor.poll()
        # Long, since a short one finds room in the last block of the database's log.
        note = hook.note_of({"session_id": "s", "cwd": "/x" * 4000}, "mark-turn", time.time(), {})
        assert note is not None
        Spool(where.spool).write(payload.encode(note), time.time())
        disk.fill()
        with disk.full_for_this_process(0):
            monitor.poll()
        shot = monitor.snapshot()
        assert [s.session.session_id for s in shot.sessions] == ["before"]
        assert where.folder in str(shot.problem)
        disk.free()
        monitor.poll()
        assert {s.session.session_id for s in monitor.snapshot().sessions} == {"before", "s"}
        assert monitor.snapshot().problem is None


class TestReadOnly:
    @pytest.mark.parametrize("command", ["mark-prompt", "mark-end"])
    @pytest.mark.parametrize("started", [True, False])
    def test_a_hook_names_the_folder_and_changes_nothing(self, started: bool, command: str, disk: Disk) -> None:
        where = paths_on(disk)
        if started:
            disk.run("mark-turn", raw=b'{"session_id": "before"}')
            wait_until_applied(where)
            before = Path(where.database).read_bytes()
        disk.lock()
        done = disk.run(command, raw=b'{"session_id": "s"}')
        assert_returned_at_once(done, where.spool)
        status = disk.run("status", "--json")
        if started:
            assert Path(where.database).read_bytes() == before
            assert [s["session_id"] for s in json.loads(status.stdout)["sessions"]] == ["before"]
        assert b"Traceback" not in status.stderr
        disk.unlock()
        disk.run(command, raw=b'{"session_id": "later"}')
        assert "later" in {
            s["session_id"] for s in json.loads(disk.run("status", "--json", "--all").stdout)["sessions"]
        }


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, to become another user")
def test_the_folder_of_another_user_is_named() -> None:
    with tempfile.TemporaryDirectory() as root:  # a folder that the other user can enter
        os.chmod(root, 0o755)
        where = Paths(f"{root}/claude")
        environment = os.environ | {"CLAUDE_CONFIG_DIR": where.claude_dir, "PYTHONDONTWRITEBYTECODE": "1"}
        subprocess.run([*COMMAND, "mark-turn"], input=b'{"session_id": "s"}', env=environment, check=True)
        wait_until_applied(where)
        os.chmod(where.folder, 0o755)
        # Not `user=`: an interpreter below a private folder could not be started by that user.
        program = "import os; os.setuid(65534); from claude_session_status.claude import hook; hook.main('mark-turn')"
        done = subprocess.run(
            [sys.executable, "-c", f"from claude_session_status.claude import hook, ingest; {program}"],
            input=b'{"session_id": "s"}',
            env=environment,
            capture_output=True,
        )
        assert_returned_at_once(done, where.spool)
        assert b"Permission denied" in done.stderr
        assert os.listdir(where.spool) == []


def test_a_spool_that_can_not_be_used_is_named_beside_the_rows(where: Paths) -> None:
    subprocess.run([*COMMAND, "mark-turn"], input=b'{"session_id": "s"}', check=True)
    wait_until_applied(where)
    os.rmdir(where.spool)
    Path(where.spool).touch()
    done = subprocess.run([*COMMAND, "status", "--json"], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["problem"].startswith(f"{where.spool} can't be used (Not a directory), so events are lost")
    assert [session["session_id"] for session in found["sessions"]] == ["s"]


class TestPowerCut:
    """After one, a file may have any part of its bytes, zeros in their place, or none; its name it may have already."""

    NOTE = payload.encode({"kind": "turn", "session_id": "s", "at": NOW, "cwd": "/x/y"})

    @pytest.mark.parametrize("filled", [b"", b"\0"], ids=["cut", "zeros"])
    def test_a_note_of_any_length_is_read_completely_or_not_at_all(self, filled: bytes, where: Paths) -> None:
        for length in range(len(self.NOTE) + 1):
            Spool(where.spool).write(b"x", NOW)  # makes the folder
            name = f"{int(NOW * 1e6):017d}-{length}-aa.json"
            cut = self.NOTE[:length]
            (Path(where.spool) / name).write_bytes(cut + filled * (len(self.NOTE) - length))
        spool = Spool(where.spool)
        read = {name: spool.read(name) for name in spool.names() if name.endswith("-aa.json")}
        assert set(read.values()) == {b"", self.NOTE}
        assert sum(raw == self.NOTE for raw in read.values()) == 1

    def test_a_cut_note_is_refused_and_the_others_are_applied(self, where: Paths) -> None:
        Spool(where.spool).write(self.NOTE, NOW)
        for number, content in enumerate((b"", self.NOTE[:20], bytes(len(self.NOTE)))):
            (Path(where.spool) / f"0000000000000000{number}-1-aa.json").write_bytes(content)
        Ingester(where, Store(where.database)).drain()
        assert [s.session_id for s in Store(where.database).load()] == ["s"]
        assert all(name.endswith(".refused") for name in os.listdir(where.spool))
