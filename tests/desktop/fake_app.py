"""The tray with a made-up monitor: a program for the tests, told by JSON lines on its standard input what to show.

    {"sessions": [{"id": "a", "project": "my-app", "left": 100, "ttl": 300, "activity": "idle", "title": null}]}
    {"alert": "a"}
    {"break": "disk full"}

What a person wants of a session it does by itself: mute, unmute, forget, pause.

It prints its log, one line an event, on standard error.
"""

import json
import logging
import sys
import threading
import time
from typing import Any

from claude_session_status.alerting import paused_until
from claude_session_status.desktop.tray import Listener, run_tray
from claude_session_status.model import (
    Activity,
    Alert,
    Cache,
    EventKind,
    Pause,
    Request,
    Session,
    SessionState,
    Snapshot,
    Source,
)
from claude_session_status.policy import urgency_of


class MadeUpMonitor:
    """Shows what it is told, counting down by the second."""

    def __init__(self) -> None:
        self._news = threading.Event()
        self._lock = threading.Lock()
        self._sessions: list[dict[str, Any]] = []
        self._alerts: list[str] = []
        self._breaks: str | None = None
        self._muted: set[str] = set()
        self._paused_until: float | None = None

    def run(self, stop: threading.Event, listener: Listener) -> None:
        while not stop.is_set():
            with self._lock:
                self._news.clear()
                sessions, alerts, breaks = self._sessions, self._alerts, self._breaks
                self._alerts, self._breaks = [], None
            if breaks:
                raise OSError(breaks)
            now = time.time()
            states = tuple(
                sorted(
                    (state_of({**s, "muted": s["id"] in self._muted}, now) for s in sessions),
                    key=lambda s: (s.cache is not Cache.WARM, s.expires_at or 0),
                )
            )
            due = [Alert(s, 30) for s in states if s.session.session_id in alerts]
            listener(Snapshot(now, states, paused_until=self._paused_until), due)
            self._news.wait(0.5)

    def wake(self) -> None:
        self._news.set()

    def submit(self, kind: EventKind, session_id: str) -> None:
        logging.info("told %s %s", kind.value, session_id)
        with self._lock:
            if kind is EventKind.FORGET:
                self._sessions = [s for s in self._sessions if s["id"] != session_id]
            self._muted = (self._muted | {session_id}) if kind is EventKind.MUTE else (self._muted - {session_id})
        self.wake()

    def pause(self, wanted: Pause) -> None:
        logging.info("told pause %s", wanted.value)
        self._paused_until = paused_until(wanted, time.time())
        self.wake()

    def read(self) -> None:
        for line in sys.stdin:
            told = json.loads(line)
            with self._lock:
                if "sessions" in told:
                    now = time.time()
                    self._sessions = [{**s, "until": now + s["left"]} for s in told["sessions"]]
                if "alert" in told:
                    self._alerts += told["alert"].split()
                self._breaks = told.get("break")
            self.wake()


class MadeUpAutostart:
    """Starts nothing at login, and says that it does."""

    def __init__(self) -> None:
        self._on = True

    def is_on(self) -> bool:
        return self._on

    def turn(self, on: bool) -> None:
        logging.info("told start at login %s", on)
        self._on = on


def state_of(told: dict[str, Any], now: float) -> SessionState:
    ttl = told.get("ttl", 300)
    left = told["until"] - now
    request = Request(told["until"] - ttl, ttl, Source.TRANSCRIPT)
    session = Session(
        told["id"],
        project=told.get("project", told["id"]),
        title=told.get("title"),
        request=request,
        context_tokens=told.get("tokens"),
        model=told.get("model"),
        cwd=told.get("cwd"),
        last_turn_at=told["until"] - ttl + 5,
        muted=told.get("muted", False),
    )
    cache = Cache.WARM if left > 0 else Cache.EXPIRED
    activity = Activity(told.get("activity", "idle"))
    return SessionState(
        session, cache, activity, told["until"], max(0.0, left), urgency_of(left, ttl), told.get("cost")
    )


def main() -> int:
    logging.basicConfig(level=logging.DEBUG, format="%(relativeCreated)d %(name)s: %(message)s")
    logging.getLogger("PIL").setLevel(logging.WARNING)
    monitor = MadeUpMonitor()
    threading.Thread(target=monitor.read, daemon=True).start()
    # Its menu is the product's, line by line.
    result = run_tray(monitor, sys.argv[1:] or ["true"], check_command=["true"], autostart=MadeUpAutostart())
    print(result.outcome, result.reason, file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
