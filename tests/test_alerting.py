"""When the user is notified that a cache is about to expire."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_session_status import alerting, notification, policy, reducer
from claude_session_status.model import (
    Session,
    SessionState,
)
from fakes import NOW
from rows import event, session, warm


@pytest.mark.parametrize(
    ("what", "given_session", "mark"),
    [
        ("30 s before the end", warm(100, last_turn_at=NOW - 90), NOW + 170),
        ("fell idle after that", warm(290, last_turn_at=NOW - 2), NOW - 2),
        ("working", warm(100, prompted_at=NOW - 90), None),
        ("waiting", warm(100, waiting_at=NOW - 90), NOW + 170),
        ("ended", warm(100, ended_at=NOW, last_event_at=NOW), None),
        ("muted", warm(100, muted=True), None),
        ("expired", warm(301), None),
        ("nothing cached", session(), None),
        ("notified already", warm(100, alerts=((30.0, NOW + 200),)), None),
        ("notified of this expiry by a source some seconds off", warm(100, alerts=((30.0, NOW + 190),)), None),
        ("notified of the one before", warm(100, alerts=((30.0, NOW - 100),)), NOW + 170),
    ],
)
def test_when_the_user_is_notified(what: str, given_session: Session, mark: float | None) -> None:
    assert alerting.alert_time(policy.state_of(given_session, NOW), 30, NOW) == mark, what


def notified_expiries(turn_ends: tuple[float, ...], lead: float, ttl: int = 300) -> list[float]:
    """The expiries that are notified, each second looked at, of a session whose hooks report turns of one second."""
    s, notified, now = session(), [], NOW
    turns = sorted((end - 1, "prompt") for end in turn_ends) + [(end, "turn") for end in turn_ends]
    while now < NOW + turn_ends[-1] + ttl:
        for at, kind in [turn for turn in turns if now - 1 < NOW + turn[0] <= now]:
            s = reducer.assume_request(reducer.apply(s, event(kind, NOW + at), now), ttl)
        for alert in alerting.due_alerts([policy.state_of(s, now)], [lead], now):
            for done in alerting.alerted_events(alert, [lead], now):
                s = reducer.apply(s, done, now)
            notified.append((alert.state.expires_at or 0.0) - NOW - ttl)
        now += 1
    return notified


@pytest.mark.parametrize(
    ("what", "turn_ends", "lead", "expected"),
    [
        ("each of two requests 18 s apart, whose lead is near the TTL", (2, 20), 290, [2, 20]),
        ("a second turn just after the alert", (2, 15), 290, [2, 15]),
        ("three in a row", (2, 20, 40), 290, [2, 20, 40]),
        ("a turn before the alert leaves only the last expiry", (2, 8), 290, [8]),
        ("far from the TTL", (2, 20), 30, [20]),
        ("two turns apart", (2, 290), 30, [2, 290]),
    ],
)
def test_each_expiry_is_notified_once(
    what: str, turn_ends: tuple[float, ...], lead: float, expected: list[float]
) -> None:
    assert notified_expiries(turn_ends, lead) == expected, what


def test_a_cache_that_the_client_keeps_alive_is_notified_once_that_stops() -> None:
    s, given = warm(300, 3600, last_turn_at=NOW - 290), []
    for now in range(int(NOW), int(NOW) + 1000):
        if now % 30 == 0 and now < NOW + 600:
            s = reducer.apply(s, event("statusline", now, expires_at=now + 300.0, ttl_seconds=3600), now)
        for alert in alerting.due_alerts([policy.state_of(s, now)], None, now):
            for done in alerting.alerted_events(alert, None, now):
                s = reducer.apply(s, done, now)
            given.append(now - NOW)
    assert given == [570 + 300 - 30]


def compaction_alerts(leads: tuple[float, ...] | None, *, fails: bool = False) -> list[tuple[float, str]]:
    """Minutes and titles of what is notified of a large idle session with an hour's cache, each second looked at."""
    idle = warm(0, 3600, project="web-shop", last_turn_at=NOW + 5, context_tokens=214_000, idle_compact_tokens=200_000)
    given = []
    for now in range(int(NOW), int(NOW) + 3600):
        if now == NOW + 3270 and not fails:
            idle = reducer.apply(idle, event("start", now, source="compact"))
        for alert in alerting.due_alerts([policy.state_of(idle, now)], leads, now):
            for done in alerting.alerted_events(alert, leads, now):
                idle = reducer.apply(idle, done, now)
            given.append(((now - NOW) / 60, notification.of_alerts(alert).title))
    return given


@pytest.mark.parametrize(
    ("what", "leads", "fails", "expected"),
    [
        ("two minutes before, instead of five minutes before the expiry", None, False,
            [(52, "Claude Code will compact web-shop in 2 min")]),
        ("no notifications", (), False, []),
        ("a lead time of the user's that is longer", (600.0,), False,
            [(50, "Claude Code will compact web-shop in 4 min"), (52, "Claude Code will compact web-shop in 2 min")]),
        ("the client could not compact: the expiry is notified as ever", None, True,
            [(52, "Claude Code will compact web-shop in 2 min"), (55, "web-shop: cache expires in 5 min"),
             (59.5, "web-shop: cache expires in 30 s")]),
    ],
)  # fmt: skip
def test_before_the_client_compacts(
    what: str, leads: tuple[float, ...] | None, fails: bool, expected: list[tuple[float, str]]
) -> None:
    assert compaction_alerts(leads, fails=fails) == expected, what


