"""What the menu offers beside the sessions: start at login, setting up Claude Code, settings.

The desktop knows neither Claude Code's settings nor where a desktop keeps its autostart files, so the caller passes
objects that do. Without one, its menu item is left out.
"""

import logging
from collections.abc import Callable
from typing import Protocol

from claude_session_status.desktop.settings import SettingsFile
from claude_session_status.session_menu import Shares
from claude_session_status.view import Capabilities

log = logging.getLogger(__name__)


class Autostart(Protocol):
    """Whether the tray starts at login. Both methods may raise SessionStatusError or OSError."""

    def is_on(self) -> bool:
        """Whether it does."""

    def turn(self, on: bool) -> object:  # noqa: FBT001 - the only argument
        """Enable or disable it."""


class SetUp(Protocol):
    """Claude Code's hooks. Both methods may raise SessionStatusError or OSError."""

    def hooks_installed(self) -> bool:
        """Whether all hooks are installed."""

    def install_hooks(self) -> str:
        """Install them; returns a sentence or two about what was done."""


class History(Protocol):
    """What cold caches cost. The methods return at once and raise nothing."""

    def week(self) -> str:
        """A line for the menu."""

    def rebuilt(self) -> Shares | None:
        """Which shares of a context expired caches really rebuilt; None where that is not known."""

    def today(self) -> str:
        """Some words for the tooltip; empty where nothing was lost."""


class CapabilityProbe:
    """Finds out which capabilities there are and what state they are in."""

    def __init__(
        self,
        autostart: Autostart | None = None,
        set_up: SetUp | None = None,
        settings: SettingsFile | None = None,
        history: History | None = None,
        *,
        checks_set_up: bool = False,
    ) -> None:
        self.autostart = autostart
        self.set_up = set_up
        self.settings = settings
        self.history = history
        self._checks_set_up = checks_set_up

    def read(self) -> Capabilities:
        """The state now; reads files. Never raises: what can't be read is not offered."""
        return Capabilities(
            hooks_installed=_known(self.set_up.hooks_installed) if self.set_up is not None else None,
            starts_at_login=_known(self.autostart.is_on) if self.autostart is not None else None,
            checks_set_up=self._checks_set_up,
            history=self.history.week() if self.history is not None else None,
            rebuilt=self.history.rebuilt() if self.history is not None else None,
            today=self.history.today() if self.history is not None else "",
        )


def _known(question: Callable[[], bool]) -> bool | None:
    try:
        return question()
    except Exception as error:  # a file of another program can be wrong in any way
        log.info("%s", error)
        return None
