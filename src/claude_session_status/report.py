"""What the terminal shows, as data made from a Snapshot: table rows, JSON, lines for status bars.

Pure functions, as in `view`. The code that prints them knows the terminal or the bar.
"""

import math
import re
from collections.abc import Callable
from typing import Any

from claude_session_status import __version__
from claude_session_status.model import Activity, Cache, Session, SessionState, Snapshot, Urgency
from claude_session_status.policy import soonest, waiting_since
from claude_session_status.text_width import columns_of, shorten
from claude_session_status.values import Value
from claude_session_status.words import (
    HOST_WIDTH,
    NAME_WIDTH,
    SEEN,
    SHORT_ID,
    apart,
    clean,
    compaction,
    countdown,
    duration,
    fenced,
    host_of,
    host_problem,
    is_silent,
    iso,
    line_of,
    name_of,
    own_name,
    rough_duration,
    short_id,
    short_money,
    short_name,
    state_sign,
    thousands,
)

BAR_CELLS = 10
TOOLTIP_LINES = 12  # nobody reads a longer list; sessions that wait for the user are always in it


# ---- table ------------------------------------------------------------------

USUAL_TITLE = 60  # columns
TITLES_FROM = 80  # columns
COSTS_FROM = 100
LONG_BAR_FROM = 110
_CACHE_TEXT = len("WARM  59m 59s left")
_GAP = 2  # blanks between two columns
_PROJECT_WIDTH = HOST_WIDTH + len(": ") + NAME_WIDTH
NAMED_HOSTS = 3  # machines of which nothing new comes; more lines would push sessions off the screen


class Row(Value):
    """One line of the table. Its fields have the names of the columns."""

    sign: str
    project: str
    title: str
    session: str
    last_turn: str
    cache: str
    tokens: str
    cost: str
    urgency: Urgency
    dim: bool


class Column(Value):
    """A column of the table: the field of `Row` that it shows, its head, and the place where it begins, from 0."""

    field: str
    head: str
    at: int
    width: int


class Columns(Value):
    """What fits into a width."""

    shown: tuple[Column, ...]
    bar: int = BAR_CELLS

    def width_of(self, field: str) -> int:
        """Return the width of a column; 0 if it is not shown."""
        return next((column.width for column in self.shown if column.field == field), 0)


