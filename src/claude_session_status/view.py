"""What a person is shown, as data: menu, icon, tooltip, notification, table rows and JSON, each made of a Snapshot.

Everything here is a pure function of values. Whoever draws (a panel over D-Bus, Pillow, rich) is a thin printer of
these, and tests read them without a screen.
"""

import html
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from claude_session_status import __version__, alerting
from claude_session_status.model import Activity, Alert, Cache, Session, SessionState, Snapshot, Urgency

BAR_CELLS = 10
MENU_SESSIONS = 12  # the most urgent ones; a longer menu is not read
NAME_WIDTH = 24
TITLE_WIDTH = 32
FOLDER_WIDTH = 48
TOOLTIP_WIDTH = 128  # what Windows takes

HOOKS_ADVICE = "No sessions yet. Run: claude-session-status install-hooks"
NO_SESSIONS = "No sessions yet: one appears with its next turn"


# ---- words ------------------------------------------------------------------


def clean(text: str) -> str:
    """Return `text` on one line without control characters, so that a crafted name can't steer a terminal or menu."""
    return (text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)).strip()


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
    """One line: how many are warm, which is next, what being late costs in all. At most 128 characters."""
    warm = [s for s in snapshot.sessions if s.cache is Cache.WARM and s.activity is not Activity.ENDED]
    paused = "; notifications paused" if snapshot.paused_until is not None else ""
    first = soonest(snapshot)
    if first is None:
        return f"Claude Code: no warm cache{paused}"
    # The expiry as a clock time, not a countdown: a tooltip that changes each second covers menus on some panels.
    at = clock(first.expires_at)
    text = f"Claude Code: {len(warm)} warm, next {shorten(name_of(first.session), NAME_WIDTH)} until {at}"
    cost = money(total_cost(warm))
    # What does not fit is left out whole.
    for more in (f"; being late costs {cost} (estimated)" if cost else "", paused):
        if len(text + more) <= TOOLTIP_WIDTH:
            text += more
    return text


def total_cost(states: Iterable[SessionState]) -> float | None:
    """USD for all of them whose cost is known; None when none is."""
    known = [s.rewrite_cost_usd for s in states if s.rewrite_cost_usd is not None]
    return sum(known) if known else None


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


# ---- menu -------------------------------------------------------------------


class Command(StrEnum):
    """What a click on a menu item, or on a notification's button, asks for."""

    SHOW_TABLE = "show-table"
    QUIT = "quit"
    COPY_RESUME = "copy-resume"
    OPEN_FOLDER = "open-folder"
    MUTE = "mute"
    UNMUTE = "unmute"
    FORGET = "forget"
    PAUSE_HOUR = "pause-hour"
    PAUSE_TOMORROW = "pause-tomorrow"
    PAUSE_OFF = "pause-off"
    START_AT_LOGIN = "start-at-login"
    START_BY_HAND = "start-by-hand"
    CHECK_SET_UP = "check-set-up"
    SET_UP_HOOKS = "set-up-hooks"


@dataclass(frozen=True, slots=True)
class MenuItem:
    """One line of the menu. `key` names what the line is about for as long as it lives, wherever it stands.

    What a click needs is in the line itself: it means what was read, whatever has become of the session since.
    """

    key: str
    label: str = ""
    command: Command | None = None  # None: a line of text
    session_id: str | None = None
    separator: bool = False
    default: bool = False  # what a left click on the icon does
    children: tuple["MenuItem", ...] = ()
    gone_label: str | None = None  # what a row of an open menu says once its subject has gone; None: its last label
    checked: bool | None = None  # None: it can't be
    radio: bool = False  # one of several, of which one is checked
    folder: str | None = None  # the session's

    @property
    def enabled(self) -> bool:
        """Whether a click does anything."""
        return self.command is not None or bool(self.children)


@dataclass(frozen=True, slots=True)
class Offers:
    """What the menu offers beside the sessions; None where that is not known or can't be had here."""

    hooks_installed: bool | None = None
    starts_at_login: bool | None = None
    checks_set_up: bool = False


