"""The checks of `doctor`, pure functions of what was gathered: a state, what it means, the one command that mends it.

GOOD is well; NOTE is worth knowing and no fault; BAD is what keeps a person from being told in time.
"""

import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from claude_session_status import words
from claude_session_status.claude.setup.inspection import Inspection
from claude_session_status.claude.setup.plan import Step

PROGRAM = "claude-session-status"
OLD_NOTE_SECONDS = 60.0  # a monitor takes notes in within two seconds, the next hook at the latest
SILENT_SECONDS = 300.0  # a transcript this much newer than the last event was written without our hooks


class State(StrEnum):
    """How a check came out."""

    GOOD = "ok"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report. `command` mends it, or leads on; empty where there is nothing to do."""

    name: str
    state: State
    meaning: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """What was gathered. Times are epoch seconds; what does not exist is None or empty."""

    now: float
    platform: str = "linux"
    settings_path: str = ""
    settings_changed_at: float | None = None
    hooks: Inspection = field(default_factory=Inspection)
    missing_programs: tuple[str, ...] = ()  # that hooks start, and that are not there
    obeys_environment: bool = False  # hooks start the console script, as older versions installed them
    plugin_command: str | None = None  # what the hooks of our plugin, where it is enabled, start
    forbidden_by: str | None = None  # managed settings
    last_event_at: float | None = None
    last_transcript_at: float | None = None
    database: str = ""
    database_exists: bool = False
    database_problem: tuple[str, str] | None = None  # title and next step
    sessions: int = 0
    set_aside: tuple[str, ...] = ()
    spool: str = ""
    spool_problem: str | None = None  # why a hook can't write there
    notes: int = 0
    oldest_note_at: float | None = None
    refused: int = 0
    config: str = ""
    config_exists: bool = False
    config_problems: tuple[str, ...] = ()
    monitor_at: float | None = None
    monitor_runs: bool = False
    tray_runs: bool = False
    route: str | None = None  # how a tray icon would be shown; None: not at all
    route_reason: str = ""
    has_display: bool = True
    notification_way: str | None = None
    notified: tuple[tuple[str, str, bool], ...] | None = None  # --notify: way, outcome, whether it worked
    autostart_place: str = ""
    autostart_on: bool = False
    autostart_missing: str | None = None  # what it would start, and is not there
    client_version: str | None = None
    versions: dict[str, str] = field(default_factory=dict)


def all_checks(facts: Findings) -> tuple[Check, ...]:
    """Every check, in the order in which a person would mend them."""
    return tuple(check(facts) for check in CHECKS)


def is_well(checks: tuple[Check, ...]) -> bool:
    """Whether nothing is bad."""
    return all(check.state is not State.BAD for check in checks)


def _ago(at: float, now: float) -> str:
    return f"{words.duration(now - at)} ago"


def _delete(facts: Findings, *paths: str) -> str:
    if facts.platform == "win32":
        return " ".join(["del", *(f'"{path}"' for path in paths)])
    return shlex.join(["rm", *paths])


def check_hooks(facts: Findings) -> Check:
    """Present, in the form that fires, and starting a program that is there."""
    found, mend = facts.hooks, f"{PROGRAM} install-hooks"
    if found.problem:
        return Check("hooks", State.BAD, f"{facts.settings_path}: {found.problem}", f"Mend the file, then: {mend}")
    hooks = {event: step for event, step in found.steps.items() if event != "statusLine"}
    by_plugin = f"the plugin {found.plugin}"
    if not found.programs:
        if found.plugin and facts.plugin_command:
            return Check("hooks", State.GOOD, f"{by_plugin} has them, and starts {facts.plugin_command}")
        if found.plugin:
            meaning = f"{by_plugin} has them, but finds no {PROGRAM} on PATH or where installers put it"
            return Check("hooks", State.BAD, meaning, mend)
        lately = max(facts.now - SILENT_SECONDS, facts.settings_changed_at or 0.0)  # since then hooks may be gone
        if facts.last_event_at is not None and facts.last_event_at > lately:
            return Check(
                "hooks", State.NOTE, f"none in {facts.settings_path}, yet events come: from a plugin, it seems"
            )
        return Check("hooks", State.BAD, f"none in {facts.settings_path}: sessions do not report", mend)
    if facts.missing_programs:
        return Check("hooks", State.BAD, f"they start {', '.join(facts.missing_programs)}, which is not there", mend)
    if wrong := [event for event, step in hooks.items() if step in (Step.REPAIRED, Step.REMOVED)]:
        return Check("hooks", State.BAD, f"not in the form that fires, or not ours alone: {', '.join(wrong)}", mend)
    if missing := [event for event, step in hooks.items() if step is Step.ADDED]:
        return Check("hooks", State.BAD, f"missing: {', '.join(missing)}", mend)
    if found.invalid_items:
        lately = facts.last_event_at is not None and facts.last_event_at > (facts.settings_changed_at or 0.0)
        meaning = (
            f"{facts.settings_path}: {'; '.join(found.invalid_items)}, for which Claude Code may skip the whole file"
        )
        advice = 'Give each group a "hooks" array, and a "matcher" that is a text'
        return Check("hooks", State.NOTE if lately else State.BAD, meaning, advice)
    if facts.obeys_environment:
        meaning = f"they start {', '.join(found.programs)}, which a PYTHON variable can make lose an event"
        return Check("hooks", State.NOTE, meaning, mend)
    line = ", and the status line" if found.status_line else ""
    beside = f"; {by_plugin} has them too, and nothing counts twice" if found.plugin else ""
    return Check("hooks", State.GOOD, f"{len(hooks)} of them{line} start {', '.join(found.programs)}{beside}")


def check_allowed(facts: Findings) -> Check:
    """Nothing forbids hooks to run."""
    if facts.forbidden_by:
        return Check("allowed", State.BAD, f"{facts.forbidden_by} lets no hook of yours run", "Ask your administrator")
    if facts.hooks.disabled:
        advice = f"Take it out of {facts.settings_path}"
        return Check("allowed", State.BAD, '"disableAllHooks" is true, so no hook runs', advice)
    return Check("allowed", State.GOOD, "nothing keeps hooks from running")


def check_fired(facts: Findings) -> Check:
    """Events come in while Claude Code is used."""
    event, used, now = facts.last_event_at, facts.last_transcript_at, facts.now
    since = max(event or 0.0, facts.settings_changed_at or 0.0)
    if used is not None and (facts.hooks.programs or facts.hooks.plugin) and used > since + SILENT_SECONDS:
        meaning = f"Claude Code was used {_ago(used, now)}, and no hook fired"
        return Check("events", State.BAD, meaning, "In Claude Code, run /hooks: it shows which hooks it knows")
    if event is None:
        return Check("events", State.NOTE, "none yet: they come with the next turn of a session")
    return Check("events", State.GOOD, f"the last one came {_ago(event, now)}")


def check_database(facts: Findings) -> Check:
    """It opens and is of our version; what was set aside is named."""
    if facts.database_problem is not None:
        title, step = facts.database_problem
        return Check("database", State.BAD, title, step)
    if facts.set_aside:
        meaning = f"a broken one was set aside: {', '.join(facts.set_aside)}; the present one is well"
        folder = os.path.dirname(facts.database)
        return Check(
            "database", State.NOTE, meaning, _delete(facts, *(os.path.join(folder, n) for n in facts.set_aside))
        )
    if not facts.database_exists:
        return Check("database", State.NOTE, f"{facts.database} is made with the first event")
    held = "1 session" if facts.sessions == 1 else f"{facts.sessions} sessions"
    return Check("database", State.GOOD, f"{facts.database} opens, {held}")


def check_spool(facts: Findings) -> Check:
    """Hooks can write their notes, these are taken in, and all could be read."""
    if facts.spool_problem:
        meaning = f"hooks can't write to {facts.spool} ({facts.spool_problem}), so events are lost"
        return Check("inbox", State.BAD, meaning, "Give the folder to yourself, or make room on the disk")
    if facts.oldest_note_at is not None and facts.now - facts.oldest_note_at > OLD_NOTE_SECONDS:
        meaning = f"{_waiting(facts)}, the oldest since {words.duration(facts.now - facts.oldest_note_at)}"
        return Check("inbox", State.BAD, f"{meaning}; nothing is lost", f"{PROGRAM} status")
    if facts.refused:
        meaning = f"{facts.refused} notes could not be read and were set aside in {facts.spool}"
        return Check("inbox", State.NOTE, meaning, f"{_delete(facts, facts.spool)}{os.sep}*.refused")
    return Check("inbox", State.GOOD, _waiting(facts) if facts.notes else "nothing waits")


def _waiting(facts: Findings) -> str:
    return "1 event waits" if facts.notes == 1 else f"{facts.notes} events wait"


def check_config(facts: Findings) -> Check:
    """Every key is known and has an allowed value."""
    if facts.config_problems:
        return Check("config", State.BAD, "; ".join(facts.config_problems), f"Edit {facts.config}")
    return Check(
        "config", State.GOOD, facts.config if facts.config_exists else f"defaults; {facts.config} is not there"
    )


def check_monitor(facts: Findings) -> Check:
    """Somebody watches the clock, and notifies."""
    if facts.monitor_runs and facts.tray_runs:
        return Check("monitor", State.GOOD, "a tray is running")
    if facts.monitor_runs and not facts.has_display:
        return Check(
            "monitor", State.NOTE, "a table or a bar's module is running; there is no display to notify you on"
        )
    if not facts.has_display:
        meaning = "none is running, and there is no display to notify you on; a table shows the countdowns"
        return Check("monitor", State.BAD, meaning, f"{PROGRAM} watch")
    start = f"{PROGRAM} tray"
    if facts.monitor_runs:
        return Check("monitor", State.BAD, "only a table or a bar's module is running, and they notify nobody", start)
    was = "" if facts.monitor_at is None else f"; one stopped {_ago(facts.monitor_at, facts.now)} without saying so"
    return Check("monitor", State.BAD, f"none is running, so nobody notifies you{was}", start)


def check_tray(facts: Findings) -> Check:
    """There is a way to show an icon, and a panel that takes it."""
    if facts.route is None:
        state = State.BAD if facts.has_display else State.NOTE
        reason = facts.route_reason[:1].lower() + facts.route_reason[1:]
        return Check("tray", state, f"no icon: {reason}", f"{PROGRAM} watch")
    if facts.route_reason:
        advice = "On GNOME: install the AppIndicator extension. Elsewhere: add a tray to the panel"
        return Check("tray", State.BAD, facts.route_reason, advice)
    return Check("tray", State.GOOD, f"by {facts.route}")


_SERVICE = "Start a notification service, such as dunst or mako"


def check_notification(facts: Findings) -> Check:
    """Somebody shows notifications; with --notify one has been sent."""
    send = f"{PROGRAM} doctor --notify"
    if facts.notified is not None:
        tried = "; ".join(f"{way}: {outcome}" for way, outcome, _ in facts.notified) or "there is no way here"
        worked = any(ok for _, _, ok in facts.notified)
        if worked:
            return Check("notification", State.GOOD, f"one was sent by {tried}")
        return Check("notification", State.BAD, f"none could be sent: {tried}", _SERVICE)
    if facts.notification_way is None:
        if not facts.has_display:
            return Check("notification", State.NOTE, "no service here shows notifications: there is no display")
        return Check("notification", State.BAD, "no service here shows notifications", _SERVICE)
    return Check("notification", State.GOOD, f"by {facts.notification_way}; to see one: {send}")


def check_autostart(facts: Findings) -> Check:
    """What starts at login is there."""
    if not facts.autostart_on:
        return Check("autostart", State.NOTE, "off: the tray does not start at login", f"{PROGRAM} autostart on")
    if facts.autostart_missing:
        meaning = f"{facts.autostart_place} starts {facts.autostart_missing}, which is not there"
        return Check("autostart", State.BAD, meaning, f"{PROGRAM} autostart on")
    return Check("autostart", State.GOOD, f"on: {facts.autostart_place}")


def check_versions(facts: Findings) -> Check:
    """For a report of a fault."""
    named = ", ".join(f"{name} {version}" for name, version in facts.versions.items())
    if facts.client_version is None:
        return Check("versions", State.NOTE, f"{named}; Claude Code is not on PATH")
    return Check("versions", State.GOOD, f"{named}, Claude Code {facts.client_version}")


CHECKS: tuple[Callable[[Findings], Check], ...] = (
    check_hooks,
    check_allowed,
    check_fired,
    check_database,
    check_spool,
    check_config,
    check_monitor,
    check_tray,
    check_notification,
    check_autostart,
    check_versions,
)


def as_lines(checks: tuple[Check, ...]) -> list[str]:
    """The report: a line a check, and under what is not well the one that mends it."""
    lines = []
    for check in checks:
        lines.append(f"{check.state.value:<5} {check.name:<13} {words.clean(check.meaning)}")
        if check.command:
            lines.append(f"{'':<5} {'':<13} -> {words.clean(check.command)}")
    bad = sum(check.state is State.BAD for check in checks)
    lines.append("All is well." if not bad else f"{bad} {'thing is' if bad == 1 else 'things are'} not well.")
    return lines


def is_there(program: str, is_executable: Callable[[str], bool], which: Callable[[str], str | None]) -> bool:
    """Whether a program that is named by a path, or else is looked for on PATH, is there."""
    return is_executable(program) if os.path.dirname(program) else which(program) is not None
