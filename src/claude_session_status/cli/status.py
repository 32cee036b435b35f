"""`status`: all sessions once, as a table or as JSON, whether or not a monitor lives."""

import json
import logging
import sys
from enum import StrEnum

import click

from claude_session_status import config, paths, policy, pricing, report
from claude_session_status.model import Snapshot
from claude_session_status.monitor import Monitor
from claude_session_status.session_faults import SessionFaults
from claude_session_status.store.database import Store


def look(*, everything: bool = False, ended: bool = False, price: policy.Price | None = None) -> Snapshot:
    """One look at all sessions, waiting notes and grown transcripts included; `ended`: those that just ended, too.

    Raises SessionStatusError where something is wrong and there is not even an old row to show.
    """
    where = paths.from_environment()
    loaded = config.load(where.config)
    for problem in loaded.problems:
        click.echo(problem, err=True)
    # More patient than a monitor that polls: this is the only look.
    store = Store(where.database)
    monitor = Monitor(where, loaded.config, alerts=False, everything=everything, store=store, price=price)
    # What it warns of is printed below; what was set aside or mended on the way is said on stderr as it happens.
    for module in (Monitor.__module__, SessionFaults.__module__):
        logging.getLogger(module).addHandler(logging.NullHandler())
    monitor.look()
    shot = monitor.snapshot()
    if monitor.problem and not shot.sessions:
        raise monitor.problem
    return shot if everything or ended else policy.current(shot)


class Form(StrEnum):
    """What the sessions are printed as."""

    TABLE = "table"
    JSON = "json"
    SHORT = "short"
    WAYBAR = "waybar"


def run(form: Form, *, everything: bool, ended: bool = False) -> None:
    """Print the sessions. Raises SessionStatusError where not even old rows can be had."""
    # The table has no column for it: only the JSON waits for the prices to load.
    shot = look(everything=everything, ended=ended, price=pricing.rewrite_cost if form is Form.JSON else None)
    if shot.problem is not None:
        click.echo(shot.problem, err=True)
    if form is Form.JSON:
        sys.stdout.write(json.dumps(report.as_json(shot), ensure_ascii=False, indent=2) + "\n")
    elif form is not Form.TABLE:
        sys.stdout.write(line(form, shot) + "\n")
    else:
        from claude_session_status.cli import table  # noqa: PLC0415 - rich: a status bar asks every few seconds

        table.print_once(shot)


def line(form: Form, shot: Snapshot) -> str:
    """What a bar shows: one line, without its end."""
    return json.dumps(report.waybar(shot)) if form is Form.WAYBAR else report.short(shot)
