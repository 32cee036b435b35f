"""Windows: a value under the user's `Run` key, which the shell starts at login.

The registry has no comments, so the value is ours by its name and by the program that it runs. Task Manager disables a
program by a value of the same name under another key, which is respected.
"""

import subprocess
from typing import Any

from claude_session_status.desktop.autostart.base import AutostartOutcome, Start, Switch
from claude_session_status.errors import AutostartError

RUN = r"Software\Microsoft\Windows\CurrentVersion\Run"
APPROVED = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"
NAME = "claude-session-status"
_OURS = ("claude-session-status", "claude_session_status")


class RunKey(Switch):
    """The value in `registry`, which is the module `winreg` or a fake. It can set no variables."""

    def __init__(self, registry: Any, start: Start) -> None:  # winreg exists on Windows only, for mypy too
        self._registry = registry
        self._line = subprocess.list2cmdline(start.words)

    @property
    def place(self) -> str:
        """The value's path."""
        return rf"HKEY_CURRENT_USER\{RUN}\{NAME}"

    def is_on(self) -> bool:
        """Whether the value is there and Task Manager has not disabled it."""
        approved = self._read(APPROVED)
        is_off = isinstance(approved, bytes) and approved[:1] != b"" and approved[0] % 2 == 1
        return self._read_ours() is not None and not is_off

    def command(self) -> tuple[str, ...] | None:
        """What the value starts."""
        line = self._read_ours()
        return None if line is None else words_of(line)

    def put(self, on: bool) -> AutostartOutcome:  # noqa: FBT001 - a switch has two positions
        """Set the value, or remove it."""
        before = self._read(RUN)
        if before is not None and self._read_ours() is None:
            if not on:
                return AutostartOutcome.UNCHANGED
            raise AutostartError(f"{self.place} is there, and was not made by us", "Rename it, then try again")
        try:
            if on and before == self._line and self.is_on():
                return AutostartOutcome.UNCHANGED
            if on:
                with self._registry.CreateKey(self._registry.HKEY_CURRENT_USER, RUN) as key:
                    self._registry.SetValueEx(key, NAME, 0, self._registry.REG_SZ, self._line)
            elif before is None:
                return AutostartOutcome.UNCHANGED
            else:
                self._delete(RUN)
            if self._read(APPROVED) is not None:
                self._delete(APPROVED)
        except OSError as error:
            raise AutostartError(
                f"{self.place} can't be changed: {error}", "Check the policies of this machine"
            ) from error
        return AutostartOutcome.DONE

    def _read_ours(self) -> str | None:
        line = self._read(RUN)
        return line if isinstance(line, str) and any(name in line for name in _OURS) else None

    def _read(self, path: str) -> object:
        try:
            with self._registry.OpenKey(self._registry.HKEY_CURRENT_USER, path) as key:
                value: object = self._registry.QueryValueEx(key, NAME)[0]
                return value
        except OSError:
            return None

    def _delete(self, path: str) -> None:
        access = self._registry.KEY_SET_VALUE
        with self._registry.OpenKey(self._registry.HKEY_CURRENT_USER, path, 0, access) as key:
            self._registry.DeleteValue(key, NAME)


def words_of(line: str) -> tuple[str, ...]:
    """Split a command line that `list2cmdline` made of words without quotes in them."""
    words, quoted = [""], False
    for character in line:
        if character == '"':
            quoted = not quoted
        elif character == " " and not quoted:
            words.append("")
        else:
            words[-1] += character
    return tuple(word for word in words if word)
