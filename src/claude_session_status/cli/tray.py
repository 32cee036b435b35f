"""`tray`: one icon per user. Takes the lock, sets up the log, and shows the table where there is no display."""

import io
import logging
import logging.handlers
import os
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from claude_session_status import config, paths, pricing, remote, words
from claude_session_status.alert_command import AlertCommand
from claude_session_status.claude.setup.hook_commands import this_launcher
from claude_session_status.cli import tray_process
from claude_session_status.cli.autostart import this_autostart
from claude_session_status.cli.cold_returns import ColdReturns
from claude_session_status.cli.invocation import as_called
from claude_session_status.cli.setup import SetUp
from claude_session_status.cli.streams import echo
from claude_session_status.errors import file_and_reason
from claude_session_status.lock import FileLock
from claude_session_status.monitor import Monitor
from claude_session_status.private import make_private_folder, open_private

if TYPE_CHECKING:
    from claude_session_status.desktop.backend import Choice
    from claude_session_status.desktop.tray import TrayResult

LOCK_TRIES, RETRY_SECONDS = 4, 0.03
LOG_BYTES = 500_000
LOG_FILES = 3
DEMO_NOTIFIED_SECONDS = 10.0  # for a notification to be read; half a minute of the demo passes in less than two


def run() -> int:
    """Show the icon until it is quit; return the exit code. Raises SessionStatusError and OSError."""
    # Importing the desktop shows nothing yet, but brings Pillow with it.
    from claude_session_status.desktop.settings import SettingsFile  # noqa: PLC0415 - as below
    from claude_session_status.desktop.tray import run_tray  # noqa: PLC0415 - imported only to be shown

    where = paths.from_environment()
    make_private_folder(where.folder)
    lock = FileLock(where.tray_lock)
    if not _acquire(lock):
        echo("claude-session-status: the tray is running already")
        return 0
    try:
        tray_process.write_pid(where.tray_lock)
        _log_to(where.log)
        threading.excepthook = _log_thread_error
        for problem in config.load(where.config).problems:
            _warn(problem)

        def show_prices() -> None:
            monitor.wake()

        # Sampling a model takes a quarter of a second, for which the icon does not wait.
        prices = pricing.PricesInBackground(pricing.PriceList(where.prices), show_prices)
        hosts = partial(remote.connections, where)
        monitor = Monitor(where, price=prices.rewrite_cost, read_price=prices.read_cost, hosts=hosts)
        on_alert = AlertCommand(where, lambda: monitor.settings.on_alert)
        launcher = this_launcher()
        program = (*_environment(), launcher.program, *launcher.arguments)
        result = run_tray(
            monitor,
            (*program, "watch"),
            check_command=(*program, "doctor"),
            autostart=this_autostart(),
            set_up=SetUp(),
            on_alerts=on_alert.give,
            on_end=on_alert.stop,
            settings=SettingsFile(where.config),
            history=ColdReturns((*program, "history", "--brief"), time.monotonic),
            history_command=(*program, "history", "--open"),
            hosts=lambda: monitor.settings.hosts,
            as_called=as_called,
            on_shortcoming=_warn,
            on_icon=_greet,
        )
    except Exception:
        # A tray that started at login has no visible standard error.
        logging.getLogger(__name__).exception("the tray ended")
        raise
    finally:
        lock.release()
    return _exit_code(result, "watch", _show_table)


def run_demo() -> int:
    """Show an icon for made-up sessions; return the exit code. Raises SessionStatusError.

    It takes no lock: it may run beside the tray that watches the user's own sessions.
    """
    from claude_session_status.demo import BANNER, demo  # noqa: PLC0415 - imported only to be shown
    from claude_session_status.desktop.tray import run_tray  # noqa: PLC0415 - as above

    launcher = this_launcher()
    with demo(alerts=True, price=pricing.PricesInBackground().rewrite_cost) as monitor:
        result = run_tray(
            monitor,
            (launcher.program, *launcher.arguments, "watch", "--demo"),
            least_notified_seconds=DEMO_NOTIFIED_SECONDS,
            as_called=as_called,
            on_shortcoming=lambda message: echo(message, err=True),
            on_icon=lambda _: echo(f"{BANNER}. To end it, choose Quit in the icon's menu, or press Ctrl-C."),
        )
    return _exit_code(result, "watch --demo", _show_demo_table)


