"""The notifications, as data: made of alerts, and of what a click has done. Pure functions of values."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from claude_session_status.glance import asides_of, total_cost, warm_sessions
from claude_session_status.model import Activity, Alert, Pause, Session, SessionState, Urgency
from claude_session_status.text_width import cut, shorten
from claude_session_status.view import Action, ClickProblem, MuteSessions, PauseNotifications
from claude_session_status.words import clean, money, name_of, short_id, short_name, spelled, thousands

TITLE_LIMIT = 64  # the strictest platform's limits
BODY_LIMIT = 256
NAMED_TOGETHER = 4  # sessions that one notification names
CHEAP_USD = 0.10  # re-caching for less is not urgent


@dataclass(frozen=True, slots=True)
class Button:
    """A button of a notification. `key` identifies it to the notification service."""

    key: str
    label: str
    action: Action


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification. A later one with the same `key` replaces it."""

    key: str
    title: str  # at most 64 characters
    body: str  # at most 256 characters
    urgent: bool = False
    sound: bool = False
    session_ids: tuple[str, ...] = ()
    buttons: tuple[Button, ...] = ()  # shown where the platform has buttons


def of_alerts(first: Alert, *others: Alert, among: Iterable[SessionState] = ()) -> Notification:
    """The notification for one alert or several. Urgent in the last 30 seconds, unless re-caching is cheap.

    `key` is the first one's session. `among` are the sessions that a user could confuse with these.
    """
    alerts = (first, *others)
    states = [alert.state for alert in alerts]
    ids = tuple(state.session.session_id for state in states)
    warm = [s.session for s in (*warm_sessions(among), *states)]
    title, body = _text_for_one(first.state, warm) if not others else _text_for_several(states, warm)
    return Notification(
        key=ids[0],
        title=title,
        body=cut(body, BODY_LIMIT),
        urgent=any(_is_urgent(state) for state in states),
        sound=any(alert.sound for alert in alerts),
        session_ids=ids,
        buttons=(
            Button("mute", "Mute", MuteSessions(ids)),
            Button("pause-hour", "Pause 1 h", PauseNotifications(Pause.HOUR)),
        ),
    )


def _is_urgent(state: SessionState) -> bool:
    cost = state.rewrite_cost_usd
    return state.urgency is Urgency.LAST and (cost is None or cost >= CHEAP_USD)


def _until_compaction(state: SessionState) -> float | None:
    """Seconds until Claude Code compacts the idle conversation by itself; None if it will not."""
    if state.compacts_at is None or state.expires_at is None or state.seconds_left is None:
        return None
    left = state.seconds_left - (state.expires_at - state.compacts_at)
    return left if 0 < left < math.inf else None


def _text_before_compaction(state: SessionState, left: float, aside: str) -> tuple[str, str]:
    head, tail = "Claude Code will compact ", f"{aside} in {spelled(left)}"
    try:
        title = head + shorten(name_of(state.session), TITLE_LIMIT - len(head) - len(tail)) + tail
        what = shorten(clean(state.session.title or ""), 100)
        tokens = thousands(state.session.context_tokens)
    except Exception:  # a value that can't be shown
        return head + short_id(state.session) + tail, "Send a message before then to keep the whole conversation."
    size = f" of {tokens} tokens" if tokens else ""
    return title, f"{what + '. ' if what else ''}Send a message before then to keep the whole conversation{size}."


def _text_for_one(state: SessionState, warm: list[Session]) -> tuple[str, str]:
    session = state.session
    aside = asides_of(warm)[session.session_id]
    if (left := _until_compaction(state)) is not None:
        return _text_before_compaction(state, left, aside)
    tail = f"{aside}: cache expires {_when(state)}"
    try:
        title = shorten(name_of(session), TITLE_LIMIT - len(tail)) + tail
        what = shorten(clean(session.title or ""), 100)
        waits = "It waits for your permission. " if state.activity is Activity.WAITING else ""
        tokens, cost = thousands(session.context_tokens), money(state.rewrite_cost_usd)
    except Exception:  # a value that can't be shown
        return short_id(session) + tail, "Reply in time to keep it warm."
    if cost:
        advice = f"Reply in time, or re-caching{f' {tokens} tokens' if tokens else ''} costs {cost}."
    elif tokens:
        advice = f"Reply in time, or {tokens} tokens have to be cached again."
    else:
        advice = "Reply in time to keep it warm."
    return title, f"{what + '. ' if what else ''}{waits}{advice}"


def _when(state: SessionState) -> str:
    left = state.seconds_left or 0.0
    return f"in {spelled(left)}" if math.isfinite(left) else "soon"


def _text_for_several(states: list[SessionState], warm: list[Session]) -> tuple[str, str]:
    asides = asides_of(warm, short_name)
    title = f"{len(states)} caches expire {_when(states[0])}"
    if (left := _until_compaction(states[0])) is not None:
        title = f"Claude Code will compact {len(states)} sessions in {spelled(left)}"
    dearest = sorted(states, key=lambda s: -(s.rewrite_cost_usd or 0.0))[:NAMED_TOGETHER]
    lines = [_named(state, asides[state.session.session_id]) for state in dearest]
    if rest := len(states) - len(dearest):
        lines.append(f"and {rest} more")
    if cost := money(total_cost(states)):
        lines.append(f"Re-caching all costs {cost}.")
    return title, "\n".join(lines)


def _named(state: SessionState, aside: str) -> str:
    try:
        name = short_name(state.session) + aside
        known = (name, thousands(state.session.context_tokens), money(state.rewrite_cost_usd))
    except Exception:  # a value that can't be shown
        return short_id(state.session)
    return ", ".join(part for part in known if part)


def of_problem(problem: ClickProblem) -> Notification:
    """Says at once that a click failed: the menu has closed by then."""
    return Notification(
        "click-problem", shorten(clean(problem.title), TITLE_LIMIT), clean(problem.next_step)[:BODY_LIMIT]
    )


def of_copy(command: str) -> Notification:
    """Says what was copied: the menu has closed by then."""
    return Notification("copied", "Copied: paste it into a terminal", clean(" ".join(command.split()))[:BODY_LIMIT])


def of_set_up(what: str) -> Notification:
    """Says what setting up the hooks from the menu has done."""
    body = clean(" ".join(what.split()))
    return Notification("set-up", "Claude Code's hooks are set up", body[:BODY_LIMIT])
