"""When a person hears that a cache is about to go cold."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from claude_session_status import alerting, policy, reducer
from claude_session_status.model import (
    Session,
    SessionState,
)
from fakes import NOW
from rows import session, warm


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
        ("told already", warm(100, alerts=((30.0, NOW + 200),)), None),
        ("told of this expiry by a source some seconds off", warm(100, alerts=((30.0, NOW + 190),)), None),
        ("told of the one before", warm(100, alerts=((30.0, NOW - 100),)), NOW + 170),
    ],
)
def test_when_a_person_should_hear(what: str, given_session: Session, mark: float | None) -> None:
    assert alerting.alert_time(policy.state_of(given_session, NOW), 30, NOW) == mark, what


@pytest.mark.parametrize(("age", "due"), [(269, 0), (270, 1), (274, 1), (276, 0), (299, 0)])
def test_an_alert_is_given_at_its_mark_and_not_made_up_for(age: float, due: int) -> None:
    states = [policy.state_of(warm(age), NOW)]
    assert len(alerting.due_alerts(states, [30], NOW)) == due


def test_of_two_lead_times_that_are_due_the_shorter_one_is_given_and_both_are_done() -> None:
    just_idle = policy.state_of(warm(3580, 3600, last_turn_at=NOW), NOW)
    (alert,) = alerting.due_alerts([just_idle], [300, 30], NOW)
    assert alert.lead_seconds == 30
    told = just_idle.session
    for done in alerting.alerted_events(alert, [300, 30], NOW):
        told = reducer.apply(told, done)
    assert alerting.due_alerts([policy.state_of(told, NOW + 1)], [300, 30], NOW + 1) == ()


@pytest.mark.parametrize(
    ("what", "ttl", "leads", "counted"),
    [
        ("none are set: five minutes", 300, None, (30,)),
        ("none are set: an hour", 3600, None, (30, 300)),
        ("set", 3600, (600, 60), (60, 600)),
        ("one as long as the cache lives would be due at each turn", 300, (300, 30), (30,)),
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
def test_when_a_person_wants_quiet(what: str, options: dict[str, Any], due: int) -> None:
    states = [policy.state_of(warm(270, context_tokens=5000), NOW)]
    assert len(alerting.due_alerts(states, None, NOW, **options)) == due, what


def test_a_session_of_unknown_size_is_not_taken_for_a_small_one() -> None:
    assert alerting.due_alerts([policy.state_of(warm(270), NOW)], None, NOW, min_tokens=5000)


def test_what_expires_within_five_seconds_is_told_of_together() -> None:
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
    """It takes no local time below that of one day, and looks at the day before each."""
    assert alerting.next_morning(0.0) - 86400 >= 86400 - 14 * 3600
