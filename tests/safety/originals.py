"""The first versions of the program, from PyPI, run as they were: to write the databases that people bring along."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

VERSIONS = ("0.2.0", "0.2.11")
_FOLDER = Path(__file__).with_name("versions")


def why_not(version: str) -> str | None:
    """Install a version where it is not yet; None when it is there, else why it can't be had."""
    target = _FOLDER / version
    if (target / "claude_session_status").is_dir():
        return None
    line = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    line += ["--target", str(target), f"claude-session-status=={version}"]
    done = subprocess.run(line, capture_output=True, text=True)
    return None if done.returncode == 0 else f"pip can't install it ({done.stderr.strip()[-200:]}): {' '.join(line)}"


class Original:
    """One version, with a HOME and a time zone of its own. It uses the DuckDB that is installed."""

    def __init__(self, version: str, home: Path, zone: str) -> None:
        self.environment = {
            **{k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "CLAUDE_CONFIG_DIR")},
            "HOME": str(home),
            "TZ": zone,
            "PYTHONPATH": str(_FOLDER / version),
        }

    def run(self, command: str, payload: Mapping[str, str] | None = None) -> str:
        """Run a command of it; what it printed. A failure is one of the test."""
        program = "import sys; from claude_session_status import cli; assert 'versions' in cli.__file__; cli.main()"
        done = subprocess.run(
            [sys.executable, "-c", program, command],
            input=json.dumps(payload or {}),
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout
