"""`doctor`: gathers what the checks need, each part by itself so that one failure hides no other, and prints them."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from claude_session_status import __version__, alert_command, config, heartbeat, host_states, keep_warm, paths
from claude_session_status.claude.setup import inspection, plugin
from claude_session_status.claude.setup.hook_commands import Launcher, this_launcher
from claude_session_status.claude.setup.settings_file import read_managed_settings, read_settings
from claude_session_status.cli import check_result, checks, findings
from claude_session_status.cli.invocation import as_called
from claude_session_status.cli.streams import echo, echo_json, terminal_width
from claude_session_status.errors import SessionStatusError, file_and_reason, next_step_of, reason_of
from claude_session_status.keep_warm_orders import Orders, Versions
from claude_session_status.lock import is_held
from claude_session_status.lock_holder import stalled_ingest
from claude_session_status.model import Host, HostConnection, HostState
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.store import files
from claude_session_status.store.database import Store

if TYPE_CHECKING:
    from claude_session_status.desktop.backend import DesktopFacts

PATIENCE_SECONDS = 1.5  # with a process that ingests
CLIENT_SECONDS = 10.0  # for `claude --version`
HOST_SECONDS = 4.0  # to reach another machine
HOSTS_AT_ONCE = 16
_TEST_TITLE = "claude-session-status: a test"
_TEST_BODY = "You will get one like this before a cache expires."


def run(*, as_json: bool, notify: bool) -> int:
    """Check everything and print it; return 0 if nothing is bad, else 1."""
    report = checks.all_checks(gather(paths.from_environment(), notify=notify))
    well = check_result.is_well(report)
    if as_json:
        entries = [
            {
                "name": check.name,
                "state": check.state.value,
                "meaning": check.meaning,
                "command": check.command or None,
                "details": check.details,
            }
            for check in report
        ]
        echo_json({"schema": 1, "well": well, "checks": entries})
    else:
        called = tuple(replace(c, meaning=as_called(c.meaning), command=as_called(c.command)) for c in report)
        for line in check_result.as_lines(called, terminal_width()):
            echo(line)
    return 0 if well else 1


def gather(where: Paths, *, notify: bool = False) -> findings.Findings:
    """Return everything that the checks need. Whatever the state of the machine, it raises nothing."""
    now = time.time()
    return findings.Findings(
        now=now,
        platform=sys.platform,
        hooks=_hooks(where),
        database=_database(where),
        inbox=_inbox(where),
        config=findings.ConfigFindings(
            where.config,
            os.path.exists(where.config),
            config.load(where.config, os.path.basename(where.config)).problems,
        ),
        monitor=findings.MonitorFindings(
            last_seen_at=_changed_at(where.monitor_alive),
            runs=heartbeat.monitor_runs(where.monitor_alive, now),
            tray_runs=is_held(where.tray_lock),
        ),
        desktop=_desktop(notify=notify),
        autostart=_autostart(),
        alert_command=_alert_command(where, notify=notify),
        keep_warm=_keep_warm(where),
        hosts=_other_machines(where),
        client_version=_client_version(),
        versions={
            "claude-session-status": __version__,
            "DuckDB": metadata.version("duckdb"),
            "Python": platform.python_version(),
        },
    )


def _changed_at(path: str) -> float | None:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return None


def _hooks(where: Paths) -> findings.HookFindings:
    own = this_launcher()
    try:
        found = inspection.inspect(read_settings(where.settings), own)
    except OSError as error:
        found = inspection.Inspection(problem=f"it can't be read: {reason_of(error)}")
    except UnicodeError:
        found = inspection.Inspection(problem="it can't be read: it is not UTF-8 text")
    return findings.HookFindings(
        settings_path=where.settings,
        settings_changed_at=_changed_at(where.settings),
        inspection=found,
        missing_programs=tuple(str(each) for each in found.launchers if each != own and not _starts(each)),
        obeys_environment=any(map(_is_console_script_of(own), found.launchers)),
        plugin_command=plugin.this_command() if found.plugin else None,
        forbidden_by=inspection.forbidding_file(read_managed_settings(sys.platform)),
        last_transcript_at=_newest_transcript(where.projects),
    )


def _is_console_script_of(own: Launcher) -> Callable[[Launcher], bool]:
    """Whether a launcher is this installation's console script, which starts Python with the variables in effect."""
    folder = os.path.dirname(own.program)
    return lambda each: (
        bool(own.arguments)
        and not each.arguments
        and os.path.isabs(each.program)
        and os.path.dirname(os.path.realpath(each.program)) in (folder, os.path.join(folder, "Scripts"))
    )


