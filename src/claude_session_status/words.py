"""Writes names, times, tokens and money for the user, the same way in every place. Pure."""

import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from claude_session_status.model import (
    Activity,
    Cache,
    HostConnection,
    HostState,
    Session,
    SessionState,
    folder_name,
)
from claude_session_status.printable import is_shown
from claude_session_status.text_width import cut, shorten

NAME_WIDTH = 24
LINE_NAME_WIDTH = 32  # in a line of a menu, which has more room than a table
LINE_TITLE_WIDTH = 60
HOST_WIDTH = 16  # of another machine's name before a session's
CONNECTING_SECONDS = 10.0  # a connection that takes longer is shown
DAYS_OF_A_WEEK = 7
SEEN = "seen in transcript"  # and reported by no hook yet
SHORT_ID = 8  # shown characters of a session's id

SETUP_ADVICE = "If none appears, run: claude-session-status setup"
MENU_BAR_HINT = "if you don't see it there, it is behind the notch or off in System Settings > Menu Bar"
NO_SESSIONS = "No sessions yet. Each appears after its next reply."


def clean(text: str) -> str:
    """Return `text` on one line without control characters, so that no name can steer a terminal or menu."""
    return (text if text.isprintable() else "".join(c if is_shown(c) else " " for c in text)).strip()


def duration(seconds: float) -> str:
    """`46s`, `2m 46s`, `1h 4m`, `3d 2h`: two units at most. Rounds down, so that no time is overstated."""
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


def rough_duration(seconds: float) -> str:
    """`46s`, `2m`, `1h`, `3d`: the largest unit of `duration`."""
    return duration(seconds).partition(" ")[0]


def spelled(seconds: float) -> str:
    """`30 s`, `5 min`, `1 min 40 s`, for a sentence. Rounds up: a notification for 30 s comes a moment later."""
    minutes, second = divmod(max(0, math.ceil(seconds)), 60)
    parts = [f"{minutes} min"] if minutes else []
    return " ".join([*parts, f"{second} s"] if second or not minutes else parts)


def money(usd: float | None) -> str:
    """`about $0.71`, `about $12`, `under $0.01`; empty when unknown. Always marked as an estimate."""
    if usd is None:
        return ""
    if usd < 0.01:
        return "under $0.01"
    return f"about ${usd:.2f}" if usd < 10 else f"about ${usd:.0f}"


def short_money(usd: float | None) -> str:
    """`$0.71`, `$12`, `<$0.01`, for a column or a line with little room; empty when unknown."""
    return money(usd).removeprefix("about ").replace("under ", "<")


def money_between(usd: float | None, low: float, high: float) -> str:
    """`about $0.60 to $0.82`: the shares from `low` to `high` of `usd`; one number where they are much the same."""
    if usd is None or usd * high < 0.02 or usd * (high - low) < 0.01:
        return money(None if usd is None else usd * high)
    lower, upper = (f"{usd * share:.2f}" if usd * high < 10 else f"{usd * share:.0f}" for share in (low, high))
    return f"about ${lower} to ${upper}" if lower != upper else f"about ${upper}"


def name_of(session: Session) -> str:
    """Return the session's name, of another machine's session behind that machine's: `my-app`, `build: my-app`."""
    return host_of(session) + own_name(session)


def own_name(session: Session) -> str:
    """Return the session's project, else its folder, else the start of its id."""
    return clean(session.project or "") or clean(folder_name(session.folder) or "") or short_id(session) or "?"


def host_of(session: Session) -> str:
    """Return `build: ` for a session of another machine, to put before its name; else an empty text."""
    return "" if session.host is None else f"{shorten(clean(session.host), HOST_WIDTH)}: "


def short_id(session: Session) -> str:
    """Return the start of the session's id on its own machine: `0b7f3c52`."""
    return clean(session.own_id)[:SHORT_ID]


def short_name(session: Session) -> str:
    """Return the session's name, shortened to fit a line."""
    return host_of(session) + shorten(own_name(session), NAME_WIDTH)


