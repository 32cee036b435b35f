"""When the user is notified that a cache is about to expire."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_session_status import alerting, last_request, notification, policy, reducer
from claude_session_status.model import ClientStatus, Session, SessionState
from claude_session_status.quiet import QuietHours
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
            s = last_request.assume_request(reducer.apply(s, event(kind, NOW + at), now), ttl)
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


@pytest.mark.parametrize(
    ("leads", "expected"),
    [
        (None, [870 - 30]),  # the usual five minutes are as long as the countdown that is reported
        ([290.0], [570 + 65]),  # due within each countdown: once no newer countdown came
        ([290.0, 30.0], [570 + 65, 870 - 30]),
        ([200.0], [870 - 200]),
    ],
)
def test_a_cache_that_the_client_keeps_alive_is_notified_once_that_stops(
    leads: list[float] | None, expected: list[float]
) -> None:
    s, given = warm(300, 3600, last_turn_at=NOW - 290), []
    for now in range(int(NOW), int(NOW) + 1000):
        if now % 30 == 0 and now < NOW + 600:
            s = reducer.apply(s, event("statusline", now, expires_at=now + 300.0, ttl_seconds=3600), now)
        for alert in alerting.due_alerts([policy.state_of(s, now)], leads, now):
            for done in alerting.alerted_events(alert, leads, now):
                s = reducer.apply(s, done, now)
            given.append(now - NOW)
    assert given == expected


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
            [(52, "Claude Code will compact web-shop at 09:34")]),
        ("no notifications", (), False, []),
        ("a lead time of the user's that is longer", (600.0,), False,
            [(50, "Claude Code will compact web-shop at 09:34"), (52, "Claude Code will compact web-shop at 09:34")]),
        ("the client could not compact: the expiry is notified as ever", None, True,
            [(52, "Claude Code will compact web-shop at 09:34"), (55, "web-shop: cache expires at 09:40:00"),
             (59.5, "web-shop: cache expires at 09:40:00")]),
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
def test_the_ttl_and_the_settings_choose_the_lead_times(
    what: str, ttl: int, leads: tuple[float, ...] | None, counted: tuple[float, ...]
) -> None:
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


# ---- a session that waits -----------------------------------------------------


def notified(
    given: Session, seconds: int, changes: dict[int, dict[str, Any]] | None = None, **options: Any
) -> list[str]:
    """What is notified of the session within so many seconds, each looked at. `changes`: of its fields, by second."""
    options = {"when_waiting": True} | options
    shown = []
    for second in range(seconds):
        now = NOW + second
        given = replace(given, **(changes or {}).get(second, {}))
        for alert in alerting.due_alerts([policy.state_of(given, now)], None, now, **options):
            for done in alerting.alerted_events(alert, None, now):
                given = reducer.apply(given, done, now)
            shown.append(f"{second} {alert.reason}")
    return shown


REGISTRY: dict[str, Any] = {"client_status": ClientStatus.WAITING, "client_status_at": NOW}


@pytest.mark.parametrize(
    ("what", "given_session", "changes", "expected"),
    [
        ("after ten seconds, once", warm(100, waiting_at=NOW), {}, ["10 waits", "170 expires"]),
        ("by the client's own status, six seconds before its hook", warm(100, **REGISTRY), {6: {"waiting_at": NOW + 6}},
            ["10 waits", "170 expires"]),
        ("answered within ten seconds", warm(100, waiting_at=NOW), {9: {"last_turn_at": NOW + 9}}, ["170 expires"]),
        ("it waits again", warm(100, waiting_at=NOW), {20: {"tool_at": NOW + 20}, 25: {"waiting_at": NOW + 25}},
            ["10 waits", "35 waits", "170 expires"]),
        ("it waits again at once", warm(100, **REGISTRY), {14: {"client_status_at": NOW + 14}},
            ["10 waits", "24 waits", "170 expires"]),
        ("nothing is cached", session(waiting_at=NOW), {}, ["10 waits"]),
        ("the cache has expired", warm(400, waiting_at=NOW), {}, ["10 waits"]),
        ("muted", warm(100, waiting_at=NOW, muted=True), {}, []),
        ("ended", warm(100, waiting_at=NOW, ended_at=NOW + 1, last_event_at=NOW), {}, []),
        ("its cache expires just then: one notification for both", warm(260, waiting_at=NOW), {}, ["10 expires"]),
        ("its cache expires first", warm(267, waiting_at=NOW), {}, ["3 expires"]),
        ("it does not wait", warm(100), {}, ["170 expires"]),
    ],
)  # fmt: skip
def test_when_a_wait_is_notified(
    what: str, given_session: Session, changes: dict[int, dict[str, Any]], expected: list[str]
) -> None:
    assert notified(given_session, 200, changes) == expected, what


def test_a_wait_is_notified_only_if_the_user_wants_that() -> None:
    assert notified(warm(100, waiting_at=NOW), 200, when_waiting=False) == ["170 expires"]


def test_a_small_session_that_waits_is_notified_but_not_the_expiry_of_its_cache() -> None:
    assert notified(warm(100, waiting_at=NOW, context_tokens=5000), 200, min_tokens=20_000) == ["10 waits"]


def test_a_wait_is_not_notified_late() -> None:
    states = [policy.state_of(warm(100, waiting_at=NOW - 100), NOW)]
    assert alerting.due_alerts(states, None, NOW, when_waiting=True) == ()


def test_the_monitor_knows_when_a_wait_falls_due() -> None:
    states = [policy.state_of(warm(100, waiting_at=NOW), NOW)]
    assert alerting.next_alert_time(states, None, NOW, when_waiting=True) == NOW + 10
    assert alerting.next_alert_time(states, None, NOW) == NOW + 170


def test_sessions_that_wait_are_one_group_beside_those_that_expire() -> None:
    sessions = [replace(warm(270 - n, waiting_at=NOW - 10 * n), session_id=str(n)) for n in range(3)]
    due = alerting.due_alerts([policy.state_of(s, NOW) for s in sessions], [30], NOW, when_waiting=True)
    assert [(a.state.session.session_id, a.reason.value) for a in due] == [
        ("0", "expires"),
        ("1", "expires"),
        ("2", "expires"),
    ]
    far = [replace(warm(100 + n, waiting_at=NOW - 10), session_id=f"w{n}") for n in range(2)]
    due = alerting.due_alerts([policy.state_of(s, NOW) for s in (*far, *sessions)], [30], NOW, when_waiting=True)
    assert [[a.state.session.session_id for a in group] for group in alerting.grouped(due)] == [
        ["0", "1", "2"],
        ["w1", "w0"],
    ]


# ---- quiet hours and pauses --------------------------------------------------


def hours(start: float, end: float) -> QuietHours:
    """Quiet from `start` to `end`, which are seconds from NOW, whole minutes."""
    first, last = (datetime.fromtimestamp(NOW + at, UTC).astimezone() for at in (start, end))
    return QuietHours(first.hour * 60 + first.minute, last.hour * 60 + last.minute)


@pytest.mark.parametrize(
    ("what", "quiet", "expected"),
    [
        ("the wait and the expiry", hours(-60, 600), []),
        ("the wait alone", hours(-60, 60), ["170 expires"]),
        ("the expiry alone", hours(120, 240), ["10 waits"]),
        ("over when they fall due", hours(-600, 0), ["10 waits", "170 expires"]),
    ],
)
def test_what_falls_due_in_quiet_hours_is_not_notified_afterwards(
    what: str, quiet: QuietHours, expected: list[str]
) -> None:
    assert notified(warm(100, waiting_at=NOW), 200, quiet=[quiet]) == expected, what


def test_what_falls_due_just_before_quiet_ends_is_dropped() -> None:
    """It is late by less than an alert may be late, but it fell due within."""
    states = [policy.state_of(warm(272), NOW)]
    assert alerting.due_alerts(states, [30], NOW, quiet=[hours(-600, 0)]) == ()
    assert len(alerting.due_alerts(states, [30], NOW)) == 1


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
