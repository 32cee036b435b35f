"""A terminal for tests, in tmux: it starts a command, presses keys and reads the screen."""

import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

PATIENCE = 60.0  # seconds to wait for a screen: a busy machine takes its time


class Terminal:
    """A terminal in its own tmux server."""

    def __init__(self) -> None:
        self._tmux = ["tmux", "-f", "/dev/null", "-L", f"watch-{uuid.uuid4().hex}"]

    def start(self, *arguments: str, width: int = 80, height: int = 20, term: str = "", **environment: str) -> None:
        variable = f"TERM={term} " if term else ""  # else tmux sets it
        command = f"{variable}'{sys.executable}' -m claude_session_status {' '.join(arguments)}"
        line = f"trap : INT; {command}; echo exit=$?; exec sh"
        self._do(
            "new-session", "-d", "-x", str(width), "-y", str(height), f"PS1='$ ' sh -c \"{line}\"", env=environment
        )

    def _do(self, *arguments: str, env: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            [*self._tmux, *arguments], capture_output=True, text=True, check=True, env=os.environ | (env or {})
        )
        return done.stdout

    def shell(self) -> None:
        """Start with a shell that has job control, and no command."""
        self._do("new-session", "-d", "-x", "80", "-y", "20", "bash --norc -i", env={"PS1": "$ "})

    def screen(self, *, colours: bool = False, joined: bool = False) -> str:
        """Return what is shown. `joined`: with wrapped lines as one line."""
        return self._do("capture-pane", "-p", *(["-e"] if colours else []), *(["-J"] if joined else []))

    def resize(self, width: int) -> None:
        self._do("resize-window", "-x", str(width), "-y", "20")

    def keys(self, *keys: str) -> None:
        self._do("send-keys", *keys)

    def title(self) -> str:
        return self._do("display-message", "-p", "#{pane_title} #{window_name}")

    def shows_cursor(self) -> bool:
        return self._do("display-message", "-p", "#{cursor_flag}#{alternate_on}") == "10\n"

    def pid(self) -> int:
        shell = self._do("display-message", "-p", "#{pane_pid}").strip()
        return int(subprocess.run(["pgrep", "-P", shell], capture_output=True, text=True, check=True).stdout.split()[0])

    def wait(self, condition: Callable[[str], Any], *, colours: bool = False) -> str:
        """Return the first screen for which `condition` holds; fail with the screen when none comes."""
        end = time.monotonic() + PATIENCE
        while not condition(screen := self.screen(colours=colours)):
            if time.monotonic() > end:
                raise AssertionError(f"the expected screen did not come; the last one was:\n{screen}")
            time.sleep(0.05)
        return screen

    def ends(self) -> str:
        """Return the screen once the command has ended with 0 and the shell shows its prompt."""
        return self.wait(lambda s: re.search(r"exit=0\s+[$#]$", s.rstrip()))

    def close(self) -> None:
        """End the server, which closes the terminal."""
        subprocess.run([*self._tmux, "kill-server"], capture_output=True)
