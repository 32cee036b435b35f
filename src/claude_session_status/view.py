"""What the desktop shows, as data: icon, tooltip and menu, each computed from a Snapshot.

Everything here is a pure function of values, so tests read it without a screen; the code that draws it on a panel is
thin. `notification` does the same for alerts, `report` for text output.

A session with values that can't be shown (a time beyond every calendar) never hides the others: each part falls back to
what it can show.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from claude_session_status import __version__, alerting
from claude_session_status.model import Activity, Cache, Pause, Session, SessionState, Snapshot, Urgency
from claude_session_status.policy import soonest
from claude_session_status.words import (
    HOOKS_ADVICE,
    NO_SESSIONS,
    apart,
    clean,
    clock,
    compaction,
    cut,
    line_of,
    moment,
    money,
    short_id,
    short_name,
    shorten,
    subject_of,
    thousands,
)

MENU_SESSIONS = 12  # the most urgent ones; nobody reads a longer menu
FOLDER_WIDTH = 48
PROBLEM_WIDTH = 120
TOOLTIP_WIDTH = 128  # the limit on Windows

# ---- icon and tooltip -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IconSpec:
    """What the icon looks like. The time left is in 24ths, so that the icon is seldom redrawn."""

    urgency: Urgency = Urgency.NONE
    parts_left: int = 0  # 0 to 24
    waiting: bool = False  # a session waits for the user: a dot in the middle


ICON_PARTS = 24


def icon(snapshot: Snapshot) -> IconSpec:
    """The icon shows the session that goes cold first."""
    waiting = any(s.activity is Activity.WAITING for s in snapshot.sessions)
    first = soonest(snapshot)
    if first is None or first.session.request is None or first.seconds_left is None:
        return IconSpec(waiting=waiting)
    share = first.seconds_left / max(1, first.session.request.ttl_seconds)
    parts = math.ceil(share * ICON_PARTS) if math.isfinite(share) else ICON_PARTS
    return IconSpec(first.urgency, max(1, min(ICON_PARTS, parts)), waiting)


def tooltip(snapshot: Snapshot) -> str:
    """One line: how many are warm, which is next, what re-caching all of them costs. At most 128 characters."""
    warm = warm_sessions(snapshot.sessions)
    paused = "; notifications paused" if snapshot.paused_until is not None else ""
    first = soonest(snapshot)
    if first is None:
        return f"Claude Code: no warm cache{paused}"
    text = f"Claude Code: {len(warm)} warm{_next_one(first, warm)}"
    cost = money(total_cost(warm))
    # A part that does not fit is left out whole.
    for more in (f"; re-caching all costs {cost}" if cost else "", paused):
        if len(text + more) <= TOOLTIP_WIDTH:
            text += more
    return text


def _next_one(first: SessionState, warm: list[SessionState]) -> str:
    try:
        # The expiry as a clock time, not a countdown: a tooltip that changes each second covers menus on some panels.
        at = clock(first.expires_at)
        name = short_name(first.session) + asides_of((s.session for s in warm), short_name)[first.session.session_id]
    except Exception:  # a value that can't be shown
        return ""
    return f", next: {name} at {at}"


def warm_sessions(states: Iterable[SessionState]) -> list[SessionState]:
    """The running sessions whose cache is warm."""
    return [s for s in states if s.cache is Cache.WARM and s.activity is not Activity.ENDED]


def total_cost(states: Iterable[SessionState]) -> float | None:
    """The sum in USD of the costs that are known; None when none is."""
    known = [s.rewrite_cost_usd for s in states if s.rewrite_cost_usd is not None]
    return sum(known) if known else None


def asides_of(sessions: Iterable[Session], said: Callable[[Session], str] = subject_of) -> Mapping[str, str]:
    """As `apart`, but a session that can't be named does not take the other names away."""
    sessions = list(sessions)
    try:
        return apart(sessions, said)
    except Exception:  # one of them has a value that can't be shown
        return {session.session_id: "" for session in sessions}


# ---- what a click does ------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ShowTable:
    """Show the table in a terminal."""


@dataclass(frozen=True, slots=True)
class CheckSetUp:
    """Show in a terminal whether everything is set up."""


@dataclass(frozen=True, slots=True)
class SetUpHooks:
    """Install Claude Code's hooks."""


@dataclass(frozen=True, slots=True)
class StartAtLogin:
    """Enable or disable the start at login."""

    on: bool


@dataclass(frozen=True, slots=True)
class PauseNotifications:
    """Pause the notifications, or resume them."""

    pause: Pause


@dataclass(frozen=True, slots=True)
class MuteSessions:
    """Mute the sessions, or unmute them."""

    session_ids: tuple[str, ...]
    muted: bool = True


