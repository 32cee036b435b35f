"""The tray's menu, as data. Pure functions of values.

`menu_items` has what a click does, and `session_menu` a session's line. `glance` shows a snapshot as icon and tooltip,
`notification` shows alerts, `report` makes text; tests read all of them without a screen. A session with values that
can't be shown (a time beyond every calendar) never hides others.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from claude_session_status import __version__, alerting
from claude_session_status.glance import asides_of, needs_set_up
from claude_session_status.menu_items import (
    ChangeSetting,
    CheckSetUp,
    MenuItem,
    OpenSettings,
    PauseNotifications,
    Quit,
    SettingValue,
    SetUpHooks,
    ShowHistory,
    ShowTable,
    StartAtLogin,
    UndoForget,
)
from claude_session_status.model import Activity, Pause, SessionState, Snapshot
from claude_session_status.session_menu import PROBLEM_WIDTH, Shares, key_of, session_line
from claude_session_status.text_width import cut, shorten
from claude_session_status.words import (
    LINE_NAME_WIDTH,
    NO_SESSIONS,
    clean,
    clock,
    host_problem,
    line_of,
    short_id,
    spelled,
    subject_of,
    thousands,
)

MENU_SESSIONS = 12  # the most urgent ones; nobody reads a longer menu
MORE_SESSIONS = 20  # in each submenu below them, which has to fit on a screen, too
MORE = "more"  # the key of the submenu with the sessions beyond those, and the beginning of those below it


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
        is_copied = clicks.copied == state.session.session_id
        return session_line(state, snapshot.now, aside, rebuilt, is_copied=is_copied, problem=problem)

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
            labels[key_of(state)] = line_of(state, snapshot.now, asides[state.session.session_id])

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
