"""`tray --demo` and `watch --demo`: the same faces before made-up sessions. The user's own are not looked at."""

import click

from claude_session_status import pricing
from claude_session_status.claude.setup.hook_commands import this_launcher
from claude_session_status.cli import table, tray, watch
from claude_session_status.demo import NOTICE, demo


def show_table(*, once: bool, headline: str = watch.HEADLINE) -> None:
    """Show the demo's table until Ctrl-C; print it once where that is asked for or stdout is no terminal."""
    with demo(alerts=False) as monitor:
        console = table.console()
        if watch.can_draw(console) and not once:
            watch.show_and_fulfil(monitor, console, headline)
        else:
            monitor.look()
            table.print_once(monitor.snapshot())


def show_tray() -> int:
    """Show the demo's icon until it is told to end; return the exit code. Raises SessionStatusError.

    It takes no lock: it may be shown beside the tray that watches the user's own sessions.
    """
    from claude_session_status.desktop.tray import TrayOutcome, run_tray  # noqa: PLC0415 - only to be shown

    launcher = this_launcher()
    with demo(alerts=True, price=pricing.rewrite_cost) as monitor:
        command = (launcher.program, *launcher.arguments, "watch", "--demo")
        result = run_tray(
            monitor,
            command,
            on_shortcoming=lambda message: click.echo(message, err=True),
            on_icon=lambda _: click.echo(f"{NOTICE}. Quit is in the icon's menu; Ctrl-C does it too."),
        )
    if result.outcome is TrayOutcome.ENDED:
        return 0
    if not tray.in_terminal():
        click.echo(
            f"claude-session-status: no tray: {result.reason}\nIn a terminal, run: claude-session-status watch --demo",
            err=True,
        )
        return 1
    click.echo(f"No tray: {result.reason}. The table instead:")
    show_table(once=False, headline=f"No tray: {result.reason}")
    return 0
