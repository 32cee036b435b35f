"""The checks of `doctor`: pure functions from findings to a result, its meaning, and how to fix it."""

import os
import re
import shlex
from collections.abc import Callable

from claude_session_status import PROGRAM, keep_warm, words
from claude_session_status.claude.setup.plan import Step
from claude_session_status.cli.check_result import Check, State
from claude_session_status.cli.findings import Findings, InboxFindings
from claude_session_status.model import HostConnection, HostState

ARGS_SINCE = (2, 1, 139)  # the first Claude Code that reads `args` of a hook, without which none starts on Windows
OLD_NOTE_SECONDS = 60.0  # a monitor records a note within two seconds, the next hook at the latest
_VERSION_WIDTH = 40  # of what another machine may call its version
SILENT_SECONDS = 300.0  # a transcript this much newer than the last event was written without our hooks


def all_checks(found: Findings) -> tuple[Check, ...]:
    """Return every check that concerns this machine, in the order in which to fix them."""
    own = (check for each in CHECKS if (check := each(found)) is not None)
    return (*own, *(check_host(host, found.now) for host in found.hosts))


def _ago(at: float, now: float) -> str:
    return f"{words.duration(now - at)} ago"


def _command(found: Findings, posix: str, windows: str, *paths: str) -> str:
    if found.platform == "win32":
        return " ".join([windows, *(f'"{path}"' for path in paths)])
    return shlex.join([posix, *paths])


def check_hooks(found: Findings) -> Check:
    """Hooks are installed in the form that fires, and run a program that exists."""
    hooks, fix = found.hooks, f"{PROGRAM} install-hooks"
    inspection = hooks.inspection
    if inspection.problem:
        meaning = f"{hooks.settings_path}: {inspection.problem}"
        return Check("hooks", State.BAD, meaning, f"Correct the file, then run: {fix}")
    steps = {event: step for event, step in inspection.steps.items() if event != "statusLine"}
    plugin = f"the plugin {inspection.plugin}"
    if not inspection.programs:
        if inspection.plugin and hooks.plugin_command:
            return Check("hooks", State.GOOD, f"{plugin} has them and runs {hooks.plugin_command}")
        if inspection.plugin:
            meaning = f"{plugin} has them, but finds no {PROGRAM} on PATH or where installers put it"
            return Check("hooks", State.BAD, meaning, fix)
        since = max(found.now - SILENT_SECONDS, hooks.settings_changed_at or 0.0)  # hooks may be gone since
        if found.database.last_event_at is not None and found.database.last_event_at > since:
            meaning = f"none in {hooks.settings_path}, but events arrive, probably from a plugin"
            return Check("hooks", State.NOTE, meaning)
        return Check("hooks", State.BAD, f"none in {hooks.settings_path}: sessions do not report", fix)
    if hooks.missing_programs:
        meaning = f"they run {', '.join(hooks.missing_programs)}, which does not exist"
        return Check("hooks", State.BAD, meaning, fix)
    if wrong := [event for event, step in steps.items() if step in (Step.REPAIRED, Step.REMOVED)]:
        meaning = f"in a form that Claude Code does not run, or mixed with other commands: {', '.join(wrong)}"
        return Check("hooks", State.BAD, meaning, fix)
    if missing := [event for event, step in steps.items() if step is Step.ADDED]:
        return Check("hooks", State.BAD, f"missing: {', '.join(missing)}", fix)
    if inspection.invalid_items:
        named = "; ".join(inspection.invalid_items)
        meaning = f"{hooks.settings_path}: {named}, for which Claude Code may skip the whole file"
        last, changed = found.database.last_event_at, hooks.settings_changed_at or 0.0
        state = State.NOTE if last is not None and last > changed else State.BAD
        return Check("hooks", state, meaning, 'Give each group a "hooks" array, and a "matcher" that is a text')
    if hooks.obeys_environment:
        meaning = f"they run {', '.join(inspection.programs)}, which loses events under some PYTHON variables"
        return Check("hooks", State.NOTE, meaning, fix)
    line = " and the status line" if inspection.status_line else ""
    both = f"; {plugin} has them too, and each event counts once" if inspection.plugin else ""
    return Check("hooks", State.GOOD, f"{len(steps)} hooks{line} run {', '.join(inspection.programs)}{both}")


