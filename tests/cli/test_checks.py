"""The checks of `doctor`, as tables of what was gathered and what is said of it."""

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_session_status.claude.setup import inspection
from claude_session_status.claude.setup.hook_commands import Launcher
from claude_session_status.claude.setup.inspection import Inspection, inspect
from claude_session_status.claude.setup.plan import Step, plan_install
from claude_session_status.cli import checks, doctor
from claude_session_status.cli.checks import Check, Findings, State
from claude_session_status.paths import Paths
from fakes import NOW

OWN = Launcher("/opt/claude-session-status")
EVENTS = ("SessionStart", "UserPromptSubmit", "Stop", "StopFailure", "Notification", "SessionEnd")
KEPT = Inspection(launchers=(OWN,), steps=dict.fromkeys(EVENTS, Step.KEPT))
WELL = Findings(
    now=NOW,
    settings_path="/s/settings.json",
    settings_changed_at=NOW - 9000,
    hooks=KEPT,
    last_event_at=NOW - 90,
    last_transcript_at=NOW - 80,
    database="/s/status.duckdb",
    database_exists=True,
    sessions=3,
    spool="/s/spool",
    config="/s/config.toml",
    monitor_runs=True,
    tray_runs=True,
    route="D-Bus (StatusNotifierItem)",
    notification_way="D-Bus (org.freedesktop.Notifications)",
    autostart_place="/s/x.desktop",
    autostart_on=True,
    client_version="2.1.330",
    versions={"claude-session-status": "1.0.0", "DuckDB": "2.0.1"},
)
PLUGIN = "prompt-cache-countdown@tools"
WITH_INVALID = replace(KEPT, invalid_items=("PreToolUse[0] is no object",))
BY_PLUGIN = Inspection(plugin=PLUGIN)
GOOD, NOTE, BAD = State.GOOD, State.NOTE, State.BAD
INSTALL = "claude-session-status install-hooks"


def steps(**changed: Step) -> dict[str, Any]:
    return {"hooks": replace(KEPT, steps={**KEPT.steps, **changed})}


