"""What the terminal shows, as data made from a Snapshot: table rows, JSON, lines for status bars.

Pure functions, as in `view`. The code that prints them knows the terminal or the bar.
"""

import html
import re
from dataclasses import dataclass
from typing import Any

from claude_session_status.model import Activity, Cache, SessionState, Snapshot, Urgency
from claude_session_status.policy import soonest
from claude_session_status.words import (
    NAME_WIDTH,
    apart,
    clean,
    compaction,
    countdown,
    duration,
    iso,
    line_of,
    name_of,
    short_id,
    short_name,
    state_sign,
)

BAR_CELLS = 10
TOOLTIP_LINES = 12  # nobody reads a longer list; sessions that wait for the user are always in it


# ---- table ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    sign: str
    session: str
    project: str
    last_turn: str
    cache: str
    title: str
    urgency: Urgency
    dim: bool


@dataclass(frozen=True, slots=True)
class Columns:
    """The widths of the table's columns, in characters. A column of width 0 is hidden."""

    session: int = 8
    project: int = 12
    last_turn: int = 11
    cache: int = 28
    bar: int = BAR_CELLS
    title: int = 0


def columns(width: int, longest_project: int = NAME_WIDTH) -> Columns:
    """Return what fits into `width` columns: below 60 only name and time left, below 72 a short bar, from 90 titles.

    Titles get the room that the longest project name (in characters) leaves.
    """
    bar_cells = BAR_CELLS if width >= 72 else BAR_CELLS // 2
    cache = 28 - BAR_CELLS + bar_cells
    session, last_turn = (8, 11) if width >= 60 else (0, 0)
    shown = [column for column in (session, last_turn, cache) if column]
    gaps = 1 + 2 * (len(shown) + 1)  # the state's sign, and two blanks before each column
    room = max(4, width - gaps - sum(shown))
    if width < 90:
        return Columns(session, min(room, NAME_WIDTH), last_turn, cache, bar_cells)
    project = min(NAME_WIDTH, room // 2, max(len("PROJECT"), longest_project))
    return Columns(project=project, title=min(60, room - project - 2))


def bar(state: SessionState, cells: int = BAR_CELLS) -> str:
    """Return `████████░░`: the share of the TTL that is left."""
    ttl = state.session.request.ttl_seconds if state.session.request else 1
    share = min(1.0, max(0.0, (state.seconds_left or 0) / max(1, ttl)))
    filled = round(share * cells)
    return "█" * filled + "░" * (cells - filled)


def rows(snapshot: Snapshot, columns: Columns) -> tuple[Row, ...]:
    """Return the lines of the table, in the snapshot's order."""
    return tuple(_row(s, snapshot.now, columns) for s in snapshot.sessions)


def _row(state: SessionState, now: float, columns: Columns) -> Row:
    session = state.session
    if state.activity is Activity.ENDED:
        cache = "ENDED"
    elif state.cache is Cache.WARM:
        cache = f"WARM {bar(state, columns.bar)} {duration(state.seconds_left or 0)} left"
    elif state.cache is Cache.EXPIRED and state.expires_at is not None:
        cache = f"EXPIRED ({duration(now - state.expires_at)} ago)"
    else:
        cache = "COMPACTED" if state.is_compacted else "NONE"
    since = session.last_turn_at
    last_turn = ("found" if session.is_found else "") if since is None else f"{duration(now - since)} ago"
    if session.muted and not columns.title:
        last_turn = "muted"  # without the title column, nothing else shows it
    return Row(
        sign=state_sign(state),
        session=short_id(session),
        project=name_of(session),
        last_turn=last_turn,
        cache=cache,
        title=" · ".join(filter(None, (_remark(state), clean(session.title or "")))),
        urgency=state.urgency,
        dim=state.activity is Activity.ENDED,
    )


def _remark(state: SessionState) -> str:
    """What a person should know of a session beside its countdown: `muted`, `compacts at 14:52`."""
    parts = ("muted" if state.session.muted else "", compaction(state))
    return ", ".join(part for part in parts if part)


# ---- JSON -------------------------------------------------------------------


def as_json(snapshot: Snapshot) -> dict[str, Any]:
    """Return what `status --json` prints, schema 1. Unknown values are null, never 0."""
    return {
        "schema": 1,
        "now": iso(snapshot.now),
        "sessions": [session_json(s) for s in snapshot.sessions],
    }


def session_json(state: SessionState) -> dict[str, Any]:
    """Return a session as `status --json` prints it."""
    session, request = state.session, state.session.request
    return {
        "session_id": session.session_id,
        "title": session.title,
        "project": session.project,
        "cwd": session.folder,
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
        "compacts_at": iso(state.compacts_at),
        "compacted_at": iso(session.compacted_at),
        "cache_miss_reason": session.cache_miss_reason,
    }


# ---- bars: tmux, Polybar, Waybar --------------------------------------------


def short(snapshot: Snapshot) -> str:
    """Return one line for a status bar: `2 warm, next 0:41 my-app`, or `no warm cache`."""
    warm = [s.session for s in snapshot.sessions if s.cache is Cache.WARM and s.activity is not Activity.ENDED]
    first = soonest(snapshot)
    if first is None:
        return "no warm cache"
    name = short_name(first.session) + apart(warm, short_name)[first.session.session_id]
    # Polybar and tmux run commands found in the text that they show: a folder's name must contain none.
    name = re.sub(r"(?<=[%#])(?=[{[(])", " ", name)
    return f"{len(warm)} warm, next {countdown(first.seconds_left or 0)} {name}"


_CLASSES = {Urgency.NONE: "none", Urgency.CALM: "calm", Urgency.SOON: "soon", Urgency.LAST: "last"}


def waybar(snapshot: Snapshot) -> dict[str, Any]:
    """Return the data for a Waybar module with `return-type: json`. Without a session `text` is empty, which hides it.

    `class` is `none`, `calm`, `soon` or `last`, plus `waiting` if a session waits for permission.
    """
    alive = [s for s in snapshot.sessions if s.activity is not Activity.ENDED]
    first = soonest(snapshot)
    classes = [_CLASSES[first.urgency if first else Urgency.NONE]]
    if any(s.activity is Activity.WAITING for s in alive):
        classes.append("waiting")
    asides = apart(s.session for s in alive)
    shown = [s for at, s in enumerate(alive) if at < TOOLTIP_LINES or s.activity is Activity.WAITING]
    lines = [line_of(s, snapshot.now, asides[s.session.session_id]) for s in shown]
    if len(alive) > len(shown):
        lines.append(f"and {len(alive) - len(shown)} more")
    # Waybar parses both as markup.
    return {
        "text": html.escape(short(snapshot), quote=False) if alive else "",
        "tooltip": html.escape("\n".join(lines), quote=False),
        "class": classes,
    }