HOST_PROBLEM_WIDTH = 70
_HOST_PROBLEMS = {
    HostConnection.CONNECTING: "connecting since {since}",
    HostConnection.UNREACHABLE: "not reachable since {since}",
    HostConnection.REFUSED: "refuses the connection since {since}",
    HostConnection.NO_PROGRAM: "claude-session-status is not found there",
    HostConnection.WRONG_VERSION: "the version of claude-session-status there does not fit",
    HostConnection.BAD_DATA: "sends data that can't be read since {since}",
}


def host_problem(host: HostState, now: float) -> str:
    """Return what is wrong with another machine: `not reachable since 14:02`; empty where nothing is.

    Of a connected machine it is what that one reports: `No space is left on the disk, so events are lost`.
    """
    if host.connection is HostConnection.CONNECTED:
        return cut(clean(host.detail or ""), HOST_PROBLEM_WIDTH)
    if host.connection is HostConnection.CONNECTING and now - (host.since or now) < CONNECTING_SECONDS:
        return ""
    problem = _HOST_PROBLEMS.get(host.connection, "")
    if host.since is None:
        return problem.removesuffix(" since {since}")
    return problem.format(since=moment(host.since, now)[:-3])


def is_silent(host: HostState, now: float) -> bool:
    """Whether nothing new comes from another machine."""
    return host.connection is not HostConnection.CONNECTED and host_problem(host, now) != ""


# A menu's font is proportional, but most fonts give all digits one width, and these characters have it, too.
FIGURE_SPACE, FIGURE_DASH, THIN_SPACE = "\u2007", "\u2012", "\u2009"
ISOLATE, END_OF_ISOLATE, LEFT_TO_RIGHT = "\u2068", "\u2069", "\u200e"
COUNTDOWN_WIDTH = len("59:59")
NO_COUNTDOWN = f"{FIGURE_DASH}:{FIGURE_DASH}{FIGURE_DASH}".rjust(COUNTDOWN_WIDTH, FIGURE_SPACE)


def time_column(state: SessionState) -> str:
    """Return the countdown as ` 2:46` or `52:10`, or dashes where there is none, each of the same width in a menu."""
    if state.cache is not Cache.WARM or state.seconds_left is None:
        return NO_COUNTDOWN
    return countdown(state.seconds_left).rjust(COUNTDOWN_WIDTH, FIGURE_SPACE)


def time_left(state: SessionState, now: float) -> str:
    """Return the countdown in words: `2m 46s left`, `expired 6m 3s ago`, `ended`, `compacted`, `nothing cached`."""
    if state.activity is Activity.ENDED:
        return "ended"
    if state.expires_at is None or state.seconds_left is None:
        return "compacted" if state.is_compacted else "nothing cached"
    if state.cache is Cache.WARM:
        return f"{duration(state.seconds_left)} left"
    return f"expired {duration(now - state.expires_at)} ago"


def compaction(state: SessionState) -> str:
    """`compacts at 14:52`, where the client will compact the idle conversation by itself; else empty."""
    return f"compacts at {clock(state.compacts_at)[:5]}" if state.compacts_at is not None else ""


def state_sign(state: SessionState) -> str:
    """Return one character for the state: its shape differs, not only its colour."""
    if state.activity is Activity.ENDED:
        return "×"
    if state.activity is Activity.WAITING:
        return "?"
    if state.activity is Activity.WORKING:
        return "▶"
    return "●" if state.cache is Cache.WARM else "○"


_MEANINGS = {
    Activity.ENDED: "Ended",
    Activity.WAITING: "Waits for you: a permission prompt or a question",
    Activity.WORKING: "Working: its next request refreshes the cache",
}


def state_meaning(state: SessionState) -> str:
    """Return the state in words, behind the sign that stands for it: `● Idle, the cache is warm`."""
    idle = {
        Cache.WARM: "Idle, the cache is warm",
        Cache.EXPIRED: "Idle, the cache has expired",
        Cache.NONE: "Idle, the conversation was compacted" if state.is_compacted else "Idle, nothing is cached",
    }
    return f"{state_sign(state)} {_MEANINGS.get(state.activity) or idle[state.cache]}"


