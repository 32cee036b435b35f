"""The tray with a fake monitor: a program for the tests. It reads what to show as JSON lines from its standard input.

    {"sessions": [{"id": "a", "project": "my-app", "left": 100, "ttl": 300, "activity": "idle", "title": null,
                   "process": [42, 4711, "pid:[1]@machine"]}]}
    {"alert": "a"}, or with a sound {"alert": "a", "sound": true}
    {"wait": "a"}
    {"hosts": [{"name": "build", "connection": "unreachable", "ago": 180}]}, for sessions with "host": "build"
    {"break": "disk full"}

It handles mute, unmute, forget and pause itself, and writes a log on standard error, one line for each event.
"""

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from claude_session_status import policy
from claude_session_status.alerting import paused_until
from claude_session_status.desktop import go
from claude_session_status.desktop.settings import SettingsFile
from claude_session_status.desktop.tray import Listener, run_tray
from claude_session_status.keep_warm_times import Choice
from claude_session_status.model import (
    Activity,
    Alert,
    AlertReason,
    Cache,
    ClientStatus,
    EventKind,
    Host,
    HostConnection,
    HostState,
    KeepWarm,
    Pause,
    Process,
    Request,
    Session,
    SessionState,
    Snapshot,
    Source,
)
from claude_session_status.policy import urgency_of


class FakeMonitor:
    """Publishes the sessions that it has read, counting down."""

    def __init__(self) -> None:
        self._news = threading.Event()
        self._lock = threading.Lock()
        self._sessions: list[dict[str, Any]] = []
        self._alerts: list[str] = []
        self._waits: list[str] = []
        self._breaks: str | None = None
        self._hosts: tuple[HostState, ...] = ()
        self._sound = False
        self._muted: set[str] = set()
        self._paused_until: float | None = None

    def run(self, stop: threading.Event, listener: Listener) -> None:
        while not stop.is_set():
            with self._lock:
                self._news.clear()
                sessions, alerts, waits, breaks = self._sessions, self._alerts, self._waits, self._breaks
                sound = self._sound
                self._alerts, self._waits, self._breaks = [], [], None
            if breaks:
                raise OSError(breaks)
            now = time.time()
            states = tuple(state_of({**s, "muted": s["id"] in self._muted}, now) for s in sessions)
            due = [Alert(s, 30, sound=sound) for s in states if s.session.session_id in alerts]
            due += [Alert(s, 0, reason=AlertReason.WAITS) for s in states if s.session.session_id in waits]
            shot = Snapshot(now, states, paused_until=self._paused_until, hosts=self._hosts)
            shown = policy.later(shot, now)  # in the product's order
            listener(shown, due)
            self._news.wait(0.5)

    def wake(self) -> None:
        self._news.set()

    def submit(self, kind: EventKind, session_id: str) -> None:
        logging.info("request: %s %s", kind.value, session_id)
        with self._lock:
            if kind is EventKind.FORGET:
                self._sessions = [s for s in self._sessions if s["id"] != session_id]
            self._muted = (self._muted | {session_id}) if kind is EventKind.MUTE else (self._muted - {session_id})
        self.wake()

    def keep_warm(self, session_id: str, choice: Choice, *, consents: bool = False) -> tuple[str, ...]:
        logging.info("request: keep warm %s %s %s", choice.value, session_id, consents)
        return ("It is kept warm",)

    def pause(self, wanted: Pause) -> None:
        logging.info("request: pause %s", wanted.value)
        self._paused_until = paused_until(wanted, time.time())
        self.wake()

    def read(self) -> None:
        for line in sys.stdin:
            command = json.loads(line)
            with self._lock:
                if "sessions" in command:
                    now = time.time()
                    self._sessions = [{**s, "until": now + s["left"], "at": now} for s in command["sessions"]]
                if "hosts" in command:
                    self._hosts = tuple(map(host_of, command["hosts"]))
                self._alerts += command.get("alert", "").split()
                self._waits += command.get("wait", "").split()
                self._sound = command.get("sound", self._sound)
                self._breaks = command.get("break")
            self.wake()


