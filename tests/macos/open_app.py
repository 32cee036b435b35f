"""Opens the macOS app as a double click does, sees its tray run, and ends it.

    python tests/macos/open_app.py "dist/Claude Session Status.app"

Says what does not hold, and ends with 1 then. Whether macOS draws the status item, it reads from the list of windows.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T")

PATIENCE = 60.0  # macOS checks a new program at its first start
STATUS_LAYER = 25  # kCGStatusWindowLevel: the windows of the menu bar's items
# Prints the layers of a process's windows. JavaScript is a part of every Mac's osascript.
LAYERS = """
ObjC.import("CoreGraphics")
function run(argv) {
  const windows = ObjC.deepUnwrap(ObjC.castRefToObject($.CGWindowListCopyWindowInfo(0, 0)))
  return windows.filter(w => w.kCGWindowOwnerPID == argv[0]).map(w => w.kCGWindowLayer).join(" ")
}
"""


def main(app: str) -> int:
    """Open it, look, end it; return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder, "claude-session-status/tray.lock")
        log = Path(folder, "claude-session-status/log/tray.log")
        subprocess.run(["open", "-n", "--env", f"CLAUDE_CONFIG_DIR={folder}", app], check=True)
        pid = wait_for(lambda: pid_in(lock))
        if pid is None:
            print("no tray has started: the bundle's executable is the command, or macOS refused it", file=sys.stderr)
            return 1
        print(f"the tray runs as process {pid}")
        try:
            shown = wait_for(lambda: str(STATUS_LAYER) in layers(pid))
            print(f"its status item {'is in the menu bar' if shown else 'was not found among the windows'}")
        finally:
            os.kill(pid, signal.SIGTERM)
        ended = wait_for(lambda: not is_running(pid))
        text = log.read_text("utf-8", "replace") if log.exists() else "no log"
        print(text)
        problems = [
            *(["it does not end at SIGTERM"] if not ended else []),
            *(["its log has a traceback"] if "Traceback" in text else []),
            *(["its log names no menu bar"] if "macOS menu bar" not in text else []),
            *(["its status item is not shown"] if not shown else []),
        ]
        for problem in problems:
            print(problem, file=sys.stderr)
        return 1 if problems else 0


def wait_for(look: Callable[[], T]) -> T | None:
    """What the look finds, once it finds something; None when it does not in time."""
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        if time.monotonic() > deadline:
            return None
        time.sleep(0.2)
    return found


def pid_in(lock: Path) -> int | None:
    """The process that the lock names; None where there is none yet."""
    try:
        return int(lock.read_bytes()[1:].split(b"\n")[0])
    except (OSError, ValueError):
        return None


def layers(pid: int) -> list[str]:
    """The layers of the process's windows."""
    argv = ["osascript", "-l", "JavaScript", "-e", LAYERS, str(pid)]
    return subprocess.run(argv, capture_output=True, text=True).stdout.split()


def is_running(pid: int) -> bool:
    """Whether the process is there; one that nobody has waited for is not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
