"""`tray --demo` and `watch --demo`: the same faces before made-up sessions. The user's own are not looked at."""

import click
from rich.console import Console

from claude_session_status import pricing
from claude_session_status.claude.hook_commands import this_launcher
from claude_session_status.cli import table, watch
from claude_session_status.cli.wishes import SystemHands, fulfiller
from claude_session_status.demo import NOTICE, demo


def show_table(*, once: bool) -> None:
    """Show the demo's table until Ctrl-C; print it once where that is asked for or stdout is no terminal."""
    with demo(alerts=False) as monitor:
        console = Console()
        if watch.can_draw(console) and not once:
            watch.show(monitor, console, watch.HEADLINE, fulfiller(monitor, SystemHands()))
        else:
            monitor.look()
            table.print_once(monitor.snapshot())


def show_tray() -> int:
    """Show the demo's icon until it is told to end; return the exit code. Raises SessionStatusError.

    It takes no lock: it may be shown beside the tray that watches the user's own sessions.
    """
    from claude_session_status.desktop.tray import TrayOutcome, run_tray  # noqa: PLC0415 - only to be shown

    launcher = this_launcher()
    click.echo(f"{NOTICE}. Quit is in the icon's menu; Ctrl-C does it too.")
    with demo(alerts=True, price=pricing.rewrite_cost) as monitor:
        command = (launcher.program, *launcher.arguments, "watch", "--demo")
        result = run_tray(monitor, command, on_shortcoming=lambda message: click.echo(message, err=True))
    if result.outcome is TrayOutcome.ENDED:
        return 0
    click.echo(f"claude-session-status: no tray: {result.reason}\nRun: claude-session-status watch --demo", err=True)
    return 1
