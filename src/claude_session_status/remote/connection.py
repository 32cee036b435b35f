"""The connection to one other machine: a process of ssh or docker, a thread that reads it, and the next try.

When the connection ends, the process is killed with all that it has started. What it prints costs at most a small share
of one core, however much it is.
"""

import logging
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable

from claude_session_status import remote_session
from claude_session_status.errors import reason_of
from claude_session_status.model import Host, HostConnection, HostState, RemoteState
from claude_session_status.remote import backoff, command_line, diagnosis, process
from claude_session_status.remote.changes import Received
from claude_session_status.remote.clocks import steady
from claude_session_status.remote.delay import Delay
from claude_session_status.remote.pipes import Output, output_of
from claude_session_status.remote.stream import Lines, Reader, Report, SchemaError, StreamError, moved
from claude_session_status.values import replace

log = logging.getLogger(__name__)

FIRST_LINE_SECONDS = 60.0  # until then the connection is made and the program there is started
SILENT_SECONDS = 35.0  # the program prints a line every ten seconds
LOOK_SECONDS = 5.0  # how soon a thread sees that it is to end where its process does not
GAP_SECONDS = 0.05  # between two reads
SHARE = 20  # reading and parsing take at most one part in so many of a core
END_SECONDS = 1.0  # for the process to end by itself


class _EndError(Exception):
    """The connection ends, and why."""

    def __init__(self, connection: HostConnection, detail: str) -> None:
        super().__init__(detail)
        self.connection = connection
        self.detail = detail