class FakeAutostart:
    """Changes nothing on this machine; is on at first."""

    def __init__(self) -> None:
        self._on = True

    def is_on(self) -> bool:
        return self._on

    def turn(self, on: bool) -> None:
        logging.info("request: start at login %s", on)
        self._on = on


class MadeUpHistory:
    """What cold caches cost, in the words of the variable WEEK."""

    def week(self) -> str:
        return f"This week: {os.environ['WEEK']}"

    def today(self) -> str:
        return ""

    def rebuilt(self) -> None:
        return None


class MissingHooks:
    """Claude Code without hooks."""

    def hooks_installed(self) -> bool:
        return False

    def install_hooks(self) -> str:
        return "Installed nothing"


def _process(command: dict[str, Any]) -> Process | None:
    """The process whose terminal can be gone to: `process` names it, `window` means this one."""
    if "process" in command:
        return Process(*command["process"])
    return Process(os.getpid()) if command.get("window") else None


def host_of(command: dict[str, Any]) -> HostState:
    return HostState(command["name"], HostConnection(command["connection"]), time.time() - command["ago"])


CLIENT_STATUS = {Activity.WAITING: ClientStatus.WAITING, Activity.WORKING: ClientStatus.BUSY}


def state_of(command: dict[str, Any], now: float) -> SessionState:
    ttl = command.get("ttl", 300)
    activity = Activity(command.get("activity", "idle"))
    left = command["until"] - now
    request = Request(command["until"] - ttl, ttl, Source.TRANSCRIPT)
    session = Session(
        command["id"],
        project=command.get("project", command["id"]),
        title=command.get("title"),
        request=request,
        context_tokens=command.get("tokens"),
        model=command.get("model"),
        cwd=command.get("cwd"),
        last_turn_at=min(command["until"] - ttl + 5, command["at"] - 1),
        client_status=CLIENT_STATUS.get(activity),
        client_status_at=command["at"],
        muted=command.get("muted", False),
        process=_process(command),
        host=command.get("host"),
    )
    cache = Cache.WARM if left > 0 else Cache.EXPIRED
    kept = KeepWarm(pings_an_hour=15, usd_an_hour=0.43, needs_consent=True) if command.get("keep") else None
    return SessionState(
        session,
        cache,
        activity,
        command["until"],
        max(0.0, left),
        urgency_of(left, ttl),
        command.get("cost"),
        keep_warm=kept,
    )


really_go_to = go.to_session


def go_to(
    session: Session, environ: Mapping[str, str], activation_token: str | None = None, *, host: Host | None = None
) -> None:
    """Log that a session was gone to, and go there if a process was named: the made-up ones have no terminal."""
    logging.info("request: go to %s", session.session_id)
    if session.process != Process(os.getpid()):
        really_go_to(session, environ, activation_token, host=host)


def main() -> int:
    logging.basicConfig(level=logging.DEBUG, format="%(relativeCreated)d %(name)s: %(message)s")
    logging.getLogger("PIL").setLevel(logging.WARNING)
    go.to_session = go_to
    monitor = FakeMonitor()
    threading.Thread(target=monitor.read, daemon=True).start()
    settings = SettingsFile(os.path.expanduser("~/.claude/claude-session-status/config.toml"))
    set_up = MissingHooks() if os.environ.get("HOOKS_MISSING") else None
    # Its menu is the same as the product's, with WEEK.
    result = run_tray(
        monitor,
        sys.argv[1:] or ["true"],
        check_command=["true"],
        autostart=FakeAutostart(),
        set_up=set_up,
        settings=settings,
        history=MadeUpHistory() if "WEEK" in os.environ else None,
        history_command=["true"],
    )
    print(result.outcome, result.reason, file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
