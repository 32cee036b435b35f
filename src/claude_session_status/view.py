"""What a person is shown, as data: menu, icon, tooltip, notification, table rows and JSON, each made of a Snapshot.

Everything here is a pure function of values. Whoever draws (a panel over D-Bus, Pillow, rich) is a thin printer of
these, and tests read them without a screen.
"""

import html
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from claude_session_status.model import Activity, Alert, Cache, Session, SessionState, Snapshot, Urgency

BAR_CELLS = 10
MENU_SESSIONS = 12  # the most urgent ones; a longer menu is not read
NAME_WIDTH = 24
TITLE_WIDTH = 32

HOOKS_ADVICE = "No sessions yet. Run: claude-session-status install-hooks"


# ---- words ------------------------------------------------------------------


def clean(text: str) -> str:
    """Return `text` on one line without control characters, so that a crafted name can't steer a terminal or menu."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


def shorten(text: str, width: int) -> str:
    """Return `text` in at most `width` characters, shortened in the middle: both ends tell names apart."""
    if len(text) <= width:
        return text
    head = (width - 1 + 1) // 2
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


# ---- icon and tooltip -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IconSpec:
    """What the icon looks like: the ring's colour and how much of it is left, in 24ths, so that it changes seldom."""

    urgency: Urgency = Urgency.NONE
    parts_left: int = 0  # 0 to 24
    waiting: bool = False  # a session waits for the person: a dot in the middle


ICON_PARTS = 24


def soonest(snapshot: Snapshot) -> SessionState | None:
    """The warm session that goes cold first; None when no session is warm."""
    warm = [s for s in snapshot.sessions if s.cache is Cache.WARM and s.activity is not Activity.ENDED]
    return min(warm, key=lambda s: s.expires_at or math.inf, default=None)


def icon(snapshot: Snapshot) -> IconSpec:
    """The look of the icon: that of the session which goes cold soonest."""
    waiting = any(s.activity is Activity.WAITING for s in snapshot.sessions)
    first = soonest(snapshot)
    if first is None or first.session.request is None or first.seconds_left is None:
        return IconSpec(waiting=waiting)
    share = first.seconds_left / max(1, first.session.request.ttl_seconds)
    return IconSpec(first.urgency, max(1, min(ICON_PARTS, math.ceil(share * ICON_PARTS))), waiting)


def tooltip(snapshot: Snapshot) -> str:
    """One line: how many are warm and which is next. At most 128 characters, which is what Windows takes."""
    warm = sum(s.cache is Cache.WARM and s.activity is not Activity.ENDED for s in snapshot.sessions)
    first = soonest(snapshot)
    if first is None:
        return "Claude Code: no warm cache"
    # The expiry as a clock time, not a countdown: a tooltip that changes each second covers menus on some panels.
    at = clock(first.expires_at)
    return f"Claude Code: {warm} warm, next {shorten(name_of(first.session), NAME_WIDTH)} until {at}"


def clock(at: float | None) -> str:
    """`at` as local wall-clock time, `14:05:09`; empty when None."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).astimezone().strftime("%H:%M:%S")


# ---- menu -------------------------------------------------------------------


class Command(StrEnum):
    """What a click on a menu item asks for."""

    SHOW_TABLE = "show-table"
    QUIT = "quit"


@dataclass(frozen=True, slots=True)
class MenuItem:
    """One line of the menu. `key` names what the line is about for as long as it lives, wherever it stands."""

    key: str
    label: str = ""
    command: Command | None = None  # None: a line of text
    session_id: str | None = None
    separator: bool = False
    default: bool = False  # what a left click on the icon does
    children: tuple["MenuItem", ...] = ()

    @property
    def enabled(self) -> bool:
        """Whether a click does anything."""
        return self.command is not None or bool(self.children)


def menu(snapshot: Snapshot) -> tuple[MenuItem, ...]:
    """The tray's menu: sessions, soonest first, then the commands. Ended sessions are not in it."""
    alive = [s for s in snapshot.sessions if s.activity is not Activity.ENDED]
    lines = [_session_line(s, snapshot.now) for s in alive[:MENU_SESSIONS]]
    if len(alive) > MENU_SESSIONS:
        rest = tuple(_session_line(s, snapshot.now) for s in alive[MENU_SESSIONS:])
        lines.append(MenuItem("more", f"More ({len(rest)})", children=rest))
    if not alive:
        lines.append(MenuItem("empty", HOOKS_ADVICE if not snapshot.sessions else "No running sessions"))
    if snapshot.problem:
        lines.insert(0, MenuItem("problem", clean(snapshot.problem)))
    return (
        *lines,
        MenuItem("separator", separator=True),
        MenuItem("show-table", "Show table in a terminal", Command.SHOW_TABLE, default=True),
        MenuItem("quit", "Quit", Command.QUIT),
    )


