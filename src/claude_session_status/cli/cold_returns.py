"""What cold caches cost this week, for the tray: a child process reads the history now and then, and ends.

The tray itself stays small: it starts the child, and takes its line when it has ended.
"""

import json
import logging
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

log = logging.getLogger(__name__)

FIRST_SECONDS = 30.0  # after the tray's start: a login is busy
EVERY_SECONDS = 3600.0
MOST_SECONDS = 600.0  # a first run can read gigabytes
UNKNOWN = "What cold caches cost…"

Start = Callable[[Sequence[str]], "subprocess.Popen[bytes]"]


def start_quietly(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Start a command whose output is wanted and whose errors are not. Raises OSError."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # Windows: the tray has no console
    )


class ColdReturns:
    """Runs `command`, which prints the JSON of `history --brief`. `clock`: seconds that only grow."""

    def __init__(self, command: Sequence[str], clock: Callable[[], float], start: Start = start_quietly) -> None:
        self._command = tuple(command)
        self._clock = clock
        self._start = start
        self._due_at = clock() + FIRST_SECONDS
        self._child: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._known: dict[str, Any] = {}

    def week(self) -> str:
        """The menu's line: `This week: 12 cold returns, about $9.40`."""
        self._go_on()
        week = self._known.get("week")
        return f"This week: {week}" if isinstance(week, str) and week else UNKNOWN

    def today(self) -> str:
        """Some words for the tooltip: `3 cold returns, about $1.20`; empty where there were none."""
        today = self._known.get("today")
        return today if isinstance(today, str) else ""

    def rebuilt(self) -> tuple[float, float] | None:
        """Which shares of a context expired caches really rebuilt, the lower and the upper; None where not known."""
        match self._known.get("rebuilt"):
            case [float() | int() as low, float() | int() as high] if 0 <= low <= high <= 1:
                return low, high
        return None

    def _go_on(self) -> None:
        """Start the child where it is due, or take what it printed. Raises nothing."""
        now = self._clock()
        if self._child is None:
            if now >= self._due_at:
                self._due_at, self._started_at = now + EVERY_SECONDS, now
                try:
                    self._child = self._start(self._command)
                except OSError as error:
                    log.info("no history: %s", error)
            return
        if self._child.poll() is None:
            if now - self._started_at > MOST_SECONDS:
                self._child.kill()
            return
        child, self._child = self._child, None
        output = child.communicate()[0]
        try:
            known = json.loads(output)
        except ValueError:
            log.info("the history ended with %s", child.returncode)
        else:
            self._known = known if isinstance(known, dict) else {}
