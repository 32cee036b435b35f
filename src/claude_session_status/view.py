"""What the desktop shows, as data: icon, tooltip, menu and notification, each made of a Snapshot.

Everything here is a pure function of values. Whoever draws (a panel over D-Bus, Pillow) is a thin printer of
these, and tests read them without a screen. What is read in text is in `report`.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from claude_session_status import __version__, alerting
from claude_session_status.model import Activity, Alert, Cache, Session, SessionState, Snapshot, Urgency
from claude_session_status.policy import soonest
from claude_session_status.words import (
    HOOKS_ADVICE,
    NO_SESSIONS,
    apart,
    clean,
    clock,
    cut,
    line_of,
    moment,
    money,
    name_of,
    short_id,
    short_name,
    shorten,
    spelled,
    subject_of,
    thousands,
)

MENU_SESSIONS = 12  # the most urgent ones; a longer menu is not read
FOLDER_WIDTH = 48
PROBLEM_WIDTH = 120
TOOLTIP_WIDTH = 128  # what Windows takes

# ---- icon and tooltip -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IconSpec:
    """What the icon looks like: the ring's colour and how much of it is left, in 24ths, so that it changes seldom."""

    urgency: Urgency = Urgency.NONE
    parts_left: int = 0  # 0 to 24
    waiting: bool = False  # a session waits for the person: a dot in the middle


ICON_PARTS = 24


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
    warm = _warm(snapshot.sessions)
    paused = "; notifications paused" if snapshot.paused_until is not None else ""
    first = soonest(snapshot)
    if first is None:
        return f"Claude Code: no warm cache{paused}"
    # The expiry as a clock time, not a countdown: a tooltip that changes each second covers menus on some panels.
    at = clock(first.expires_at)
    name = short_name(first.session) + apart((s.session for s in warm), short_name)[first.session.session_id]
    text = f"Claude Code: {len(warm)} warm, next {name} until {at}"
    cost = money(total_cost(warm))
    # What does not fit is left out whole.
    for more in (f"; being late costs {cost} in all (estimated)" if cost else "", paused):
        if len(text + more) <= TOOLTIP_WIDTH:
            text += more
    return text


def _warm(states: Iterable[SessionState]) -> list[SessionState]:
    return [s for s in states if s.cache is Cache.WARM and s.activity is not Activity.ENDED]


def total_cost(states: Iterable[SessionState]) -> float | None:
    """USD for all of them whose cost is known; None when none is."""
    known = [s.rewrite_cost_usd for s in states if s.rewrite_cost_usd is not None]
    return sum(known) if known else None


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
class Capabilities:
    """What the menu capabilities beside the sessions; None where that is not known or can't be had here."""

    hooks_installed: bool | None = None
    starts_at_login: bool | None = None
    checks_set_up: bool = False


@dataclass(frozen=True, slots=True)
class ClickProblem:
    """Why a click failed, and what the person can do next."""

    title: str
    next_step: str = ""


def menu(
    snapshot: Snapshot, capabilities: Capabilities | None = None, problem: ClickProblem | None = None
) -> tuple[MenuItem, ...]:
    """The tray's menu: sessions, the most urgent first, then the commands. Ended sessions are not in it."""
    capabilities = capabilities or Capabilities()
    alive = [s for s in snapshot.sessions if s.activity is not Activity.ENDED]
    asides = apart(s.session for s in alive)
    lines = [_session_line(s, snapshot.now, asides[s.session.session_id]) for s in alive]
    if len(alive) > MENU_SESSIONS:
        lines, rest = lines[:MENU_SESSIONS], tuple(lines[MENU_SESSIONS:])
        lines.append(MenuItem("more", f"More ({len(rest)})", children=rest))
    if not alive:
        lines.append(MenuItem("empty", _no_sessions(snapshot, capabilities)))
    if snapshot.problem:
        lines.insert(0, MenuItem("problem", shorten(clean(snapshot.problem), PROBLEM_WIDTH)))
    if problem is not None:
        texts = (("click-problem", problem.title), ("click-problem:step", problem.next_step))
        lines[:0] = [MenuItem(key, cut(clean(text), PROBLEM_WIDTH)) for key, text in texts if text]
    # Where hooks have spoken they are there, if not in the settings then from a plugin.
    if capabilities.hooks_installed is False and all(s.session.last_event_at is None for s in snapshot.sessions):
        lines.insert(0, MenuItem("set-up-hooks", "Set up Claude Code hooks…", Command.SET_UP_HOOKS))
    return (*lines, MenuItem("separator", separator=True), *_commands(snapshot, capabilities))


