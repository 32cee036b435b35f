"""The notifications, as data: made of alerts, and of what a click has done. Pure functions of values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from claude_session_status import alerting
from claude_session_status.glance import asides_of, total_cost, warm_sessions
from claude_session_status.keep_warm_words import stop_in_words
from claude_session_status.menu_items import Action, GoToSession, MuteSessions, PauseNotifications
from claude_session_status.model import (
    Activity,
    Alert,
    AlertReason,
    Cache,
    HostConnection,
    HostState,
    Pause,
    Session,
    SessionState,
    StopReason,
    Urgency,
)
from claude_session_status.session_menu import can_go_to
from claude_session_status.text_width import cut, shorten, shorten_strictly
from claude_session_status.view import ClickProblem
from claude_session_status.words import (
    NAME_WIDTH,
    clean,
    clock,
    money,
    name_of,
    own_name,
    short_id,
    short_name,
    thousands,
)

TITLE_LIMIT = 64  # the strictest platform's limits
BODY_LIMIT = 256
NAMED_TOGETHER = 4  # sessions that one notification names
SUBJECT_WIDTH = 100  # of a session's title
TITLE_WIDTHS = (32, 24, 16, 10, 0)  # of a title among several
BUTTON_WIDTH = 16  # of a session's name on a button
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
    default: Action | None = None  # what a click on the notification itself does
    buttons: tuple[Button, ...] = ()  # shown where the platform has buttons


def of_alerts(first: Alert, *others: Alert, among: Iterable[SessionState] = ()) -> Notification:
    """The notification for one alert, or for several with one reason.

    Its times are clock times, so that it stays true while it stands. Urgent in the last 30 seconds of a cache, unless
    re-caching is cheap. `key` is the first one's session. `among` are sessions that a user could confuse with these.
    """
    alerts = (first, *others)
    states = [alert.state for alert in alerts]
    ids = tuple(state.session.session_id for state in states)
    known = [s.session for s in (*warm_sessions(among), *states)]
    waits = first.reason is AlertReason.WAITS
    if first.reason is AlertReason.STOPPED:
        title, body = _text_of_a_stop(first.state)
    elif others:
        title, body = _text_for_several(states, known, waits=waits)
    elif waits:
        title, body = _text_of_a_wait(first.state, known)
    else:
        title, body = _text_for_one(first.state, known)
    return Notification(
        key=ids[0],
        title=title,
        body=cut(body, BODY_LIMIT)[:BODY_LIMIT],
        urgent=not waits and any(_is_urgent(state) for state in states),
        sound=any(alert.sound for alert in alerts),
        session_ids=ids,
        default=_go_to(_dearest(states)),
        buttons=_buttons(states),
    )


def _buttons(states: Sequence[SessionState]) -> tuple[Button, ...]:
    """What can be done about the sessions. Of several the most expensive one is gone to, and its button names it."""
    dearest = _dearest(states)
    ids = tuple(state.session.session_id for state in states)
    go = _go_to(dearest)
    label = "Go to session" if len(states) == 1 else f"Go to {shorten(_name_of(dearest), BUTTON_WIDTH)}"
    return (
        *((Button("go", label, go),) if go is not None else ()),
        Button("mute", "Mute session" if len(ids) == 1 else f"Mute {len(ids)} sessions", MuteSessions(ids)),
        Button("pause-hour", "Pause 1 h", PauseNotifications(Pause.HOUR)),
    )


def _go_to(state: SessionState) -> GoToSession | None:
    return GoToSession(state.session.session_id) if can_go_to(state.session) else None


def _dearest(states: Sequence[SessionState]) -> SessionState:
    return max(states, key=lambda state: state.rewrite_cost_usd or 0.0)


def _is_urgent(state: SessionState) -> bool:
    cost = state.rewrite_cost_usd
    return state.urgency is Urgency.LAST and (cost is None or cost >= CHEAP_USD)


def is_before_compaction(state: SessionState) -> bool:
    """Whether Claude Code will compact the idle conversation by itself before its cache expires."""
    if state.compacts_at is None or state.expires_at is None or state.seconds_left is None:
        return False
    return state.seconds_left > state.expires_at - state.compacts_at


def _text_before_compaction(state: SessionState, aside: str) -> tuple[str, str]:
    head, tail = "Claude Code will compact ", f"{aside} at {_clock(state.compacts_at)[:5]}"
    try:
        title = head + shorten_strictly(name_of(state.session), TITLE_LIMIT - len(head) - len(tail)) + tail
        what = _subject(state.session)
        tokens = thousands(state.session.context_tokens)
    except Exception:  # a value that can't be shown
        return head + short_id(state.session) + tail, "Send a message before then to keep the whole conversation."
    size = f" of {tokens} tokens" if tokens else ""
    return title, f"{what}Send a message before then to keep the whole conversation{size}."


def _text_for_one(state: SessionState, known: list[Session]) -> tuple[str, str]:
    session = state.session
    aside = asides_of(known)[session.session_id]
    if is_before_compaction(state):
        return _text_before_compaction(state, aside)
    tail = f"{aside}: cache expires at {_clock(state.expires_at)}"
    try:
        title = shorten_strictly(name_of(session), TITLE_LIMIT - len(tail)) + tail
        waits = "It waits for you. " if state.activity is Activity.WAITING else ""
        what = _subject(session) + waits
        tokens, cost = thousands(session.context_tokens), money(state.rewrite_cost_usd)
    except Exception:  # a value that can't be shown
        return short_id(session) + tail, "Reply in time to keep it warm."
    if cost:
        return title, f"{what}Reply in time, or re-caching{f' {tokens} tokens' if tokens else ''} costs {cost}."
    if tokens:
        return title, f"{what}Reply in time, or {tokens} tokens have to be cached again."
    return title, f"{what}Reply in time to keep it warm."


def _text_of_a_wait(state: SessionState, known: list[Session]) -> tuple[str, str]:
    session, needs = state.session, "It needs your permission or an answer."
    tail = f"{asides_of(known)[session.session_id]} waits for you"
    try:
        title = shorten_strictly(name_of(session), TITLE_LIMIT - len(tail)) + tail
        what = _subject(session)
        tokens, cost = thousands(session.context_tokens), money(state.rewrite_cost_usd)
    except Exception:  # a value that can't be shown
        return short_id(session) + tail, needs
    if state.cache is not Cache.WARM:
        return title, f"{what}{needs}"
    then = f"; after that, re-caching{f' {tokens} tokens' if tokens else ''} costs {cost}" if cost else ""
    return title, f"{what}The cache is warm until {_clock(state.expires_at)}{then}."


def _text_of_a_stop(state: SessionState) -> tuple[str, str]:
    """That the session is no longer kept warm, what it cost, and what comes next."""
    kept = state.keep_warm
    stop = kept.stopped if kept is not None else None
    tail = ": keep warm has stopped"
    try:
        title = shorten_strictly(name_of(state.session), TITLE_LIMIT - len(tail)) + tail
        why = "" if stop is None else stop_in_words(stop)
    except Exception:  # a value that can't be shown
        return short_id(state.session) + tail, ""
    body = f"{why[:1].upper()}{why[1:]}."
    if alerting.names_expiry(state):
        body += f" Unless you reply, the cache expires at {_clock(state.expires_at)}."
    if kept is not None and stop is not None and stop.reason is StopReason.MISSED:
        # Some services show six lines: the command has to fit, and the menu names the step after it.
        if kept.is_distrusted:
            body += f" To try it again: claude-session-status keep-warm --trust {kept.client_version or 'unknown'}"
        else:
            body += " To keep it warm again, send a message and ask once more."
    return title, body


def _subject(session: Session) -> str:
    """The session's title as a sentence of its own; empty where it has none."""
    title = shorten(clean(session.title or ""), SUBJECT_WIDTH)
    return f"{title}{'' if title[-1:] in '.!?…' else '.'} " if title else ""


