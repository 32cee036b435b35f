"""What *Keep warm* says: prices beforehand, what pings did, and what ended it. Pure functions of values."""

from claude_session_status.keep_warm_times import pings_until
from claude_session_status.model import SessionState, Stop, StopReason
from claude_session_status.words import clean, clock, money, thousands


def price_line(state: SessionState) -> str:
    """`about $0.07 an hour in place of $1.40`; `15 pings an hour` where no price is known."""
    kept = state.keep_warm
    if kept is None:
        return ""
    if kept.usd_an_hour is None:
        return f"{kept.pings_an_hour} {'ping' if kept.pings_an_hour == 1 else 'pings'} an hour"
    instead = money(state.rewrite_cost_usd).removeprefix("about ")
    return f"{money(kept.usd_an_hour)} an hour" + (f" in place of {instead}" if instead else "")


def consent_line(state: SessionState) -> str:
    """What a person confirms for a five-minute cache: `15 pings an hour, about $0.45 an hour in place of $0.71`."""
    kept = state.keep_warm
    if kept is None:
        return ""
    pings = f"{kept.pings_an_hour} pings an hour"
    return pings if kept.usd_an_hour is None else f"{pings}, {price_line(state)}"


TRIAL_LINE = "The first ping is a trial: a miss stops it"


def summary(state: SessionState) -> str:
    """One line: until when the session is kept warm, else what that would cost, else why it can't be."""
    kept = state.keep_warm
    if kept is None:
        return "not known yet"
    parts = []
    if kept.until is not None:
        parts.append(f"kept warm until {clock(kept.until)[:5]}")
    elif kept.refusal is not None:
        parts.append(f"can't be kept warm: {kept.refusal.title}. {kept.refusal.next_step}")
    else:
        parts.append(f"can be kept warm: {consent_line(state) if kept.needs_consent else price_line(state)}")
    parts += [line for line in (last_ping(state), stopped_line(state)) if line is not None]
    return "; ".join(parts)


def last_ping(state: SessionState) -> str | None:
    """`kept 14:02, read 142k`: the last ping that read the cache; None where there was none since the last request."""
    session = state.session
    if session.kept_at is None or session.request is None or session.kept_at < session.request.started_at - 2.0:
        return None
    return f"kept {clock(session.kept_at)[:5]}, read {thousands(session.kept_tokens) or '?'}"


def stopped_line(state: SessionState) -> str | None:
    """`stopped: the ping missed and wrote 142k tokens, about $0.71`; None where nothing stopped it lately."""
    stop = state.keep_warm.stopped if state.keep_warm is not None else None
    return None if stop is None else f"stopped: {stop_in_words(stop)}"


def stop_in_words(stop: Stop) -> str:
    """Why it stopped."""
    if stop.reason is StopReason.USAGE:
        return f"{stop.usage_percent} % of your five-hour usage is spent"
    if stop.reason is StopReason.KEPT_ALIVE:
        return "Claude Code itself keeps it warm"
    if stop.reason is StopReason.DISTRUSTED:
        return "a ping of this version of Claude Code missed in another session"
    if stop.reason is StopReason.SHORTER:
        return "its cache now lasts five minutes, which takes many pings: ask again to confirm that"
    if stop.reason is StopReason.COMPACTION:
        return "Claude Code compacts it soon"
    wrote = f" and wrote {thousands(stop.tokens)} tokens" if stop.tokens is not None else ""
    cost = f", {money(stop.usd)}" if stop.usd is not None else ""
    return f"the ping {'came after the expiry' if stop.is_late else 'missed'}{wrote}{cost}"


def placed_sentences(state: SessionState, until: float, now: float) -> tuple[str, ...]:
    """What to say once an order was placed: until when, what it costs, when it ends sooner, the trial."""
    kept, session = state.keep_warm, state.session
    name = clean(session.project or session.session_id)
    what = f"Kept warm until {clock(until)[:5]}: {name}."  # a notification's title, whose end may be cut off
    if kept is None or session.request is None:
        return (what,)
    count = pings_until(session.request, until, now, kept.max_pings)
    pings = f"{count} ping{'s' if count > 1 else ''}, {price_line(state)}" if count else "No ping is needed until then"
    lines = [what, f"{pings}."]
    if kept.ends_at is not None and kept.ends_at < until:
        lines.append(
            f"Without a message of yours it ends at {clock(kept.ends_at)[:5]}, after {kept.max_pings} pings in a row."
        )
    if kept.is_trial:
        lines.append(f"{TRIAL_LINE}.")
    return tuple(lines)
