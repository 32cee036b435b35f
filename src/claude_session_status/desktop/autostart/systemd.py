"""Linux with systemd: the unit of the Debian package, which the user may have enabled in place of our entry.

This program never enables or disables the unit: the user does both with `systemctl`.
"""

import os

from claude_session_status.desktop.autostart.base import AutostartOutcome, Switch
from claude_session_status.desktop.autostart.xdg import XdgAutostart
from claude_session_status.errors import AutostartError

UNIT = "claude-session-status.service"
DISABLE = "systemctl --user disable claude-session-status"


class BesideSystemd(Switch):
    """The entry `xdg`, unless a unit is enabled in `folder`, which holds the user's systemd settings."""

    def __init__(self, xdg: XdgAutostart, folder: str) -> None:
        self._xdg = xdg
        self._folder = folder

    @property
    def place(self) -> str:
        """The unit's link where systemd starts the tray, else the entry's path."""
        link = self._link()
        return self._xdg.place if link is None else f"by systemd, {link}"

    def is_on(self) -> bool:
        """Whether either starts it."""
        return self._link() is not None or self._xdg.is_on()

    def command(self) -> tuple[str, ...] | None:
        """The command that the entry starts; None where systemd starts the tray."""
        return None if self._link() is not None else self._xdg.command()

    def put(self, on: bool) -> AutostartOutcome:  # noqa: FBT001 - a switch has two positions
        """Write the entry unless systemd starts the tray, or remove it. Raises AutostartError: the unit is enabled."""
        is_enabled = self._link() is not None
        if on and is_enabled:
            return AutostartOutcome.UNCHANGED
        outcome = self._xdg.put(on)
        if is_enabled:
            raise AutostartError("systemd starts the tray at login", f"Run: {DISABLE}")
        return outcome

    def _link(self) -> str | None:
        """The link in a target's `.wants` that makes systemd start the unit; None where there is none."""
        try:
            targets = sorted(name for name in os.listdir(self._folder) if name.endswith(".target.wants"))
        except OSError:
            return None
        links = (os.path.join(self._folder, target, UNIT) for target in targets)
        return next((link for link in links if os.path.exists(link)), None)