@dataclass(frozen=True, slots=True)
class ForgetSession:
    """Remove the session from the list."""

    session_id: str


@dataclass(frozen=True, slots=True)
class CopyResumeCommand:
    """Copy the command that resumes the session."""

    session_id: str
    folder: str | None


@dataclass(frozen=True, slots=True)
class GoToSession:
    """Bring the session's terminal to the front.

    `activation_token` is the desktop's permission to take the focus on Wayland; it comes with the click.
    """

    session_id: str
    activation_token: str | None = None


@dataclass(frozen=True, slots=True)
class OpenFolder:
    """Open the folder in the file manager."""

    folder: str


@dataclass(frozen=True, slots=True)
class Quit:
    """End the tray."""


Action = (
    ShowTable
    | CheckSetUp
    | SetUpHooks
    | StartAtLogin
    | PauseNotifications
    | MuteSessions
    | ForgetSession
    | CopyResumeCommand
    | GoToSession
    | OpenFolder
    | Quit
)
"""What a click on a menu item or on a notification's button does, with all that it needs."""


def with_activation_token(action: Action, token: str | None) -> Action:
    """The action with the desktop's permission to take the focus, for an action that shows a window."""
    return replace(action, activation_token=token) if token and isinstance(action, GoToSession) else action


# How clients are started that run without a window: through the SDK or with `-p`.
_WITHOUT_A_WINDOW = re.compile(r"sdk(-.*)?|mcp|remote.*|claude-code-github-action|local-agent")


def can_go_to(session: Session) -> bool:
    """Whether the session runs in a window here that can be brought to the front, as far as its row shows."""
    if session.is_ended or session.process is None:
        return False
    return session.entrypoint is None or _WITHOUT_A_WINDOW.fullmatch(session.entrypoint) is None


# ---- menu -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MenuItem:
    """One line of the menu. `key` names its subject, unique in the whole menu and the same wherever the line stands."""

    key: str
    label: str = ""
    action: Action | None = None  # None: a line of text, or a submenu
    separator: bool = False
    default: bool = False  # what a left click on the icon does
    children: tuple["MenuItem", ...] = ()
    gone_label: str | None = None  # the label in an open menu once the subject is gone; None: the last one
    checked: bool | None = None  # None: not a check box
    radio: bool = False  # one of several, of which one is checked

    @property
    def enabled(self) -> bool:
        """Whether a click does anything."""
        return self.action is not None or bool(self.children)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What this machine offers beside the sessions; None where that is unknown or not available."""

    hooks_installed: bool | None = None
    starts_at_login: bool | None = None
    checks_set_up: bool = False


@dataclass(frozen=True, slots=True)
class ClickProblem:
    """Why a click failed, and what the user can do next."""

    title: str
    next_step: str = ""


def starting_menu() -> tuple[MenuItem, ...]:
    """The menu before the first snapshot."""
    return (MenuItem("starting", "Looking for sessions…"), MenuItem("separator", separator=True), _SHOW_TABLE, _QUIT)


def menu(
    snapshot: Snapshot, capabilities: Capabilities | None = None, problem: ClickProblem | None = None
) -> tuple[MenuItem, ...]:
    """The tray's menu: sessions, the most urgent first, then the commands. Ended sessions are not in it."""
    capabilities = capabilities or Capabilities()
    running = [s for s in snapshot.sessions if s.activity is not Activity.ENDED]
    asides = asides_of(s.session for s in running)
    lines = [_session_line(s, snapshot.now, asides[s.session.session_id]) for s in running]
    if len(running) > MENU_SESSIONS:
        lines, rest = lines[:MENU_SESSIONS], tuple(lines[MENU_SESSIONS:])
        lines.append(MenuItem("more", f"More ({len(rest)})", children=rest))
    if not running:
        lines.append(MenuItem("empty", _no_sessions(snapshot, capabilities)))
    if snapshot.problem:
        lines.insert(0, MenuItem("problem", shorten(clean(snapshot.problem), PROBLEM_WIDTH)))
    if problem is not None:
        texts = (("click-problem", problem.title), ("click-problem:step", problem.next_step))
        lines[:0] = [MenuItem(key, cut(clean(text), PROBLEM_WIDTH)) for key, text in texts if text]
    # A session with hook events proves that hooks are installed: by a plugin, if not in the settings.
    if capabilities.hooks_installed is False and all(s.session.last_event_at is None for s in snapshot.sessions):
        lines.insert(0, MenuItem("set-up-hooks", "Set up Claude Code hooks…", SetUpHooks()))
    return (*lines, MenuItem("separator", separator=True), *_commands(snapshot, capabilities))


