"""The first versions of the program, from PyPI, run unchanged: they write the databases that users upgrade from."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

VERSIONS = ("0.2.0", "0.2.11")
_FOLDER = Path(__file__).with_name("versions")


def why_not(version: str) -> str | None:
    """Install a version, unless it is installed; None when it is, else why not."""
    target = _FOLDER / version
    if (target / "claude_session_status").is_dir():
        return None
    line = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    line += ["--target", str(target), f"claude-session-status=={version}"]
    done = subprocess.run(line, capture_output=True, text=True)
    return None if done.returncode == 0 else f"pip can't install it ({done.stderr.strip()[-200:]}): {' '.join(line)}"


class Original:
    """One version, with its own HOME and time zone. It uses the installed DuckDB."""

    def __init__(self, version: str, home: Path, zone: str) -> None:
        self.environment = {
            **{k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "CLAUDE_CONFIG_DIR")},
            "HOME": str(home),
            "TZ": zone,
            "PYTHONPATH": str(_FOLDER / version),
        }

    def run(self, command: str, payload: Mapping[str, str] | None = None) -> str:
        """Run one of its commands and return what it printed. A failure fails the test."""
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
