"""The tray's menu, as data, and what its clicks do. Pure functions of values.

`glance` does the same for the icon and its tooltip, `notification` for alerts, `report` for text output; tests read all
of them without a screen. A session with values that can't be shown (a time beyond every calendar) never hides others.
"""

import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from claude_session_status import __version__, alerting
from claude_session_status.glance import asides_of, needs_set_up
from claude_session_status.keep_warm_times import EVENING, Choice, until_of
from claude_session_status.keep_warm_words import TRIAL_LINE, consent_line, last_ping, price_line, stopped_line
from claude_session_status.model import Activity, Cache, Pause, Session, SessionState, Snapshot
from claude_session_status.text_width import cut, shorten
from claude_session_status.words import (
    LINE_NAME_WIDTH,
    NO_COUNTDOWN,
    NO_SESSIONS,
    clean,
    clock,
    compaction,
    host_problem,
    isolated,
    line_of,
    moment,
    money,
    money_between,
    short_id,
    spelled,
    state_meaning,
    subject_of,
    thousands,
)

MENU_SESSIONS = 12  # the most urgent ones; nobody reads a longer menu
MORE_SESSIONS = 20  # in each submenu below them, which has to fit on a screen, too
FOLDER_WIDTH = 48
FULL_TITLE_WIDTH = 100
PROBLEM_WIDTH = 120
MORE = "more"  # the key of the submenu with the sessions beyond those, and the beginning of those below it

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
class UndoForget:
    """Keep a session that was to be forgotten."""

    session_id: str


@dataclass(frozen=True, slots=True)
class CopyResumeCommand:
    """Copy the command that resumes the session. `host`: the other machine that runs it."""

    session_id: str
    folder: str | None
    host: str | None = None


@dataclass(frozen=True, slots=True)
class GoToSession:
    """Bring the session's terminal to the front.

    `activation_token` is the desktop's permission to take the focus on Wayland; it comes with the click.
    """

    session_id: str
    activation_token: str | None = None


@dataclass(frozen=True, slots=True)
class KeepSessionWarm:
    """Keep the session's cache warm, or no longer. `consents`: the user confirmed that it takes many pings."""

    session_id: str
    choice: Choice
    consents: bool = False


@dataclass(frozen=True, slots=True)
class OpenFolder:
    """Open the folder in the file manager."""

    folder: str


@dataclass(frozen=True, slots=True)
class ChangeSetting:
    """Set a key of config.toml."""

    key: str
    value: "SettingValue"


@dataclass(frozen=True, slots=True)
class OpenSettings:
    """Open config.toml in an editor."""


@dataclass(frozen=True, slots=True)
class ShowHistory:
    """Show what cold caches cost, as a page."""


@dataclass(frozen=True, slots=True)
class Quit:
    """End the tray."""


SettingValue = bool | int | str | tuple[int, ...]

Action = (
    ShowTable
    | CheckSetUp
    | SetUpHooks
    | StartAtLogin
    | PauseNotifications
    | MuteSessions
    | ForgetSession
    | UndoForget
    | CopyResumeCommand
    | GoToSession
    | KeepSessionWarm
    | OpenFolder
    | ChangeSetting
    | OpenSettings
    | ShowHistory
    | Quit
)
"""What a click on a menu item or on a notification's button does, with all that it needs."""


def with_activation_token(action: Action, token: str | None) -> Action:
    """The action with the desktop's permission to take the focus, for an action that shows a window."""
    return replace(action, activation_token=token) if token and isinstance(action, GoToSession) else action


# How clients are started that run without a window: through the SDK or with `-p`.
_WITHOUT_A_WINDOW = re.compile(r"sdk(-.*)?|mcp|remote.*|claude-code-github-action|local-agent")


def can_go_to(session: Session) -> bool:
    """Whether the session runs in a window here that can be brought to the front, as far as its row shows.

    A terminal here may lead to the other machine that runs it: which one, only a look at the processes can say.
    """
    if session.host is not None:
        return not session.is_ended
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


Shares = tuple[float, float]  # the lower and the upper one


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that the menu shows and changes."""

    notify_before_seconds: tuple[float, ...] | None = None  # None: automatic
    min_tokens: int = 0
    sound: bool = False
    notify_when_waiting: bool = False


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What this machine offers beside the sessions; None where that is unknown or not available."""

    hooks_installed: bool | None = None
    starts_at_login: bool | None = None
    checks_set_up: bool = False
    settings: Settings | None = None
    history: str | None = None  # what cold caches cost this week, in words
    rebuilt: Shares | None = None  # which shares of a context expired caches really rebuilt, where that is known
    today: str = ""  # the same of today, for the tooltip; empty where nothing was lost


