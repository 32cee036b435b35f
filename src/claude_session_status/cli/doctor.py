"""`doctor`: gathers what the checks need, each by itself so that one failure hides no other, and prints them."""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from claude_session_status import __version__, config, heartbeat, paths
from claude_session_status.claude.setup import inspection, plugin
from claude_session_status.claude.setup.hook_commands import Launcher, this_launcher
from claude_session_status.claude.setup.settings_file import read_managed_settings, read_settings
from claude_session_status.cli import checks, tray_process
from claude_session_status.cli.invocation import as_called
from claude_session_status.errors import SessionStatusError
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.store import files
from claude_session_status.store.database import Store

CLIENT_SECONDS = 10.0  # that `claude --version` may take
_TEST_TITLE = "claude-session-status: a test"
_TEST_BODY = "This is how you will hear that a cache is about to expire."


def run(*, as_json: bool, notify: bool) -> int:
    """Check everything and print it; 0 when all is well, else 1."""
    report = checks.all_checks(gather(paths.from_environment(), notify=notify))
    well = checks.is_well(report)
    if as_json:
        entries = [
            {"name": c.name, "state": c.state.value, "meaning": c.meaning, "command": c.command or None} for c in report
        ]
        click.echo(json.dumps({"schema": 1, "well": well, "checks": entries}, ensure_ascii=False, indent=2))
    else:
        for line in checks.as_lines(report):
            click.echo(as_called(line))
    return 0 if well else 1


def gather(where: Paths, *, notify: bool = False) -> checks.Findings:
    """Everything that the checks ask for. Raises nothing for the state of the machine."""
    now = time.time()
    loaded = config.load(where.config)
    facts: dict[str, Any] = {
        "now": now,
        "platform": sys.platform,
        "last_transcript_at": _newest_transcript(where.projects),
        "config": where.config,
        "config_exists": os.path.exists(where.config),
        "config_problems": loaded.problems,
        "monitor_at": _changed_at(where.monitor_alive),
        "monitor_runs": heartbeat.monitor_runs(where.monitor_alive, now),
        "tray_runs": tray_process.runs(where.tray_lock),
        "client_version": _client_version(),
        "versions": {
            "claude-session-status": __version__,
            "DuckDB": metadata.version("duckdb"),
            "Python": platform.python_version(),
        },
    }
    facts |= _hooks(where) | _spool(where) | _database(where) | _desktop(notify=notify) | _autostart()
    return checks.Findings(**facts)


def _changed_at(path: str) -> float | None:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return None


def _hooks(where: Paths) -> dict[str, Any]:
    own = this_launcher()
    try:
        found = inspection.inspect(read_settings(where.settings), own)
    except (OSError, UnicodeError) as error:
        found = inspection.Inspection(problem=f"it can't be read: {getattr(error, 'strerror', None) or error}")
    return {
        "settings_path": where.settings,
        "settings_changed_at": _changed_at(where.settings),
        "hooks": found,
        "plugin_command": plugin.this_command() if found.plugin else None,
        "obeys_environment": any(map(_is_console_script_of(own), found.launchers)),
        "missing_programs": tuple(str(each) for each in found.launchers if each != own and not _starts(each)),
        "forbidden_by": inspection.forbidding_file(read_managed_settings(sys.platform)),
    }


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
    if not _is_there(launcher.program):
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


def _is_there(program: str) -> bool:
    return checks.is_there(program, lambda path: os.path.isfile(path) and os.access(path, os.X_OK), shutil.which)


def _newest_transcript(projects: str) -> float | None:
    try:
        times = [_changed_at(str(path)) for path in Path(projects).glob("*/*.jsonl")]
    except OSError:
        return None  # not to be looked into
    return max((at for at in times if at is not None), default=None)


def _spool(where: Paths) -> dict[str, Any]:
    names = Spool(where.spool).names()
    try:
        refused = sum(name.endswith(".refused") for name in os.listdir(where.spool))
    except OSError:
        refused = 0
    return {
        "spool": where.spool,
        "spool_problem": _writing_problem(where.spool),
        "notes": len(names),
        "oldest_note_at": min((at for n in names if (at := _changed_at(os.path.join(where.spool, n)))), default=None),
        "refused": refused,
    }


def _writing_problem(folder: str) -> str | None:
    """Why nothing can be written to a folder, or to where it would be made; tried with a file that gets no name."""
    while not os.path.isdir(folder) and folder != os.path.dirname(folder):
        if os.path.lexists(folder):
            return f"{folder} is no folder"
        folder = os.path.dirname(folder)
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            file.write(bytes(4096))
    except OSError as error:
        return error.strerror or str(error)
    return None


def _database(where: Paths) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "database": where.database,
        "database_exists": os.path.exists(where.database),
        "set_aside": tuple(os.path.basename(path) for path in files.set_aside(where.database)),
    }
    try:
        sessions = Store(where.database).load()
    except SessionStatusError as error:
        return facts | {"database_problem": (error.title, error.next_step)}
    except OSError as error:
        return facts | {
            "database_problem": (f"{where.database}: {error.strerror or error}", "Check the folder's owner")
        }
    heard = [s.last_event_at for s in sessions if s.last_event_at is not None]
    return facts | {"sessions": len(sessions), "last_event_at": max(heard, default=None)}


def _desktop(*, notify: bool) -> dict[str, Any]:
    from claude_session_status.desktop import backend  # noqa: PLC0415 - brings Pillow with it
    from claude_session_status.desktop.notify import chain_for  # noqa: PLC0415 - likewise
    from claude_session_status.desktop.notify.availability import way_of  # noqa: PLC0415 - likewise
    from claude_session_status.view import Notification  # noqa: PLC0415 - needed with those only

    seen = backend.gather(os.environ)
    choice = backend.choose(seen)
    facts: dict[str, Any] = {
        "route": None if choice.route is backend.Route.NONE else choice.route.value,
        "route_reason": choice.reason,
        "has_display": seen.platform in ("win32", "darwin") or seen.wayland or seen.x_named,
        "notification_way": way_of(sys.platform, os.environ),
    }
    if notify:
        chain = chain_for(sys.platform, os.environ)
        chain.notify(Notification("doctor", _TEST_TITLE, _TEST_BODY), None)
        chain.disconnect()
        facts["notified"] = tuple((a.way, a.told, a.outcome.worked) for a in chain.attempts)
    return facts


def _autostart() -> dict[str, Any]:
    from claude_session_status.cli.autostart import this_autostart, this_start  # noqa: PLC0415 - needs the desktop

    autostart = this_autostart()
    command = autostart.command() or ()
    starter = Launcher(command[0], command[1:-1]) if command else None
    is_there = starter is None or command == this_start().words or _starts(starter)
    return {
        "autostart_place": autostart.place,
        "autostart_on": autostart.is_on(),
        "autostart_missing": None if is_there else str(starter),
    }


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