def columns(
    width: int, longest_project: int = NAME_WIDTH, longest_title: int = USUAL_TITLE, *, last_turns: bool = True
) -> Columns:
    """Return what fits into `width` columns: below 60 only name and time left, from 80 titles, from 100 costs.

    Titles get the room that the longest project name leaves, and at least half of it where they need that. Both lengths
    are in columns. `last_turns`: whether any session has had a turn; before the hooks are set up none is known.
    """
    bar_cells = BAR_CELLS if 72 <= width < TITLES_FROM or width >= LONG_BAR_FROM else BAR_CELLS // 2
    widths = {"sign": 1, "project": 0}
    if width >= TITLES_FROM:
        widths["title"] = 0
    if width >= 60:
        widths["session"] = SHORT_ID
    if width >= 60 and last_turns:
        widths["last_turn"] = len("LAST TURN")
    widths["cache"] = _CACHE_TEXT + bar_cells
    if width >= COSTS_FROM:
        widths |= {"tokens": len("TOKENS"), "cost": len("$99.99")}
    room = max(4, width - sum(widths.values()) - _GAP * (len(widths) - 1))
    if "title" in widths:
        for_project = max(room // 2, room - max(len("TITLE"), longest_title))
        widths["project"] = min(_PROJECT_WIDTH, for_project, max(len("PROJECT"), longest_project))
        widths["title"] = min(room - widths["project"], max(len("TITLE"), longest_title))
    else:
        widths["project"] = min(room, _PROJECT_WIDTH, max(NAME_WIDTH, longest_project))
    shown, at = [], 0
    for field, wide in widths.items():
        shown.append(Column(field, "" if field == "sign" else field.replace("_", " ").upper(), at, wide))
        at += wide + _GAP
    return Columns(tuple(shown), bar_cells)


def project_width(session: Session) -> int:
    """Return how many columns the session's name takes in the table where there is room."""
    return columns_of(host_of(session)) + min(NAME_WIDTH, columns_of(own_name(session)))


def bar(state: SessionState, cells: int = BAR_CELLS) -> str:
    """Return `████████░░`: the share of the TTL that is left."""
    ttl = state.session.request.ttl_seconds if state.session.request else 1
    share = min(1.0, max(0.0, (state.seconds_left or 0) / max(1, ttl)))
    filled = round(share * cells)
    return "█" * filled + "░" * (cells - filled)


def rows(snapshot: Snapshot, columns: Columns) -> tuple[Row, ...]:
    """Return the lines of the table, in the snapshot's order."""
    silent = {host.name for host in snapshot.hosts if is_silent(host, snapshot.now)}
    return tuple(_row(s, snapshot.now, columns, is_silent=s.session.host in silent) for s in snapshot.sessions)


def host_lines(snapshot: Snapshot) -> tuple[str, ...]:
    """Return a line for each machine from which nothing new comes: `build: not reachable since 14:02`."""
    problems = ((host.name, host_problem(host, snapshot.now)) for host in snapshot.hosts)
    lines = [f"{shorten(clean(name), NAME_WIDTH)}: {problem}" for name, problem in problems if problem]
    rest = len(lines) - NAMED_HOSTS
    return tuple(
        [*lines[: NAMED_HOSTS - 1], f"and {rest + 1} more; to see all: claude-session-status hosts"]
        if rest > 0
        else lines
    )


def _row(state: SessionState, now: float, columns: Columns, *, is_silent: bool) -> Row:
    session = state.session
    if state.activity is Activity.ENDED:
        cache = "ENDED"
    elif state.cache is Cache.WARM:
        is_kept = state.keep_warm is not None and state.keep_warm.next_ping_at is not None
        cache = f"{'KEPT' if is_kept else 'WARM'} {bar(state, columns.bar)} {duration(state.seconds_left or 0)} left"
    elif state.cache is Cache.EXPIRED and state.expires_at is not None:
        cache = f"EXPIRED ({duration(now - state.expires_at)} ago)"
    else:
        cache = "COMPACTED" if state.is_compacted else "NONE"
    last_turn = "" if session.last_turn_at is None else f"{rough_duration(now - session.last_turn_at)} ago"
    if session.muted and not columns.width_of("title"):
        last_turn = "muted"  # without the title column, nothing else shows it
    return Row(
        sign=state_sign(state),
        project=name_of(session),
        title=" · ".join(filter(None, (_remark(state), clean(session.title or ""), _note(state)))),
        session=short_id(session),
        last_turn=last_turn,
        cache=cache,
        tokens=thousands(session.context_tokens),
        cost=short_money(state.rewrite_cost_usd),
        urgency=state.urgency,
        dim=is_silent or state.activity is Activity.ENDED,
    )


def _remark(state: SessionState) -> str:
    """What a person should know of a session beside its countdown: `muted`, `compacts at 14:52`."""
    parts = ("muted" if state.session.muted else "", compaction(state))
    return ", ".join(part for part in parts if part)


def _note(state: SessionState) -> str:
    """What stands behind the title: how the session is known, where no hook has reported it yet.

    Before the hooks are installed all sessions have it: in front of the title it would leave a narrow table no room.
    """
    return SEEN if state.session.is_found and state.session.last_turn_at is None else ""


# ---- JSON -------------------------------------------------------------------


def as_json(snapshot: Snapshot) -> dict[str, Any]:
    """Return what `status --json` prints, schema 1. Unknown values are null, never 0."""
    return {
        "schema": 1,
        "version": __version__,
        "now": iso(snapshot.now),
        "problem": snapshot.problem,
        "sessions": [session_json(s, snapshot.now) for s in snapshot.sessions],
    }


def lasting(made: dict[str, Any]) -> dict[str, Any]:
    """Return `as_json` without what changes by the second."""
    sessions = [{**session, "seconds_left": None} for session in made["sessions"]]
    return {**made, "now": None, "sessions": sessions}


def session_json(state: SessionState, now: float) -> dict[str, Any]:
    """Return a session as `status --json` prints it."""
    session, request = state.session, state.session.request
    return {
        "session_id": session.own_id,
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
        "waiting_since": iso(waiting_since(session, now)),
        "ended_at": iso(session.ended_at) if state.activity is Activity.ENDED else None,
        "host": session.host,
        "keep_warm_until": iso(state.keep_warm.until if state.keep_warm is not None else None),
        "kept_at": iso(session.kept_at),
        "ssh_client_port": session.ssh_client_port,
    }


# ---- bars: tmux, Polybar, Waybar --------------------------------------------


def summary(snapshot: Snapshot) -> str:
    """Return what matters in one line: `3 warm, next 0:41 web-shop, $2.10 at risk`, or `no warm cache`."""
    costs = [s.rewrite_cost_usd for s in _warm(snapshot) if s.rewrite_cost_usd is not None]
    at_risk = f", {short_money(math.fsum(costs))} at risk" if costs else ""
    return _warm_and_next(snapshot, fenced) + at_risk


def _warm(snapshot: Snapshot) -> list[SessionState]:
    return [s for s in snapshot.sessions if s.cache is Cache.WARM and s.activity is not Activity.ENDED]


def _warm_and_next(snapshot: Snapshot, named: Callable[[str], str] = str) -> str:
    warm, first = [s.session for s in _warm(snapshot)], soonest(snapshot)
    if first is None:
        return "no warm cache"
    name = short_name(first.session) + apart(warm, short_name)[first.session.session_id]
    return f"{len(warm)} warm, next {countdown(first.seconds_left or 0)} {named(name)}"


def short(snapshot: Snapshot) -> str:
    """Return one line for a status bar: `2 warm, next 0:41 my-app`, or `no warm cache`."""
    # Polybar and tmux run commands found in the text that they show: a folder's name must contain none.
    return re.sub(r"(?<=[%#])(?=[{[(])", " ", _warm_and_next(snapshot))


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
    lines += host_lines(snapshot)
    # Waybar parses both as markup.
    return {
        "text": _escape(short(snapshot)) if alive else "",
        "tooltip": _escape("\n".join(lines)),
        "class": classes,
    }


def _escape(text: str) -> str:
    """Return `text` as Pango's markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