def test_a_compaction_and_an_expiry_at_one_moment_are_two_notifications() -> None:
    large = {"context_tokens": 214_000, "idle_compact_tokens": 200_000}
    compacts = policy.state_of(replace(warm(3120, 3600, **large), session_id="compacts"), NOW)
    expires = policy.state_of(replace(warm(3120, 3600), session_id="expires"), NOW)
    groups = alerting.grouped(alerting.due_alerts([compacts, expires], [480], NOW))
    assert sorted(len(group) for group in groups) == [1, 1]


@settings(deadline=None)
@given(st.lists(st.integers(2, 400), min_size=1, max_size=5, unique=True).map(sorted), st.integers(5, 299))
def test_the_last_expiry_is_always_notified_and_none_twice(turn_ends: list[int], lead: int) -> None:
    notified = notified_expiries(tuple(turn_ends), lead)
    assert notified[-1] == turn_ends[-1]
    assert notified == sorted(set(notified))


@pytest.mark.parametrize(("age", "due"), [(269, 0), (270, 1), (274, 1), (276, 0), (299, 0)])
def test_an_alert_is_given_when_due_and_not_later(age: float, due: int) -> None:
    states = [policy.state_of(warm(age), NOW)]
    assert len(alerting.due_alerts(states, [30], NOW)) == due


def test_of_two_lead_times_that_are_due_the_shorter_one_is_given_and_both_are_done() -> None:
    just_idle = policy.state_of(warm(3580, 3600, last_turn_at=NOW), NOW)
    (alert,) = alerting.due_alerts([just_idle], [300, 30], NOW)
    assert alert.lead_seconds == 30
    notified = just_idle.session
    for done in alerting.alerted_events(alert, [300, 30], NOW):
        notified = reducer.apply(notified, done)
    assert alerting.due_alerts([policy.state_of(notified, NOW + 1)], [300, 30], NOW + 1) == ()


@pytest.mark.parametrize(
    ("what", "ttl", "leads", "counted"),
    [
        ("none are set: five minutes", 300, None, (30,)),
        ("none are set: an hour", 3600, None, (30, 300)),
        ("set", 3600, (600, 60), (60, 600)),
        ("one as long as the TTL would be due at each turn", 300, (300, 30), (30,)),
        ("no notifications", 300, (), ()),
    ],
)
def test_lead_times(what: str, ttl: int, leads: tuple[float, ...] | None, counted: tuple[float, ...]) -> None:
    assert alerting.lead_times(policy.state_of(warm(0, ttl), NOW), leads) == counted, what


@pytest.mark.parametrize(
    ("what", "options", "due"),
    [
        ("nothing set", {}, 1),
        ("paused", {"paused_until": NOW + 1}, 0),
        ("paused until just now", {"paused_until": NOW}, 1),
        ("small", {"min_tokens": 5001}, 0),
        ("just large enough", {"min_tokens": 5000}, 1),
    ],
)
def test_when_the_user_wants_no_notifications(what: str, options: dict[str, Any], due: int) -> None:
    states = [policy.state_of(warm(270, context_tokens=5000), NOW)]
    assert len(alerting.due_alerts(states, None, NOW, **options)) == due, what


def test_a_session_of_unknown_size_is_not_taken_for_a_small_one() -> None:
    assert alerting.due_alerts([policy.state_of(warm(270), NOW)], None, NOW, min_tokens=5000)


def test_expiries_within_five_seconds_share_a_notification() -> None:
    def states(now: float) -> list[SessionState]:
        ages = {"now": 270.0, "soon": 266.0, "later": 264.0, "busy": 268.0}
        sessions = [replace(warm(age), session_id=name) for name, age in ages.items()]
        return [policy.state_of(replace(s, prompted_at=NOW) if s.session_id == "busy" else s, now) for s in sessions]

    due = alerting.due_alerts(states(NOW), [30], NOW)
    assert [a.state.session.session_id for a in due] == ["now", "soon"]
    assert [[a.state.session.session_id for a in group] for group in alerting.grouped(due)] == [["now", "soon"]]
    assert alerting.due_alerts(states(NOW - 1), [30], NOW - 1) == ()


def test_two_that_fall_due_at_once_but_expire_apart_are_two_groups() -> None:
    states = [
        policy.state_of(replace(warm(3300, 3600), session_id="hour"), NOW),
        policy.state_of(replace(warm(270), session_id="five"), NOW),
    ]
    groups = alerting.grouped(alerting.due_alerts(states, None, NOW))
    assert [[a.state.session.session_id for a in group] for group in groups] == [["five"], ["hour"]]


@pytest.mark.parametrize(
    ("now", "morning"),
    [
        ("2026-11-24 15:00", "2026-11-25 08:00"),
        ("2026-11-24 07:00", "2026-11-25 08:00"),
        ("2026-11-24 23:50", "2026-11-25 08:00"),
        ("2026-11-25 00:30", "2026-11-25 08:00"),  # still the same night
        ("2026-12-31 12:00", "2027-01-01 08:00"),
    ],
)
def test_tomorrow_is_the_morning_after_this_day(now: str, morning: str) -> None:
    assert alerting.next_morning(datetime.fromisoformat(now).timestamp()) == datetime.fromisoformat(morning).timestamp()


def test_a_clock_that_was_never_set_has_a_tomorrow_that_windows_can_convert() -> None:
    """Windows converts no local time before the second day of 1970."""
    assert alerting.next_morning(0.0) - 86400 >= 86400 - 14 * 3600