@dataclass(frozen=True, slots=True)
class ClickProblem:
    """Why a click failed, and what the user can do next."""

    title: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class RecentClicks:
    """What clicks have left in the menu for a while."""

    problem: ClickProblem | None = None  # of the last click
    copied: str | None = None  # the id of the session whose resume command was copied
    forgotten: tuple[SessionState, ...] = ()  # the forgetting of these can still be undone


def starting_menu() -> tuple[MenuItem, ...]:
    """The menu before the first snapshot."""
    return (MenuItem("starting", "Looking for sessions…"), MenuItem("separator", separator=True), _SHOW_TABLE, _QUIT)


def menu(
    snapshot: Snapshot, capabilities: Capabilities | None = None, clicks: RecentClicks | None = None
) -> tuple[MenuItem, ...]:
    """The tray's menu: sessions, the most urgent first, then the commands. Ended sessions are not in it."""
    capabilities, clicks = capabilities or Capabilities(), clicks or RecentClicks()
    running = [s for s in snapshot.sessions if s.activity is not Activity.ENDED]
    asides = asides_of(s.session for s in running)
    rebuilt = capabilities.rebuilt
    problems = {host.name: host_problem(host, snapshot.now) for host in snapshot.hosts}

    def line(state: SessionState) -> MenuItem:
        aside, problem = asides[state.session.session_id], problems.get(state.session.host or "", "")
        return _session_line(state, snapshot.now, aside, clicks, rebuilt, problem=problem)

    heads = {name: _host_line(name, problem) for name, problem in problems.items() if problem}
    lines = _folded(running, line, heads)
    lines += heads.values()  # machines without a session
    if not running:
        lines.append(MenuItem("empty", "No running sessions" if snapshot.sessions else NO_SESSIONS))
    if snapshot.problem:
        lines.insert(0, MenuItem("problem", shorten(clean(snapshot.problem), PROBLEM_WIDTH)))
    if clicks.problem is not None:
        texts = (("click-problem", clicks.problem.title), ("click-problem:step", clicks.problem.next_step))
        lines[:0] = [MenuItem(key, cut(clean(text), PROBLEM_WIDTH)) for key, text in texts if text]
    if needs_set_up(snapshot, hooks_installed=capabilities.hooks_installed):
        lines.insert(0, MenuItem("set-up-hooks", "Set up Claude Code hooks…", SetUpHooks()))
    lines += map(_undo, clicks.forgotten)
    return (*lines, MenuItem("separator", separator=True), *_commands(snapshot, capabilities))


def recounted(items: Sequence[MenuItem], snapshot: Snapshot) -> tuple[MenuItem, ...]:
    """The same menu a little later: `snapshot` differs from the menu's own only in what its sessions count."""
    running = [s for s in snapshot.sessions if s.activity is not Activity.ENDED]
    asides = asides_of(s.session for s in running)
    labels = {}
    for state in running:
        with contextlib.suppress(Exception):  # a value that can't be shown: its line says so already
            labels[_key_of(state)] = line_of(state, snapshot.now, asides[state.session.session_id])

    def again(item: MenuItem) -> MenuItem:
        if item.key.startswith(MORE):
            return replace(item, children=tuple(map(again, item.children)))
        label = labels.get(item.key, item.label)
        return item if label == item.label else replace(item, label=label)

    return tuple(map(again, items))


def _folded(
    states: Sequence[SessionState],
    line: Callable[[SessionState], MenuItem],
    heads: dict[str, MenuItem],
    room: int = MENU_SESSIONS,
    key: str = MORE,
) -> list[MenuItem]:
    """The lines that there is room for, and the others in a submenu, which fits on a screen in the same way.

    `heads` are the lines of the machines with a problem. Each moves in front of its machine's first session.
    """
    lines = []
    for state in _by_host(states[:room]):
        if (head := heads.pop(state.session.host or "", None)) is not None:
            lines.append(head)
        lines.append(line(state))
    if rest := states[room:]:
        children = tuple(_folded(rest, line, heads, MORE_SESSIONS, f"{key}:more"))
        lines.append(MenuItem(key, f"More ({len(rest)})", children=children))
    return lines


