"""The notifications, as data."""

from dataclasses import replace

import pytest

from claude_session_status import notification, policy
from claude_session_status.model import Alert
from fakes import NOW
from rows import make, shot

ONE, TWO = "0b7f3c52-6f0e-4d43-9d0a-2f1f6c1f5a11", "9e1d0c44-52c3-4a39-8a57-0f3f2b1c7d21"


def test_a_notification_names_which_of_two_sessions_it_is_about() -> None:
    twins = [make(ONE, 270, project="tmp"), make(TWO, 268, project="tmp")]
    states = shot(*twins).sessions
    first, second = (Alert(state, 30) for state in states)
    assert notification.of_alerts(first, among=states).title == "tmp 0b7f3c52: cache expires in 30 s"
    assert notification.of_alerts(first).title == "tmp: cache expires in 30 s"
    assert notification.of_alerts(first, second, among=states).body == "tmp 0b7f3c52\ntmp 9e1d0c44"
    long = [replace(session, project="x" * 90) for session in twins]
    states = shot(*long).sessions
    title = notification.of_alerts(Alert(states[0], 30), among=states).title
    assert len(title) == 64
    assert title.endswith("x 0b7f3c52: cache expires in 30 s")


def test_a_notification_names_project_and_time_left_within_every_platforms_limits() -> None:
    (state,) = shot(make("my-app", 270, title="Fix the login", context_tokens=142_000)).sessions
    shown = notification.of_alerts(Alert(state, 30))
    assert shown.title == "my-app: cache expires in 30 s"
    assert shown.body == "Fix the login. Reply in time, or 142k tokens have to be cached again."
    assert (shown.urgent, shown.session_ids) == (True, ("my-app",))
    (state,) = shot(make("x" * 300, 270, title="y" * 300, waiting_at=NOW)).sessions
    shown = notification.of_alerts(Alert(state, 30))
    assert len(shown.title) <= 64
    assert shown.title.endswith(": cache expires in 30 s")
    assert len(shown.body) <= 256


@pytest.mark.parametrize(
    ("cost", "words", "urgent"),
    [
        (0.7146, "Reply in time, or re-caching 142k tokens costs about $0.71.", True),
        (0.001, "Reply in time, or re-caching 142k tokens costs under $0.01.", False),
        (12.4, "Reply in time, or re-caching 142k tokens costs about $12.", True),
        (None, "Reply in time, or 142k tokens have to be cached again.", True),
    ],
)
def test_a_notification_shows_the_cost_and_is_urgent_where_it_matters(
    cost: float | None, words: str, urgent: bool
) -> None:
    session = make("a", 270, context_tokens=142_000, model="m")
    (state,) = policy.snapshot([session], NOW, price=lambda model, ttl, tokens: cost).sessions
    shown = notification.of_alerts(Alert(state, 30))
    assert shown.body.endswith(words)
    assert shown.urgent is urgent


def test_several_alerts_are_one_notification_that_names_the_most_expensive() -> None:
    sessions = [make(f"s{n}", 270 - n / 10, context_tokens=1000 * n, model="m") for n in range(1, 7)]
    states = policy.snapshot(sessions, NOW, price=lambda model, ttl, tokens: tokens / 10_000).sessions
    shown = notification.of_alerts(*(Alert(state, 30) for state in states))
    assert shown.title == "6 caches expire in 31 s"
    assert shown.body == (
        "s6, 6k, about $0.60\ns5, 5k, about $0.50\ns4, 4k, about $0.40\ns3, 3k, about $0.30\nand 2 more\n"
        "Re-caching all costs about $2.10."
    )
    long = [replace(s.session, project="x" * 90, session_id="y" * 90) for s in states]
    shown = notification.of_alerts(*(Alert(state, 30) for state in policy.snapshot(long, NOW).sessions))
    assert len(shown.title) <= 64
    assert len(shown.body) <= 256


def test_a_notification_before_the_client_compacts() -> None:
    large = make("web-shop", 3120, 3600, context_tokens=214_000, idle_compact_tokens=200_000, title="Fix the login")
    (state,) = shot(large).sessions
    shown = notification.of_alerts(Alert(state, 480.0))
    assert shown.title == "Claude Code will compact web-shop in 2 min"
    assert shown.body == "Fix the login. Send a message before then to keep the whole conversation of 214k tokens."
    long_name = replace(state, session=replace(large, project="x" * 99))
    assert len(notification.of_alerts(Alert(long_name, 480.0)).title) <= notification.TITLE_LIMIT
    other = replace(state, session=replace(large, session_id="other"))
    several = notification.of_alerts(Alert(state, 480.0), Alert(other, 480.0))
    assert several.title == "Claude Code will compact 2 sessions in 2 min"
    late = replace(state, seconds_left=300.0)
    assert notification.of_alerts(Alert(late, 480.0)).title == "web-shop: cache expires in 5 min"
