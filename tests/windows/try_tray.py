"""Starts the tray on Windows without a console, sees its icon's window, and ends it as `taskkill` and installers do.

    python tests/windows/try_tray.py [PROGRAM]

PROGRAM is a frozen tray; without it the tray is started by this Python's pythonw.exe. Says what does not hold, and ends
with 1 then.
"""

import ctypes
import os
import subprocess
import sys
import tempfile
import time
from ctypes import wintypes
from pathlib import Path
from typing import Any

PATIENCE = 120.0  # a virus scanner looks at a new program
WM_CLOSE = 0x10
CLASS = "claude-session-status"  # the beginning of the window's class, as pystray makes it


def main(program: str = "") -> int:
    """Start it, look, end it; return the exit code."""
    windowless = str(Path(sys.executable).with_name("pythonw.exe"))
    argv = [program] if program else [windowless, "-m", "claude_session_status", "tray"]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        log = Path(folder, "claude-session-status/log/tray.log")
        process = subprocess.Popen(argv, env={**os.environ, "CLAUDE_CONFIG_DIR": folder})
        found = wait_for_windows(process)
        problems = [] if found else ["its icon has no window"]
        for window in found:  # taskkill asks all of them, too
            print("the icon has a window")
            ctypes.windll.user32.PostMessageW(wintypes.HWND(window), WM_CLOSE, 0, 0)  # type: ignore[attr-defined]
        try:
            code = process.wait(PATIENCE if found else 0)
            print(f"it ended with {code}")
            problems += [] if code == 0 else [f"it ended with {code}"]
        except subprocess.TimeoutExpired:
            process.kill()
            problems.append("it does not end at WM_CLOSE")
        text = log.read_text("utf-8", "replace") if log.exists() else "no log"
        print(text)
        problems += ["its log has a traceback"] if "Traceback" in text else []
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def wait_for_windows(process: "subprocess.Popen[bytes]") -> list[int]:
    """The icon's windows; none when the process ends or the time is over before there are any."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if any(kind.startswith(CLASS) for _, kind in windows()):
            time.sleep(2)  # its icon comes a moment later
            return [window for window, kind in windows() if kind.startswith(CLASS)]
        time.sleep(0.2)
    return []


def windows() -> list[tuple[int, str]]:
    """Every top-level window: its handle and its class."""
    user32: Any = ctypes.windll.user32  # type: ignore[attr-defined]  # Windows only
    found: list[tuple[int, str]] = []
    kind = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.HWND, wintypes.LPARAM)  # type: ignore[attr-defined]

    def add(window: int, _: int) -> bool:
        name = ctypes.create_unicode_buffer(256)
        user32.GetClassNameW(wintypes.HWND(window), name, 256)
        found.append((window, name.value))
        return True

    user32.EnumWindows(kind(add), 0)
    return found


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
