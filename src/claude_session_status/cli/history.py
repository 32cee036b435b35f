"""`history`: what cold caches cost. Brings the history up to date, and prints it as a table, as JSON or as a page."""

import os
import sys
import time
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from claude_session_status.costs.summary import Summary

# The values of `costs.summary.By`, written out so that the help text does not import it.
GROUPS = ("day", "project", "model", "cause", "session")


_ESTIMATE_DAYS = 30  # of which the estimate of what re-caching costs is corrected


@click.command(short_help="Show what cold caches cost.")
@click.option("--days", type=click.IntRange(1, 4000), default=30, show_default=True, help="How many days, with today.")
@click.option("--by", type=click.Choice(GROUPS), default="cause", show_default=True, help="Group by.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (schema 1).")
@click.option("--html", type=click.Path(dir_okay=False), help="Write one self-contained page to FILE.", metavar="FILE")
@click.option("--open", "opens", is_flag=True, help="Write the page to the program's own folder, and open it.")
@click.option("--brief", is_flag=True, hidden=True, help="Print JSON for the tray, at low priority.")
@click.option(
    "--export", type=click.Path(file_okay=False), help="Add what is new to Parquet files in FOLDER.", metavar="FOLDER"
)
@click.option("--host", help="With --export: the name of this machine there; by default its host name.")
@click.option("--forget", is_flag=True, help="Delete the history. Claude Code's own transcripts stay.")
def history(
    *,
    days: int,
    by: str,
    as_json: bool,
    html: str | None,
    opens: bool,
    brief: bool,
    export: str | None,
    host: str | None,
    forget: bool,
) -> None:
    """Show how often requests did not find their conversation in the cache, why, and what that cost.

    Reads all transcripts of Claude Code, each line once, and keeps the numbers in history.duckdb when Claude Code
    deletes its transcripts. No text of a prompt or a response is kept.
    """
    if sum(map(bool, (as_json, html, opens, brief, export, forget))) > 1:
        raise click.UsageError("Use only one of --json, --html, --open, --export and --forget.")
    if host and not export:
        raise click.UsageError("--host needs --export.")
    if forget:
        _forget()
    elif export:
        _export(export, host)
    elif brief:
        _brief()
    elif opens:
        _open(days)
    else:
        _show(days, by, as_json=as_json, html=html)


def _forget() -> None:
    from claude_session_status import history_update, paths  # noqa: PLC0415 - brings DuckDB
    from claude_session_status.cli.streams import echo  # noqa: PLC0415 - as above

    where = paths.from_environment()
    deleted = history_update.forget(where)
    echo(f"{where.history} is deleted." if deleted else "There is no history.")


def _export(folder: str, host: str | None) -> None:
    import socket  # noqa: PLC0415 - only for an export

    from claude_session_status import paths  # noqa: PLC0415 - brings DuckDB
    from claude_session_status.cli.streams import echo  # noqa: PLC0415 - as above
    from claude_session_status.store import history_export  # noqa: PLC0415 - as above

    _update()
    added = history_export.export(paths.from_environment().history, folder, host or socket.gethostname())
    echo(f"{added:,} new requests are in {folder}.")


def _update() -> None:
    """Bring the history up to date; problems go to stderr."""
    from claude_session_status import config, history_update, paths  # noqa: PLC0415 - brings DuckDB
    from claude_session_status.cli.streams import echo  # noqa: PLC0415 - as above

    where = paths.from_environment()
    loaded = config.load(where.config)
    updated = history_update.update(where, now=time.time(), keep_days=loaded.config.history_days)
    for problem in (*loaded.problems, *updated.problems):
        echo(problem, err=True)
    if updated.outcome is history_update.Outcome.BUSY:
        echo("Another process is reading the transcripts at this moment: what it finds is not in here yet.", err=True)


def _show(days: int, by: str, *, as_json: bool, html: str | None) -> None:
    from claude_session_status.cli.streams import echo, echo_json  # noqa: PLC0415 - brings DuckDB
    from claude_session_status.costs import report  # noqa: PLC0415 - as above
    from claude_session_status.costs.summary import By  # noqa: PLC0415 - as above

    _update()
    summary = summarize(days, time.time())
    if as_json:
        echo_json(report.as_json(summary), in_lines=True)
    elif html:
        _write_page(html, summary)
        echo(f"The page is {os.path.abspath(html)}.")
    else:
        from claude_session_status.cli.history_table import print_history  # noqa: PLC0415 - brings rich

        print_history(summary, By(by))


def _write_page(path: str, summary: "Summary") -> None:
    """Write the page. It names projects and sessions: only for its owner, until they decide otherwise."""
    from claude_session_status.costs.page import page  # noqa: PLC0415 - brings pygal

    with open(path, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(page(summary))


def _open(days: int) -> None:
    import pathlib  # noqa: PLC0415 - only for this option
    import webbrowser  # noqa: PLC0415 - as above

    from claude_session_status import paths  # noqa: PLC0415 - as above
    from claude_session_status.cli.streams import echo  # noqa: PLC0415 - as above

    _update()
    path = os.path.join(paths.from_environment().folder, "cold-caches.html")
    _write_page(path, summarize(days, time.time()))
    if not webbrowser.open(pathlib.Path(path).as_uri()):
        echo(f"No browser was found. The page is {path}.")


def _brief() -> None:
    """Print what the tray shows: today and the last seven days, in words. Runs at low priority."""
    from claude_session_status.cli.streams import echo_json  # noqa: PLC0415 - brings DuckDB
    from claude_session_status.costs import report  # noqa: PLC0415 - as above

    if sys.platform != "win32":
        os.nice(10)
    _update()
    now = time.time()
    today, week = summarize(1, now), summarize(7, now)
    echo_json(
        {
            "today": report.short(today) if today.totals.expired else "",
            "week": report.short(week),
            "rebuilt": report.rebuilt_shares(summarize(_ESTIMATE_DAYS, now)),
        }
    )


def summarize(days: int, now: float) -> "Summary":
    """The history of the last `days` local days, today with them. `now`: epoch seconds."""
    from claude_session_status import paths  # noqa: PLC0415 - brings DuckDB
    from claude_session_status.store.history import HistoryStore  # noqa: PLC0415 - as above
    from claude_session_status.store.history_queries import summary  # noqa: PLC0415 - as above

    spans = local_days(days, now)
    with HistoryStore(paths.from_environment().history).open() as connection:
        return summary(connection, spans[0][0], now, spans)


def local_days(days: int, now: float) -> list[tuple[float, str]]:
    """When each of the last `days` local days begins (UTC epoch seconds), and its date; oldest first."""
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415 - not for the help text

    today = (
        datetime.fromtimestamp(now, UTC).astimezone().replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    )
    starts = [today - timedelta(days=back) for back in reversed(range(days))]
    return [(start.astimezone().timestamp(), start.date().isoformat()) for start in starts]
