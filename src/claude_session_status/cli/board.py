"""What `watch` shows beside the sessions, as values: which is chosen, how they are sorted, what a key asks for.

Pure: a key and a snapshot make a new board and perhaps a wish; whoever fulfils the wish tells the board how it went.
"""

import math
import sys
from dataclasses import dataclass, replace
from enum import Enum

from claude_session_status import words
from claude_session_status.cli.keys import Key
from claude_session_status.model import Activity, SessionState, Snapshot


class Order(Enum):
    """How the rows are sorted. Those that have ended are last in each."""

    EXPIRY = "expiry"
    PROJECT = "project"
    TURN = "last turn"


class Wish(Enum):
    """What is to be done with the chosen session."""

    MUTE = "mute"
    OPEN = "open"
    COPY = "copy"


_WISHES = {Key.MUTE: Wish.MUTE, Key.OPEN: Wish.OPEN, Key.COPY: Wish.COPY}
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
    """`chosen` is a session's id; `message` is said until the next key."""

    order: Order = Order.EXPIRY
    chosen: str | None = None
    message: str = ""


def arrange(board: Board, shot: Snapshot) -> Snapshot:
    """The snapshot in the board's order."""
    if board.order is Order.EXPIRY:
        return shot  # that is how it comes
    sign = {Order.PROJECT: _by_project, Order.TURN: _by_turn}[board.order]
    return replace(shot, sessions=tuple(sorted(shot.sessions, key=sign)))


def _by_project(state: SessionState) -> tuple[bool, str]:
    return state.activity is Activity.ENDED, words.name_of(state.session).casefold()


def _by_turn(state: SessionState) -> tuple[bool, float]:
    at = state.session.last_turn_at
    return state.activity is Activity.ENDED, math.inf if at is None else -at


def press(board: Board, key: Key, shot: Snapshot) -> tuple[Board, Wish | None]:
    """The board after a key, and what the key asks to be done with the chosen session."""
    board = replace(board, message="")
    if key is Key.SORT:
        orders = list(Order)
        return replace(board, order=orders[(orders.index(board.order) + 1) % len(orders)]), None
    if key in _STEPS:
        return replace(board, chosen=_next(board, _STEPS[key], shot)), None
    wish = _WISHES.get(key)
    if wish is not None and chosen(board, shot) is None:
        return replace(board, message=NOTHING_CHOSEN), None
    return board, wish


def chosen(board: Board, shot: Snapshot) -> SessionState | None:
    """The chosen session; None when none is, or it is no longer shown."""
    return next((s for s in shot.sessions if s.session.session_id == board.chosen), None)


def _next(board: Board, step: int, shot: Snapshot) -> str | None:
    ids = [s.session.session_id for s in arrange(board, shot).sessions]
    if not ids:
        return None
    outside = -1 if step > 0 else len(ids)  # where the first step comes from
    at = ids.index(board.chosen) if board.chosen in ids else outside
    return ids[min(len(ids) - 1, max(0, at + step))]


def visible(board: Board, shot: Snapshot, rows: int) -> Snapshot:
    """The snapshot cut to `rows` sessions, but one at least, so that the chosen one is among them."""
    rows = max(1, rows)
    ids = [s.session.session_id for s in shot.sessions]
    if len(ids) <= rows:
        return shot
    at = ids.index(board.chosen) if board.chosen in ids else 0
    first = min(max(0, at - rows // 2), len(ids) - rows)
    return replace(shot, sessions=shot.sessions[first : first + rows])


def foot(board: Board, width: int, *, fulfils: bool) -> str:
    """The last line: what was just said, else what the keys do, in at most `width` columns from 40 on.

    `fulfils`: somebody does what they ask for.
    """
    if board.message:
        return board.message
    sort_and_quit = f"s sort: {board.order.value}  q quit"
    if not fulfils:
        return f"↑↓ choose  {sort_and_quit}"
    for line in (
        f"↑↓ choose  m mute  o open folder  c copy resume command  {sort_and_quit}",
        f"↑↓  m mute  o open  c copy  {sort_and_quit}",
    ):
        if len(line) <= width:
            return line
    return "↑↓  m mute  c copy  s sort  q quit"


def head(headline: str, shot: Snapshot, shown: Snapshot) -> str:
    """The first line: it tells when not all sessions have room."""
    hidden = len(shot.sessions) - len(shown.sessions)
    return (
        f"{headline} · {len(shown.sessions)} of {len(shot.sessions)} sessions, the arrows show more"
        if hidden
        else headline
    )
