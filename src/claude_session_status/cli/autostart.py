"""`autostart on|off|status`: whether the tray starts at login."""

import sys
from typing import TYPE_CHECKING

import click

from claude_session_status.claude.setup.hook_commands import this_launcher
from claude_session_status.cli.streams import echo

if TYPE_CHECKING:
    from claude_session_status.desktop.autostart import Autostart


APART = "nohup claude-session-status tray >/dev/null 2>&1 &"  # goes on when its terminal is closed
APART_ON_WINDOWS = "Start-Process -WindowStyle Hidden claude-session-status tray"


def this_autostart() -> "Autostart":
    """This machine's way to start this very installation at login; the tray's menu switches it too."""
    from claude_session_status.desktop.autostart import for_this_machine  # noqa: PLC0415 - the one place that needs it

    launcher = this_launcher()
    return for_this_machine((launcher.program, *launcher.arguments))


@click.command("autostart", short_help="Start the tray at login, or no longer.")
@click.argument("wish", metavar="[on|off|status]", type=click.Choice(["on", "off", "status"]), default="status")
def autostart(wish: str) -> None:
    """Start the tray at login, or no longer; `status` says which."""
    way = this_autostart()
    if wish == "status":
        echo(f"on: {way.place}" if way.is_on() else "off")
        return
    outcome = way.put(wish == "on")
    if wish == "on":
        now = f"{APART_ON_WINDOWS}   (in PowerShell)" if sys.platform == "win32" else APART
        echo(f"The tray starts at your next login ({way.place}).\nTo start it now: {now}")
    else:
        from claude_session_status.desktop.autostart import AutostartOutcome  # noqa: PLC0415 - as above

        more = " any more" if outcome is AutostartOutcome.DONE else ", and did not before"
        echo(f"The tray does not start at login{more}.")