def line_of(state: SessionState, now: float, aside: str = "") -> str:
    """Return a session's line: ` 2:46 ● my-app · Fix the login`. `aside`: see `apart`."""
    sign = state_sign(state)
    notes = [
        {Activity.WAITING: "waits for you", Activity.WORKING: "working"}.get(state.activity, ""),
        time_left(state, now) if state.cache is not Cache.WARM else "",
        "muted" if state.session.muted else "",
        SEEN if state.session.is_found else "",
    ]
    tail = ", ".join(filter(None, notes))
    gap = THIN_SPACE if sign == "?" else ""  # it is narrower than the other signs
    line = f"{time_column(state)} {gap}{sign}{gap} {subject_of(state.session, aside)}{'   ' + tail if tail else ''}"
    # A toolkit that takes the first letter's direction for the whole line's does not skip an isolated name.
    return LEFT_TO_RIGHT + line if ISOLATE in line else line


def isolated(text: str) -> str:
    """Return a name so that its direction of writing changes nothing around it.

    Without that, a Hebrew or an Arabic name would move the times and the words beside it to its other side.
    """
    return f"{ISOLATE}{text}{END_OF_ISOLATE}" if _is_turned(text) else text


def fenced(text: str) -> str:
    """As `isolated`, for a terminal, which may know no isolates: with an invisible letter on either side."""
    return f"{LEFT_TO_RIGHT}{text}{LEFT_TO_RIGHT}" if _is_turned(text) else text


def _is_turned(text: str) -> bool:
    return not text.isascii() and any(unicodedata.bidirectional(character) in ("R", "AL", "AN") for character in text)


def subject_of(session: Session, aside: str = "") -> str:
    """Return the session's name and title for a line of a menu, with `aside` between them: see `apart`."""
    name = host_of(session) + isolated(shorten(own_name(session), LINE_NAME_WIDTH))
    title = isolated(shorten(clean(session.title or ""), LINE_TITLE_WIDTH))
    return name + aside + (f" · {title}" if title else "")


def apart(sessions: Iterable[Session], text_of: Callable[[Session], str] = subject_of) -> Mapping[str, str]:
    """Return what distinguishes these sessions, by id: ` 0b7f3c52` to put after the name, or an empty text.

    Two sessions in one folder have the same name, and at first no title. `text_of` returns what is shown of a session
    beside its time: its subject, or its name where there is less room.
    """
    shown = {session.session_id: (text_of(session), short_id(session)) for session in sessions}
    times = Counter(text for text, _ in shown.values())
    return {key: f" {start}" if times[text] > 1 and start else "" for key, (text, start) in shown.items()}


def countdown(seconds: float) -> str:
    """`0:41`, `52:10`: minutes and seconds, rounded down."""
    minutes, second = divmod(max(0, math.floor(seconds)), 60)
    return f"{minutes}:{second:02}"


def clock(at: float | None) -> str:
    """`at` as local wall-clock time, `14:05:09`; empty when None."""
    return "" if at is None else _local(at).strftime("%H:%M:%S")


def moment(at: float | None, now: float) -> str:
    """`at` as local wall-clock time, with its day if that is not today: `Tue 14:05:09`, `2026-11-17 14:05:09`."""
    if at is None:
        return ""
    days = abs((_local(at).date() - _local(now).date()).days)
    day = "" if not days else f"{_local(at):%a} " if days < DAYS_OF_A_WEEK else f"{_local(at):%Y-%m-%d} "
    return day + clock(at)


def _local(at: float) -> datetime:
    moment = datetime.fromtimestamp(at, UTC)
    try:
        return moment.astimezone()
    except (OSError, OverflowError, ValueError):
        return moment  # a year that this system can't convert, such as 3001 on Windows


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
