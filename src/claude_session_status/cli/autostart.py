"""`autostart on|off|status`: whether the tray starts at login."""

import os
import sys
from typing import TYPE_CHECKING

from claude_session_status.claude.setup.hook_commands import this_launcher
from claude_session_status.cli.invocation import as_called
from claude_session_status.cli.streams import echo

if TYPE_CHECKING:
    from claude_session_status.desktop.autostart import Autostart, Start


APART = "nohup claude-session-status tray >/dev/null 2>&1 &"  # it keeps running when its terminal is closed
APART_ON_WINDOWS = "Start-Process -WindowStyle Hidden claude-session-status tray"


def this_autostart() -> "Autostart":
    """This machine's way to start this installation at login; the tray's menu uses it too."""
    from claude_session_status.desktop.autostart import for_this_machine  # noqa: PLC0415 - the one place that needs it

    return for_this_machine(this_launcher().words)


def this_start() -> "Start":
    """What this installation starts at login, and `setup` at once."""
    from claude_session_status.desktop.autostart import start_of  # noqa: PLC0415 - as above

    return start_of(this_launcher().words, os.environ)


def run(action: str) -> None:
    """Do `on` or `off`; print the state for `status`."""
    way = this_autostart()
    if action == "status":
        echo(f"on: {way.place}" if way.is_on() else "off")
        return
    outcome = way.put(action == "on")
    if action == "on":
        now = f"{APART_ON_WINDOWS}   (in PowerShell)" if sys.platform == "win32" else APART
        echo(as_called(f"The tray starts at your next login ({way.place}).\nTo start it now: {now}"))
    else:
        from claude_session_status.desktop.autostart import AutostartOutcome  # noqa: PLC0415 - as above

        echo(f"Start at login {'is off now' if outcome is AutostartOutcome.DONE else 'was already off'}.")
