"""`status`: all sessions once, as a table or as JSON, whether or not a monitor lives."""

import json
import logging
import sys

import click

from claude_session_status import config, paths, policy, view
from claude_session_status.cli import table
from claude_session_status.model import Snapshot
from claude_session_status.monitor import Monitor


def look(*, everything: bool = False) -> Snapshot:
    """One look at all sessions, waiting notes and grown transcripts included.

    Raises SessionStatusError where something is wrong and there is not even an old row to show.
    """
    where = paths.from_environment()
    loaded = config.load(where.config)
    for problem in loaded.problems:
        click.echo(problem, err=True)
    monitor = Monitor(where, loaded.config, alerts=False, everything=everything)
    # What it warns of is printed below; what was set aside or mended on the way is said on stderr as it happens.
    logging.getLogger(Monitor.__module__).addHandler(logging.NullHandler())
    monitor.look()
    shot = monitor.snapshot()
    if monitor.problem and not shot.sessions:
        raise monitor.problem
    return shot if everything else policy.current(shot)


def run(*, as_json: bool, everything: bool) -> None:
    """Print the sessions. Raises SessionStatusError where not even old rows can be had."""
    shot = look(everything=everything)
    if shot.problem is not None:
        click.echo(shot.problem, err=True)
    if as_json:
        sys.stdout.write(json.dumps(view.as_json(shot), ensure_ascii=False, indent=2) + "\n")
    else:
        table.print_once(shot)
