"""The notifications, as data."""

from dataclasses import replace

import pytest

from claude_session_status import notification, policy
from claude_session_status.menu_items import GoToSession
from claude_session_status.model import Alert, AlertReason, Process, Session, SessionState
from fakes import NOW
from rows import make, shot

ONE, TWO = "0b7f3c52-6f0e-4d43-9d0a-2f1f6c1f5a11", "9e1d0c44-52c3-4a39-8a57-0f3f2b1c7d21"


def test_a_notification_names_which_of_two_sessions_it_is_about() -> None:
    twins = [make(ONE, 270, project="tmp"), make(TWO, 268, project="tmp")]
    states = shot(*twins).sessions
    first, second = (Alert(state, 30) for state in states)
    assert notification.of_alerts(first, among=states).title == "tmp 0b7f3c52: cache expires at 08:40:30"
    assert notification.of_alerts(first).title == "tmp: cache expires at 08:40:30"
    assert notification.of_alerts(first, second, among=states).body == "tmp 0b7f3c52\ntmp 9e1d0c44"
    long = [replace(session, project="x" * 90) for session in twins]
    states = shot(*long).sessions
    title = notification.of_alerts(Alert(states[0], 30), among=states).title
    assert len(title) == 64
    assert title.endswith("x 0b7f3c52: cache expires at 08:40:30")


def test_a_notification_names_project_and_expiry_within_every_platforms_limits() -> None:
    (state,) = shot(make("my-app", 270, title="Fix the login", context_tokens=142_000)).sessions
    shown = notification.of_alerts(Alert(state, 30))
    assert shown.title == "my-app: cache expires at 08:40:30"
    assert shown.body == "Fix the login. Reply in time, or 142k tokens have to be cached again."
    assert (shown.urgent, shown.session_ids) == (True, ("my-app",))
    (state,) = shot(make("x" * 300, 270, title="y" * 300, waiting_at=NOW)).sessions
    shown = notification.of_alerts(Alert(state, 30))
    assert len(shown.title) <= 64
    assert shown.title.endswith(": cache expires at 08:40:30")
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


def priced(*sessions: Session, usd: float = 0.0001) -> tuple[SessionState, ...]:
    """The states of these sessions, where re-caching a token costs so much."""
    return policy.snapshot(sessions, NOW, price=lambda model, ttl, tokens: tokens * usd).sessions


def test_several_alerts_are_one_notification_that_names_the_most_expensive_and_their_titles() -> None:
    titles = ["Fix the login", "", "Rate limits per key", "Rounding of sums", "x", "y"]
    sessions = [
        make(f"s{n}", 270 - n / 10, context_tokens=1000 * n, model="m", title=title)
        for n, title in enumerate(titles, 1)
    ]
    shown = notification.of_alerts(*(Alert(state, 30) for state in priced(*sessions)))
    assert shown.title == "6 caches expire at 08:40:30"
    assert shown.body == (
        "s6 · y, about $0.60\ns5 · x, about $0.50\ns4 · Rounding of sums, about $0.40\n"
        "s3 · Rate limits per key, about $0.30\nand 2 more\nRe-caching all costs about $2.10."
    )


@pytest.mark.parametrize(
    ("project", "shown"),
    [
        ("web-shop", "web-shop {n} · yyyyyyyy…yyyyyyy, about $14"),
        ("x" * 90, "xxxxxxxxxxxx…xxxxxxxxxxx {n}, about $14"),
    ],
)
def test_titles_are_shortened_until_everything_fits(project: str, shown: str) -> None:
    long = [
        make(str(n) * 8, 270, project=project, title="y" * 90, context_tokens=142_000, model="m") for n in range(1, 7)
    ]
    body = notification.of_alerts(*(Alert(state, 30) for state in priced(*long))).body
    assert len(body) <= 256
    names = [shown.format(n=str(n) * 8) for n in range(1, 5)]
    assert body.splitlines() == [*names, "and 2 more", "Re-caching all costs about $85."]


@pytest.mark.parametrize("name", ["x" * 99, "e\u0301" * 99, "🌍" * 99, "👩‍👩‍👧‍👦" * 30])
def test_whatever_the_name_the_title_fits_in_characters_and_ends_with_the_time(name: str) -> None:
    (state,) = shot(make("s", 270, project=name, title=name)).sessions
    shown = notification.of_alerts(Alert(state, 30))
    assert len(shown.title) <= notification.TITLE_LIMIT
    assert shown.title.endswith(": cache expires at 08:40:30")
    assert len(shown.body) <= notification.BODY_LIMIT