def _no_sessions(snapshot: Snapshot, capabilities: Capabilities) -> str:
    if snapshot.sessions:
        return "No running sessions"
    return HOOKS_ADVICE if capabilities.hooks_installed is None else NO_SESSIONS


def _commands(snapshot: Snapshot, capabilities: Capabilities) -> tuple[MenuItem, ...]:
    lines = [_pause(snapshot)]
    if capabilities.starts_at_login is not None:
        command = Command.START_BY_HAND if capabilities.starts_at_login else Command.START_AT_LOGIN
        lines.append(MenuItem("start-at-login", "Start at login", command, checked=capabilities.starts_at_login))
    lines.append(MenuItem("show-table", "Show table in a terminal", Command.SHOW_TABLE, default=True))
    if capabilities.checks_set_up:
        lines.append(MenuItem("check-set-up", "Check set-up", Command.CHECK_SET_UP))
    about = (
        MenuItem("about:version", f"claude-session-status {__version__}"),
        MenuItem("about:countdown", "Countdowns: from each session's last request"),
        MenuItem("about:cost", "Costs: estimated from list prices"),
        MenuItem("about:licence", "Licence: MIT"),
    )
    return (*lines, MenuItem("about", "About", children=about), MenuItem("quit", "Quit", Command.QUIT))


def _pause(snapshot: Snapshot) -> MenuItem:
    until, morning = snapshot.paused_until, alerting.next_morning(snapshot.now)
    till_morning = until is not None and abs(until - morning) < 1
    label = "Pause notifications" if until is None else f"Notifications paused until {clock(until)[:5]}"
    choices = (
        ("pause:hour", "For 1 hour", Command.PAUSE_HOUR, until is not None and not till_morning),
        ("pause:tomorrow", f"Until tomorrow, {clock(morning)[:5]}", Command.PAUSE_TOMORROW, till_morning),
        ("pause:off", "Off", Command.PAUSE_OFF, until is None),
    )
    children = tuple(MenuItem(key, text, command, checked=is_so, radio=True) for key, text, command, is_so in choices)
    return MenuItem("pause", label, children=children)


def _session_line(state: SessionState, now: float, aside: str) -> MenuItem:
    session = state.session
    key = f"session:{session.session_id}"
    facts = _facts(state, now)
    mute = Command.UNMUTE if session.muted else Command.MUTE
    actions = (
        ("copy", "Copy resume command", Command.COPY_RESUME, None),
        ("folder", "Open folder", Command.OPEN_FOLDER if session.cwd else None, None),
        ("mute", "Mute this session", mute, session.muted),
        ("forget", "Forget", Command.FORGET, None),
    )
    children = (
        *(MenuItem(f"{key}:{name}", text) for name, text in facts),
        MenuItem(f"{key}:separator", separator=True),
        *(
            MenuItem(f"{key}:{name}", text, command, session.session_id, checked=checked, folder=session.cwd)
            for name, text, command, checked in actions
        ),
    )
    return MenuItem(
        key,
        line_of(state, now, aside),
        None,
        session.session_id,
        children=children,
        gone_label=f"× {subject_of(session, aside)}   ended",
    )


