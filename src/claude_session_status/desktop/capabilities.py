"""What the tray offers beside the sessions and is given from outside: starting at login, setting up Claude Code.

The desktop knows neither Claude Code's settings nor where a desktop keeps its autostart files: whoever runs the tray
hands these over, or leaves them out, and then their lines are not in the menu.
"""

import logging
from typing import Protocol

from claude_session_status.view import Capabilities

log = logging.getLogger(__name__)


class Autostart(Protocol):
    """Whether the tray starts when the person logs in. Both methods may raise SessionStatusError or OSError."""

    def is_on(self) -> bool:
        """Whether it does."""

    def turn(self, on: bool) -> object:  # noqa: FBT001 - the one thing that is said
        """Have it so."""


class SetUp(Protocol):
    """Claude Code's hooks. Both methods may raise SessionStatusError or OSError."""

    def hooks_installed(self) -> bool:
        """Whether all are there."""

    def install_hooks(self) -> str:
        """Put them in, and say in a sentence or two what was done."""


class CapabilityProbe:
    """What there is of these, and how it stands."""

    def __init__(
        self, autostart: Autostart | None = None, set_up: SetUp | None = None, *, checks_set_up: bool = False
    ) -> None:
        self.autostart = autostart
        self.set_up = set_up
        self._checks_set_up = checks_set_up

    def look(self) -> Capabilities:
        """How it stands now; reads files. Never raises: what can't be told is not offered."""
        return Capabilities(
            hooks_installed=_known(self.set_up.hooks_installed) if self.set_up is not None else None,
            starts_at_login=_known(self.autostart.is_on) if self.autostart is not None else None,
            checks_set_up=self._checks_set_up,
        )


def _known(question: "_Question") -> bool | None:
    try:
        return question()
    except Exception as error:  # somebody else's file can be wrong in any way
        log.info("%s", error)
        return None


class _Question(Protocol):
    def __call__(self) -> bool: ...
