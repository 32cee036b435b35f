"""`status`: all sessions once, as a table or as JSON, whether or not a monitor lives."""

import json
import sys

import click

from claude_session_status import config, paths, policy, pricing, view
from claude_session_status.cli import table
from claude_session_status.errors import SessionStatusError
from claude_session_status.model import Snapshot
from claude_session_status.monitor import Monitor


def look(*, everything: bool = False, price: policy.Price | None = None) -> Snapshot:
    """One look at all sessions, waiting notes and grown transcripts included."""
    where = paths.from_environment()
    loaded = config.load(where.config)
    for problem in loaded.problems:
        click.echo(problem, err=True)
    monitor = Monitor(where, loaded.config, alerts=False, everything=everything, price=price)
    monitor.look()
    shot = monitor.snapshot()
    return shot if everything else policy.current(shot)


def run(*, as_json: bool, everything: bool) -> None:
    """Print the sessions. Raises SessionStatusError where not even old rows can be had."""
    # The table has no column for it: only the JSON waits for the prices to load.
    shot = look(everything=everything, price=pricing.rewrite_cost if as_json else None)
    if shot.problem is not None:
        if not shot.sessions:
            raise SessionStatusError(shot.problem, "Try again in a moment")
        click.echo(shot.problem, err=True)
    if as_json:
        sys.stdout.write(json.dumps(view.as_json(shot), ensure_ascii=False, indent=2) + "\n")
    else:
        table.print_once(shot)