def _no_sessions(snapshot: Snapshot, capabilities: Capabilities) -> str:
    if snapshot.sessions:
        return "No running sessions"
    return HOOKS_ADVICE if capabilities.hooks_installed is None else NO_SESSIONS


_SHOW_TABLE = MenuItem("show-table", "Show table in a terminal", ShowTable(), default=True)
_QUIT = MenuItem("quit", "Quit", Quit())


def _commands(snapshot: Snapshot, capabilities: Capabilities) -> tuple[MenuItem, ...]:
    lines = [_pause(snapshot)]
    on = capabilities.starts_at_login
    if on is not None:
        lines.append(MenuItem("start-at-login", "Start at login", StartAtLogin(not on), checked=on))
    lines.append(_SHOW_TABLE)
    if capabilities.checks_set_up:
        lines.append(MenuItem("check-set-up", "Check set-up", CheckSetUp()))
    return (*lines, _ABOUT, _QUIT)


_ABOUT = MenuItem(
    "about",
    "About",
    children=(
        MenuItem("about:version", f"claude-session-status {__version__}"),
        MenuItem("about:countdown", "Countdowns: from each session's last request"),
        MenuItem("about:cost", "Costs: estimated from list prices"),
        MenuItem("about:licence", "Licence: MIT"),
    ),
)


def _pause(snapshot: Snapshot) -> MenuItem:
    until, morning = snapshot.paused_until, alerting.next_morning(snapshot.now)
    till_morning = until is not None and abs(until - morning) < 1
    label = "Pause notifications" if until is None else f"Notifications paused until {clock(until)[:5]}"
    choices = (
        ("pause:hour", "For 1 hour", Pause.HOUR, until is not None and not till_morning),
        ("pause:tomorrow", f"Until tomorrow, {clock(morning)[:5]}", Pause.TOMORROW, till_morning),
        ("pause:off", "Off", Pause.OFF, until is None),
    )
    children = tuple(
        MenuItem(key, text, PauseNotifications(pause), checked=is_so, radio=True) for key, text, pause, is_so in choices
    )
    return MenuItem("pause", label, children=children)


def _session_line(state: SessionState, now: float, aside: str) -> MenuItem:
    session = state.session
    key = f"session:{session.session_id}"
    try:
        label, gone_label = line_of(state, now, aside), f"× {subject_of(session, aside)}   ended"
        facts = _facts(state, now)
    except Exception as error:  # a value that can't be shown: the session stays in the menu and can be forgotten
        label = gone_label = f"! {short_id(session)}   can't be shown ({type(error).__name__})"
        facts = tuple((name, "unknown") for name in _FACTS)
    ours = session.session_id
    actions: tuple[tuple[str, str, Action | None, bool | None], ...] = (
        ("copy", "Copy resume command", CopyResumeCommand(ours, session.folder), None),
        ("folder", "Open folder", OpenFolder(session.folder) if session.folder else None, None),
        ("mute", "Mute this session", MuteSessions((ours,), not session.muted), session.muted),
        ("forget", "Forget", ForgetSession(ours), None),
    )
    children = (
        *(MenuItem(f"{key}:{name}", text) for name, text in facts),
        MenuItem(f"{key}:separator", separator=True),
        *(MenuItem(f"{key}:{name}", text, action, checked=checked) for name, text, action, checked in actions),
    )
    return MenuItem(key, label, children=children, gone_label=gone_label)


_FACTS = ("in", "id", "model", "tokens", "cost", "turn", "expires")


def _expiry(state: SessionState, now: float) -> str:
    if state.expires_at is not None:
        return "; ".join(filter(None, (moment(state.expires_at, now), compaction(state))))
    return "compacted, nothing cached" if state.is_compacted else "nothing cached"


def _facts(state: SessionState, now: float) -> tuple[tuple[str, str], ...]:
    """What is known about a session, a line each. Always the same lines, so that the menu keeps its shape."""
    session = state.session
    tokens = thousands(session.context_tokens)
    cost = money(state.rewrite_cost_usd)
    texts = (
        f"Folder: {shorten(clean(session.folder or ''), FOLDER_WIDTH) or 'unknown'}",
        f"Session: {short_id(session) or 'unknown'}",
        f"Model: {shorten(clean(session.model or ''), FOLDER_WIDTH) or 'unknown'}",
        f"Context: {tokens + ' tokens' if tokens else 'unknown'}",
        f"If it expires: {cost + ' to rebuild' if cost else 'cost unknown'}",
        f"Last turn: {moment(session.last_turn_at, now) or 'none yet'}",
        f"{'Expired' if state.cache is Cache.EXPIRED else 'Expires'}: {_expiry(state, now)}",
    )
    return tuple(zip(_FACTS, texts, strict=True))
