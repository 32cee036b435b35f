"""The checks of `doctor`: tables of findings and of the line that each gives."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from claude_session_status.alert_command import Result
from claude_session_status.claude.setup.hook_commands import Launcher
from claude_session_status.claude.setup.inspection import Inspection
from claude_session_status.claude.setup.plan import Step
from claude_session_status.cli import check_result, checks, findings
from claude_session_status.cli.check_result import Check, State
from claude_session_status.cli.findings import Findings
from claude_session_status.model import HostConnection, HostState
from claude_session_status.words import clock
from fakes import NOW

OWN = Launcher("/opt/claude-session-status")
EVENTS = ("SessionStart", "UserPromptSubmit", "Stop", "StopFailure", "Notification", "SessionEnd")
KEPT = Inspection(launchers=(OWN,), steps=dict.fromkeys(EVENTS, Step.KEPT))
WELL = Findings(
    now=NOW,
    hooks=findings.HookFindings(
        settings_path="/s/settings.json",
        settings_changed_at=NOW - 9000,
        inspection=KEPT,
        last_transcript_at=NOW - 80,
    ),
    database=findings.DatabaseFindings("/s/status.duckdb", exists=True, sessions=3, last_event_at=NOW - 90),
    inbox=findings.InboxFindings("/s/spool"),
    config=findings.ConfigFindings("/s/config.toml"),
    monitor=findings.MonitorFindings(runs=True, tray_runs=True),
    desktop=findings.DesktopFindings(
        route="D-Bus (StatusNotifierItem)", notification_way="D-Bus (org.freedesktop.Notifications)"
    ),
    autostart=findings.AutostartFindings("/s/x.desktop", is_on=True),
    client_version="2.1.330",
    versions={"claude-session-status": "1.0.0", "DuckDB": "2.0.1"},
)
PLUGIN = "prompt-cache-countdown@tools"
KEEP_WARM = "prompt-cache-keep-warm@prompt-cache-tools"
ENABLED = {"keep_warm.plugin": KEEP_WARM}
WITH_INVALID = replace(KEPT, invalid_items=("PreToolUse[0] is no object",))
DIRECT = {"hooks.inspection": replace(KEPT, launchers=(replace(OWN, direct=True),))}  # as on Windows
BY_PLUGIN = Inspection(plugin=PLUGIN)
GOOD, NOTE, BAD = State.GOOD, State.NOTE, State.BAD
INSTALL = "claude-session-status install-hooks"


def steps(**changed: Step) -> dict[str, Any]:
    return {"hooks.inspection": replace(KEPT, steps={**KEPT.steps, **changed})}


def well_but(changed: dict[str, Any]) -> Findings:
    """All is well but for these, each named as `part.field`."""
    found = WELL
    for name, value in changed.items():
        part, _, field = name.rpartition(".")
        found = replace(found, **{part: replace(getattr(found, part), **{field: value})} if part else {field: value})
    return found


@pytest.mark.parametrize(
    ("check", "changed", "state", "says", "command"),
    [
        (checks.check_hooks, {}, GOOD, "6 hooks run /opt/claude-session-status", ""),
        (checks.check_hooks, steps(statusLine=Step.KEPT), GOOD, "6 hooks run", ""),
        (
            checks.check_hooks,
            {"hooks.inspection": replace(KEPT, status_line=True)},
            GOOD,
            "6 hooks and the status line run",
            "",
        ),
        (
            checks.check_hooks,
            {"hooks.inspection": Inspection(), "database.last_event_at": None},
            BAD,
            "none in /s/settings.json",
            INSTALL,
        ),
        (
            checks.check_hooks,
            {"hooks.inspection": Inspection(), "database.last_event_at": NOW - 999},
            BAD,
            "none in",
            INSTALL,
        ),
        (checks.check_hooks, {"hooks.inspection": Inspection()}, NOTE, "probably from a plugin", ""),
        (
            checks.check_hooks,
            {"hooks.inspection": Inspection(), "hooks.settings_changed_at": NOW - 60},
            BAD,
            "none in",
            INSTALL,
        ),
        (
            checks.check_hooks,
            {"hooks.inspection": BY_PLUGIN, "hooks.plugin_command": "/p/x"},
            GOOD,
            "plugin prompt-cache-countdown@tools has them and runs /p/x",
            "",
        ),
        (
            checks.check_hooks,
            {"hooks.inspection": BY_PLUGIN},
            BAD,
            "finds no claude-session-status on PATH or where",
            INSTALL,
        ),
        (
            checks.check_hooks,
            {"hooks.inspection": replace(KEPT, plugin=PLUGIN), "hooks.plugin_command": "/p/x"},
            GOOD,
            f"6 hooks run /opt/claude-session-status; the plugin {PLUGIN} has them too",
            "",
        ),
        (
            checks.check_hooks,
            {"hooks.inspection": replace(KEPT, plugin=PLUGIN), "hooks.missing_programs": ("/gone",)},
            BAD,
            "run /gone",
            INSTALL,
        ),
        (
            checks.check_events,
            {"hooks.inspection": BY_PLUGIN, "database.last_event_at": None},
            BAD,
            "no hook fired",
            "/hooks",
        ),
        (
            checks.check_hooks,
            {"hooks.inspection": Inspection(problem="not JSON")},
            BAD,
            "/s/settings.json: not JSON",
            INSTALL,
        ),
        (checks.check_hooks, {"hooks.missing_programs": ("/gone",)}, BAD, "run /gone, which does not exist", INSTALL),
        (
            checks.check_hooks,
            steps(Stop=Step.REPAIRED),
            BAD,
            "in a form that Claude Code does not run, or mixed with other commands: Stop",
            INSTALL,
        ),
        (checks.check_hooks, steps(PostToolUse=Step.REMOVED), BAD, "PostToolUse", INSTALL),
        (checks.check_hooks, steps(SessionEnd=Step.ADDED), BAD, "missing: SessionEnd", INSTALL),
        (
            checks.check_hooks,
            {"hooks.obeys_environment": True},
            NOTE,
            "run /opt/claude-session-status, which loses events under some PYTHON variables",
            INSTALL,
        ),
        (
            checks.check_hooks,
            {"hooks.inspection": WITH_INVALID, "database.last_event_at": None},
            BAD,
            "PreToolUse[0] is no object, for which Claude Code may skip the whole file",
            "Give each group",
        ),
        (checks.check_hooks, {"hooks.inspection": WITH_INVALID}, NOTE, "may skip the whole file", "Give each group"),
        (checks.check_allowed, {}, GOOD, "hooks are enabled", ""),
        (
            checks.check_allowed,
            {"hooks.inspection": replace(KEPT, disabled=True)},
            BAD,
            "disableAllHooks",
            "Remove it from /s/",
        ),
        (
            checks.check_allowed,
            {"hooks.forbidden_by": "/etc/m.json"},
            BAD,
            "/etc/m.json disables your hooks",
            "Ask your admin",
        ),
        (checks.check_events, {}, GOOD, "the last one arrived 1m 30s ago", ""),
        (checks.check_events, {"database.last_event_at": None, "hooks.last_transcript_at": None}, NOTE, "none yet", ""),
        (
            checks.check_events,
            {"database.last_event_at": NOW - 5000},
            BAD,
            "used 1m 20s ago, and no hook fired",
            "/hooks",
        ),
        (checks.check_events, {"database.last_event_at": None}, BAD, "no hook fired", "/hooks"),
        (
            checks.check_events,
            {"database.last_event_at": None, "hooks.settings_changed_at": NOW - 60},
            NOTE,
            "none yet",
            "",
        ),
        (checks.check_events, {"hooks.inspection": Inspection(), "database.last_event_at": None}, NOTE, "none yet", ""),
        (checks.check_database, {}, GOOD, "opens, 3 sessions", ""),
        (checks.check_database, {"database.sessions": 1}, GOOD, "opens, 1 session", ""),
        (checks.check_database, {"database.exists": False}, NOTE, "the first event creates /s/status.duckdb", ""),
        (
            checks.check_database,
            {"database.problem": ("can't be read", "Move it away")},
            BAD,
            "can't be",
            "Move it away",
        ),
        (
            checks.check_database,
            {"database.set_aside": ("status.duckdb.broken-1",)},
            NOTE,
            "set aside",
            "rm /s/status.duckdb.broken-1",
        ),
        (checks.check_database, {"database.set_aside": ("b",), "platform": "win32"}, NOTE, "set aside", 'del "/s/b"'),
        (checks.check_inbox, {}, GOOD, "no unprocessed events", ""),
        (
            checks.check_inbox,
            {"inbox.notes": 2, "inbox.oldest_note_at": NOW - 5},
            GOOD,
            "2 events are not processed yet",
            "",
        ),
        (
            checks.check_inbox,
            {"inbox.notes": 2, "inbox.oldest_note_at": NOW - 3700},
            BAD,
            "2 events are not processed yet, the oldest for 1h 1m. No event is lost",
            "claude-session-status status",
        ),
        (
            checks.check_inbox,
            {"inbox.notes": 1, "inbox.oldest_note_at": NOW - 5},
            GOOD,
            "1 event is not processed yet",
            "",
        ),
        (
            checks.check_inbox,
            {"inbox.problem": "Permission denied"},
            BAD,
            "hooks can't write to /s/spool (Permission denied), so events are lost",
            "Make yourself the folder's owner",
        ),
        (
            checks.check_inbox,
            {"inbox.in_the_way": "/s"},
            BAD,
            "hooks can't write to /s/spool (/s is not a folder), so events are lost",
            "Move /s away",
        ),
        (
            checks.check_inbox,
            {"inbox.notes": 2, "inbox.stalled": ("It is stuck", "End it")},
            BAD,
            "It is stuck",
            "End it",
        ),
        (
            checks.check_inbox,
            {"inbox.refused": ("1-a.json.refused",)},
            NOTE,
            "a note that can't be recorded was set aside: /s/spool/1-a.json.refused. All other events",
            "After an update, try it again: mv /s/spool/1-a.json.refused /s/spool/1-a.json",
        ),
        (
            checks.check_inbox,
            {"inbox.refused": ("a", "b", "c")},
            NOTE,
            "3 notes that can't be recorded were set aside, such as /s/spool/a.",
            "mv",
        ),
        (checks.check_config, {}, GOOD, "defaults; /s/config.toml does not exist", ""),
        (checks.check_config, {"config.exists": True}, GOOD, "/s/config.toml", ""),
        (checks.check_config, {"config.problems": ("a", "b")}, BAD, "2 mistakes", "Edit /s/config.toml"),
        (checks.check_monitor, {}, GOOD, "a tray is running", ""),
        (
            checks.check_monitor,
            {"monitor.tray_runs": False},
            BAD,
            "only watch or a status bar is running: no notifications",
            "claude-session-status tray",
        ),
        (
            checks.check_monitor,
            {"monitor.tray_runs": False, "desktop.has_display": False},
            NOTE,
            "without a display there are no notifications",
            "",
        ),
        (
            checks.check_monitor,
            {"monitor.runs": False, "desktop.has_display": False},
            NOTE,
            "no tray can run without a display; watch shows the countdowns",
            "claude-session-status watch",
        ),
        (
            checks.check_monitor,
            {
                "monitor.runs": False,
                "desktop.has_display": False,
                "alert_command": findings.AlertCommandFindings("push"),
            },
            BAD,
            "watch shows the countdowns and runs on_alert",
            "claude-session-status watch",
        ),
        (
            checks.check_monitor,
            {"monitor.runs": False},
            BAD,
            "the tray isn't running: no notifications",
            "claude-session-status tray",
        ),
        (
            checks.check_monitor,
            {"monitor.runs": False, "monitor.last_seen_at": NOW - 60},
            BAD,
            "the last one stopped unexpectedly 1m 0s ago",
            "tray",
        ),
        (checks.check_tray, {}, GOOD, "by D-Bus", ""),
        (checks.check_tray, {"desktop.route_reason": "No panel takes tray icons yet"}, BAD, "No panel", "AppIndicator"),
        (
            checks.check_tray,
            {"desktop.route": None, "desktop.route_reason": "x", "desktop.has_display": False},
            NOTE,
            "no icon: x",
            "watch",
        ),
        (checks.check_tray, {"desktop.route": None, "desktop.route_reason": "x"}, BAD, "no icon: x", "watch"),
        (checks.check_notification, {}, GOOD, "by D-Bus", ""),
        (
            checks.check_notification,
            {"desktop.notification_way": None},
            BAD,
            "no notification service",
            "such as dunst",
        ),
        (
            checks.check_tray,
            {"platform": "darwin", "desktop.route": "macOS menu bar"},
            GOOD,
            "System Settings > Menu Bar",
            "",
        ),
        (
            checks.check_notification,
            {"platform": "darwin", "desktop.notified": (("osascript", "unconfirmed", True),)},
            GOOD,
            "test notification sent (osascript, unconfirmed)",
            "allow Script Editor",
        ),
        (
            checks.check_notification,
            {"platform": "win32", "desktop.notified": (("plyer", "failed", False),)},
            BAD,
            "no test notification could be sent",
            "In Settings > System > Notifications",
        ),
        (
            checks.check_versions,
            {**DIRECT, "client_version": "2.1.138"},
            BAD,
            "ignores the hooks' arguments",
            "claude update",
        ),
        (checks.check_versions, {**DIRECT, "client_version": "2.1.139"}, GOOD, "Claude Code 2.1.139", ""),
        (checks.check_versions, {**DIRECT, "client_version": "3.0.0-beta"}, GOOD, "Claude Code 3.0.0", ""),
        (checks.check_versions, {**DIRECT, "client_version": None}, NOTE, "not on PATH", ""),
        (checks.check_versions, {"client_version": "2.1.138"}, GOOD, "Claude Code 2.1.138", ""),
        (
            checks.check_notification,
            {"desktop.notification_way": None, "desktop.has_display": False},
            NOTE,
            "no graphical display",
            "",
        ),
        (
            checks.check_notification,
            {"desktop.notified": (("D-Bus", "unavailable", False), ("plyer", "unconfirmed", True))},
            GOOD,
            "sent (plyer, unconfirmed)",
            "",
        ),
        (
            checks.check_notification,
            {"desktop.notified": (("D-Bus", "failed", False),)},
            BAD,
            "could be sent: D-Bus: failed",
            "Start a notif",
        ),
        (
            checks.check_notification,
            {"desktop.notified": ()},
            BAD,
            "could be sent: no service",
            "Start a notif",
        ),
        (
            checks.check_monitor,
            {"monitor.tray_runs": False, "desktop.has_display": False, "alert_command.program": "push"},
            NOTE,
            "without a display there are no notifications; watch runs on_alert",
            "",
        ),
        (
            checks.check_alert_command,
            {"alert_command.program": "push"},
            GOOD,
            "push has not run yet; to try it: claude-session-status doctor --notify",
            "",
        ),
        (
            checks.check_alert_command,
            {"alert_command.program": "push", "alert_command.last": Result(NOW - 60, None)},
            GOOD,
            "push ran 1m 0s ago",
            "",
        ),
        (
            checks.check_alert_command,
            {"alert_command.program": "push", "alert_command.last": Result(NOW - 60, "it ended with exit code 1")},
            BAD,
            "push failed 1m 0s ago: it ended with exit code 1",
            "Correct it, then try it: claude-session-status doctor --notify",
        ),
        (
            checks.check_alert_command,
            {"alert_command.program": "push", "alert_command.exists": False},
            BAD,
            "push does not exist or is not executable",
            "Correct on_alert in /s/config.toml",
        ),
        (checks.check_keep_warm, {}, GOOD, f"not used; to use it: claude plugin install {KEEP_WARM}", ""),
        (checks.check_keep_warm, ENABLED, GOOD, f"the plugin {KEEP_WARM} is enabled, 0 sessions are kept warm", ""),
        (checks.check_keep_warm, ENABLED | {"keep_warm.orders": 1}, GOOD, "is enabled, 1 session is kept warm", ""),
        (
            checks.check_keep_warm,
            ENABLED | {"client_version": "2.1.251"},
            NOTE,
            f"Claude Code 2.1.251 can't load the plugin {KEEP_WARM}: it needs 2.1.287 or newer",
            "claude update",
        ),
        (
            checks.check_keep_warm,
            ENABLED | {"keep_warm.distrusted": ("2.1.330", "2.1.331")},
            NOTE,
            "a ping of Claude Code 2.1.330, 2.1.331 missed: its sessions are not kept warm",
            "claude-session-status keep-warm --trust 2.1.330",
        ),
        (checks.check_autostart, {}, GOOD, "on: /s/x.desktop", ""),
        (checks.check_autostart, {"autostart.is_on": False}, NOTE, "off", "claude-session-status autostart on"),
        (
            checks.check_autostart,
            {"autostart.missing_program": "/gone"},
            BAD,
            "starts /gone, which does not exist",
            "autostart on",
        ),
        (checks.check_versions, {}, GOOD, "claude-session-status 1.0.0, DuckDB 2.0.1, Claude Code 2.1.330", ""),
        (checks.check_versions, {"client_version": None}, NOTE, "Claude Code is not on PATH", ""),
    ],
)
def test_each_check_has_its_state_its_meaning_and_how_to_fix_it(
    check: Callable[[Findings], Check | None], changed: dict[str, Any], state: State, says: str, command: str
) -> None:
    result = check(well_but(changed))
    assert result is not None
    assert result.state is state
    assert says in result.meaning
    assert command in result.command
    if state is BAD:
        assert result.command


def test_all_is_well_only_when_nothing_is_bad() -> None:
    report = checks.all_checks(WELL)
    assert {check.state for check in report} == {GOOD}
    assert check_result.is_well(report)
    assert check_result.as_lines(report)[-1] == "No problems found."
    one_bad = checks.all_checks(well_but({"monitor.runs": False}))
    assert not check_result.is_well(one_bad)
    assert check_result.as_lines(one_bad)[-1] == "1 problem found."
    assert "-> claude-session-status tray" in "\n".join(check_result.as_lines(one_bad))
    noted = checks.all_checks(well_but({"autostart.is_on": False}))
    assert check_result.is_well(noted)


@pytest.mark.parametrize(
    ("connection", "state", "meaning"),
    [
        (HostConnection.CONNECTED, NOTE, "build: connected, version 1.2: no route"),
        (HostConnection.UNREACHABLE, NOTE, f"build: not reachable since {clock(NOW - 60)[:5]}: no route"),
        (HostConnection.OFF, NOTE, "build: not connected: neither the tray nor watch runs here"),
        (HostConnection.REFUSED, BAD, f"build: refuses the connection since {clock(NOW - 60)[:5]}: no route"),
        (HostConnection.NO_PROGRAM, BAD, "build: claude-session-status is not found there: no route"),
    ],
)
def test_each_other_machine_has_its_line(connection: HostConnection, state: State, meaning: str) -> None:
    host = HostState("build", connection, NOW - 60, "no route", "1.2")
    last = checks.all_checks(replace(WELL, hosts=(host,)))[-1]
    assert (last.name, last.state, last.meaning) == ("host", state, meaning)
    assert last.command == "claude-session-status hosts check build"


def test_a_machine_that_is_connected_is_well() -> None:
    host = HostState("build", HostConnection.CONNECTED, NOW - 60, None, "1.2")
    well = checks.all_checks(replace(WELL, hosts=(host,)))[-1]
    assert (well.state, well.meaning, well.command) == (GOOD, "build: connected, version 1.2", "")


def test_each_mistake_in_the_config_has_its_line() -> None:
    lines = check_result.as_lines((checks.check_config(well_but({"config.problems": ("c:1: a", "c:2: b")})),))
    assert [line.strip() for line in lines[:3]] == ["bad   config        2 mistakes", "c:1: a", "c:2: b"]


def test_a_report_is_wrapped_at_words_but_no_command_is_broken() -> None:
    long = Check("tray", BAD, "word " * 20, "claude-session-status install-hooks --statusline --dry-run")
    lines = check_result.as_lines((long,), 50)
    assert lines[0] == "bad   tray          word word word word word word"
    assert all(len(line) <= 50 for line in lines[:4])
    assert lines[-2].endswith("-> claude-session-status install-hooks --statusline --dry-run")
    assert len(check_result.as_lines((long,), None)) == 3
    assert len(check_result.as_lines((long,), 10)) == 3, "too narrow: the terminal wraps by itself"
