"""`keep-warm`: asks that a session's cache stays warm for a while, or says whether it does and what that costs."""

import time
from dataclasses import dataclass

import click

from claude_session_status import config, keep_warm_desk, keep_warm_times, keep_warm_words, paths, pricing, words
from claude_session_status.cli import go, status
from claude_session_status.cli.streams import echo
from claude_session_status.keep_warm import Limits
from claude_session_status.keep_warm_orders import Versions
from claude_session_status.model import Activity, SessionState


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for."""

    session: str | None = None
    duration: str | None = None
    clock: str | None = None
    off: bool = False
    yes: bool = False
    trust: str | None = None


def run(wanted: Wanted) -> int:
    """Do it; return the exit code. Raises SessionStatusError, OSError, click.UsageError."""
    if sum((wanted.duration is not None, wanted.clock is not None, wanted.off)) > 1:
        raise click.UsageError("Use only one of --for, --until and --off.")
    now = time.time()
    until = _until(wanted, now)
    if wanted.trust is not None:
        _trust(wanted.trust, now)
        if wanted.session is None:
            return 0
    if wanted.session is None:
        if until is not None or wanted.off:
            raise click.UsageError("Name the session: keep-warm SESSION --for 1h.")
        return _show_all()
    where = paths.from_environment()
    prices = pricing.PriceList(where.prices, pricing.sample)
    shot = status.look(price=prices.rewrite_cost, read_price=prices.read_cost)
    state = go.choose(shot, wanted.session)
    if wanted.off:
        was_on = keep_warm_desk.stop(where, state.session.session_id)
        echo(f"{words.name_of(state.session)} is no longer kept warm." if was_on else line(state))
    elif until is not None:
        limits = limits_of(config.load(where.config).config)
        for sentence in keep_warm_desk.place(where, state, limits, until, now, consents=wanted.yes):
            echo(sentence)
    else:
        echo(line(state))
    return 0


def limits_of(settings: config.Config) -> Limits:
    """The limits in the settings."""
    return Limits(settings.keep_warm_min_tokens, settings.keep_warm_max_pings, settings.keep_warm_max_usage)


def _until(wanted: Wanted, now: float) -> float | None:
    """Until when it is to be kept warm; None where that is not asked for. Raises click.UsageError."""
    if wanted.duration is not None:
        seconds = keep_warm_times.seconds_of(wanted.duration)
        if seconds is None:
            raise click.UsageError("--for takes a time such as 1h, 90m or 1h30m, less than a day.")
        return now + seconds
    if wanted.clock is not None:
        until = keep_warm_times.today_at(wanted.clock, now)
        if until is None:
            raise click.UsageError("--until takes a time of today such as 18:00.")
        if until <= now:
            raise click.UsageError(f"--until {wanted.clock} is over: it is {words.clock(now)[:5]}.")
        return until
    return None


def _trust(version: str, now: float) -> None:
    where = paths.from_environment()
    named = words.clean(version)
    if Versions(where.keep_warm_versions).trust(version, now):
        echo(f"Claude Code {named} is trusted again. A session whose ping missed needs a message first.")
    else:
        echo(f"No ping of Claude Code {named} has missed.")


def _show_all() -> int:
    where = paths.from_environment()
    prices = pricing.PriceList(where.prices, pricing.sample)
    shot = status.look(price=prices.rewrite_cost, read_price=prices.read_cost)
    shown = [state for state in shot.sessions if state.activity is not Activity.ENDED]
    for state in shown:
        echo(line(state))
    if not shown:
        echo(words.NO_SESSIONS)
    return 0


def line(state: SessionState) -> str:
    """`web-shop: kept warm until 18:00`, or what it would cost, or why it can't be."""
    return f"{words.subject_of(state.session)}: {keep_warm_words.summary(state)}"