def test_a_notification_before_the_client_compacts() -> None:
    large = make("web-shop", 3120, 3600, context_tokens=214_000, idle_compact_tokens=200_000, title="Fix the login")
    (state,) = shot(large).sessions
    shown = notification.of_alerts(Alert(state, 480.0))
    assert shown.title == "Claude Code will compact web-shop at 08:42"
    assert shown.body == "Fix the login. Send a message before then to keep the whole conversation of 214k tokens."
    long_name = replace(state, session=replace(large, project="x" * 99))
    assert len(notification.of_alerts(Alert(long_name, 480.0)).title) <= notification.TITLE_LIMIT
    other = replace(state, session=replace(large, session_id="other"))
    several = notification.of_alerts(Alert(state, 480.0), Alert(other, 480.0))
    assert several.title == "Claude Code will compact 2 sessions at 08:42"
    assert several.body.splitlines() == [
        "web-shop web-shop · Fix the login, 214k tokens",
        "web-shop other · Fix the login, 214k tokens",
        "Send each a message before then to keep its whole conversation.",
    ]
    late = replace(state, seconds_left=300.0)
    assert notification.of_alerts(Alert(late, 480.0)).title == "web-shop: cache expires at 08:48:00"


NEEDS = "It needs your permission or an answer."


@pytest.mark.parametrize(
    ("what", "waiting", "body"),
    [
        ("a warm cache with a price", make("a", 100, context_tokens=141_000, model="m", title="Fix the login"),
            "Fix the login. The cache is warm until 08:43:20; after that, re-caching 141k tokens costs about $14."),
        ("a price that nobody knows", make("a", 100, context_tokens=141_000),
            "The cache is warm until 08:43:20."),
        ("an expired cache", make("a", 400, context_tokens=141_000, model="m"), NEEDS),
        ("nothing cached", make("a", None), NEEDS),
        ("a title that ends as a sentence", make("a", None, title="Why does it hang?"),
            f"Why does it hang? {NEEDS}"),
    ],
)  # fmt: skip
def test_a_notification_of_a_session_that_waits(what: str, waiting: Session, body: str) -> None:
    (state,) = priced(replace(waiting, waiting_at=NOW - 10))
    shown = notification.of_alerts(Alert(state, 0, reason=AlertReason.WAITS))
    assert (shown.title, shown.body, shown.urgent) == ("a waits for you", body, False), what


def test_several_that_wait_are_one_notification() -> None:
    states = priced(*(make(name, 100, waiting_at=NOW - 10, context_tokens=5000, model="m") for name in "ab"))
    shown = notification.of_alerts(*(Alert(state, 0, reason=AlertReason.WAITS) for state in states))
    assert shown.title == "2 sessions wait for you"
    assert shown.body == "a, about $0.50\nb, about $0.50"


def test_the_price_of_a_waiting_session_is_named_before_its_cache_expires() -> None:
    (state,) = priced(make("a", 270, context_tokens=141_000, model="m", waiting_at=NOW - 100))
    shown = notification.of_alerts(Alert(state, 30))
    assert shown.body == "It waits for you. Reply in time, or re-caching 141k tokens costs about $14."


OPEN = Process(4711)


@pytest.mark.parametrize(
    ("what", "sessions", "labels"),
    [
        ("one", [make("a", 270, process=OPEN)], ["Go to session", "Mute session", "Pause 1 h"]),
        ("one without a window", [make("a", 270)], ["Mute session", "Pause 1 h"]),
        ("one that the SDK runs", [make("a", 270, process=OPEN, entrypoint="sdk-cli")], ["Mute session", "Pause 1 h"]),
        ("several: the most expensive one", [
            make("cheap", 270, process=OPEN, context_tokens=10, model="m"),
            make("dear", 268, process=OPEN, context_tokens=90, model="m", project="a-project-with-a-long-name"),
        ], ["Go to a-projec…ng-name", "Mute 2 sessions", "Pause 1 h"]),
    ],
)  # fmt: skip
def test_the_buttons_say_what_they_do(what: str, sessions: list[Session], labels: list[str]) -> None:
    shown = notification.of_alerts(*(Alert(state, 30) for state in priced(*sessions)))
    assert [button.label for button in shown.buttons] == labels, what


def test_a_click_on_the_notification_does_what_its_first_button_does() -> None:
    (state,) = shot(make("a", 270, process=OPEN)).sessions
    shown = notification.of_alerts(Alert(state, 30))
    assert shown.default == shown.buttons[0].action == GoToSession("a")
    (state,) = shot(make("a", 270)).sessions
    assert notification.of_alerts(Alert(state, 30)).default is None