def check_allowed(found: Findings) -> Check:
    """Nothing forbids hooks to run."""
    hooks = found.hooks
    if hooks.forbidden_by:
        meaning = f"{hooks.forbidden_by} disables your hooks"
        return Check("allowed", State.BAD, meaning, "Ask your administrator")
    if hooks.inspection.disabled:
        advice = f"Remove it from {hooks.settings_path}"
        return Check("allowed", State.BAD, '"disableAllHooks" is true, so no hook runs', advice)
    return Check("allowed", State.GOOD, "hooks are enabled")


def check_events(found: Findings) -> Check:
    """Events arrive while Claude Code is used."""
    hooks, now = found.hooks, found.now
    event, used = found.database.last_event_at, hooks.last_transcript_at
    since = max(event or 0.0, hooks.settings_changed_at or 0.0)
    has_hooks = hooks.inspection.programs or hooks.inspection.plugin
    if used is not None and has_hooks and used > since + SILENT_SECONDS:
        meaning = f"Claude Code was used {_ago(used, now)}, and no hook fired"
        return Check("events", State.BAD, meaning, "In Claude Code, run /hooks: it lists the hooks that it knows")
    if event is None:
        return Check("events", State.NOTE, "none yet: each session reports with its next turn")
    return Check("events", State.GOOD, f"the last one arrived {_ago(event, now)}")


def check_database(found: Findings) -> Check:
    """The database opens and has a known version; files that were set aside are named."""
    database = found.database
    if database.problem is not None:
        title, next_step = database.problem
        return Check("database", State.BAD, title, next_step)
    if database.set_aside:
        meaning = f"a damaged one was set aside: {', '.join(database.set_aside)}; the current one is good"
        folder = os.path.dirname(database.path)
        paths = (os.path.join(folder, name) for name in database.set_aside)
        return Check("database", State.NOTE, meaning, _command(found, "rm", "del", *paths))
    if not database.exists:
        return Check("database", State.NOTE, f"the first event creates {database.path}")
    sessions = "1 session" if database.sessions == 1 else f"{database.sessions} sessions"
    return Check("database", State.GOOD, f"{database.path} opens, {sessions}")


def check_inbox(found: Findings) -> Check:
    """Hooks can write their notes, and all notes are recorded."""
    inbox = found.inbox
    if inbox.in_the_way:
        meaning = f"hooks can't write to {inbox.folder} ({inbox.in_the_way} is not a folder), so events are lost"
        return Check("inbox", State.BAD, meaning, f"Move {inbox.in_the_way} away")
    if inbox.problem:
        meaning = f"hooks can't write to {inbox.folder} ({inbox.problem}), so events are lost"
        return Check("inbox", State.BAD, meaning, "Make yourself the folder's owner, or free space on the disk")
    if inbox.stalled is not None:
        title, next_step = inbox.stalled
        return Check("inbox", State.BAD, title, next_step)
    if inbox.oldest_note_at is not None and found.now - inbox.oldest_note_at > OLD_NOTE_SECONDS:
        meaning = f"{_waiting(inbox)}, the oldest for {words.duration(found.now - inbox.oldest_note_at)}"
        return Check("inbox", State.BAD, f"{meaning}. No event is lost", f"{PROGRAM} status")
    if inbox.refused:
        first = os.path.join(inbox.folder, inbox.refused[0])
        meaning = f"a note that can't be recorded was set aside: {first}"
        if len(inbox.refused) > 1:
            meaning = f"{len(inbox.refused)} notes that can't be recorded were set aside, such as {first}"
        retry = _command(found, "mv", "move", first, first.removesuffix(".refused"))
        meaning += ". All other events are recorded"
        return Check(
            "inbox",
            State.NOTE,
            meaning,
            f"A newer version may be able to record it. After an update, try it again: {retry}",
        )
    return Check("inbox", State.GOOD, _waiting(inbox) if inbox.notes else "no unprocessed events")


def _waiting(inbox: InboxFindings) -> str:
    return "1 event is not processed yet" if inbox.notes == 1 else f"{inbox.notes} events are not processed yet"


def check_config(found: Findings) -> Check:
    """Every key is known and has an allowed value."""
    config = found.config
    if config.problems:
        meaning = "1 mistake" if len(config.problems) == 1 else f"{len(config.problems)} mistakes"
        return Check("config", State.BAD, meaning, f"Edit {config.path}", config.problems)
    return Check("config", State.GOOD, config.path if config.exists else f"defaults; {config.path} does not exist")