def menu(snapshot: Snapshot, offers: Offers | None = None) -> tuple[MenuItem, ...]:
    """The tray's menu: sessions, the most urgent first, then the commands. Ended sessions are not in it."""
    offers = offers or Offers()
    alive = [s for s in snapshot.sessions if s.activity is not Activity.ENDED]
    lines = [_session_line(s, snapshot.now) for s in alive[:MENU_SESSIONS]]
    if len(alive) > MENU_SESSIONS:
        rest = tuple(_session_line(s, snapshot.now) for s in alive[MENU_SESSIONS:])
        lines.append(MenuItem("more", f"More ({len(rest)})", children=rest))
    if not alive:
        lines.append(MenuItem("empty", _no_sessions(snapshot, offers)))
    if snapshot.problem:
        lines.insert(0, MenuItem("problem", shorten(clean(snapshot.problem), 120)))
    # Where hooks have spoken they are there, if not in the settings then from a plugin.
    if offers.hooks_installed is False and all(s.session.last_event_at is None for s in snapshot.sessions):
        lines.insert(0, MenuItem("set-up-hooks", "Set up Claude Code hooks…", Command.SET_UP_HOOKS))
    return (*lines, MenuItem("separator", separator=True), *_commands(snapshot, offers))


def _no_sessions(snapshot: Snapshot, offers: Offers) -> str:
    if snapshot.sessions:
        return "No running sessions"
    return HOOKS_ADVICE if offers.hooks_installed is None else NO_SESSIONS


def _commands(snapshot: Snapshot, offers: Offers) -> tuple[MenuItem, ...]:
    lines = [_pause(snapshot)]
    if offers.starts_at_login is not None:
        wish = Command.START_BY_HAND if offers.starts_at_login else Command.START_AT_LOGIN
        lines.append(MenuItem("start-at-login", "Start at login", wish, checked=offers.starts_at_login))
    lines.append(MenuItem("show-table", "Show table in a terminal", Command.SHOW_TABLE, default=True))
    if offers.checks_set_up:
        lines.append(MenuItem("check-set-up", "Check set-up", Command.CHECK_SET_UP))
    about = (
        MenuItem("about:version", f"claude-session-status {__version__}"),
        MenuItem("about:countdown", "Countdowns: from each session's last request"),
        MenuItem("about:cost", "Costs: estimated from list prices"),
        MenuItem("about:licence", "Licence: MIT"),
    )
    return (*lines, MenuItem("about", "About", children=about), MenuItem("quit", "Quit", Command.QUIT))


def _pause(snapshot: Snapshot) -> MenuItem:
    until, morning = snapshot.paused_until, alerting.tomorrow(snapshot.now)
    till_morning = until is not None and abs(until - morning) < 1
    label = "Pause notifications" if until is None else f"Notifications paused until {clock(until)[:5]}"
    choices = (
        ("pause:hour", "For 1 hour", Command.PAUSE_HOUR, until is not None and not till_morning),
        ("pause:tomorrow", f"Until tomorrow, {clock(morning)[:5]}", Command.PAUSE_TOMORROW, till_morning),
        ("pause:off", "Off", Command.PAUSE_OFF, until is None),
    )
    children = tuple(MenuItem(key, text, wish, checked=is_so, radio=True) for key, text, wish, is_so in choices)
    return MenuItem("pause", label, children=children)


def _session_line(state: SessionState, now: float) -> MenuItem:
    session = state.session
    key = f"session:{session.session_id}"
    title = shorten(clean(session.title or ""), TITLE_WIDTH)
    what = shorten(name_of(session), NAME_WIDTH) + (f" · {title}" if title else "")
    label = f"{mark_of(state)} {what}   {time_left(state, now)}" + (" · muted" if session.muted else "")
    label += ", found" if session.is_found else ""
    facts = _facts(state)
    mute = Command.UNMUTE if session.muted else Command.MUTE
    wishes = (
        ("copy", "Copy resume command", Command.COPY_RESUME, None),
        ("folder", "Open folder", Command.OPEN_FOLDER if session.cwd else None, None),
        ("mute", "Mute this session", mute, session.muted),
        ("forget", "Forget", Command.FORGET, None),
    )
    children = (
        *(MenuItem(f"{key}:{name}", text) for name, text in facts),
        MenuItem(f"{key}:separator", separator=True),
        *(
            MenuItem(f"{key}:{name}", text, wish, session.session_id, checked=checked, folder=session.cwd)
            for name, text, wish, checked in wishes
        ),
    )
    return MenuItem(key, label, None, session.session_id, children=children, gone_label=f"× {what}   ended")


