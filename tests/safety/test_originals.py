"""An upgrade from the first versions keeps every session, with the right time left, and the old file."""

import json
import os
import stat
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from claude_session_status.paths import Paths
from claude_session_status.store import schema
from claude_session_status.store.database import Store
from safety.originals import VERSIONS, Original, why_not

ZONES = ("UTC", "America/New_York", "Asia/Kolkata")


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    reason = why_not(request.param)
    if reason:
        pytest.skip(reason)
    return str(request.param)


def status(home: Path, zone: str) -> dict[str, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "claude_session_status", "status", "--json", "--all"],
        env=os.environ | {"CLAUDE_CONFIG_DIR": str(home / ".claude"), "TZ": zone},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return {s["session_id"]: s for s in json.loads(done.stdout)["sessions"]}


@pytest.mark.parametrize("zone", ZONES)
def test_every_row_is_converted_with_the_right_time_left(version: str, zone: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    original = Original(version, home, zone)
    where = Paths(str(home / ".claude"))
    turned: dict[str, float] = {}
    original.run("mark-start", {"session_id": "opened", "cwd": "/x/opened", "project": "opened"})
    for session_id in ("turned", "ended"):
        original.run("mark-start", {"session_id": session_id, "cwd": f"/x/{session_id}", "project": session_id})
        turned[session_id] = time.time()
        original.run("mark-turn", {"session_id": session_id})
    original.run("mark-end", {"session_id": "ended"})
    os.chmod(where.folder, 0o755)  # as it left them
    os.chmod(where.database, 0o644)
    before = Path(where.database).read_bytes()

    for _ in range(2):  # the second run reads what the first has converted
        now = time.time()
        found = status(home, zone)
        assert {k: (s["cache"], s["activity"]) for k, s in found.items()} == {
            "opened": ("none", "idle"),
            "turned": ("warm", "idle"),
            "ended": ("warm", "ended"),
        }
        for session_id, at in turned.items():
            assert found[session_id]["seconds_left"] == pytest.approx(at + 300 - now, abs=2)
            assert found[session_id]["cwd"] == f"/x/{session_id}"
            assert found[session_id]["project"] == session_id

    copy = where.database + ".original"
    assert Path(copy).read_bytes() == before
    modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (where.folder, where.database, copy)]
    assert modes == [0o700, 0o600, 0o600]
    with duckdb.connect(copy, read_only=True) as db:
        assert db.execute("SELECT count(*) FROM session_status").fetchone() == (3,)


def test_every_row_is_converted_to_a_later_version_too(version: str, tmp_path: Path) -> None:
    """A made-up version, with one more migration than today's."""

    def made_up(connection: schema.Connection, written_at: float) -> None:
        schema.add_columns(connection, made_up="TEXT")

    home = tmp_path / "home"
    home.mkdir()
    original = Original(version, home, "UTC")
    original.run("mark-start", {"session_id": "old", "cwd": "/x", "project": "p"})
    where = Paths(str(home / ".claude"))
    store = Store(where.database, migrations=(*schema.MIGRATIONS, made_up))
    for _ in range(2):
        assert [(s.session_id, s.project, s.cwd) for s in store.load()] == [("old", "p", "/x")]
    with duckdb.connect(where.database, read_only=True) as db:
        assert db.execute("SELECT made_up FROM session_status").fetchall() == [(None,)]