def _by_host(states: Sequence[SessionState]) -> list[SessionState]:
    """The sessions grouped by machine, the machine with the most urgent one first."""
    places: dict[str | None, int] = {}
    for state in states:
        places.setdefault(state.session.host, len(places))
    return sorted(states, key=lambda state: places[state.session.host])


def _host_line(name: str, problem: str) -> MenuItem:
    shown = shorten(clean(name), LINE_NAME_WIDTH)
    return MenuItem(f"host:{name}", f"{shown}: {problem}", gone_label=f"{shown}: connected")


def _undo(state: SessionState) -> MenuItem:
    session_id = state.session.session_id
    try:
        name = subject_of(state.session)
    except Exception:  # a value that can't be shown
        name = short_id(state.session)
    return MenuItem(f"undo:{session_id}", f"Undo: forget {name}", UndoForget(session_id))


_SHOW_TABLE = MenuItem("show-table", "Show table in a terminal", ShowTable(), default=True)
_QUIT = MenuItem("quit", "Quit", Quit())


def _commands(snapshot: Snapshot, capabilities: Capabilities) -> tuple[MenuItem, ...]:
    lines = [_pause(snapshot)]
    if settings := _settings(capabilities):
        lines.append(MenuItem("settings", "Settings", children=settings))
    lines.append(_SHOW_TABLE)
    if capabilities.history is not None:
        lines.append(MenuItem("history", capabilities.history, ShowHistory()))
    if capabilities.checks_set_up:
        lines.append(MenuItem("check-set-up", "Check set-up", CheckSetUp()))
    return (*lines, _ABOUT, _QUIT)


_ABOUT = MenuItem(
    "about",
    "About",
    children=(
        MenuItem("about:icon:calm", "Icon: green ring: time left until the next cache expires"),
        MenuItem("about:icon:soon", "Icon: amber slice: it expires soon"),
        MenuItem("about:icon:last", "Icon: red with ! : it expires within 30 s"),
        MenuItem("about:icon:waiting", "Icon: ? : a session waits for you"),
        MenuItem("about:icon:none", "Icon: grey ring: no cache is warm"),
        MenuItem("about:separator", separator=True),
        MenuItem("about:countdown", "Countdowns: from each session's last request"),
        MenuItem("about:cost", "Costs: estimated from list prices"),
        MenuItem("about:version", f"claude-session-status {__version__}, licence: MIT"),
    ),
)


# ---- settings -----------------------------------------------------------------

LEADS: Sequence[int] = (30, 60, 120, 300)  # seconds
SIZES: Sequence[int] = (20_000, 50_000, 100_000)  # tokens
_NO_LEADS: tuple[int, ...] = ()


def _settings(capabilities: Capabilities) -> tuple[MenuItem, ...]:
    lines: list[MenuItem] = []
    settings = capabilities.settings
    if settings is not None:
        waiting, sound = settings.notify_when_waiting, settings.sound
        wait_action, sound_action = ChangeSetting("notify_when_waiting", not waiting), ChangeSetting("sound", not sound)
        lines += [
            _notify_before(settings),
            _notify_from(settings),
            MenuItem("settings:waiting", "Notify when a session waits for you", wait_action, checked=waiting),
            MenuItem("settings:sound", "Sound with a notification", sound_action, checked=sound),
        ]
    on = capabilities.starts_at_login
    if on is not None:
        lines.append(MenuItem("settings:login", "Start at login", StartAtLogin(not on), checked=on))
    if settings is not None:
        lines.append(MenuItem("settings:file", "Open config.toml in an editor", OpenSettings()))
    return tuple(lines)


def _notify_before(settings: Settings) -> MenuItem:
    leads = settings.notify_before_seconds
    choices: list[tuple[str, SettingValue, bool]] = [
        ("Automatic: 30 s, for an hour-long cache also 5 min", "auto", leads is None),
        *((f"{spelled(lead)} before", lead, leads == (lead,)) for lead in LEADS),
        ("Never", _NO_LEADS, leads == ()),
    ]
    own = "" if leads is None else f"{' and '.join(map(spelled, leads))} before, as in config.toml"
    return _choice("settings:before", "Notify before a cache expires", "notify_before_seconds", choices, own)