def _facts(state: SessionState, now: float) -> tuple[tuple[str, str], ...]:
    """What is known of a session, a line each. Always the same lines, so that the menu keeps its shape."""
    session = state.session
    tokens = thousands(session.context_tokens)
    cost = money(state.rewrite_cost_usd)
    expires = "nothing cached"
    if state.expires_at is not None:
        expires = moment(state.expires_at, now)
    return (
        ("in", f"Folder: {shorten(clean(session.cwd or ''), FOLDER_WIDTH) or 'unknown'}"),
        ("id", f"Session: {short_id(session) or 'unknown'}"),
        ("model", f"Model: {shorten(clean(session.model or ''), FOLDER_WIDTH) or 'unknown'}"),
        ("tokens", f"Context: {tokens + ' tokens' if tokens else 'unknown'}"),
        ("cost", f"Being late costs: {cost + ' (estimated)' if cost else 'unknown'}"),
        ("turn", f"Last turn: {moment(session.last_turn_at, now) or 'none yet'}"),
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


def notification(first: Alert, *others: Alert, among: Iterable[SessionState] = ()) -> Notification:
    """The words for an alert, or for several at once. Urgent in the last 30 seconds, unless that costs next to nothing.

    `key` is the first one's session. `among` are the sessions that a person could take for one of these.
    """
    alerts = (first, *others)
    states = [alert.state for alert in alerts]
    warm = [s.session for s in (*_warm(among), *states)]
    title, body = _words_for_one(first.state, apart(warm)) if not others else _words_for_several(states, warm)
    return Notification(
        key=first.state.session.session_id,
        title=title,
        body=cut(body, BODY_LIMIT),
        urgent=any(_insists(alert.state) for alert in alerts),
        sound=any(alert.sound for alert in alerts),
        session_ids=tuple(alert.state.session.session_id for alert in alerts),
        buttons=_BUTTONS,
    )


def _insists(state: SessionState) -> bool:
    cost = state.rewrite_cost_usd
    return state.urgency is Urgency.LAST and (cost is None or cost >= CHEAP_USD)


def _words_for_one(state: SessionState, asides: Mapping[str, str]) -> tuple[str, str]:
    tail = f"{asides[state.session.session_id]}: cache expires in {spelled(state.seconds_left or 0)}"
    title = shorten(name_of(state.session), TITLE_LIMIT - len(tail)) + tail
    what = shorten(clean(state.session.title or ""), 100)
    waits = "It waits for your permission. " if state.activity is Activity.WAITING else ""
    tokens, cost = state.session.context_tokens, money(state.rewrite_cost_usd)
    advice = "Answer before then."
    if tokens:
        price = f", at {cost} (estimated)" if cost else ""
        advice = f"Answer before then, or {thousands(tokens)} tokens are written again{price}."
    return title, f"{what + '. ' if what else ''}{waits}{advice}"


def _words_for_several(states: list[SessionState], warm: list[Session]) -> tuple[str, str]:
    asides = apart(warm, short_name)
    title = f"{len(states)} caches expire in {spelled(states[0].seconds_left or 0)}"
    dearest = sorted(states, key=lambda s: -(s.rewrite_cost_usd or 0.0))[:NAMED_TOGETHER]
    lines = []
    for state in dearest:
        name = short_name(state.session) + asides[state.session.session_id]
        known = (name, thousands(state.session.context_tokens), money(state.rewrite_cost_usd))
        lines.append(", ".join(part for part in known if part))
    if rest := len(states) - len(dearest):
        lines.append(f"and {rest} more")
    if cost := money(total_cost(states)):
        lines.append(f"In all {cost} (estimated).")
    return title, "\n".join(lines)


def problem_notification(problem: ClickProblem) -> Notification:
    """What a person is told at once of a click that could not do what it was for: the menu has closed by then."""
    return Notification(
        "click-problem", shorten(clean(problem.title), TITLE_LIMIT), clean(problem.next_step)[:BODY_LIMIT]
    )


def set_up_notification(what: str) -> Notification:
    """What a person is told after the hooks were set up from the menu."""
    body = clean(" ".join(what.split()))
    return Notification("set-up", "Claude Code's hooks are set up", body[:BODY_LIMIT])
