"""Tries a program that PyInstaller has built, as a person and Claude Code would use it; says what does not hold.

    python packaging/pyinstaller/try_program.py dist/claude-session-status/claude-session-status

What is chosen at run time, and so is easily left out, is what is tried: the database, the prices, the table. Where
there is a display, also the tray, which it ends. Needs nothing but Python, and leaves nothing.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SECONDS = 60.0  # for each step; the first start of a new program is slow where a virus scanner looks at it
TRAY_SECONDS = 8.0
TOKENS = 142_000


class Trial:
    """One program, in a folder of its own."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = str(Path(program).resolve())
        self._folder = folder
        self._environment = {**os.environ, "CLAUDE_CONFIG_DIR": str(folder), "PYTHONUTF8": "1"}

    def run(self, *arguments: str, stdin: str = "") -> str:
        """What the program prints. Raises SystemExit where it fails, or complains."""
        done = subprocess.run(
            [self._program, *arguments],
            input=stdin.encode(),
            env=self._environment,
            capture_output=True,
            timeout=SECONDS,
        )
        if done.returncode or done.stderr:
            raise SystemExit(f"{arguments}: exit code {done.returncode}\n{done.stderr.decode(errors='replace')}")
        return done.stdout.decode()

    def transcript(self) -> Path:
        """What Claude Code would have written of one turn, just now."""
        path = self._folder / "projects/my-app/s.jsonl"
        path.parent.mkdir(parents=True)
        usage: dict[str, Any] = {"input_tokens": 3, "cache_creation_input_tokens": TOKENS}
        usage["cache_creation"] = {"ephemeral_5m_input_tokens": TOKENS}
        answer = {"id": "m", "model": "claude-opus-4-5", "usage": usage, "stop_reason": "end_turn", "content": []}
        now = datetime.now(UTC).isoformat()
        lines = [
            {"type": "user", "timestamp": now, "message": {"role": "user", "content": "x"}},
            {"type": "assistant", "timestamp": now, "message": answer},
        ]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return path

    def tray(self) -> str:
        """Start the tray, let it show the session, end it; return how it ended."""
        log = self._folder / "tray.log"
        with log.open("wb") as stream:
            process = subprocess.Popen([self._program, "tray"], env=self._environment, stdout=stream, stderr=stream)
            time.sleep(TRAY_SECONDS)
            ended = process.poll()
            process.send_signal(signal.SIGTERM)
            process.wait(SECONDS)
        if ended is not None:
            raise SystemExit(f"the tray ended by itself with {ended}\n{log.read_text(errors='replace')}")
        logs = "".join(path.read_text("utf-8", "replace") for path in self._folder.rglob("log/*"))
        if "Traceback" in logs or process.returncode:
            raise SystemExit(f"the tray failed, exit code {process.returncode}\n{logs}")
        return f"ended with {process.returncode} at a request to end"


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the program; return the exit code."""
    parser = argparse.ArgumentParser(description="Try a program that PyInstaller has built.")
    parser.add_argument("program", help="the command; the tray's own program lies beside it")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="frozen-") as folder:
        trial = Trial(chosen.program, Path(folder))
        print(trial.run("--version").strip())
        note = json.dumps({"session_id": "s", "cwd": "/x/my-app", "transcript_path": str(trial.transcript())})
        for mark in ("mark-start", "mark-prompt", "mark-turn"):
            if printed := trial.run(mark, stdin=note):
                raise SystemExit(f"{mark} printed {printed!r}: it would be read by the model")
        (session,) = json.loads(trial.run("status", "--json"))["sessions"]
        for key, wanted in (("project", "my-app"), ("cache", "warm"), ("context_tokens", TOKENS + 3)):
            if session[key] != wanted:
                raise SystemExit(f"status --json: {key} is {session[key]!r}, not {wanted!r}")
        if not session["rewrite_cost_usd"]:
            raise SystemExit("status --json knows no price: the price list was left out")
        print(f"re-caching costs ${session['rewrite_cost_usd']:.2f}")
        print(trial.run("watch", "--once").splitlines()[-1])
        if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
            print(f"the tray {trial.tray()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