def _notify_from(settings: Settings) -> MenuItem:
    tokens = settings.min_tokens
    choices: list[tuple[str, SettingValue, bool]] = [
        ("Any size", 0, tokens == 0),
        *((f"{thousands(size)} tokens", size, tokens == size) for size in SIZES),
    ]
    own = f"{thousands(tokens)} tokens, as in config.toml"
    return _choice("settings:size", "Smallest conversation to notify about", "min_tokens", choices, own)


def _choice(
    key: str, label: str, setting: str, choices: Sequence[tuple[str, SettingValue, bool]], own: str
) -> MenuItem:
    """A submenu of values of a setting. `own` names a value that only the file can have."""
    lines = [
        MenuItem(f"{key}:{value}", text, ChangeSetting(setting, value), checked=is_so, radio=True)
        for text, value, is_so in choices
    ]
    if not any(is_so for *_, is_so in choices):
        lines.append(MenuItem(f"{key}:own", own, checked=True, radio=True))
    return MenuItem(key, label, children=tuple(lines))


# ---- pause, sessions ----------------------------------------------------------


def _pause(snapshot: Snapshot) -> MenuItem:
    until, morning = snapshot.paused_until, alerting.next_morning(snapshot.now)
    till_morning = until is not None and abs(until - morning) < 1
    label = "Pause notifications" if until is None else f"Notifications paused until {clock(until)[:5]}"
    if until is None and snapshot.quiet_until is not None:
        label = f"Quiet until {clock(snapshot.quiet_until)[:5]}: no notifications"
    choices = (
        ("pause:hour", "For 1 hour", Pause.HOUR, until is not None and not till_morning),
        ("pause:tomorrow", f"Until tomorrow, {clock(morning)[:5]}", Pause.TOMORROW, till_morning),
        ("pause:off", "Off", Pause.OFF, until is None),
    )
    children = tuple(
        MenuItem(key, text, PauseNotifications(pause), checked=is_so, radio=True) for key, text, pause, is_so in choices
    )
    return MenuItem("pause", label, children=children)


def _key_of(state: SessionState) -> str:
    return f"session:{state.session.session_id}"


def _session_line(
    state: SessionState, now: float, aside: str, clicks: RecentClicks, rebuilt: Shares | None, *, problem: str = ""
) -> MenuItem:
    """A session's line with its submenu. `problem` is what is wrong with its machine."""
    session, key = state.session, _key_of(state)
    try:
        label, gone_label = line_of(state, now, aside), f"{NO_COUNTDOWN} × {subject_of(session, aside)}   ended"
        facts = _facts(state, now, rebuilt)
    except Exception as error:  # a value that can't be shown: the session stays in the menu and can be forgotten
        label = gone_label = f"! {short_id(session)}   can't be shown ({type(error).__name__})"
        facts = tuple((name, "unknown") for name in _FACTS)
    if session.host is not None:
        machine = ", ".join(filter(None, (clean(session.host), problem)))
        facts = (*facts, ("host", f"Machine: {shorten(machine, FULL_TITLE_WIDTH)}"))
    ours = session.session_id
    is_here = session.host is None
    copied = " ✓ copied" if clicks.copied == ours else ""
    actions: tuple[tuple[str, str, Action | None, bool | None], ...] = (
        ("copy", f"Copy resume command{copied}", CopyResumeCommand(ours, session.folder, session.host), None),
        *(
            (("folder", "Open folder", OpenFolder(session.folder) if session.folder else None, None),)
            if is_here
            else ()
        ),
        ("mute", "Mute this session", MuteSessions((ours,), not session.muted), session.muted),
    )
    go = (MenuItem(f"{key}:go", "Go to session", GoToSession(ours)),) if can_go_to(session) else ()
    children = (
        # First what a click does: GNOME unfolds the submenu within the menu, and its end may need scrolling.
        *go,
        *(MenuItem(f"{key}:{name}", text, action, checked=checked) for name, text, action, checked in actions),
        *((_keep_warm(state, now, f"{key}:keep"),) if state.keep_warm is not None else ()),
        MenuItem(f"{key}:separator", separator=True),
        *(MenuItem(f"{key}:{name}", text) for name, text in facts),
        MenuItem(f"{key}:apart", separator=True),  # no slip of the pointer forgets a session
        MenuItem(f"{key}:forget", "Forget this session", ForgetSession(ours)),
    )
    return MenuItem(key, label, children=children, gone_label=gone_label)


_CHOICES = (
    (Choice.HOUR, "for 1 hour"),
    (Choice.THREE_HOURS, "for 3 hours"),
    (Choice.EVENING, f"until {EVENING}"),
)


