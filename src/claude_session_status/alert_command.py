"""Runs the user's own command at each alert (`on_alert` in config.toml), for instance to notify a phone.

The command gets the alert as JSON on its standard input. It is an argument list, run without a shell, in the user's
home folder and environment. It may take ten seconds, then it is killed with its children. What went wrong last is in a
file, where `doctor` finds it.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from claude_session_status import lock, notification
from claude_session_status.errors import file_and_reason, reason_of
from claude_session_status.lazy_log import Log
from claude_session_status.model import Alert, AlertReason, Snapshot
from claude_session_status.paths import Paths
from claude_session_status.policy import waiting_since
from claude_session_status.private import make_private_folder, open_private, read_private
from claude_session_status.report import session_json
from claude_session_status.text_width import cut
from claude_session_status.words import clean, iso

log = Log(__name__)

SCHEMA = 1
LIMIT_SECONDS = 10.0
RUNNING_AT_ONCE = 4
LONGEST_QUEUE = 100  # alerts that wait; more are dropped
_ERROR_BYTES = 2000  # of the end of what the command wrote on its standard error
_PROBLEM_WIDTH = 200
_RESULT_BYTES = 65536


# ---- what the command reads ---------------------------------------------------


def as_json(alert: Alert, shot: Snapshot) -> dict[str, Any]:
    """Return what the command reads, schema 1: keys may be added, none changes or goes. Unknown values are null."""
    text = notification.of_alerts(alert, among=shot.sessions)
    expires = alert.reason is AlertReason.EXPIRES
    compacts = expires and notification.is_before_compaction(alert.state)
    return {
        "schema": SCHEMA,
        "reason": "compacts" if compacts else alert.reason.value,
        "at": iso(shot.now),
        "title": text.title,
        "body": text.body,
        "urgent": text.urgent,
        "lead_seconds": alert.lead_seconds if expires else None,
        "waiting_since": iso(waiting_since(alert.state.session, shot.now)),
        "session": session_json(alert.state, shot.now),
    }


def as_test(now: float) -> dict[str, Any]:
    """Return what the command reads when `doctor` tries it: no session has this alert."""
    return {
        "schema": SCHEMA,
        "reason": "test",
        "at": iso(now),
        "title": "claude-session-status: a test",
        "body": "You will get one like this before a cache expires.",
        "urgent": False,
        "lead_seconds": None,
        "waiting_since": None,
        "session": None,
    }


# ---- running it ---------------------------------------------------------------


class _Running:
    """The processes that run, so that they can be ended together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._ended = False

    def add(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._processes.add(process)
            ended = self._ended
        if ended:
            _kill(process)

    def remove(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._processes.discard(process)

    def end(self) -> None:
        """Kill them all, and each that is added from now on."""
        with self._lock:
            self._ended = True
            processes = list(self._processes)
        for process in processes:
            _kill(process)


def run(
    command: Sequence[str],
    alert: dict[str, Any],
    seconds: float = LIMIT_SECONDS,
    running: _Running | None = None,
) -> str | None:
    """Run the command to its end; return what went wrong, None if nothing did. Blocks up to `seconds`."""
    running = running or _Running()
    home = os.path.expanduser("~")
    # Into a file: a process that the command leaves behind would keep a pipe open.
    import tempfile  # noqa: PLC0415 - few users have such a command

    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                (os.path.expanduser(command[0]), *command[1:]),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd=home if os.path.isdir(home) else None,
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except (OSError, ValueError) as error:
            return f"it can't be started: {reason_of(error) if isinstance(error, OSError) else error}"
        running.add(process)
        try:
            process.communicate(json.dumps(alert).encode() + b"\n", timeout=seconds)
        except subprocess.TimeoutExpired:
            _kill(process)
            return f"it took longer than {seconds:g} s and was killed"
        finally:
            running.remove(process)
        return _problem_of(process.returncode, errors.read() if not errors.seek(0) else b"")


def _problem_of(code: int, errors: bytes) -> str | None:
    if code == 0:
        return None
    last = next((line for line in reversed(errors[-_ERROR_BYTES:].decode("utf-8", "replace").splitlines()) if line), "")
    how = f"it ended with exit code {code}" if code > 0 else f"it was ended by signal {-code}"
    return cut(f"{how}: {clean(last)}" if last.strip() else how, _PROBLEM_WIDTH)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and all that it has started. Returns once it has ended."""
    import psutil  # noqa: PLC0415 - only to end a command that takes too long

    started: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        started = psutil.Process(process.pid).children(recursive=True)
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)  # also children whose parent has ended
    for child in started:
        with contextlib.suppress(psutil.Error):
            child.kill()
    process.kill()
    process.wait()


class AlertCommand:
    """Runs the command at alerts, a few at a time, in threads of its own. `command` returns it; empty: none is set."""

    def __init__(
        self,
        paths: Paths,
        command: Callable[[], Sequence[str]],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._paths = paths
        self._command = command
        self._clock = clock
        self._threads: ThreadPoolExecutor | None = None
        self._waiting = 0
        self._lock = threading.Lock()
        self._running = _Running()

    def give(self, shot: Snapshot, alerts: Sequence[Alert]) -> None:
        """Run the command for each of the alerts soon. Returns at once, and never raises."""
        command = tuple(self._command()) if alerts else ()
        if not command:
            return
        if self._threads is None:
            self._threads = ThreadPoolExecutor(RUNNING_AT_ONCE, "on-alert")
        for alert in alerts:
            with self._lock:
                if self._waiting >= LONGEST_QUEUE:
                    log.warning("on_alert: too many alerts at once; one is dropped")
                    continue
                self._waiting += 1
            try:
                self._threads.submit(self._give, command, alert, as_json(alert, shot))
            except Exception:
                log.exception("on_alert")
                self._done()

    def stop(self) -> None:
        """Kill what runs, and run no more."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._running.end()
            self._threads.shutdown()

    def _give(self, command: tuple[str, ...], alert: Alert, text: dict[str, Any]) -> None:
        try:
            expires_at = alert.state.expires_at
            if alert.reason is AlertReason.EXPIRES and expires_at is not None and expires_at <= self._clock():
                log.warning("on_alert: the cache has expired meanwhile")
                return
            problem = run(command, text, LIMIT_SECONDS, self._running)
            if problem is not None:
                log.warning("on_alert: %s: %s", command[0], problem)
            record(self._paths, self._clock(), command, problem)
        except Exception:
            log.exception("on_alert")
        finally:
            self._done()

    def _done(self) -> None:
        with self._lock:
            self._waiting -= 1


# ---- how it went last ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Result:
    """When the command ended last (epoch seconds), and what went wrong; None: nothing did."""

    at: float
    problem: str | None


def record(paths: Paths, at: float, command: Sequence[str], problem: str | None) -> None:
    """Remember how the command went. Never raises: a full disk is no reason not to notify."""
    temporary = f"{paths.alert_result}.{os.getpid()}-{os.urandom(4).hex()}"
    try:
        make_private_folder(paths.folder)
        with open(open_private(temporary, os.O_WRONLY), "wb") as file:
            file.write(json.dumps({"at": at, "command": list(command), "problem": problem}).encode() + b"\n")
        os.replace(temporary, paths.alert_result)
    except OSError as error:
        log.warning("on_alert: %s", file_and_reason(error, temporary))


def last_result(paths: Paths, command: Sequence[str]) -> Result | None:
    """How the command went last; None where it has never run, another one was set since, or that can't be read."""
    try:
        found = json.loads(read_private(paths.alert_result, _RESULT_BYTES))
        at, problem, is_same = found["at"], found["problem"], found["command"] == list(command)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    if not is_same or isinstance(at, bool) or not isinstance(at, int | float) or not isinstance(problem, str | None):
        return None
    return Result(float(at), problem)


# ---- who runs it -----------------------------------------------------------------


class AlertTurn:
    """Decides which process runs the command: the tray, or one `watch` where no tray runs."""

    def __init__(self, paths: Paths) -> None:
        self._tray_lock = paths.tray_lock
        self._own = lock.FileLock(paths.alert_lock)

    def is_ours(self) -> bool:
        """Whether this `watch` runs the command: no tray runs, and no other `watch` was first."""
        try:
            if lock.is_held(self._tray_lock):
                self._own.release()
                return False
            return self._own.is_held or self._own.acquire()
        except OSError as error:
            log.warning("on_alert: %s", file_and_reason(error, self._own.path))
            return False

    def release(self) -> None:
        """Let another `watch` run the command."""
        self._own.release()