@pytest.mark.parametrize(
    ("check", "changed", "state", "says", "command"),
    [
        (checks.check_hooks, {}, GOOD, "6 of them start /opt/claude-session-status", ""),
        (checks.check_hooks, steps(statusLine=Step.KEPT) , GOOD, "6 of them start", ""),
        (checks.check_hooks, {"hooks": replace(KEPT, status_line=True)}, GOOD, "and the status line", ""),
        (checks.check_hooks, {"hooks": Inspection(), "last_event_at": None}, BAD, "none in /s/settings.json", INSTALL),
        (checks.check_hooks, {"hooks": Inspection(), "last_event_at": NOW - 999}, BAD, "none in", INSTALL),
        (checks.check_hooks, {"hooks": Inspection()}, NOTE, "from a plugin", ""),
        (checks.check_hooks, {"hooks": Inspection(), "settings_changed_at": NOW - 60}, BAD, "none in", INSTALL),
        (checks.check_hooks, {"hooks": BY_PLUGIN, "plugin_command": "/p/x"},
            GOOD, "plugin prompt-cache-countdown@tools has them, and starts /p/x", ""),
        (checks.check_hooks, {"hooks": BY_PLUGIN}, BAD, "finds no claude-session-status on PATH or where", INSTALL),
        (checks.check_hooks, {"hooks": replace(KEPT, plugin=PLUGIN), "plugin_command": "/p/x"},
            GOOD, f"6 of them start /opt/claude-session-status; the plugin {PLUGIN} has them too", ""),
        (checks.check_hooks, {"hooks": replace(KEPT, plugin=PLUGIN), "missing_programs": ("/gone",)},
            BAD, "start /gone", INSTALL),
        (checks.check_fired, {"hooks": BY_PLUGIN, "last_event_at": None}, BAD, "no hook fired", "/hooks"),
        (checks.check_hooks, {"hooks": Inspection(problem="not JSON")}, BAD, "/s/settings.json: not JSON", INSTALL),
        (checks.check_hooks, {"missing_programs": ("/gone",)}, BAD, "start /gone, which is not there", INSTALL),
        (checks.check_hooks, steps(Stop=Step.REPAIRED),
            BAD, "not in the form that fires, or not ours alone: Stop", INSTALL),
        (checks.check_hooks, steps(PostToolUse=Step.REMOVED), BAD, "PostToolUse", INSTALL),
        (checks.check_hooks, steps(SessionEnd=Step.ADDED), BAD, "missing: SessionEnd", INSTALL),
        (checks.check_hooks, {"obeys_environment": True},
            NOTE, "start /opt/claude-session-status, which a PYTHON variable can make lose an event", INSTALL),
        (checks.check_hooks, {"hooks": WITH_INVALID, "last_event_at": None},
            BAD, "PreToolUse[0] is no object, for which Claude Code may skip the whole file", "Give each group"),
        (checks.check_hooks, {"hooks": WITH_INVALID},
            NOTE, "may skip the whole file", "Give each group"),
        (checks.check_allowed, {}, GOOD, "nothing keeps", ""),
        (checks.check_allowed, {"hooks": replace(KEPT, disabled=True)}, BAD, "disableAllHooks", "Take it out of /s/"),
        (checks.check_allowed, {"forbidden_by": "/etc/m.json"}, BAD, "/etc/m.json lets no hook", "Ask your admin"),
        (checks.check_fired, {}, GOOD, "the last one came 1m 30s ago", ""),
        (checks.check_fired, {"last_event_at": None, "last_transcript_at": None}, NOTE, "none yet", ""),
        (checks.check_fired, {"last_event_at": NOW - 5000}, BAD, "used 1m 20s ago, and no hook fired", "/hooks"),
        (checks.check_fired, {"last_event_at": None}, BAD, "no hook fired", "/hooks"),
        (checks.check_fired, {"last_event_at": None, "settings_changed_at": NOW - 60}, NOTE, "none yet", ""),
        (checks.check_fired, {"hooks": Inspection(), "last_event_at": None}, NOTE, "none yet", ""),
        (checks.check_database, {}, GOOD, "opens, 3 sessions", ""),
        (checks.check_database, {"sessions": 1}, GOOD, "opens, 1 session", ""),
        (checks.check_database, {"database_exists": False}, NOTE, "made with the first event", ""),
        (checks.check_database, {"database_problem": ("can't be read", "Move it away")},
            BAD, "can't be", "Move it away"),
        (checks.check_database, {"set_aside": ("status.duckdb.broken-1",)},
            NOTE, "set aside", "rm /s/status.duckdb.broken-1"),
        (checks.check_database, {"set_aside": ("b",), "platform": "win32"}, NOTE, "set aside", 'del "/s/b"'),
        (checks.check_spool, {}, GOOD, "nothing waits", ""),
        (checks.check_spool, {"notes": 2, "oldest_note_at": NOW - 5}, GOOD, "2 events wait", ""),
        (checks.check_spool, {"notes": 2, "oldest_note_at": NOW - 3700}, BAD,
            "2 events wait, the oldest since 1h 1m; nothing is lost", "claude-session-status status"),
        (checks.check_spool, {"notes": 1, "oldest_note_at": NOW - 5}, GOOD, "1 event waits", ""),
        (checks.check_spool, {"spool_problem": "Permission denied"},
            BAD, "hooks can't write to /s/spool (Permission denied), so events are lost", "Give the folder"),
        (checks.check_spool, {"refused": 3}, NOTE, "3 notes could not be read", "rm /s/spool/*.refused"),
        (checks.check_config, {}, GOOD, "defaults; /s/config.toml is not there", ""),
        (checks.check_config, {"config_exists": True}, GOOD, "/s/config.toml", ""),
        (checks.check_config, {"config_problems": ("a", "b")}, BAD, "a; b", "Edit /s/config.toml"),
        (checks.check_monitor, {}, GOOD, "a tray is running", ""),
        (checks.check_monitor, {"tray_runs": False},
            BAD, "only a table or a bar's module is running, and they notify nobody", "claude-session-status tray"),
        (checks.check_monitor, {"tray_runs": False, "has_display": False}, NOTE, "there is no display", ""),
        (checks.check_monitor, {"monitor_runs": False, "has_display": False},
            BAD, "no display to notify you on", "claude-session-status watch"),
        (checks.check_monitor, {"monitor_runs": False}, BAD, "nobody notifies you", "claude-session-status tray"),
        (checks.check_monitor, {"monitor_runs": False, "monitor_at": NOW - 60},
            BAD, "one stopped 1m 0s ago without", "tray"),
        (checks.check_tray, {}, GOOD, "by D-Bus", ""),
        (checks.check_tray, {"route_reason": "No panel takes tray icons yet"}, BAD, "No panel", "AppIndicator"),
        (checks.check_tray, {"route": None, "route_reason": "x", "has_display": False},
            NOTE, "no icon: x", "watch"),
        (checks.check_tray, {"route": None, "route_reason": "x"}, BAD, "no icon: x", "watch"),
        (checks.check_notification, {}, GOOD, "by D-Bus", ""),
        (checks.check_notification, {"notification_way": None}, BAD, "no service", "such as dunst"),
        (checks.check_notification, {"notification_way": None, "has_display": False}, NOTE, "no display", ""),
        (checks.check_notification, {"notified": (("D-Bus", "unavailable", False), ("plyer", "unconfirmed", True))},
            GOOD,
            "sent by D-Bus: unavailable; plyer: unconfirmed", ""),
        (checks.check_notification, {"notified": (("D-Bus", "failed", False),)},
            BAD, "none could be sent: D-Bus: failed", "Start a notif"),
        (checks.check_notification, {"notified": ()}, BAD, "none could be sent: there is no way here", "Start a notif"),
        (checks.check_autostart, {}, GOOD, "on: /s/x.desktop", ""),
        (checks.check_autostart, {"autostart_on": False}, NOTE, "off", "claude-session-status autostart on"),
        (checks.check_autostart, {"autostart_missing": "/gone"},
            BAD, "starts /gone, which is not there", "autostart on"),
        (checks.check_versions, {}, GOOD, "claude-session-status 1.0.0, DuckDB 2.0.1, Claude Code 2.1.330", ""),
        (checks.check_versions, {"client_version": None}, NOTE, "Claude Code is not on PATH", ""),
    ],
)  # fmt: skip
def test_what_is_said(
    check: Callable[[Findings], Check], changed: dict[str, Any], state: State, says: str, command: str
) -> None:
    told = check(replace(WELL, **changed))
    assert told.state is state
    assert says in told.meaning
    assert command in told.command
    if state is BAD:
        assert told.command