def _show_table(headline: str) -> None:
    from claude_session_status.cli import watch  # noqa: PLC0415 - brings rich, which an icon does not need

    watch.run(headline)


def _show_demo_table(headline: str) -> None:
    from claude_session_status.cli import watch  # noqa: PLC0415 - as above

    watch.run_demo(headline)


def _exit_code(result: "TrayResult", command: str, show_table: Callable[[str], None]) -> int:
    """Return the exit code; where there was no icon to show, show the table first, or name its `command`."""
    from claude_session_status.desktop.tray import TrayOutcome  # noqa: PLC0415 - imported by now

    if result.outcome is TrayOutcome.ENDED:
        return 0
    if not _in_terminal():
        echo(
            as_called(
                f"claude-session-status: no tray: {result.reason}\nIn a terminal, run: claude-session-status {command}"
            ),
            err=True,
        )
        return 1
    headline = f"No tray: {result.reason}"
    echo(f"{headline}. The table instead:")
    show_table(headline)
    return 0


def _acquire(lock: FileLock) -> bool:
    """Take the lock; try more than once, as `doctor` takes it for a moment to see whether a tray runs."""
    for _ in range(LOCK_TRIES):
        if lock.acquire():
            return True
        time.sleep(RETRY_SECONDS)
    return False


def start_line(choice: "Choice") -> str:
    """Return the line for the terminal that started the tray: where the icon is, and how to end it."""
    from claude_session_status.desktop.backend import Route  # noqa: PLC0415 - brings Pillow with it

    place = {
        Route.WINDOWS: "in the notification area, by the clock",
        Route.MACOS: f"in the menu bar; {words.MENU_BAR_HINT}",
    }
    # A shortcoming, such as an icon without a menu, was printed before this line.
    icon = "" if choice.reason else f"The icon is {place.get(choice.route, 'in the panel')}. "
    menu = "" if choice.route is Route.X11 else "choose Quit in its menu, "
    return f"{icon}To end the tray, {menu}press Ctrl-C here or close this terminal."


def _greet(choice: "Choice") -> None:
    if _in_terminal():
        echo(start_line(choice))


def _in_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()  # pythonw has no stdout


def _environment() -> tuple[str, ...]:
    """Return the command prefix that passes our environment on: a terminal's server may have another one."""
    claude_dir = os.environ.get("CLAUDE_CONFIG_DIR")
    return ("env", f"CLAUDE_CONFIG_DIR={claude_dir}") if claude_dir and sys.platform != "win32" else ()


def _log_thread_error(failed: threading.ExceptHookArgs) -> None:
    error = (failed.exc_type, failed.exc_value or failed.exc_type(), failed.exc_traceback)
    logging.getLogger(__name__).error("a thread ended", exc_info=error)


def _warn(message: str) -> None:
    logging.getLogger(__name__).warning("%s", message)
    echo(f"claude-session-status: {message}", err=True)


class _PrivateLog(logging.handlers.RotatingFileHandler):
    """A log whose files, also those made by rotation, only the user can read."""

    def _open(self) -> io.TextIOWrapper:
        descriptor = open_private(self.baseFilename, os.O_WRONLY | os.O_APPEND)
        return open(descriptor, "a", encoding=self.encoding, errors="backslashreplace")  # paths may not be UTF-8


def _log_to(folder: str) -> None:
    """Log to a short file in `folder`. Where that can't be written, warn and go on without a log."""
    try:
        make_private_folder(folder)
        path = os.path.join(folder, "tray.log")
        handler = _PrivateLog(path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8")
    except OSError as error:
        echo(f"claude-session-status: no log: {file_and_reason(error, folder)}", err=True)
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