def _clock(at: float | None) -> str:
    try:
        return clock(at)
    except Exception:  # a time beyond every calendar
        return "an unknown time"


def _text_for_several(states: list[SessionState], known: list[Session], *, waits: bool) -> tuple[str, str]:
    compacts = not waits and is_before_compaction(states[0])
    if waits:
        title = f"{len(states)} sessions wait for you"
    elif compacts:
        title = f"Claude Code will compact {len(states)} sessions at {_clock(states[0].compacts_at)[:5]}"
    else:
        title = f"{len(states)} caches expire at {_clock(states[0].expires_at)}"
    asides = asides_of(known, short_name)
    dearest = sorted(states, key=lambda s: -(s.rewrite_cost_usd or 0.0))[:NAMED_TOGETHER]
    rest, cost = len(states) - len(dearest), money(total_cost(states))
    last = [f"and {rest} more"] if rest else []
    if compacts:
        last.append("Send each a message before then to keep its whole conversation.")
    elif cost and not waits:
        last.append(f"Re-caching all costs {cost}.")
    body = ""
    for width in TITLE_WIDTHS:  # the longest titles with which everything fits
        lines = [_named(state, asides[state.session.session_id], width, priced=not compacts) for state in dearest]
        body = "\n".join([*lines, *last])
        if len(body) <= BODY_LIMIT:
            break
    return title, body


