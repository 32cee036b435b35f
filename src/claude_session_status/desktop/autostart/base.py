"""What every way of starting at login has in common."""

import glob
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from claude_session_status.errors import AutostartError
from claude_session_status.private import read_regular

SIGNATURE = "Made by `claude-session-status autostart on`; `autostart off` takes it away."
"""Stands in a file of ours. A file of the same name without it belongs to somebody else."""

_TEMPORARY = ".claude-session-status-"


class AutostartOutcome(StrEnum):
    """What enabling or disabling it did."""

    DONE = "done"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Start:
    """What is started at login: a command, and variables that its environment must have."""

    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


class Autostart(Protocol):
    """One platform's way to start the tray at login. Looks at files only when asked."""

    @property
    def place(self) -> str:
        """Where it is set, for a person to read."""

    def is_on(self) -> bool:
        """Whether the tray starts at login. Raises nothing: a setting that can't be read counts as off."""

    def command(self) -> tuple[str, ...] | None:
        """The command that our setting starts, of this version or an older one; None where there is no such setting."""

    def put(self, on: bool) -> AutostartOutcome:  # noqa: FBT001 - a switch has two positions
        """Enable or disable start at login. Raises AutostartError: another program's setting, or one not writable."""

    def turn(self, on: bool) -> None:  # noqa: FBT001 - as above
        """Like `put`, without its outcome."""


class Switch:
    """The part of `Autostart` that all platforms share."""

    def put(self, on: bool) -> AutostartOutcome:  # noqa: FBT001 - as above
        """Enable or disable start at login."""
        raise NotImplementedError

    def turn(self, on: bool) -> None:  # noqa: FBT001 - as above
        """Like `put`, without its outcome. Raises AutostartError."""
        self.put(on)


class OneFile:
    """A setting that is one file in a folder. The file is ours if it bears our signature."""

    def __init__(self, path: str, render: Callable[[], bytes]) -> None:
        self.path = path
        self._render = render

    def read(self) -> bytes | None:
        """The file's bytes; None when there is none. Raises AutostartError."""
        try:
            return read_regular(self.path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AutostartError(
                f"{self.path} can't be read: {error.strerror}", "Move it away, then try again"
            ) from error

    def read_ours(self) -> bytes | None:
        """The file's bytes if it is ours; else None. Raises nothing."""
        try:
            content = self.read()
        except AutostartError:
            return None
        return content if content is not None and SIGNATURE.encode() in content else None

    def put(self, on: bool) -> AutostartOutcome:  # noqa: FBT001 - as above
        """Write the file, or remove it. Raises AutostartError."""
        before = self.read()
        if before is not None and SIGNATURE.encode() not in before:
            if not on:
                return AutostartOutcome.UNCHANGED  # it is not ours
            raise AutostartError(f"{self.path} is there, and was not made by us", "Move it away, then try again")
        after = self._render() if on else None
        try:
            self._remove_leftovers()
            if before == after:
                return AutostartOutcome.UNCHANGED
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
        """Write the whole file or nothing; where the file is a link, write its target. Raises OSError."""
        target = os.path.realpath(self.path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        import tempfile  # noqa: PLC0415 - brings random and hashlib, which a tray would keep

        descriptor, half = tempfile.mkstemp(dir=os.path.dirname(target), prefix=_TEMPORARY)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            os.chmod(half, 0o644)
            os.replace(half, target)
        except BaseException:
            os.unlink(half)
            raise

    def _remove_leftovers(self) -> None:
        """Remove the half-written files of a run that was killed."""
        folder = os.path.dirname(os.path.realpath(self.path))
        for path in glob.glob(f"{glob.escape(folder)}/{_TEMPORARY}????????"):
            os.unlink(path)
