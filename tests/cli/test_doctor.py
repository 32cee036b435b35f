"""`doctor`: what it gathers from a machine, and what it prints."""

import json
import stat
from pathlib import Path

import pytest

from claude_session_status.cli import checks, doctor, findings
from claude_session_status.cli.check_result import State
from claude_session_status.keep_warm import Order
from claude_session_status.keep_warm_orders import Orders, Versions
from claude_session_status.model import Session
from claude_session_status.paths import Paths
from claude_session_status.store.database import Store
from fakes import NOW, holding

GOOD, NOTE, BAD = State.GOOD, State.NOTE, State.BAD
KEEP_WARM = "prompt-cache-keep-warm@prompt-cache-tools"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No display, no bus, no client, a home of its own."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/nonexistent")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def test_a_machine_without_anything(where: Paths) -> None:
    report = {check.name: check.state for check in checks.all_checks(doctor.gather(where, notify=True))}
    assert report == {
        "hooks": BAD, "allowed": GOOD, "events": NOTE, "database": NOTE, "inbox": GOOD, "config": GOOD,
        "monitor": NOTE, "tray": NOTE, "notification": BAD, "autostart": NOTE, "keep-warm": GOOD,
        "versions": NOTE,
    }  # fmt: skip
    assert not Path(where.folder).exists()


def test_the_keep_warm_plugin_its_orders_and_a_version_that_missed(where: Paths) -> None:
    Path(where.settings).parent.mkdir(parents=True, exist_ok=True)
    Path(where.settings).write_text(json.dumps({"enabledPlugins": {KEEP_WARM: True}}))
    Orders(where.keep_warm).write("s", Order(NOW, NOW + 3600, 20))
    assert doctor.gather(where).keep_warm == findings.KeepWarmFindings(KEEP_WARM, orders=1)
    Versions(where.keep_warm_versions).change("2.1.332", missed_at=NOW)
    Versions(where.keep_warm_versions).change("2.1.330", kept_at=NOW)
    found = doctor.gather(where)
    assert found.keep_warm == findings.KeepWarmFindings(KEEP_WARM, orders=1, distrusted=("2.1.332",))
    Path(where.settings).write_text(json.dumps({"enabledPlugins": {KEEP_WARM: False}}))
    assert doctor.gather(where).keep_warm.plugin is None


def test_events_of_another_machines_sessions_do_not_count(where: Paths) -> None:
    there = Session("build/s", host="build", last_event_at=NOW)
    Store(where.database).update([there.session_id], lambda _: [there])
    assert doctor.gather(where).database.last_event_at is None


def test_the_command_for_alerts_is_tried_and_its_failure_shown(where: Paths, home: Path) -> None:
    Path(where.folder).mkdir(parents=True)
    program = home / "bin/push"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n/bin/cat >{home}/read\necho no such topic >&2\nexit 4\n")
    program.chmod(0o755)
    Path(where.config).write_text('on_alert = ["push"]')
    assert doctor.gather(where).alert_command == findings.AlertCommandFindings("push", exists=True, last=None)
    found = doctor.gather(where, notify=True).alert_command
    assert found.last is not None
    assert found.last.problem == "it ended with exit code 4: no such topic"
    assert json.loads((home / "read").read_text())["reason"] == "test"
    Path(where.config).write_text('on_alert = ["nowhere"]')
    assert not doctor.gather(where).alert_command.exists


def test_where_everything_is_broken_each_part_is_still_looked_at(where: Paths, home: Path) -> None:
    Path(where.spool).mkdir(parents=True)
    Path(where.spool, "00000000000000001-1-aa.json").write_text("{}\n")
    Path(where.spool, "00000000000000002-1-aa.json.refused").write_text("junk\n")
    Path(where.database).write_bytes(b"junk" * 2000)
    Path(where.config).write_text("poll_seconds = 99")
    Path(where.folder, "status.duckdb.broken-20261124").write_bytes(b"x")
    Path(where.settings).write_bytes(b"\xff")
    found = doctor.gather(where)
    assert found.hooks.inspection.problem
    assert found.database.problem is not None
    assert found.database.set_aside == ("status.duckdb.broken-20261124",)
    assert (found.inbox.notes, len(found.inbox.refused), len(found.config.problems)) == (1, 1, 1)


def test_an_unwritable_spool_folder_is_found(where: Paths) -> None:
    assert doctor.gather(where).inbox.problem is None
    Path(where.claude_dir).mkdir(exist_ok=True)
    Path(where.folder).write_text("a file in its place")
    assert doctor.gather(where).inbox.in_the_way == where.folder
    assert doctor.gather(Paths("/proc/nowhere")).inbox.problem


def test_a_client_on_path_is_asked_for_its_version(where: Paths, home: Path) -> None:
    program = home / "bin" / "claude"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho '2.1.330 (Claude Code)'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    assert doctor.gather(where).client_version == "2.1.330"
    program.write_text("#!/bin/sh\nexit 1\n")
    assert doctor.gather(where).client_version is None


def test_the_json_is_versioned(where: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.run(as_json=True, notify=False) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["schema"], report["well"]) == (1, False)
    assert set(report["checks"][0]) == {"name", "state", "meaning", "command", "details"}


def test_a_process_that_holds_the_ingest_lock_and_stands_still_is_named(where: Paths) -> None:
    assert doctor.gather(where).inbox.stalled is None
    Path(where.spool).mkdir(parents=True)
    Path(where.spool, "00000000000000001-1-aa.json").write_text("{}\n")
    with holding(where.ingest_lock) as pid:
        stalled = doctor.gather(where).inbox.stalled
    assert stalled is not None
    assert f"it holds {where.ingest_lock}" in stalled[0]
    assert f"kill -9 {pid}" in stalled[0]