def test_all_is_well_only_when_nothing_is_bad() -> None:
    report = checks.all_checks(WELL)
    assert {check.state for check in report} == {GOOD}
    assert checks.is_well(report)
    assert checks.as_lines(report)[-1] == "All is well."
    one_bad = checks.all_checks(replace(WELL, monitor_runs=False))
    assert not checks.is_well(one_bad)
    assert checks.as_lines(one_bad)[-1] == "1 thing is not well."
    assert "-> claude-session-status tray" in "\n".join(checks.as_lines(one_bad))
    noted = checks.all_checks(replace(WELL, autostart_on=False))
    assert checks.is_well(noted)


def test_a_program_on_path_and_one_by_its_path() -> None:
    there = {"/x/a"}.__contains__
    assert checks.is_there("/x/a", there, lambda name: None)
    assert not checks.is_there("/x/b", there, lambda name: "/x/b")
    assert checks.is_there("a", there, lambda name: "/x/a")
    assert not checks.is_there("a", there, lambda name: None)


class TestInspection:
    def test_ours(self) -> None:
        found = inspect(plan_install("{}", OWN, status_line=True).after, OWN)
        assert found.programs == (OWN.program,)
        assert set(found.steps) == {*EVENTS, "statusLine"}
        assert (set(found.steps.values()), found.status_line, found.disabled) == ({Step.KEPT}, True, False)

    @pytest.mark.parametrize(
        "other",
        [
            Launcher("/elsewhere/my tools/claude-session-status"),
            Launcher("/usr/bin/python3", ("-P", "-m", "claude_session_status")),
            Launcher(r"C:\x\claude-session-status.exe", direct=True),
        ],
        ids=["another copy", "by the module", "without a shell"],
    )
    def test_another_copy_of_ours_is_as_right(self, other: Launcher) -> None:
        found = inspect(plan_install("{}", other).after, OWN)
        assert found.launchers == (other,)
        assert set(found.steps.values()) == {Step.KEPT}

    def test_dead_and_missing_hooks(self) -> None:
        flat = '{"hooks": {"Stop": [{"type": "command", "command": "claude-session-status mark-turn"}]}}'
        found = inspect(flat, OWN)
        assert found.programs == ("claude-session-status",)
        assert found.steps["Stop"] is Step.REPAIRED
        assert found.steps["SessionEnd"] is Step.ADDED

    def test_several_programs_are_named(self) -> None:
        text = plan_install("{}", OWN).after or ""
        found = inspect(text.replace("/opt/claude-session-status mark-end", "claude-session-status mark-end"), OWN)
        assert found.programs == (OWN.program, "claude-session-status")
        assert found.steps["SessionEnd"] is Step.REPAIRED

    @pytest.mark.parametrize("text", [None, "", "\n", "{}", '{"hooks": {}}'])
    def test_nothing_of_ours(self, text: str | None) -> None:
        assert inspect(text, OWN).programs == ()

    def test_what_cannot_be_read(self) -> None:
        assert "a comment" in (inspect("// x\n{}", OWN).problem or "")

    def test_switched_off(self) -> None:
        assert inspect('{"disableAllHooks": true}', OWN).disabled

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        inspect(text, OWN)
        inspection.forbidding_file([("settings", text)])


