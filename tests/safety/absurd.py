"""What the fuzzers call absurd: values that no session can have, and texts that could steer what shows them.

A session's countdown is never longer than its TTL, which is a day at most, and never runs beyond the start of its last
request plus the TTL. Tokens are a whole number from 0 on, costs and times are finite and not negative, and what is
derived for a moment uses no time ahead of that moment. All texts that a face shows are printable, on one line, and not
longer than their place; JSON has neither NaN nor infinity. A face that had to leave something out counts as a failure.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import fields

from claude_session_status import alerting, glance, menu_items, notification, policy, report, view, words
from claude_session_status.future_times import CLOCK_SLACK_SECONDS, OWN_TIMES
from claude_session_status.last_request import LONGEST_TTL_SECONDS
from claude_session_status.model import Cache, Session, SessionState, Snapshot
from claude_session_status.store.rows import COLUMNS
from claude_session_status.text_width import columns_of
from rows import is_harmless_line

MOST_TOKENS = 1 << 53  # of which every reader of our JSON keeps all digits
WIDEST_LABEL = 176  # columns of a line in the menu
_TIMES = [f.name for f in fields(Session) if COLUMNS.get(f.name) == "TIMESTAMP"]
_WIDTHS = (40, 80, 200)  # of a terminal
_LEADS = (30.0, 290.0)


def price(_model: str, ttl_seconds: int, tokens: int) -> float:
    """A cost in USD for any model."""
    return tokens * ttl_seconds * 1e-9


def must_make_sense(sessions: Sequence[Session], now: float) -> None:
    """Raise AssertionError where a session has an absurd value, or a face shows one, at `now` (epoch seconds)."""
    for session in sessions:
        _must_be_plausible(session)
    shot = policy.snapshot(sessions, now, price=price)
    for state in shot.sessions:
        _must_count_down(state, now)
    _must_be_shown(shot)


def _must_be_plausible(session: Session) -> None:
    for name in _TIMES:
        at = getattr(session, name)
        assert at is None or (math.isfinite(at) and at >= 0), f"{name} is {at}"
    request, tokens = session.request, session.context_tokens
    assert request is None or 0 < request.ttl_seconds <= LONGEST_TTL_SECONDS, request
    assert request is None or (math.isfinite(request.started_at) and request.started_at >= 0), request
    assert tokens is None or (type(tokens) is int and 0 <= tokens < MOST_TOKENS), tokens
    assert session.process is None or 0 < session.process.pid < 1 << 31, session.process
    for name, at in session.stamps:
        assert isinstance(name, str), name
        assert not math.isnan(at), name
    for lead, expiry in session.alerts:
        assert not math.isnan(lead), session.alerts
        assert not math.isnan(expiry), session.alerts


def _must_count_down(state: SessionState, now: float) -> None:
    session, request = state.session, state.session.request
    for name in OWN_TIMES:
        at = getattr(session, name)
        assert at is None or at <= now + CLOCK_SLACK_SECONDS, f"{name} is {at - now} s ahead"
    cost = state.rewrite_cost_usd
    assert cost is None or (math.isfinite(cost) and cost >= 0), cost
    if state.cache is Cache.NONE:
        assert (state.expires_at, state.seconds_left, state.compacts_at) == (None, None, None)
        return
    assert request is not None
    assert state.expires_at is not None
    assert state.seconds_left is not None
    assert state.expires_at <= min(request.started_at, now) + request.ttl_seconds, "it expires after start plus TTL"
    assert state.seconds_left == max(0.0, state.expires_at - now), "the countdown is not what is left"
    assert (state.cache is Cache.WARM) == (state.seconds_left > 0)
    assert state.compacts_at is None or now < state.compacts_at < state.expires_at, state.compacts_at


def _must_be_shown(shot: Snapshot) -> None:
    shown = json.loads(json.dumps(report.as_json(shot), allow_nan=False))
    assert len(shown["sessions"]) == len(shot.sessions)
    _must_be_clean(_texts(shot))
    for item in _all_items(view.menu(shot)):
        assert columns_of(item.label) <= WIDEST_LABEL, item.label
        assert "can't be shown" not in item.label, item.label


def _texts(shot: Snapshot) -> Iterable[str]:
    yield report.short(shot)
    bar = report.waybar(shot)
    yield bar["text"]
    yield from bar["tooltip"].split("\n")
    yield glance.tooltip(shot).replace("\n", "")
    for width in _WIDTHS:
        for row in report.rows(shot, report.columns(width)):
            yield from (row.sign, row.session, row.project, row.last_turn, row.cache, row.title)
    for item in _all_items(view.menu(shot)):
        yield from (item.label, item.gone_label or "")
    for state in shot.sessions:
        yield words.line_of(state, shot.now)
    for alert in alerting.due_alerts(shot.sessions, _LEADS, shot.now):
        shown = notification.of_alerts(alert, among=shot.sessions)
        assert len(shown.title) <= notification.TITLE_LIMIT, shown.title
        assert len(shown.body) <= notification.BODY_LIMIT, shown.body
        yield from (shown.title, shown.body)


def _must_be_clean(texts: Iterable[str]) -> None:
    for text in texts:
        assert is_harmless_line(text), f"what is shown is not cleaned: {text!r}"


def _all_items(items: Iterable[menu_items.MenuItem]) -> Iterable[menu_items.MenuItem]:
    for item in items:
        yield item
        yield from _all_items(item.children)