def _session_line(state: SessionState, now: float) -> MenuItem:
    session = state.session
    title = shorten(clean(session.title or ""), TITLE_WIDTH)
    name = shorten(name_of(session), NAME_WIDTH)
    label = (
        f"{mark_of(state)} {name}"
        + (f" · {title}" if title else "")
        + f"   {time_left(state, now)}"
        + (", found" if session.is_found else "")
    )
    return MenuItem(f"session:{session.session_id}", label, Command.SHOW_TABLE, session.session_id)


# ---- notification -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Notification:
    """What a person is told. `key` is the session: what is said of it later replaces this instead of stacking up."""

    key: str
    title: str  # at most 64 characters: what the strictest platform takes
    body: str  # at most 256 characters
    urgent: bool = False


def notification(alert: Alert) -> Notification:
    """The words for an alert: project and time left in the title, the session's title in the body."""
    state = alert.state
    left = math.ceil(state.seconds_left or 0)
    tail = f": cache expires in {duration(left)}"
    title = shorten(name_of(state.session), 64 - len(tail)) + tail
    what = shorten(clean(state.session.title or ""), 100)
    waits = "It waits for your permission. " if state.activity is Activity.WAITING else ""
    tokens = state.session.context_tokens
    cost = f"Answer before then, or {thousands(tokens)} tokens are read again." if tokens else "Answer before then."
    return Notification(
        key=state.session.session_id,
        title=title,
        body=f"{what + '. ' if what else ''}{waits}{cost}",
        urgent=state.urgency is Urgency.LAST,
    )


def thousands(tokens: int | None) -> str:
    """`142k`, `900`, `1.2M`; empty when unknown."""
    if tokens is None:
        return ""
    if tokens >= 1_000_000:
        return f"{tokens / 1_000_000:.1f}M"
    return f"{tokens // 1000}k" if tokens >= 1000 else str(tokens)


# ---- table ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    mark: str
    session: str
    project: str
    last_turn: str
    cache: str
    title: str
    urgency: Urgency
    dim: bool


@dataclass(frozen=True, slots=True)
class Columns:
    """The widths of the table's columns, in characters; a title of width 0 is not shown."""

    session: int = 8
    project: int = 12
    last_turn: int = 10
    cache: int = 28
    bar: int = BAR_CELLS
    title: int = 0


