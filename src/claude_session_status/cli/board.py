"""The state of `watch` as values: the chosen session, the order of the rows, and the action that a key starts.

Pure: a key and a snapshot make a new board and perhaps an action, which `session_actions` performs.
"""

import math
import sys
from dataclasses import dataclass, replace
from enum import Enum

from claude_session_status import keep_warm_words, report, words
from claude_session_status.cli.keys import Key
from claude_session_status.keep_warm_times import Choice
from claude_session_status.menu_items import KeepSessionWarm, ShowHistory
from claude_session_status.model import Activity, Session, SessionState, Snapshot


class Order(Enum):
    """How the rows are sorted. Ended sessions always come last."""

    EXPIRY = "expiry"
    PROJECT = "project"
    TURN = "last turn"


@dataclass(frozen=True, slots=True)
class SetMuted:
    """Mute or unmute a session."""

    session_id: str
    name: str
    muted: bool


@dataclass(frozen=True, slots=True)
class GoToSession:
    """Bring a session's terminal to the front."""

    session: Session


@dataclass(frozen=True, slots=True)
class OpenFolder:
    """Show a session's folder in the file manager; `folder` is None where it is not known.

    `host`: the other machine that has the folder.
    """

    name: str
    folder: str | None
    host: str | None = None


@dataclass(frozen=True, slots=True)
class CopyResumeCommand:
    """Copy the command that resumes a session. `session_id` is its own id on its `host`; None: this machine."""

    session_id: str
    folder: str | None
    host: str | None = None


Action = GoToSession | SetMuted | KeepSessionWarm | OpenFolder | CopyResumeCommand | ShowHistory
_ACTION_KEYS = (Key.GO, Key.MUTE, Key.OPEN, Key.COPY)
_PAGE = 10  # rows
_STEPS = {
    Key.UP: -1,
    Key.DOWN: 1,
    Key.PAGE_UP: -_PAGE,
    Key.PAGE_DOWN: _PAGE,
    Key.FIRST: -sys.maxsize,
    Key.LAST: sys.maxsize,
}
NOTHING_CHOSEN = "Choose a session first, with the arrow keys"


@dataclass(frozen=True, slots=True)
class Board:
    """`chosen` is a session's id; `message` and the legend are shown until the next key."""

    order: Order = Order.EXPIRY
    chosen: str | None = None
    message: str = ""
    shows_legend: bool = False
    asked: str | None = None  # the session whose many pings wait for a second `k`


def arrange(board: Board, shot: Snapshot) -> Snapshot:
    """Return the snapshot in the board's order."""
    if board.order is Order.EXPIRY:
        return shot  # a snapshot's own order
    key = {Order.PROJECT: _by_project, Order.TURN: _by_turn}[board.order]
    return replace(shot, sessions=tuple(sorted(shot.sessions, key=key)))


def _by_project(state: SessionState) -> tuple[bool, str]:
    return state.activity is Activity.ENDED, words.name_of(state.session).casefold()


def _by_turn(state: SessionState) -> tuple[bool, float]:
    at = state.session.last_turn_at
    return state.activity is Activity.ENDED, math.inf if at is None else -at


def press(board: Board, key: Key, shot: Snapshot) -> tuple[Board, Action | None]:
    """Return the board after a key, and the action that the key starts, if any: most act on the chosen session."""
    if board.shows_legend:
        return replace(board, shows_legend=False), None
    asked = board.asked if key is Key.KEEP_WARM else None
    board = replace(board, message="", asked=None)
    if key is Key.HELP:
        return replace(board, shows_legend=True), None
    if key is Key.SORT:
        orders = list(Order)
        return replace(board, order=orders[(orders.index(board.order) + 1) % len(orders)]), None
    if key is Key.HISTORY:
        return board, ShowHistory()
    if key is Key.KEEP_WARM:
        return _keep_warm(replace(board, asked=asked), chosen(board, shot), shot.now)
    if key in _STEPS:
        return replace(board, chosen=_next(board, _STEPS[key], shot)), None
    if key not in _ACTION_KEYS:
        return board, None
    state = chosen(board, shot)
    if state is None:
        return replace(board, message=NOTHING_CHOSEN), None
    return board, _action(key, state.session)


