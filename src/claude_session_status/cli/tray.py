"""`tray`: one icon a person. Holds the lock, sets up the log, and falls back to the table where there is no display."""

import io
import logging
import logging.handlers
import os
import sys
import threading
import time
from typing import TYPE_CHECKING

import click

from claude_session_status import config, paths, pricing
from claude_session_status.claude.setup.hook_commands import this_launcher
from claude_session_status.cli import tray_process, watch
from claude_session_status.cli.autostart import this_autostart
from claude_session_status.cli.setup import SetUp
from claude_session_status.lock import FileLock
from claude_session_status.monitor import Monitor
from claude_session_status.private import make_private_folder, open_private

if TYPE_CHECKING:
    from claude_session_status.desktop.backend import Choice

LOOKS, LOOK_SECONDS = 4, 0.03
LOG_BYTES = 500_000
LOG_FILES = 3


def run() -> int:
    """Show the icon until it is told to end; return the exit code. Raises SessionStatusError and OSError."""
    # Importing the desktop chooses nothing and shows nothing, but brings Pillow with it.
    from claude_session_status.desktop.tray import TrayOutcome, run_tray  # noqa: PLC0415 - only to be shown

    where = paths.from_environment()
    make_private_folder(where.folder)
    lock = FileLock(where.tray_lock)
    if not _acquire(lock):
        click.echo("claude-session-status: the tray is running already")
        return 0
    try:
        tray_process.write_pid(where.tray_lock)
        _log_to(where.log)
        threading.excepthook = _log_escaped
        for problem in config.load(where.config).problems:
            _tell(problem)
        monitor = Monitor(where, price=pricing.PriceList().rewrite_cost)
        launcher = this_launcher()
        ourselves = (*_environment(), launcher.program, *launcher.arguments)
        result = run_tray(
            monitor,
            (*ourselves, "watch"),
            check_command=(*ourselves, "doctor"),
            autostart=this_autostart(),
            set_up=SetUp(),
            on_shortcoming=_tell,
            on_icon=_greet,
        )
    except Exception:
        # Started at login, its standard error is nobody's.
        logging.getLogger(__name__).exception("the tray ended")
        raise
    finally:
        lock.release()
    if result.outcome is TrayOutcome.ENDED:
        return 0
    if not in_terminal():
        click.echo(
            f"claude-session-status: no tray: {result.reason}\nIn a terminal, run: claude-session-status watch",
            err=True,
        )
        return 1
    click.echo(f"No tray: {result.reason}. The table instead:")
    watch.run(f"No tray: {result.reason}")
    return 0


def _acquire(lock: FileLock) -> bool:
    """Take the lock; `doctor` holds it for a moment, to see whether a tray does."""
    for _ in range(LOOKS):
        if lock.acquire():
            return True
        time.sleep(LOOK_SECONDS)
    return False


def greeting(choice: "Choice") -> str:
    """A line for who started the tray in a terminal, which shows nothing else from then on."""
    from claude_session_status.desktop.backend import Route  # noqa: PLC0415 - brings Pillow with it

    place = {Route.WINDOWS: "in the notification area, by the clock", Route.MACOS: "in the menu bar"}
    # A shortcoming has been told already: no icon yet, or one without a menu.
    icon = "" if choice.reason else f"The icon is {place.get(choice.route, 'in the panel')}. "
    menu = "" if choice.route is Route.X11 else "Quit in its menu ends it; so does "
    return f"{icon}{menu}Ctrl-C here{'' if menu else ' ends it'}, and closing this terminal."


def _greet(choice: "Choice") -> None:
    if in_terminal():
        click.echo(greeting(choice))


def in_terminal() -> bool:
    """Whether a person reads what is printed."""
    return sys.stdout is not None and sys.stdout.isatty()  # pythonw has none


def _environment() -> tuple[str, ...]:
    """What a terminal must be told of ours: the one that opens may be a server's, with an environment of its own."""
    claude_dir = os.environ.get("CLAUDE_CONFIG_DIR")
    return ("env", f"CLAUDE_CONFIG_DIR={claude_dir}") if claude_dir and sys.platform != "win32" else ()


def _log_escaped(escaped: threading.ExceptHookArgs) -> None:
    """Log what ended a thread."""
    told = (escaped.exc_type, escaped.exc_value or escaped.exc_type(), escaped.exc_traceback)
    logging.getLogger(__name__).error("a thread ended", exc_info=told)


def _tell(message: str) -> None:
    logging.getLogger(__name__).warning("%s", message)
    click.echo(f"claude-session-status: {message}", err=True)


class _PrivateLog(logging.handlers.RotatingFileHandler):
    """A log that nobody else can read, also the file that a rotation begins."""

    def _open(self) -> io.TextIOWrapper:
        descriptor = open_private(self.baseFilename, os.O_WRONLY | os.O_APPEND)
        return open(descriptor, "a", encoding=self.encoding)


def _log_to(folder: str) -> None:
    """Keep a short log in a file of our own; a folder that can't be written is no reason to show nothing."""
    try:
        make_private_folder(folder)
        path = os.path.join(folder, "tray.log")
        handler = _PrivateLog(path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8")
    except OSError as error:
        click.echo(f"claude-session-status: no log: {error}", err=True)
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