def _starts(launcher: Launcher) -> bool:
    """Whether a hook's program is there; of an interpreter, whether it finds our module."""
    if shutil.which(launcher.program) is None:
        return False
    if not launcher.arguments:
        return True
    try:
        done = subprocess.run(
            [*launcher.words, "--version"], capture_output=True, timeout=CLIENT_SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _newest_transcript(projects: str) -> float | None:
    try:
        times = [_changed_at(str(path)) for path in Path(projects).glob("*/*.jsonl")]
    except OSError:
        return None  # the folder can't be read
    return max((at for at in times if at is not None), default=None)


def _inbox(where: Paths) -> findings.InboxFindings:
    names = Spool(where.spool).names()
    try:
        refused = sorted(name for name in os.listdir(where.spool) if name.endswith(".refused"))
    except OSError:
        refused = []
    oldest = min((at for n in names if (at := _changed_at(os.path.join(where.spool, n)))), default=None)
    return findings.InboxFindings(
        folder=where.spool,
        problem=_writing_problem(where.spool),
        in_the_way=_in_the_way(where.spool),
        notes=len(names),
        oldest_note_at=oldest,
        refused=tuple(refused),
        stalled=_stalled_ingest(where) if names else None,
    )


def _stalled_ingest(where: Paths) -> tuple[str, str] | None:
    """Return title and next step if a process holds the ingest lock and records nothing for PATIENCE_SECONDS."""
    spool = Spool(where.spool)
    oldest = spool.names()[:1]
    until = time.monotonic() + PATIENCE_SECONDS
    while spool.names()[:1] == oldest and is_held(where.ingest_lock):
        if time.monotonic() > until:
            problem = stalled_ingest(where.ingest_lock, len(spool.names()))
            return problem.title, problem.next_step
        time.sleep(0.05)
    return None


def _writing_problem(folder: str) -> str | None:
    """Return why nothing can be written to a folder, or where it would be made. Tries it with a nameless file."""
    while not os.path.lexists(folder) and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    if not os.path.isdir(folder):
        return None  # see _in_the_way
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            file.write(bytes(4096))
    except OSError as error:
        return reason_of(error)
    return None


def _in_the_way(folder: str) -> str | None:
    """Return the path of what is no folder, where this folder or one above it belongs; None where nothing is."""
    while not os.path.isdir(folder) and folder != os.path.dirname(folder):
        if os.path.lexists(folder):
            return folder
        folder = os.path.dirname(folder)
    return None


def _database(where: Paths) -> findings.DatabaseFindings:
    problem, last_event_at, sessions = None, None, 0
    try:
        rows = Store(where.database).load()
        sessions = len(rows)
        ours = (s.last_event_at for s in rows if s.host is None)  # of another machine's sessions no hook here reports
        last_event_at = max((at for at in ours if at is not None), default=None)
    except SessionStatusError as error:
        problem = (error.title, error.next_step)
    except OSError as error:
        problem = (file_and_reason(error, where.database), next_step_of(error))
    return findings.DatabaseFindings(
        path=where.database,
        exists=os.path.exists(where.database),
        problem=problem,
        sessions=sessions,
        set_aside=tuple(os.path.basename(path) for path in files.set_aside(where.database)),
        last_event_at=last_event_at,
    )


def _desktop(*, notify: bool) -> findings.DesktopFindings:
    from claude_session_status.desktop import backend  # noqa: PLC0415 - brings Pillow with it
    from claude_session_status.desktop.notify import chain_for  # noqa: PLC0415 - as above
    from claude_session_status.desktop.notify.availability import way_of  # noqa: PLC0415 - as above
    from claude_session_status.notification import Notification  # noqa: PLC0415 - needed only with those

    surroundings = backend.gather(os.environ)
    choice = backend.choose(surroundings)
    notified = None
    if notify:
        chain = chain_for(sys.platform, os.environ)
        chain.notify(Notification("doctor", _TEST_TITLE, _TEST_BODY), None)
        chain.disconnect()
        notified = tuple((a.way, a.summary, a.outcome.worked) for a in chain.attempts)
    return findings.DesktopFindings(
        route=None if choice.route is backend.Route.NONE else choice.route.value,
        route_reason=choice.reason,
        has_display=_has_display(surroundings),
        notification_way=way_of(sys.platform, os.environ),
        notified=notified,
    )


def _alert_command(where: Paths, *, notify: bool) -> findings.AlertCommandFindings:
    command = config.load(where.config).config.on_alert
    if not command:
        return findings.AlertCommandFindings()
    if notify:
        now = time.time()
        alert_command.record(where, now, command, alert_command.run(command, alert_command.as_test(now)))
    exists = shutil.which(os.path.expanduser(command[0])) is not None
    return findings.AlertCommandFindings(command[0], exists, alert_command.last_result(where, command))


def _keep_warm(where: Paths) -> findings.KeepWarmFindings:
    try:
        enabled = plugin.enabled_in(read_settings(where.settings) or "{}", keep_warm.PLUGIN)
    except (OSError, UnicodeError):
        enabled = None
    records = Versions(where.keep_warm_versions).read()
    distrusted = tuple(sorted(version for version, record in records.items() if record.missed_at is not None))
    return findings.KeepWarmFindings(enabled, len(Orders(where.keep_warm).all()), distrusted)


def _other_machines(where: Paths) -> tuple[HostState, ...]:
    """Return the state of each connection; where nobody holds them, of a quick try to reach each machine."""
    hosts = config.load(where.config).config.hosts
    states = host_states.current(where, hosts)
    if all(state.connection is not HostConnection.OFF for state in states):
        return states
    with ThreadPoolExecutor(HOSTS_AT_ONCE) as threads:
        return tuple(threads.map(_tried, hosts))


def _tried(host: Host) -> HostState:
    from claude_session_status.remote import probe  # noqa: PLC0415 - most users have no such host

    reply = probe.run(host, ("--version",), HOST_SECONDS)
    version = reply.output.decode("utf-8", "replace").rpartition(" ")[2].strip()
    return HostState(host.name, reply.connection, None, reply.detail or None, version or None)


def _has_display(facts: "DesktopFacts") -> bool:
    if facts.platform == "darwin":
        return facts.aqua
    return facts.platform == "win32" or ((facts.wayland or facts.x_named) and not (facts.wsl and not facts.host))


def _autostart() -> findings.AutostartFindings:
    from claude_session_status.cli.autostart import this_autostart, this_start  # noqa: PLC0415 - needs the desktop

    autostart = this_autostart()
    command = autostart.command() or ()
    starter = Launcher(command[0], command[1:-1]) if command else None
    is_there = starter is None or command == this_start().words or _starts(starter)
    return findings.AutostartFindings(autostart.place, autostart.is_on(), None if is_there else str(starter))


def _client_version() -> str | None:
    program = shutil.which("claude")
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=CLIENT_SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return inspection.version_in(done.stdout)