def columns(width: int) -> Columns:
    """What fits into a terminal of `width` columns: a short bar below 72, titles from 90 on."""
    gaps = 1 + 4 * 2  # the mark, and two blanks before each column
    bar_cells = BAR_CELLS if width >= 72 else BAR_CELLS // 2
    fixed = gaps + 8 + 10 + (28 - BAR_CELLS + bar_cells)
    room = max(4, width - fixed)
    if width < 90:
        return Columns(project=min(room, NAME_WIDTH), bar=bar_cells, cache=28 - BAR_CELLS + bar_cells)
    project = min(NAME_WIDTH, room // 2)
    return Columns(project=project, title=min(60, room - project - 2))


def bar(state: SessionState, cells: int = BAR_CELLS) -> str:
    """`████████░░`: the share of the TTL that is left."""
    ttl = state.session.request.ttl_seconds if state.session.request else 1
    share = min(1.0, max(0.0, (state.seconds_left or 0) / max(1, ttl)))
    filled = round(share * cells)
    return "█" * filled + "░" * (cells - filled)


def rows(snapshot: Snapshot, bar_cells: int = BAR_CELLS) -> tuple[Row, ...]:
    """The lines of the table, in the snapshot's order."""
    return tuple(_row(s, snapshot.now, bar_cells) for s in snapshot.sessions)


def _row(state: SessionState, now: float, bar_cells: int) -> Row:
    session = state.session
    if state.activity is Activity.ENDED:
        cache = "ENDED"
    elif state.cache is Cache.WARM:
        cache = f"WARM {bar(state, bar_cells)} {duration(state.seconds_left or 0)} left"
    elif state.cache is Cache.EXPIRED and state.expires_at is not None:
        cache = f"EXPIRED ({duration(now - state.expires_at)} ago)"
    else:
        cache = "NONE"
    since = session.last_turn_at
    return Row(
        mark=mark_of(state),
        session=clean(session.session_id)[:8],
        project=name_of(session),
        last_turn=("found" if session.is_found else "") if since is None else f"{duration(now - since)} ago",
        cache=cache,
        title=clean(session.title or ""),
        urgency=state.urgency,
        dim=state.activity is Activity.ENDED,
    )


# ---- JSON -------------------------------------------------------------------


def iso(at: float | None) -> str | None:
    """UTC with milliseconds and a `Z`, `2026-11-24T08:31:17.120Z`; None when None."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_json(snapshot: Snapshot) -> dict[str, Any]:
    """The contract of `status --json`, schema 1. Unknown values are null, never 0."""
    return {
        "schema": 1,
        "now": iso(snapshot.now),
        "sessions": [_session_json(s) for s in snapshot.sessions],
    }


def _session_json(state: SessionState) -> dict[str, Any]:
    session, request = state.session, state.session.request
    return {
        "session_id": session.session_id,
        "title": session.title,
        "project": session.project,
        "cwd": session.cwd,
        "cache": state.cache.value,
        "activity": state.activity.value,
        "ttl_seconds": request.ttl_seconds if request else None,
        "started_at": iso(session.started_at),
        "last_turn_at": iso(session.last_turn_at),
        "last_request_at": iso(request.started_at) if request else None,
        "expires_at": iso(state.expires_at),
        "seconds_left": None if state.seconds_left is None else round(state.seconds_left, 3),
        "context_tokens": session.context_tokens,
        "model": session.model,
        "rewrite_cost_usd": None,
        "source": request.source.value if request else None,
        "muted": session.muted,
    }


# ---- bars: tmux, Polybar, Waybar --------------------------------------------


def countdown(seconds: float) -> str:
    """`0:41`, `52:10`: minutes and seconds, rounded down."""
    minutes, second = divmod(max(0, math.floor(seconds)), 60)
    return f"{minutes}:{second:02}"


def short(snapshot: Snapshot) -> str:
    """One line for a status bar: `2 warm, next 0:41 my-app`; `no warm cache` where there is none."""
    warm = sum(s.cache is Cache.WARM and s.activity is not Activity.ENDED for s in snapshot.sessions)
    first = soonest(snapshot)
    if first is None:
        return "no warm cache"
    name = shorten(name_of(first.session), NAME_WIDTH)
    # Polybar and tmux read orders in what they show: a folder's name must give none.
    name = re.sub(r"(?<=[%#])(?=[{[(])", " ", name)
    return f"{warm} warm, next {countdown(first.seconds_left or 0)} {name}"


_CLASSES = {Urgency.NONE: "none", Urgency.CALM: "calm", Urgency.SOON: "soon", Urgency.LAST: "last"}


def waybar(snapshot: Snapshot) -> dict[str, Any]:
    """What a Waybar module with `return-type: json` takes. `text` is empty, and so hidden, while no session runs.

    `class` is `none`, `calm`, `soon` or `last`, and `waiting` besides where a session waits for permission.
    """
    alive = [s for s in snapshot.sessions if s.activity is not Activity.ENDED]
    first = soonest(snapshot)
    classes = [_CLASSES[first.urgency if first else Urgency.NONE]]
    if any(s.activity is Activity.WAITING for s in alive):
        classes.append("waiting")
    lines = [_session_line(s, snapshot.now).label for s in alive[:MENU_SESSIONS]]
    # Waybar reads both as markup.
    return {
        "text": html.escape(short(snapshot), quote=False) if alive else "",
        "tooltip": html.escape("\n".join(lines), quote=False),
        "class": classes,
    }