def test_the_documented_columns_go_on_working_for_other_tools(version: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    original = Original(version, home, "UTC")
    original.run("mark-start", {"session_id": "old", "cwd": "/x", "project": "p"})
    status(home, "UTC")
    original.run("mark-turn", {"session_id": "old"})  # as another tool, which inserts and updates by name
    original.run("mark-start", {"session_id": "new", "cwd": "/y", "project": "q"})
    with duckdb.connect(str(home / ".claude/claude-session-status/status.duckdb")) as db:
        six = "session_id, project, cwd, started_at, last_turn_at, status"
        rows = db.execute(f"SELECT {six} FROM session_status ORDER BY 1").fetchall()
    assert [(r[0], r[1], r[2], r[5]) for r in rows] == [("new", "q", "/y", "active"), ("old", "p", "/x", "active")]
    assert set(status(home, "UTC")) == {"old", "new"}


def test_the_log_of_a_killed_original_is_converted_too(version: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    original = Original(version, home, "Asia/Kolkata")
    original.run("mark-start", {"session_id": "first", "project": "p"})
    killed = (
        "import os, sys; from claude_session_status import db; real = db._connect\n"
        "class Killed:\n"
        "    def __init__(self): self.real = real()\n"
        "    def execute(self, *arguments): return self.real.execute(*arguments)\n"
        "    def close(self): os.kill(os.getpid(), 9)\n"
        "db._connect = Killed\n"
        "from claude_session_status import cli; cli.main()"
    )
    subprocess.run(
        [sys.executable, "-c", killed, "mark-turn"],
        input=b'{"session_id": "second", "project": "q"}',
        env=original.environment,
    )
    database = home / ".claude/claude-session-status/status.duckdb"
    assert database.with_name("status.duckdb.wal").stat().st_size > 0
    assert set(status(home, "Asia/Kolkata")) == {"first", "second"}
    with duckdb.connect(f"{database}.original", read_only=True) as db:
        assert db.execute("SELECT count(*) FROM session_status").fetchone() == (2,)


def _made_by_hand(where: Paths, written_at: str, **local: str) -> None:
    """A file of the original with last turns at these local times, last written at `written_at` (UTC)."""
    os.makedirs(where.folder)
    with duckdb.connect(where.database) as db:
        db.execute(
            "CREATE TABLE session_status (session_id TEXT PRIMARY KEY, title TEXT, project TEXT, cwd TEXT,"
            " started_at TIMESTAMP, last_turn_at TIMESTAMP, status TEXT)"
        )
        for session_id, at in local.items():
            db.execute(
                "INSERT INTO session_status VALUES (?, NULL, 'p', '/p', '2026-10-31 12:00', ?, 'active')",
                [session_id, at],
            )
    moment = datetime.fromisoformat(f"{written_at}Z").timestamp()
    os.utime(where.database, (moment, moment))


def _last_turns(where: Paths, zone: str) -> dict[str, str]:
    program = (
        "from datetime import UTC, datetime\n"
        "from claude_session_status import paths; from claude_session_status.store import database\n"
        "for s in database.Store(paths.from_environment().database).load():\n"
        "    print(s.session_id, datetime.fromtimestamp(s.last_turn_at, UTC).strftime('%m-%dT%H:%M'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"TZ": zone}, capture_output=True, text=True, check=True
    )
    return dict(line.split() for line in done.stdout.splitlines())


def test_when_the_clocks_go_back_no_time_left_is_overstated(where: Paths) -> None:
    # New York, 2026-11-01: at 06:00 UTC the clocks go back from 02:00 to 01:00.
    _made_by_hand(
        where,
        "2026-11-01T06:40:01",
        before="2026-11-01 00:59",
        first_pass_or_second="2026-11-01 01:30",
        written_last="2026-11-01 01:40",
        after="2026-10-31 23:00",
    )
    assert _last_turns(where, "America/New_York") == {
        "before": "11-01T04:59",
        "first_pass_or_second": "11-01T05:30",  # the earlier one: less time left than there may be, never more
        "written_last": "11-01T06:40",  # the file itself says so
        "after": "11-01T03:00",
    }


def test_a_time_from_another_time_zone_is_not_in_the_future(where: Paths) -> None:
    # Written at 10:00 in Kolkata, 04:30 UTC; read in New York, where 10:00 is 15:00 UTC.
    _made_by_hand(where, "2026-11-24T04:30:00", travelled="2026-11-24 10:00")
    assert _last_turns(where, "America/New_York") == {"travelled": "11-24T04:30"}
