"""What every way of starting at login has in common."""

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from claude_session_status.errors import AutostartError

MARK = "Made by `claude-session-status autostart on`; `autostart off` takes it away."
"""Says in a file that it is ours. One of the same name without it is somebody else's."""


class AutostartOutcome(StrEnum):
    """What turning it on or off did."""

    DONE = "done"
    UNCHANGED = "was so already"


@dataclass(frozen=True, slots=True)
class Start:
    """What is started at login: a command, and variables that its environment must have."""

    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


class Autostart(Protocol):
    """One platform's way. Looks at files when asked, and never before."""

    @property
    def place(self) -> str:
        """Where it is written down, for a person."""

    def is_on(self) -> bool:
        """Whether the tray starts at login. Raises nothing: what can't be read is off."""

    def command(self) -> tuple[str, ...] | None:
        """What starts at login, ours or an older one of ours; None when nothing of ours does."""

    def put(self, on: bool) -> AutostartOutcome:  # noqa: FBT001 - a switch has two positions
        """Have it so. Raises AutostartError: what is there is somebody else's, or can't be written."""

    def turn(self, on: bool) -> None:  # noqa: FBT001 - likewise
        """The same, for whoever does not ask what was done."""


class Switch:
    """What the ways share: a switch as the tray's menu has it."""

    def put(self, on: bool) -> AutostartOutcome:  # noqa: FBT001 - likewise
        """Have it so."""
        raise NotImplementedError

    def turn(self, on: bool) -> None:  # noqa: FBT001 - likewise
        """Have it so, for whoever does not ask what was done. Raises AutostartError."""
        self.put(on)


class OneFile:
    """The ways that are one file in a folder: it is ours if it bears our mark."""

    def __init__(self, path: str, render: Callable[[], bytes], mode: int = 0o644) -> None:
        self.path = path
        self._render = render
        self._mode = mode

    def read(self) -> bytes | None:
        """The file's bytes; None when there is none. Raises AutostartError."""
        try:
            with open(self.path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AutostartError(
                f"{self.path} can't be read: {error.strerror}", "Move it away, then try again"
            ) from error

    def ours(self) -> bytes | None:
        """The file's bytes if it is ours; else None. Raises nothing."""
        try:
            content = self.read()
        except AutostartError:
            return None
        return content if content is not None and MARK.encode() in content else None

    def put(self, on: bool) -> AutostartOutcome:  # noqa: FBT001 - as above
        """Write it, or take it away. Raises AutostartError."""
        before = self.read()
        if before is not None and MARK.encode() not in before:
            if not on:
                return AutostartOutcome.UNCHANGED  # theirs: ours is not there
            raise AutostartError(f"{self.path} is there, and was not made by us", "Move it away, then try again")
        after = self._render() if on else None
        if before == after:
            return AutostartOutcome.UNCHANGED
        try:
            if after is None:
                os.unlink(self.path)
            else:
                self._write(after)
        except OSError as error:
            raise AutostartError(
                f"{self.path} can't be written: {error.strerror}", "Check the folder's owner, then try again"
            ) from error
        return AutostartOutcome.DONE

    def _write(self, content: bytes) -> None:
        """Whole or not at all; where the file is a link, what it points to. Raises OSError."""
        target = os.path.realpath(self.path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        descriptor, half = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".claude-session-status-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            os.chmod(half, self._mode)
            os.replace(half, target)
        except BaseException:
            os.unlink(half)
            raise