def check_monitor(found: Findings) -> Check:
    """A monitor runs that notifies the user."""
    monitor, has_display = found.monitor, found.desktop.has_display
    if monitor.runs and monitor.tray_runs:
        return Check("monitor", State.GOOD, "a tray is running")
    if monitor.runs and not has_display:
        own = "; watch runs on_alert" if found.alert_command.program else ""
        meaning = f"watch or a status bar is running; without a display there are no notifications{own}"
        return Check("monitor", State.NOTE, meaning)
    if not has_display:
        own = " and runs on_alert" if found.alert_command.program else ""
        meaning = f"no tray can run without a display; watch shows the countdowns{own}"
        return Check("monitor", State.BAD if own else State.NOTE, meaning, f"{PROGRAM} watch")
    start = f"{PROGRAM} tray"
    if monitor.runs:
        meaning = "only watch or a status bar is running: no notifications"
        return Check("monitor", State.BAD, meaning, start)
    seen = (
        ""
        if monitor.last_seen_at is None
        else f"; the last one stopped unexpectedly {_ago(monitor.last_seen_at, found.now)}"
    )
    return Check("monitor", State.BAD, f"the tray isn't running: no notifications{seen}", start)


def check_tray(found: Findings) -> Check:
    """An icon can be shown, and a panel takes it."""
    desktop = found.desktop
    if desktop.route is None:
        state = State.BAD if desktop.has_display else State.NOTE
        reason = desktop.route_reason[:1].lower() + desktop.route_reason[1:]
        return Check("tray", state, f"no icon: {reason}", f"{PROGRAM} watch")
    if desktop.route_reason:
        advice = "On GNOME, install the AppIndicator extension. On other desktops, add a tray to the panel"
        return Check("tray", State.BAD, desktop.route_reason, advice)
    hint = f"; {words.MENU_BAR_HINT}" if found.platform == "darwin" else ""
    return Check("tray", State.GOOD, f"by {desktop.route}{hint}")


# Where notifications are allowed; on Linux, which program shows them.
_ALLOW_NOTIFICATIONS = {
    "darwin": "In System Settings > Notifications, allow Script Editor: osascript notifies in its name",
    "win32": "In Settings > System > Notifications, allow them for this program",
}
SENT = "sent"  # the outcome of a notification that a service has confirmed
_SERVICE = "Start a notification service, such as dunst or mako"


def check_notification(found: Findings) -> Check:
    """A service shows notifications; with --notify, one was sent."""
    desktop, fix = found.desktop, _ALLOW_NOTIFICATIONS.get(found.platform, _SERVICE)
    if desktop.notified is not None:
        tried = "; ".join(f"{way}: {outcome}" for way, outcome, _ in desktop.notified) or "no service"
        if sent := [(way, outcome) for way, outcome, worked in desktop.notified if worked]:
            unseen = f"If you see none: {fix}" if found.platform in _ALLOW_NOTIFICATIONS else ""
            way, outcome = sent[-1]
            how = f"{way.partition(' (')[0]}{'' if outcome == SENT else f', {outcome}'}"
            return Check("notification", State.GOOD, f"test notification sent ({how})", unseen)
        return Check("notification", State.BAD, f"no test notification could be sent: {tried}", fix)
    if desktop.notification_way is None:
        if not desktop.has_display:
            return Check("notification", State.NOTE, "no notification service: no graphical display found")
        return Check("notification", State.BAD, "no notification service found", fix)
    meaning = f"by {desktop.notification_way}; to see one: {PROGRAM} doctor --notify"
    return Check("notification", State.GOOD, meaning)


def check_alert_command(found: Findings) -> Check | None:
    """The command of on_alert can be run, and did what it should the last time. None where there is none."""
    command = found.alert_command
    if not command.program:
        return None
    if not command.exists:
        meaning = f"{command.program} does not exist or is not executable"
        return Check("on_alert", State.BAD, meaning, f"Correct on_alert in {found.config.path}")
    test = f"{PROGRAM} doctor --notify"
    if command.last is None:
        return Check("on_alert", State.GOOD, f"{command.program} has not run yet; to try it: {test}")
    ago = _ago(command.last.at, found.now)
    if command.last.problem is not None:
        meaning = f"{command.program} failed {ago}: {command.last.problem}"
        return Check("on_alert", State.BAD, meaning, f"Correct it, then try it: {test}")
    return Check("on_alert", State.GOOD, f"{command.program} ran {ago}; to try it: {test}")