def _keep_warm(state: SessionState, now: float, key: str) -> MenuItem:
    """The line that keeps a session warm, with what that costs, or with the reason why it is not possible."""
    try:
        return _keep_warm_line(state, now, key)
    except Exception:  # a value that can't be shown
        return MenuItem(key, "Keep warm: not possible")


def _keep_warm_line(state: SessionState, now: float, key: str) -> MenuItem:
    kept, session_id = state.keep_warm, state.session.session_id
    if kept is None:
        return MenuItem(key, "Keep warm: not known yet")
    was = [line for line in (last_ping(state), stopped_line(state)) if line is not None]
    off = MenuItem(f"{key}:off", "off", KeepSessionWarm(session_id, Choice.OFF))
    if kept.until is None and kept.refusal is not None:
        steps = [kept.refusal.next_step] if kept.refusal.next_step else []
        texts = [MenuItem(f"{key}:text:{n}", cut(clean(text), PROBLEM_WIDTH)) for n, text in enumerate([*was, *steps])]
        return MenuItem(key, f"Keep warm: {kept.refusal.title}", children=tuple(texts))
    price = price_line(state)
    if kept.until is not None:
        label = " · ".join([f"Kept warm until {clock(kept.until)[:5]}", *was])
        if kept.refusal is not None:
            return MenuItem(key, label, children=(MenuItem(f"{key}:now", f"Now: {kept.refusal.title}"), off))
    else:
        label = f"Keep warm: {' · '.join([price, *was])}"
    choices = []
    for choice, text in _CHOICES:
        until = until_of(choice, now)
        if until is None or until <= now:
            continue
        if kept.needs_consent:
            confirm = KeepSessionWarm(session_id, choice, consents=True)
            many = MenuItem(f"{key}:{choice.value}:yes", f"{consent_line(state)}: keep it warm", confirm)
            choices.append(MenuItem(f"{key}:{choice.value}", text, children=(many,)))
        else:
            choices.append(MenuItem(f"{key}:{choice.value}", text, KeepSessionWarm(session_id, choice)))
    notes = []
    if kept.ends_at is not None and kept.ends_at - now < _LONGEST_CHOICE_SECONDS:
        ends = clock(kept.ends_at)[:5]
        notes.append(f"Ends at {ends} without a message of yours: {kept.max_pings} pings in a row")
    if kept.is_trial:
        notes.append(TRIAL_LINE)
    texts = [MenuItem(f"{key}:text:{n}", text) for n, text in enumerate(notes)]
    return MenuItem(key, label, children=(*choices, *((off,) if kept.until is not None else ()), *texts))


_LONGEST_CHOICE_SECONDS = 3 * 3600.0
_FACTS = ("state", "title", "in", "id", "model", "tokens", "cost", "turn", "expires")


def _expiry(state: SessionState, now: float) -> str:
    if state.expires_at is not None:
        return "; ".join(filter(None, (moment(state.expires_at, now), compaction(state))))
    return "compacted, nothing cached" if state.is_compacted else "nothing cached"


def _facts(state: SessionState, now: float, rebuilt: Shares | None) -> tuple[tuple[str, str], ...]:
    """What is known about a session, a line each. Always the same lines, so that the menu keeps its shape."""
    session = state.session
    tokens = thousands(session.context_tokens)
    cost = money(state.rewrite_cost_usd) if rebuilt is None else money_between(state.rewrite_cost_usd, *rebuilt)
    texts = (
        state_meaning(state),
        f"Title: {isolated(shorten(clean(session.title or ''), FULL_TITLE_WIDTH)) or 'none yet'}",
        f"Folder: {isolated(shorten(clean(session.folder or ''), FOLDER_WIDTH)) or 'unknown'}",
        f"Session: {short_id(session) or 'unknown'}",
        f"Model: {shorten(clean(session.model or ''), FOLDER_WIDTH) or 'unknown'}",
        f"Context: {tokens + ' tokens' if tokens else 'unknown'}",
        f"If it expires: {cost + ' to rebuild' if cost else 'cost unknown'}",
        f"Last turn: {moment(session.last_turn_at, now) or 'none yet'}",
        f"{'Expired' if state.cache is Cache.EXPIRED else 'Expires'}: {_expiry(state, now)}",
    )
    return tuple(zip(_FACTS, texts, strict=True))