def _keep_warm(board: Board, state: SessionState | None, now: float) -> tuple[Board, Action | None]:
    """The key keeps the session warm for an hour, pressed again for three, then no longer. Many pings need it twice."""
    if state is None:
        return replace(board, message=NOTHING_CHOSEN, asked=None), None
    kept, session = state.keep_warm, state.session
    if kept is None or (kept.until is None and kept.refusal is not None):
        return replace(board, message=f"{words.name_of(session)}: {keep_warm_words.summary(state)}", asked=None), None
    if kept.until is None:
        if kept.needs_consent and board.asked != session.session_id:
            asks = f"{keep_warm_words.consent_line(state)}. To keep it warm for 1 hour, press k again"
            return replace(board, message=f"{words.name_of(session)}: {asks}", asked=session.session_id), None
        choice = Choice.HOUR
    else:
        choice = Choice.THREE_HOURS if kept.until - now <= _AN_HOUR and kept.refusal is None else Choice.OFF
    return replace(board, asked=None), KeepSessionWarm(session.session_id, choice, kept.needs_consent)


_AN_HOUR = 3601.0  # seconds


def _action(key: Key, session: Session) -> Action:
    name = words.name_of(session)
    if key is Key.GO:
        return GoToSession(session)
    if key is Key.MUTE:
        return SetMuted(session.session_id, name, not session.muted)
    if key is Key.OPEN:
        return OpenFolder(name, session.folder, session.host)
    return CopyResumeCommand(session.own_id, session.folder, session.host)


def chosen(board: Board, shot: Snapshot) -> SessionState | None:
    """Return the chosen session; None when none is chosen, or it is no longer shown."""
    return next((s for s in shot.sessions if s.session.session_id == board.chosen), None)


def _next(board: Board, step: int, shot: Snapshot) -> str | None:
    ids = [s.session.session_id for s in arrange(board, shot).sessions]
    if not ids:
        return None
    outside = -1 if step > 0 else len(ids)  # with nothing chosen, start beyond an end
    at = ids.index(board.chosen) if board.chosen in ids else outside
    return ids[min(len(ids) - 1, max(0, at + step))]


def visible(board: Board, shot: Snapshot, rows: int) -> Snapshot:
    """Return the snapshot cut to `rows` sessions, at least one, with the chosen one among them."""
    rows = max(1, rows)
    ids = [s.session.session_id for s in shot.sessions]
    if len(ids) <= rows:
        return shot
    at = ids.index(board.chosen) if board.chosen in ids else 0
    first = min(max(0, at - rows // 2), len(ids) - rows)
    return replace(shot, sessions=shot.sessions[first : first + rows])


def foot(board: Board, width: int, *, has_actions: bool) -> str:
    """Return the last line: the message, else what the keys do, in at most `width` columns from 40 on."""
    if board.shows_legend:
        return "? back to the table  q quit"
    if board.message:
        return board.message
    more = f"s sort: {board.order.value}  ? help  q quit"
    long, short, least = _ACTION_HELP if has_actions else ("", "", "")
    for line in (f"↑↓ choose  {long}{more}", f"↑↓  {short}{more}"):
        if len(line) <= width:
            return line
    return f"↑↓  {least}? help  q quit"


_ACTION_HELP = (
    "Enter go to it  m mute  k keep warm  o folder  c copy command  ",
    "Enter go  m mute  k keep  o open  c copy  ",
    "Enter go  m mute  ",
)


# What the signs, columns and keys mean: each line's beginning, and its meaning.
LEGEND = (
    ("●", "warm: your next message reads the cache, as long as the time runs"),
    ("▶", "working: each request renews the cache"),
    ("?", "waits for you: a permission prompt or a question"),
    ("○", "expired, or nothing cached"),
    ("×", "ended"),
    ("", ""),
    ("█████", "the share of the cache's time that is left"),
    ("TOKENS", "the size of the conversation"),
    ("COST", "about what it costs to cache it again after it expires"),
    ("at risk", "the sum of these costs for all warm sessions"),
    ("", ""),
    ("↑ ↓", "choose a session; also Page Up, Page Down, Home, End"),
    ("Enter", "go to its terminal"),
    ("m", "mute it, or let it notify again"),
    ("k", "keep it warm, shown as KEPT: for 1 hour, for 3 hours, off"),
    ("o", "open its folder"),
    ("c", "copy the command that resumes it"),
    ("s", "sort by expiry, project or last turn"),
    ("h", "what cold caches cost this week"),
    ("q", "quit; so does Ctrl-C"),
)


def head(shot: Snapshot, shown: Snapshot) -> str:
    """Return the first line: what matters, and how many sessions there is no room for."""
    hidden = len(shot.sessions) - len(shown.sessions)
    more = f" · {len(shown.sessions)} of {len(shot.sessions)} sessions, the arrows show more" if hidden else ""
    return report.summary(shot) + more