def _named(state: SessionState, aside: str, width: int, *, priced: bool) -> str:
    """A line that names the session, its title in at most `width` columns, and says what its cache is worth.

    Not `priced`: in tokens.
    """
    try:
        title = shorten(clean(state.session.title or ""), width) if width else ""
        name = short_name(state.session) + aside + (f" · {title}" if title else "")
        tokens = thousands(state.session.context_tokens)
        cost = money(state.rewrite_cost_usd) if priced else ""
        worth = cost or (f"{tokens} tokens" if tokens else "")
    except Exception:  # a value that can't be shown
        return short_id(state.session)
    return f"{name}, {worth}" if worth else name


def _name_of(state: SessionState) -> str:
    try:
        return name_of(state.session)
    except Exception:  # a value that can't be shown
        return short_id(state.session)


_LOST_TAILS = {
    HostConnection.REFUSED: " has refused the connection for 3 min",
    HostConnection.BAD_DATA: " has sent nothing that can be read for 3 min",
}


def key_of_host(name: str) -> str:
    """The key of the notification that a machine is away."""
    return f"host:{name}"


def of_lost_host(host: HostState, states: Sequence[SessionState]) -> Notification:
    """Says that another machine has been away for three minutes, and of which sessions nothing new is known."""
    tail = _LOST_TAILS.get(host.connection, " has not been reachable for 3 min")
    names = [_own_name(state) for state in states[:NAMED_TOGETHER]]
    names += [f"{len(states) - len(names)} more"] if len(states) > len(names) else []
    why = f" {clean(host.detail).capitalize()}." if host.detail else ""
    body = f"Nothing new is known of {', '.join(names)}. What is known counts on.{why}"
    ids = tuple(state.session.session_id for state in states)
    return Notification(
        key=key_of_host(host.name),
        title=shorten_strictly(clean(host.name), TITLE_LIMIT - len(tail)) + tail,
        body=cut(body, BODY_LIMIT)[:BODY_LIMIT],
        buttons=(
            Button("mute", "Mute session" if len(ids) == 1 else f"Mute {len(ids)} sessions", MuteSessions(ids)),
            Button("pause-hour", "Pause 1 h", PauseNotifications(Pause.HOUR)),
        ),
    )


def _own_name(state: SessionState) -> str:
    try:
        return shorten(own_name(state.session), NAME_WIDTH)
    except Exception:  # a value that can't be shown
        return short_id(state.session)


def of_problem(problem: ClickProblem) -> Notification:
    """Says at once that a click failed: the menu has closed by then."""
    return Notification(
        "click-problem", shorten_strictly(clean(problem.title), TITLE_LIMIT), clean(problem.next_step)[:BODY_LIMIT]
    )


def of_copy(command: str) -> Notification:
    """Says what was copied: the menu has closed by then."""
    return Notification("copied", "Copied: paste it into a terminal", clean(" ".join(command.split()))[:BODY_LIMIT])


def of_set_up(what: str) -> Notification:
    """Says what setting up the hooks from the menu has done."""
    body = clean(" ".join(what.split()))
    return Notification("set-up", "Claude Code's hooks are set up", body[:BODY_LIMIT])


def of_keep_warm(session_id: str, sentences: Sequence[str]) -> Notification:
    """Says what *Keep warm* in the menu has done, what it costs, and what ends it."""
    title, *rest = sentences
    title = shorten_strictly(clean(title.removesuffix(".")), TITLE_LIMIT)
    body = cut(clean(" ".join(rest)), BODY_LIMIT)[:BODY_LIMIT]
    return Notification(f"keep-warm:{session_id}", title, body)