def _facts(state: SessionState) -> tuple[tuple[str, str], ...]:
    """What is known of a session, a line each. Always the same lines, so that the menu keeps its shape."""
    session = state.session
    tokens = thousands(session.context_tokens)
    cost = money(state.rewrite_cost_usd)
    expires = "nothing cached"
    if state.expires_at is not None:
        expires = clock(state.expires_at)
    return (
        ("in", f"Folder: {shorten(clean(session.cwd or ''), FOLDER_WIDTH) or 'unknown'}"),
        ("model", f"Model: {shorten(clean(session.model or ''), FOLDER_WIDTH) or 'unknown'}"),
        ("tokens", f"Context: {tokens + ' tokens' if tokens else 'unknown'}"),
        ("cost", f"Being late costs: {cost + ' (estimated)' if cost else 'unknown'}"),
        ("turn", f"Last turn: {clock(session.last_turn_at) or 'none yet'}"),
        ("expires", f"{'Expired' if state.cache is Cache.EXPIRED else 'Expires'}: {expires}"),
    )


# ---- notification -----------------------------------------------------------

TITLE_LIMIT = 64  # what the strictest platform takes
BODY_LIMIT = 256
NAMED_TOGETHER = 4  # sessions that one notification names
CHEAP_USD = 0.10  # less than this is not worth insisting


@dataclass(frozen=True, slots=True)
class Notification:
    """What a person is told. What is said later under the same `key` replaces it instead of stacking up."""

    key: str
    title: str  # at most 64 characters: what the strictest platform takes
    body: str  # at most 256 characters
    urgent: bool = False
    sound: bool = False
    session_ids: tuple[str, ...] = ()
    buttons: tuple[tuple[Command, str], ...] = ()  # where the platform has any


_BUTTONS = ((Command.MUTE, "Mute"), (Command.PAUSE_HOUR, "Pause 1 h"))


def notification(first: Alert, *others: Alert) -> Notification:
    """The words for an alert, or for several at once. Urgent in the last 30 seconds, unless that costs next to nothing.

    `key` is the first one's session.
    """
    alerts = (first, *others)
    title, body = _words_for_one(first.state) if not others else _words_for_several([a.state for a in alerts])
    return Notification(
        key=first.state.session.session_id,
        title=title,
        body=body if len(body) <= BODY_LIMIT else body[: BODY_LIMIT - 1].rstrip() + "…",
        urgent=any(_insists(alert.state) for alert in alerts),
        sound=any(alert.sound for alert in alerts),
        session_ids=tuple(alert.state.session.session_id for alert in alerts),
        buttons=_BUTTONS,
    )


def _insists(state: SessionState) -> bool:
    cost = state.rewrite_cost_usd
    return state.urgency is Urgency.LAST and (cost is None or cost >= CHEAP_USD)


def _words_for_one(state: SessionState) -> tuple[str, str]:
    tail = f": cache expires in {spelled(state.seconds_left or 0)}"
    title = shorten(name_of(state.session), TITLE_LIMIT - len(tail)) + tail
    what = shorten(clean(state.session.title or ""), 100)
    waits = "It waits for your permission. " if state.activity is Activity.WAITING else ""
    tokens, cost = state.session.context_tokens, money(state.rewrite_cost_usd)
    advice = "Answer before then."
    if tokens:
        price = f", at {cost} (estimated)" if cost else ""
        advice = f"Answer before then, or {thousands(tokens)} tokens are read again{price}."
    return title, f"{what + '. ' if what else ''}{waits}{advice}"


def _words_for_several(states: list[SessionState]) -> tuple[str, str]:
    title = f"{len(states)} caches expire in {spelled(states[0].seconds_left or 0)}"
    dearest = sorted(states, key=lambda s: -(s.rewrite_cost_usd or 0.0))[:NAMED_TOGETHER]
    lines = []
    for state in dearest:
        known = [shorten(name_of(state.session), NAME_WIDTH), thousands(state.session.context_tokens)]
        lines.append(", ".join(part for part in (*known, money(state.rewrite_cost_usd)) if part))
    if rest := len(states) - len(dearest):
        lines.append(f"and {rest} more")
    if cost := money(total_cost(states)):
        lines.append(f"In all {cost} (estimated).")
    return title, "\n".join(lines)


def set_up_done(what: str) -> Notification:
    """What a person is told after the hooks were set up from the menu."""
    body = clean(" ".join(what.split()))
    return Notification("set-up", "Claude Code's hooks are set up", body[:BODY_LIMIT])


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
        title=" · ".join(filter(None, ("muted" if session.muted else "", clean(session.title or "")))),
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
        "rewrite_cost_usd": None if state.rewrite_cost_usd is None else round(state.rewrite_cost_usd, 4),
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
