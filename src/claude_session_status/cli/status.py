"""`status`: prints all sessions once, as a table, as JSON or as a line. It needs no running monitor."""

import json
from enum import StrEnum

from claude_session_status import config, paths, policy, report
from claude_session_status.cli.streams import echo, echo_json
from claude_session_status.keep_warm_desk import ReadPrice
from claude_session_status.model import Snapshot
from claude_session_status.monitor import Monitor
from claude_session_status.store.database import Store
from claude_session_status.values import replace


def look(
    *,
    everything: bool = False,
    ended: bool = False,
    price: policy.Price | None = None,
    read_price: ReadPrice | None = None,
) -> Snapshot:
    """Return all sessions now, with waiting notes and grown transcripts taken in.

    `ended`: include sessions that just ended. Raises SessionStatusError if there is a problem and no row to show.
    """
    where = paths.from_environment()
    loaded = config.load(where.config)
    for problem in loaded.problems:
        echo(problem, err=True)
    # The default number of tries, more than a monitor's: there is no next poll.
    store = Store(where.database)
    # Without a log: problems are printed below. What the store set aside or restored is printed as it happens.
    monitor = Monitor(
        where,
        loaded.config,
        alerts=False,
        everything=everything,
        store=store,
        price=price,
        read_price=read_price,
        logs=False,
    )
    monitor.look()
    shot = monitor.snapshot()
    if monitor.problem and not shot.sessions:
        raise monitor.problem
    return shot if everything or ended else policy.current(shot)


class Form(StrEnum):
    """The form in which sessions are printed."""

    TABLE = "table"
    JSON = "json"
    SHORT = "short"
    WAYBAR = "waybar"


def run(form: Form, *, everything: bool, ended: bool = False) -> None:
    """Print the sessions. Raises SessionStatusError if there is a problem and no row to show."""
    with_costs = form is Form.JSON
    if form is Form.TABLE:
        from claude_session_status.cli import table  # noqa: PLC0415 - brings rich, which a status bar does not need

        with_costs = table.shows_costs()
    shot = look(everything=everything, ended=ended, price=_price(with_costs=with_costs))
    if shot.problem is not None:
        echo(shot.problem, err=True)  # whole: the table would cut it
    if form is Form.TABLE:
        table.print_once(replace(shot, problem=None))
    elif form is Form.JSON:
        echo_json(report.as_json(shot))
    else:
        echo(line(form, shot))


def _price(*, with_costs: bool) -> policy.Price | None:
    """Return the price to compute costs with; None where none are shown."""
    if not with_costs:
        return None
    from claude_session_status import pricing  # noqa: PLC0415 - as above

    # Sampled in this process: it ends soon, and a child would start another Python for each new model.
    return pricing.PriceList(paths.from_environment().prices, pricing.sample).rewrite_cost


def follow(form: Form, *, everything: bool = False) -> None:
    """Print the line of a bar, or a line of JSON, at each change, until nobody reads any more.

    `everything`: include the sessions that have just ended.
    """
    from claude_session_status import pricing  # noqa: PLC0415 - as below
    from claude_session_status.cli import follow as following  # noqa: PLC0415 - only to be used

    def chosen(shot: Snapshot) -> Snapshot:
        return shot if everything else policy.current(shot)

    if form is not Form.JSON:
        following.run(lambda shot: line(form, chosen(shot)))
        return
    prices = pricing.PricesInBackground(pricing.PriceList(paths.from_environment().prices))
    following.run(
        lambda shot: json.dumps(report.as_json(chosen(shot))),
        lambda shot: report.lasting(report.as_json(chosen(shot))),
        price=prices.rewrite_cost,
        ends_with_input=True,
    )


def line(form: Form, shot: Snapshot) -> str:
    """Return what a bar shows: one line, without its line feed."""
    return json.dumps(report.waybar(shot)) if form is Form.WAYBAR else report.short(shot)
