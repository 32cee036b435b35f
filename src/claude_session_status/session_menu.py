"""A session's line in the tray's menu, with the submenu of what is known about it and what can be done."""

import re

from claude_session_status.keep_warm_times import EVENING, Choice, until_of
from claude_session_status.keep_warm_words import TRIAL_LINE, consent_line, last_ping, price_line, stopped_line
from claude_session_status.menu_items import (
    Action,
    CopyResumeCommand,
    ForgetSession,
    GoToSession,
    KeepSessionWarm,
    MenuItem,
    MuteSessions,
    OpenFolder,
)
from claude_session_status.model import Cache, Session, SessionState
from claude_session_status.text_width import cut, shorten
from claude_session_status.words import (
    NO_COUNTDOWN,
    clean,
    clock,
    compaction,
    isolated,
    line_of,
    moment,
    money,
    money_between,
    short_id,
    state_meaning,
    subject_of,
    thousands,
)

FOLDER_WIDTH = 48
FULL_TITLE_WIDTH = 100
PROBLEM_WIDTH = 120

Shares = tuple[float, float]  # the lower and the upper one

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


def key_of(state: SessionState) -> str:
    """The key of a session's line."""
    return f"session:{state.session.session_id}"


def session_line(
    state: SessionState,
    now: float,
    aside: str,
    rebuilt: Shares | None,
    *,
    is_copied: bool = False,
    problem: str = "",
) -> MenuItem:
    """A session's line with its submenu. `aside`: see `apart`. `rebuilt`: see `Capabilities`.

    `is_copied`: its resume command was just copied. `problem`: what is wrong with its machine.
    """
    session, key = state.session, key_of(state)
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
    copied = " ✓ copied" if is_copied else ""
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