class Connection:
    """Keeps a connection to `host` from `start` until `stop`. All methods may be called from any thread.

    `on_news` is called from its own thread when there is something new to `take`, or another state.
    """

    def __init__(self, host: Host, on_news: Callable[[], object]) -> None:
        self.host = host
        self._on_news = on_news
        self._state = HostState(host.name, HostConnection.CONNECTING)
        self._received: Received | None = None
        self._known: dict[str, RemoteState] | None = None  # what was received last
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._retry = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"host-{host.name}", daemon=True)

    @property
    def state(self) -> HostState:
        """The state at this moment."""
        return self._state

    def take(self) -> Received | None:
        """Return the newest report that nobody has taken yet."""
        with self._lock:
            received, self._received = self._received, None
        return received

    def start(self) -> None:
        """Begin to connect."""
        self._set(HostConnection.CONNECTING)
        self._thread.start()

    def retry(self, *, anew: bool = False, is_asked: bool = False) -> None:
        """Try again now where it waits for the next try.

        `anew`: also where it is connected, as after sleep. `is_asked`: by the user, so also where it was refused.
        """
        is_connected = self._state.connection is HostConnection.CONNECTED
        is_allowed = is_asked or backoff.retries_at_once(self._state.connection)
        if not is_allowed or (is_connected and not anew):
            return
        self._retry.set()
        if is_connected:
            self._signal(signal.SIGTERM)

    def stop(self) -> None:
        """Begin to end the connection; `join` waits for its end."""
        self._stopping.set()
        self._retry.set()
        self._signal(signal.SIGTERM)

    def join(self, seconds: float) -> None:
        """Wait for the end, up to `seconds`; then kill the process."""
        if self._thread.ident is None:
            return
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._signal(process.KILL)
            self._thread.join(seconds)

    # ---- the thread ---------------------------------------------------------

    def _run(self) -> None:
        failed = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                end = self._connect()
            except Exception as error:  # one host's connection must not end without a word
                log.exception("the connection to %s", self.host.name)
                end = _EndError(HostConnection.UNREACHABLE, f"{type(error).__name__}: {error}")
            if self._stopping.is_set():
                return
            was_connected = self._state.connection is HostConnection.CONNECTED
            failed = backoff.failures_after(failed, time.monotonic() - began if was_connected else None)
            if was_connected and self._retry.is_set():
                self._set(HostConnection.CONNECTING)
            else:
                self._set(end.connection, end.detail)
            if self._retry.wait(backoff.wait_seconds(failed, end.connection, _chance())):
                failed = 0  # after sleep the network may come a few seconds late: the waits are short again
            self._retry.clear()

    def _connect(self) -> _EndError:
        """Connect, and read until the connection ends; return why it did."""
        try:
            running = self._start()
        except (OSError, ValueError) as error:
            reason = reason_of(error) if isinstance(error, OSError) else str(error)
            program = (*self.host.command, "ssh")[0]
            return _EndError(HostConnection.UNREACHABLE, f"{program} can't be started here: {reason}")
        if running is None:
            return _EndError(HostConnection.CONNECTING, "")
        output = output_of(running)
        try:
            self._read(output)
        except _EndError as end:
            return end
        finally:
            self._end(running)
            errors = output.errors()
            if running.stderr is not None:
                running.stderr.close()
        return _EndError(*diagnosis.diagnose(running.returncode, errors))

    def _start(self) -> subprocess.Popen[bytes] | None:
        """Start the process; None where the connection is to end. Raises OSError and ValueError."""
        argv = command_line.argv(self.host)
        with self._lock:
            if self._stopping.is_set():
                return None
            self._process = process.start(self.host, argv)
            return self._process

    def _read(self, output: Output) -> None:
        """Read until the output ends. Raises _EndError where the connection is to end before."""
        lines, reader, delay = Lines(), Reader(self.host.name), Delay()
        until = time.monotonic() + FIRST_LINE_SECONDS
        is_connected = False
        while not (self._stopping.is_set() or (is_connected and self._retry.is_set())):
            data = output.read(min(LOOK_SECONDS, until - time.monotonic()))
            if data == b"":
                return
            began = time.thread_time()
            try:
                report = reader.read(lines.feed(data)) if data else None
            except StreamError as error:
                raise _EndError(HostConnection.BAD_DATA, str(error)) from error
            except SchemaError as error:
                raise _EndError(HostConnection.WRONG_VERSION, diagnosis.TOO_NEW) from error
            if report is not None:
                if not is_connected:
                    is_connected = True
                    self._retry.clear()  # what it was set for has happened
                until = time.monotonic() + SILENT_SECONDS
                self._receive(report, delay)
            elif time.monotonic() >= until:
                raise _EndError(HostConnection.UNREACHABLE, "nothing comes from it any more")
            self._stopping.wait(pause_seconds(time.thread_time() - began))

    def _receive(self, report: Report, delay: Delay) -> None:
        """Keep the report, with times by this machine's clock."""
        on_its_way = delay.of(steady(), report.now)
        ahead = time.time() - on_its_way - report.now
        states = {remote_session.key_of(self.host.name, i): moved(s, ahead) for i, s in report.sessions}
        detail = report.problem or (f"only {len(states)} of its sessions are shown" if report.is_cut else None)
        is_news = self._set(HostConnection.CONNECTED, detail, report.version)
        received = Received(self.host.name, states, report.is_cut)
        with self._lock:
            if not is_news and _are_alike(self._known, states):
                return
            self._known = states
            self._received = received
        self._on_news()

    def _set(self, connection: HostConnection, detail: str | None = None, version: str | None = None) -> bool:
        """Set the state; return whether it is another one. A state that lasts keeps the time when it began."""
        before = self._state
        since = before.since if before.connection is connection and before.since is not None else time.time()
        self._state = HostState(self.host.name, connection, since, detail, version or before.version)
        if replace(self._state, detail=before.detail) != before:
            self._on_news()
        return connection is not before.connection

    # ---- the process --------------------------------------------------------

    def _signal(self, number: int) -> None:
        """Send a signal to the process, unless it has ended, and to all that it has started."""
        with self._lock:
            if self._process is not None and self._process.returncode is None:
                process.signal_all(self._process, number)

    def _end(self, running: subprocess.Popen[bytes]) -> None:
        """End the process and all that it has started, and leave no zombie."""
        if running.stdin is not None:
            running.stdin.close()
        for number in (None, signal.SIGTERM, process.KILL):
            if number is not None:
                self._signal(number)
            try:
                running.wait(0.0 if number is None and self._stopping.is_set() else END_SECONDS)
                break
            except subprocess.TimeoutExpired:
                pass
        running.wait()
        process.signal_all(running, process.KILL)  # what it has started and left behind
        if running.stdout is not None:
            running.stdout.close()


def pause_seconds(spent: float) -> float:
    """Return how long to read nothing after so many seconds of work on what was read last."""
    return max(GAP_SECONDS, SHARE * spent)


def _chance() -> float:
    return random.random()  # noqa: S311 - spreads the tries of many hosts


def _are_alike(known: dict[str, RemoteState] | None, states: dict[str, RemoteState]) -> bool:
    if known is None or known.keys() != states.keys():
        return False
    return all(remote_session.is_alike(known[key], state) for key, state in states.items())