def check_autostart(found: Findings) -> Check:
    """What starts at login exists."""
    autostart, fix = found.autostart, f"{PROGRAM} autostart on"
    if not autostart.is_on:
        return Check("autostart", State.NOTE, "off: the tray does not start at login", fix)
    if autostart.missing_program:
        meaning = f"{autostart.place} starts {autostart.missing_program}, which does not exist"
        return Check("autostart", State.BAD, meaning, fix)
    return Check("autostart", State.GOOD, f"on: {autostart.place}")


def check_keep_warm(found: Findings) -> Check:
    """Which plugin keeps sessions warm, and whether a ping has missed. It is an extra: nothing here is BAD."""
    kept = found.keep_warm
    if kept.distrusted:
        meaning = f"a ping of Claude Code {', '.join(kept.distrusted)} missed: its sessions are not kept warm"
        return Check("keep-warm", State.NOTE, meaning, f"{PROGRAM} keep-warm --trust {kept.distrusted[0]}")
    if kept.plugin is None:
        return Check("keep-warm", State.GOOD, f"not used; to use it: {keep_warm.INSTALL}")
    if found.client_version is not None and keep_warm.is_too_old(found.client_version):
        meaning = f"Claude Code {found.client_version} can't load the plugin {kept.plugin}: {keep_warm.OLDEST_NEEDED}"
        return Check("keep-warm", State.NOTE, meaning, "claude update")
    sessions = "1 session is" if kept.orders == 1 else f"{kept.orders} sessions are"
    return Check("keep-warm", State.GOOD, f"the plugin {kept.plugin} is enabled, {sessions} kept warm")


def check_versions(found: Findings) -> Check:
    """The versions, for a bug report; Claude Code runs the hooks as they are installed."""
    versions = ", ".join(f"{name} {version}" for name, version in found.versions.items())
    if any(launcher.direct for launcher in found.hooks.inspection.launchers) and _is_older(found, ARGS_SINCE):
        since = ".".join(map(str, ARGS_SINCE))
        meaning = f"Claude Code {found.client_version} ignores the hooks' arguments, which {since} and later read"
        return Check("versions", State.BAD, meaning, "claude update")
    if found.client_version is None:
        return Check("versions", State.NOTE, f"{versions}; Claude Code is not on PATH")
    return Check("versions", State.GOOD, f"{versions}, Claude Code {found.client_version}")


_NO_FAULT_HERE = (
    HostConnection.CONNECTED, HostConnection.UNREACHABLE, HostConnection.CONNECTING, HostConnection.OFF,
)  # fmt: skip


def check_host(host: HostState, now: float) -> Check:
    """Another machine is connected. One that is switched off is no fault of this one."""
    meaning = f"{host.name}: {connection_in_words(host, now)}"
    if host.connection is HostConnection.CONNECTED and not host.detail:
        return Check("host", State.GOOD, meaning)
    state = State.NOTE if host.connection in _NO_FAULT_HERE else State.BAD
    return Check("host", state, meaning, f"{PROGRAM} hosts check {host.name}")


def connection_in_words(host: HostState, now: float) -> str:
    """Return the state of a connection: `connected, version 1.0.0`, `not reachable since 14:02: no route`."""
    if host.connection is HostConnection.CONNECTED:
        version = f", version {words.clean(host.version)[:_VERSION_WIDTH]}" if host.version else ""
        if host.since is None:
            return f"reachable{version}; the tray and watch connect to it"
        problem = words.clean(host.detail or "")
        return f"connected{version}: {problem}" if problem else f"connected{version}"
    if host.connection is HostConnection.OFF:
        return "not connected: neither the tray nor watch runs here"
    problem = words.host_problem(host, now) or "connecting"
    return f"{problem}: {words.clean(host.detail)}" if host.detail else problem


def _is_older(found: Findings, since: tuple[int, ...]) -> bool:
    """Whether Claude Code is older than the version `since`; False where its version is unknown."""
    numbers = tuple(map(int, re.findall(r"\d+", found.client_version or "")[:3]))
    return bool(numbers) and numbers < since


CHECKS: tuple[Callable[[Findings], Check | None], ...] = (
    check_hooks,
    check_allowed,
    check_events,
    check_database,
    check_inbox,
    check_config,
    check_monitor,
    check_tray,
    check_notification,
    check_alert_command,
    check_autostart,
    check_keep_warm,
    check_versions,
)
