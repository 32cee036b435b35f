"""What the icon and its tooltip show, as data. Pure functions of values.

The icon speaks for the sessions where the user can do something. A working session refreshes its cache by itself, and a
muted one is to be left alone: they are shown as warm, never as urgent.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from claude_session_status.model import Activity, Cache, Session, SessionState, Snapshot, Urgency
from claude_session_status.words import apart, clock, money, short_name, subject_of

TOOLTIP_WIDTH = 128  # the limit on Windows
ICON_PARTS = 24


@dataclass(frozen=True, slots=True)
class IconSpec:
    """What the icon looks like. The time left is in 24ths, so that the icon is seldom redrawn."""

    urgency: Urgency = Urgency.NONE
    parts_left: int = 0  # 0 to 24
    waiting: bool = False  # a session waits for the user: a question mark
    set_up: bool = True  # False: nothing can be shown before Claude Code's hooks are installed

    @property
    def needs_attention(self) -> bool:
        """Whether the panel should draw the user's attention to the icon."""
        return self.waiting or self.urgency is Urgency.LAST


def icon(snapshot: Snapshot, *, set_up: bool = True) -> IconSpec:
    """The icon shows the session that goes cold first, of those where the user can do something."""
    waiting = any(map(_waits, snapshot.sessions))
    first = _next(snapshot)
    if first is None or first.session.request is None or first.seconds_left is None:
        return IconSpec(waiting=waiting, set_up=set_up or waiting)
    share = first.seconds_left / max(1, first.session.request.ttl_seconds)
    parts = math.ceil(share * ICON_PARTS) if math.isfinite(share) else ICON_PARTS
    urgency = first.urgency if _can_act(first) else Urgency.CALM
    return IconSpec(urgency, max(1, min(ICON_PARTS, parts)), waiting)


def next_change(snapshot: Snapshot) -> float:
    """When the icon shows the next 24th, while it shows the same session (epoch seconds); inf where it counts none."""
    first = _next(snapshot)
    if first is None or first.session.request is None or first.seconds_left is None:
        return math.inf
    part = max(1, first.session.request.ttl_seconds) / ICON_PARTS
    over = first.seconds_left % part if math.isfinite(first.seconds_left) else math.inf
    return snapshot.now + (over or part)


def needs_set_up(snapshot: Snapshot, *, hooks_installed: bool | None) -> bool:
    """Whether hooks are missing. A session with hook events proves that a plugin has installed them.

    Sessions of other machines prove nothing; a user who has no others needs no hooks here.
    """
    ours = [s.session for s in snapshot.sessions if s.session.host is None]
    if snapshot.hosts and not ours:
        return False
    return hooks_installed is False and all(session.last_event_at is None for session in ours)


def tooltip(snapshot: Snapshot, *, set_up: bool = True, today: str = "") -> str:
    """One line: how many wait and are warm, which is next, what re-caching all costs. At most 128 characters.

    `today`: what cold caches cost today, in words.
    """
    warm = warm_sessions(snapshot.sessions)
    paused = _silence(snapshot)
    waiting = sum(map(_waits, snapshot.sessions))
    text = f"Claude Code: {waiting} {'waits' if waiting == 1 else 'wait'} for you, " if waiting else "Claude Code: "
    first = _next(snapshot)
    if first is None:
        if not set_up and not waiting:
            return "Claude Code: not set up yet; open the menu to do it"
        return f"{text}no warm cache{f'; today {today}' if today else ''}{paused}"
    text += f"{len(warm)} warm{_next_one(first, warm, TOOLTIP_WIDTH - len(text))}"
    cost = money(total_cost(warm))
    # A part that does not fit is left out whole.
    for more in (f"; re-caching all costs {cost}" if cost else "", f"; today {today}" if today else "", paused):
        if len(text + more) <= TOOLTIP_WIDTH:
            text += more
    return text


def _silence(snapshot: Snapshot) -> str:
    """Why nothing notifies now, to follow what the tooltip says; empty where notifications are on."""
    if snapshot.paused_until is not None:
        return "; notifications paused"
    return f"; quiet until {clock(snapshot.quiet_until)[:5]}" if snapshot.quiet_until is not None else ""


def _can_act(state: SessionState) -> bool:
    """Whether the user can keep this session's cache warm, and wants to know."""
    kept = state.keep_warm
    is_pinged = kept is not None and kept.next_ping_at is not None and state.urgency is not Urgency.LAST
    return not is_pinged and state.activity in (Activity.IDLE, Activity.WAITING) and not state.session.muted


def _waits(state: SessionState) -> bool:
    return state.activity is Activity.WAITING and not state.session.muted


def _next(snapshot: Snapshot) -> SessionState | None:
    """The warm session that expires first, of those where the user can do something if there are any."""
    warm = warm_sessions(snapshot.sessions)
    return min([s for s in warm if _can_act(s)] or warm, key=lambda s: s.expires_at or math.inf, default=None)


def _next_one(first: SessionState, warm: list[SessionState], room: int) -> str:
    try:
        # The expiry as a clock time, not a countdown: a tooltip that changes each second covers menus on some panels.
        at = clock(first.expires_at)
        name = short_name(first.session) + asides_of((s.session for s in warm), short_name)[first.session.session_id]
    except Exception:  # a value that can't be shown
        return ""
    text = f", next: {name} at {at}"
    return text if len(f"{len(warm)} warm{text}") <= room else ""


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