FORBIDS, ALLOWS = '{"disableAllHooks": true}', '{"disableAllHooks": false}'


@pytest.mark.parametrize(
    ("texts", "forbidding"),
    [
        ([FORBIDS], 0),
        (['{"allowManagedHooksOnly": true}'], 0),
        (["{}", FORBIDS], 1),
        ([FORBIDS, "{}"], 0),
        ([FORBIDS, ALLOWS], None),  # the last file that has the key decides
        ([ALLOWS, FORBIDS], 1),
        ([FORBIDS, '{"allowManagedHooksOnly": false}'], 0),
        (["\ufeff" + FORBIDS], 0),
        ([FORBIDS, "nonsense"], 0),
        ([], None),
        (["{}"], None),
        (["[]"], None),
        (["nonsense"], None),
    ],
)
def test_what_an_administrator_forbids(texts: list[str], forbidding: int | None) -> None:
    named = [(f"file {number}", text) for number, text in enumerate(texts)]
    assert inspection.forbidding_file(named) == (None if forbidding is None else f"file {forbidding}")


@pytest.mark.parametrize(("name", "is_read"), [("20-x.json", True), (".20-x.json", False), ("20-x.json.bak", False)])
def test_which_drop_ins_of_an_administrator_are_read(name: str, is_read: bool) -> None:
    assert inspection.is_drop_in(name) is is_read


def test_the_version_of_the_client() -> None:
    assert inspection.version_in("2.1.330 (Claude Code)\n") == "2.1.330"
    assert inspection.version_in("what?") is None


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_where_an_administrator_writes(platform: str) -> None:
    assert all(path.lower().endswith(("claudecode", "claude-code")) for path in inspection.managed_folders(platform))


class TestGathering:
    @pytest.fixture(autouse=True)
    def home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """No display, no bus, no client, a home of its own."""
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_CONFIG_HOME"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("XDG_RUNTIME_DIR", "/nonexistent")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        return tmp_path

    def test_on_a_machine_without_anything(self, where: Paths) -> None:
        report = {check.name: check.state for check in checks.all_checks(doctor.gather(where, notify=True))}
        assert report == {
            "hooks": BAD, "allowed": GOOD, "events": NOTE, "database": NOTE, "inbox": GOOD, "config": GOOD,
            "monitor": BAD, "tray": NOTE, "notification": BAD, "autostart": NOTE, "versions": NOTE,
        }  # fmt: skip
        assert not Path(where.folder).exists()

    def test_with_everything_broken(self, where: Paths, home: Path) -> None:
        Path(where.spool).mkdir(parents=True)
        Path(where.spool, "00000000000000001-1-aa.json").write_text("{}\n")
        Path(where.spool, "00000000000000002-1-aa.json.refused").write_text("junk\n")
        Path(where.database).write_bytes(b"junk" * 2000)
        Path(where.config).write_text("poll_seconds = 99")
        Path(where.folder, "status.duckdb.broken-20261124").write_bytes(b"x")
        Path(where.settings).write_bytes(b"\xff")
        facts = doctor.gather(where)
        assert facts.hooks.problem
        assert facts.database_problem is not None
        assert facts.set_aside == ("status.duckdb.broken-20261124",)
        assert (facts.notes, facts.refused, len(facts.config_problems)) == (1, 1, 1)

    def test_a_folder_that_takes_no_note_is_found_out(self, where: Paths) -> None:
        assert doctor.gather(where).spool_problem is None
        Path(where.claude_dir).mkdir(exist_ok=True)
        Path(where.folder).write_text("a file in its place")
        assert doctor.gather(where).spool_problem == f"{where.folder} is no folder"
        assert doctor.gather(Paths("/proc/nowhere")).spool_problem

    def test_a_client_on_path_is_asked_for_its_version(self, where: Paths, home: Path) -> None:
        program = home / "bin" / "claude"
        program.parent.mkdir()
        program.write_text("#!/bin/sh\necho '2.1.330 (Claude Code)'\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        assert doctor.gather(where).client_version == "2.1.330"
        program.write_text("#!/bin/sh\nexit 1\n")
        assert doctor.gather(where).client_version is None

    def test_the_json_is_versioned(self, where: Paths, capsys: pytest.CaptureFixture[str]) -> None:
        assert doctor.run(as_json=True, notify=False) == 1
        told = json.loads(capsys.readouterr().out)
        assert (told["schema"], told["well"]) == (1, False)
        assert set(told["checks"][0]) == {"name", "state", "meaning", "command"}
