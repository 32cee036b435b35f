"""`doctor`: gathers what the checks need, each by itself so that one failure hides no other, and prints them."""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from claude_session_status import __version__, config, heartbeat, paths
from claude_session_status.claude.setup import inspection, plugin
from claude_session_status.claude.setup.hook_commands import this_launcher
from claude_session_status.cli import checks
from claude_session_status.errors import SessionStatusError
from claude_session_status.lock import FileLock
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
            click.echo(line)
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
        "tray_runs": _is_held(where.tray_lock),
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


def _is_held(lock: str) -> bool:
    """Whether another process holds a lock. It is taken for a moment to see that, where its file is there at all."""
    if not os.path.exists(lock):
        return False
    probe = FileLock(lock)
    try:
        return not probe.acquire()
    except OSError:
        return False
    finally:
        probe.release()


def _hooks(where: Paths) -> dict[str, Any]:
    try:
        text: str | None = Path(where.settings).read_text("utf-8")
        found = inspection.inspect(text, this_launcher())
    except FileNotFoundError:
        found = inspection.Inspection()
    except (OSError, UnicodeError) as error:
        found = inspection.Inspection(problem=f"it can't be read: {getattr(error, 'strerror', None) or error}")
    forbidding = [path for path in inspection.managed_paths(sys.platform) if _forbids(path)]
    return {
        "settings_path": where.settings,
        "settings_changed_at": _changed_at(where.settings),
        "hooks": found,
        "plugin_command": plugin.this_command() if found.plugin else None,
        "missing_programs": tuple(p for p in found.programs if not _is_there(p)),
        "forbidden_by": forbidding[0] if forbidding else None,
    }


def _forbids(path: str) -> bool:
    try:
        return inspection.forbids_hooks(Path(path).read_text("utf-8"))
    except (OSError, UnicodeError):
        return False


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
    from claude_session_status.notification import Notification  # noqa: PLC0415 - needed with those only

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
        facts["notified"] = tuple((a.way, a.summary, a.outcome.worked) for a in chain.attempts)
    return facts


def _autostart() -> dict[str, Any]:
    from claude_session_status.cli.autostart import this_autostart  # noqa: PLC0415 - needs the desktop

    autostart = this_autostart()
    command = autostart.command() or ()
    missing = command[0] if command and not _is_there(command[0]) else None
    return {
        "autostart_place": autostart.place,
        "autostart_on": autostart.is_on(),
        "autostart_missing": missing,
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
