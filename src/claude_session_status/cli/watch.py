"""`watch`: the table, live. Itself a monitor, so hooks need not open the database while it runs.

The whole screen is written over in place once a second, never cleared, so nothing flickers; the terminal's own screen
comes back at the end, with its cursor.
"""

import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from claude_session_status import config, paths
from claude_session_status.cli import status, table
from claude_session_status.model import Alert, Snapshot
from claude_session_status.monitor import Monitor

HEADLINE = "claude-session-status  (Ctrl-C to quit)"


def run(headline: str = HEADLINE) -> None:
    """Show the table until Ctrl-C; print it once where stdout is no terminal."""
    if not sys.stdout.isatty():
        status.run(as_json=False, everything=False)
        return
    where = paths.from_environment()
    loaded = config.load(where.config)
    for problem in loaded.problems:
        click.echo(problem, err=True)
    show(Monitor(where, loaded.config, alerts=False), Console(), headline)


def show(monitor: Monitor, console: Console, headline: str = HEADLINE) -> None:
    """Show what `monitor` sees until the process is interrupted or told to end."""
    latest = Snapshot(0.0)

    def render() -> RenderableType:
        return Group(Text(headline, style="dim"), Text(), table.render(latest, console.width))

    live = Live(get_renderable=render, console=console, screen=True, auto_refresh=False, vertical_overflow="crop")

    def listen(shot: Snapshot, alerts: Sequence[Alert]) -> None:  # noqa: ARG001 - a listener gets both
        nonlocal latest
        latest = shot
        live.refresh()

    def resized(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler gets both
        monitor.wake()

    def told_to_end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - likewise
        raise KeyboardInterrupt

    previous = {signal.SIGTERM: signal.signal(signal.SIGTERM, told_to_end)}
    if hasattr(signal, "SIGWINCH"):
        previous[signal.SIGWINCH] = signal.signal(signal.SIGWINCH, resized)
    try:
        with live:
            monitor.run(threading.Event(), listen)
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
