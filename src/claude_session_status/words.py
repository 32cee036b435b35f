"""How things are said: names, times, tokens and money, in the same words wherever a person reads them. Pure."""

import math
from datetime import UTC, datetime

from claude_session_status.model import Activity, Cache, Session, SessionState

NAME_WIDTH = 24
TITLE_WIDTH = 32

HOOKS_ADVICE = "No sessions yet. Run: claude-session-status install-hooks"
NO_SESSIONS = "No sessions yet: one appears with its next turn"


def clean(text: str) -> str:
    """Return `text` on one line without control characters, so that a crafted name can't steer a terminal or menu."""
    return (text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)).strip()


def shorten(text: str, width: int) -> str:
    """Return `text` in at most `width` characters, shortened in the middle: both ends tell names apart."""
    if len(text) <= width:
        return text
    head = width // 2
    tail = width - 1 - head
    return text[:head] + "…" + (text[-tail:] if tail else "")


def duration(seconds: float) -> str:
    """`46s`, `2m 46s`, `1h 4m`, `3d 2h`: two units at most. Seconds are rounded down, so nothing is overstated."""
    whole = max(0, math.floor(seconds))
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}d {hour}h"
    if hours:
        return f"{hours}h {minute}m"
    if minutes:
        return f"{minutes}m {second}s"
    return f"{second}s"


def spelled(seconds: float) -> str:
    """`30 s`, `5 min`, `1 min 40 s`, for a sentence. Seconds are rounded up, as at the moment of a mark they were."""
    minutes, second = divmod(max(0, math.ceil(seconds)), 60)
    parts = [f"{minutes} min"] if minutes else []
    return " ".join([*parts, f"{second} s"] if second or not minutes else parts)


def money(usd: float | None) -> str:
    """`about $0.71`, `about $12`, `under $0.01`; empty when unknown. It is an estimate, and says so."""
    if usd is None:
        return ""
    if usd < 0.01:
        return "under $0.01"
    return f"about ${usd:.2f}" if usd < 10 else f"about ${usd:.0f}"


def name_of(session: Session) -> str:
    """The session's project, else its folder, else the head of its id."""
    folder = (session.cwd or "").replace("\\", "/").rstrip("/").rpartition("/")[2]
    return clean(session.project or "") or clean(folder) or clean(session.session_id)[:8] or "?"


def time_left(state: SessionState, now: float) -> str:
    """What the countdown says in words: `2m 46s left`, `expired 6m 3s ago`, `ended`, `nothing cached`."""
    if state.activity is Activity.ENDED:
        return "ended"
    if state.expires_at is None or state.seconds_left is None:
        return "nothing cached"
    if state.cache is Cache.WARM:
        return f"{duration(state.seconds_left)} left"
    return f"expired {duration(now - state.expires_at)} ago"


def mark_of(state: SessionState) -> str:
    """One character for the state: told by shape, not by colour."""
    if state.activity is Activity.ENDED:
        return "×"
    if state.activity is Activity.WAITING:
        return "?"
    if state.activity is Activity.WORKING:
        return "▶"
    return "●" if state.cache is Cache.WARM else "○"


def line_of(state: SessionState, now: float) -> str:
    """What a line says of a session: `● my-app · Fix the login   2m 46s left`, and what sets it apart."""
    asides = (" · muted" if state.session.muted else "") + (", found" if state.session.is_found else "")
    return f"{mark_of(state)} {subject_of(state.session)}   {time_left(state, now)}{asides}"


def subject_of(session: Session) -> str:
    """The session's name and title."""
    title = shorten(clean(session.title or ""), TITLE_WIDTH)
    return shorten(name_of(session), NAME_WIDTH) + (f" · {title}" if title else "")


def countdown(seconds: float) -> str:
    """`0:41`, `52:10`: minutes and seconds, rounded down."""
    minutes, second = divmod(max(0, math.floor(seconds)), 60)
    return f"{minutes}:{second:02}"


def clock(at: float | None) -> str:
    """`at` as local wall-clock time, `14:05:09`; empty when None."""
    if at is None:
        return ""
    moment = datetime.fromtimestamp(at, UTC)
    try:
        moment = moment.astimezone()
    except (OSError, OverflowError, ValueError):
        pass  # a year that this system can't convert, as 3001 on Windows: it is no true time in any zone
    return moment.strftime("%H:%M:%S")


def iso(at: float | None) -> str | None:
    """UTC with milliseconds and a `Z`, `2026-11-24T08:31:17.120Z`; None when None."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def thousands(tokens: int | None) -> str:
    """`142k`, `900`, `1.2M`; empty when unknown."""
    if tokens is None:
        return ""
    if tokens >= 1_000_000:
        return f"{tokens / 1_000_000:.1f}M"
    return f"{tokens // 1000}k" if tokens >= 1000 else str(tokens)
