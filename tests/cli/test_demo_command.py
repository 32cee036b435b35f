"""The command `watch --demo`."""

import re
import subprocess
import sys
from pathlib import Path

COMMAND = [sys.executable, "-m", "claude_session_status"]


def test_into_a_pipe_the_demo_prints_once(claude_dir: Path) -> None:
    done = subprocess.run([*COMMAND, "watch", "--demo"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Demo: six made-up sessions" in done.stdout
    assert len(re.findall("WARM", done.stdout)) == 4
    assert not claude_dir.exists()
