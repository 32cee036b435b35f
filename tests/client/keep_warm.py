"""The keep-warm plugin in the real client, whose clock the test moves ahead; its orders and reports.

The stand-in models the prefix cache in the client's time: it reports a miss exactly when a request's prefix differs or
has expired.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.client_clock import ClientClock
from client.harness import Home, Terminal
from client.prefix_cache import PrefixCache
from client.standin import Received, StandIn, newest_messages
from waiting import wait_for

Json = dict[str, Any]

PLUGIN = Path(__file__).parents[2] / "packaging/claude-plugin-keep-warm"
PING = "This message comes from a tool that keeps the prompt cache warm"
LEAD_SECONDS = {300: 60.0, 3600: 180.0}
_A_LOOK = 1.6  # seconds; the client wakes each second


@dataclass(frozen=True, slots=True)
class KeepWarm:
    """A home, the API and the clock that both follow."""

    home: Home
    api: StandIn
    cache: PrefixCache
    clock: ClientClock

    @contextmanager
    def terminal(
        self, *arguments: str, plugin: Path = PLUGIN, extra: dict[str, str] | None = None
    ) -> Iterator[Terminal]:
        """The client with the plugin and the clock."""
        environment = {**self.clock.environment, **(extra or {})}
        with Terminal(self.home, "--plugin-dir", str(plugin), *arguments, extra=environment) as terminal:
            yield terminal

    @property
    def folder(self) -> Path:
        """Our folder in the client's configuration."""
        return self.home.config / "claude-session-status"

    def order(self, session_id: str, **changes: float) -> None:
        """Ask that a session be kept warm for three hours, with these changes."""
        now = self.clock.now()
        order = {"v": 1, "at": now, "until": now + 3 * 3600, "max_pings": 20, "allow_five_minutes": 1} | changes
        path = self.folder / "keep-warm" / f"{session_id}.json"
        path.parent.mkdir(exist_ok=True)
        path.with_suffix(".part").write_text(json.dumps(order))
        path.with_suffix(".part").replace(path)

    def report(self, session_id: str) -> Json:
        """The mod's report; empty where there is none, or half of one."""
        try:
            return dict(json.loads((self.folder / "mods" / f"{session_id}.json").read_text()))
        except (OSError, ValueError):
            return {}

    def wait_for_report(self, session_id: str, **expected: object) -> Json:
        """The report, once it has these values."""

        def found() -> Json | None:
            report = self.report(session_id)
            return report if {name: report.get(name) for name in expected} == expected else None

        return wait_for(lambda: f"{expected} in the report {self.report(session_id)}", found)

    @property
    def pings(self) -> list[Received]:
        """The requests that are pings, oldest first."""
        return [request for request in self.api.received if PING in json.dumps(newest_messages(request.body))]

    def begin(self, terminal: Terminal, **order: float) -> str:
        """Run a turn and order its session, with these changes; return the session's id."""
        terminal.turn("hello")
        session_id = terminal.session_id
        self.wait_for_report(session_id, state="ready")
        self.order(session_id, **order)
        return session_id

    def turn(self, terminal: Terminal, prompt: str = "more") -> None:
        """Run a turn; wait until the mod has reported its request."""
        before = self.clock.now()
        terminal.turn(prompt)
        session_id = terminal.session_id

        def is_reported() -> bool:
            report = self.report(session_id)
            return report.get("state") == "ready" and report["at"] >= before

        wait_for(lambda: f"a new request in {self.report(session_id)}", is_reported)

    def product(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run our command at the client's time."""
        return self.home.product(*arguments, extra=self.clock.environment)

    def approach_expiry(self, session_id: str, ttl: int | None = None) -> None:
        """Let time pass until the session's ping is due, by the mod's own report, or for a cache of this TTL."""
        report = self.wait_for_report(session_id)
        ttl = ttl or int(report["ttl"])
        due = report["at"] + ttl - LEAD_SECONDS[ttl] + 5
        self.clock.advance(due - self.clock.now())

    def let_the_mod_load(self) -> None:
        """Give a client that was just started the time to load the mod: it gives up when its clock is moved on."""
        time.sleep(3 * _A_LOOK)

    def expect_no_ping(self, pings: int = 0) -> None:
        """No further ping comes, though the client had the time to look."""
        time.sleep(_A_LOOK)
        assert len(self.pings) == pings
