"""Starts the tray with its fake monitor (`fake_app.py`) on a test's desktop, and sends it sessions."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from desktop.harness import Desktop, Program
from waiting import wait_for

FAKE_APP = Path(__file__).parent / "fake_app.py"
END_SECONDS = 2.0  # within which the product ends


def session(session_id: str, left: float, **more: Any) -> dict[str, Any]:
    """A session with `left` seconds left, as `fake_app.py` reads it."""
    return {"id": session_id, "left": left, **more}


class FakeApp:
    """The program, once it is started."""

    def __init__(self, desktop: Desktop) -> None:
        self._desktop = desktop
        self._program: Program | None = None
        self.may_stumble = False  # whether the test expects a traceback in its log

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """End it. Its log must hold no traceback."""
        if self._program is None:
            return
        self._program.end()
        if kind is None:
            assert "ResourceWarning" not in self._program.text
            assert self.may_stumble or "Traceback" not in self._program.text

    @property
    def program(self) -> Program:
        assert self._program is not None, "start it first"
        return self._program

    def start(self, *sessions: dict[str, Any], table: tuple[str, ...] = ("true",), **env: str) -> "FakeApp":
        argv = [sys.executable, "-X", "dev", str(FAKE_APP), *table]
        self._program = self._desktop.start(argv, "app", env, stdin=subprocess.PIPE)
        self.show(*sessions)
        return self

    def show(self, *sessions: dict[str, Any]) -> None:
        self.send(sessions=sessions)

    def send(self, **command: Any) -> None:
        stream = self.program.process.stdin
        assert stream is not None
        stream.write(json.dumps(command).encode() + b"\n")
        stream.flush()

    def clicked(self) -> list[str]:
        """The keys of the lines that were clicked."""
        return re.findall(r"tray: clicked (\S+)$", self.program.text, re.MULTILINE)

    def openings(self) -> int:
        """How often a desktop has opened the menu, or said that it is about to."""
        return len(re.findall(r"(about to show|opened) 0$", self.program.text, re.MULTILINE))

    def wait_clicked(self, key: str) -> None:
        wait_for(f"a click on {key}", lambda: key in self.clicked())

    def wait_request(self, request: str) -> None:
        """Wait until the monitor has received this request, such as `mute a`."""
        wait_for(f"the request {request!r}", lambda: f"request: {request}\n" in self.program.text)

    def ended(self) -> int | None:
        """Its exit code, once it has ended by itself in time."""
        try:
            return self.program.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            return None

    def signal(self, number: signal.Signals) -> int | None:
        """Send the signal; return its exit code once it has ended in time."""
        self.program.process.send_signal(number)
        return self.ended()
