"""The real command on a test's desktop: its tray, and Claude Code's sessions that report to it."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from desktop.harness import Desktop, Item, Program
from waiting import wait_for

PRODUCT = [sys.executable, "-m", "claude_session_status"]
TTL = 300  # seconds


class Claude:
    """A session of Claude Code with its hooks and its transcript."""

    def __init__(self, desktop: Desktop, session_id: str, project: str) -> None:
        self._desktop = desktop
        self.session_id = session_id
        self.cwd = desktop.home / project
        self.cwd.mkdir()
        self.transcript = desktop.home / f".claude/projects/-{project}/{session_id}.jsonl"
        self.transcript.parent.mkdir(parents=True)

    def turn(self, seconds_left: float) -> None:
        """Have a turn whose request began so that the cache has this time left."""
        began = time.time() - (TTL - seconds_left)
        usage = {
            "input_tokens": 10,
            "output_tokens": 5,
            "cache_read_input_tokens": 140_000,
            "cache_creation_input_tokens": 2000,
            "cache_creation": {"ephemeral_5m_input_tokens": 2000, "ephemeral_1h_input_tokens": 0},
        }
        message = {"id": f"msg_{began}", "model": "claude-opus-5-5", "role": "assistant", "usage": usage, "content": []}
        message["stop_reason"] = "end_turn"
        self._write(began, type="user", message={"role": "user", "content": "hello"})
        self._write(began + 1, type="assistant", requestId=f"req_{began}", message=message)
        self.hook("mark-turn", "Stop")

    def hook(self, mark: str, event: str, **more: str) -> None:
        payload = {
            "session_id": self.session_id,
            "cwd": str(self.cwd),
            "transcript_path": str(self.transcript),
            "hook_event_name": event,
            **more,
        }
        argv = [*PRODUCT, mark]
        done = subprocess.run(argv, input=json.dumps(payload), env=self._desktop.env, capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def _write(self, at: float, **line: Any) -> None:
        stamp = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        values = {"sessionId": self.session_id, "cwd": str(self.cwd), "isSidechain": False, "timestamp": stamp, **line}
        with self.transcript.open("a") as stream:
            stream.write(json.dumps(values) + "\n")


def start_tray(desktop: Desktop, env: Mapping[str, str] | None = None) -> Program:
    return desktop.start([*PRODUCT, "tray"], "tray", env)


def wait_line(item: Item, pattern: str) -> str:
    """Wait for a line of the menu that matches, and return it."""
    return wait_for(f"a line like {pattern}", lambda: next((s for s in item.labels() if re.search(pattern, s)), None))
