"""What a person is shown, as data."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_session_status import policy, view
from claude_session_status.model import Alert, Request, Session, Snapshot, Source, Turn, Urgency
from fakes import NOW


def make(name: str, age: float | None = 100, ttl: int = 300, **fields: object) -> Session:
    request = None if age is None else Request(NOW - age, ttl, Source.TRANSCRIPT)
    base = Session(name, project=name, started_at=NOW - 900, last_event_at=NOW - 900, request=request)
    return replace(base, **fields)  # type: ignore[arg-type]


def shot(*sessions: Session) -> Snapshot:
    return policy.snapshot(sessions, NOW)


ENDED: dict[str, Any] = {"ended_at": NOW, "last_event_at": NOW}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (46.9, "46s"), (60, "1m 0s"), (166.4, "2m 46s"), (3600, "1h 0m"), (93_600, "1d 2h"), (-5, "0s")],
)
def test_durations_round_down_and_have_two_units_at_most(seconds: float, text: str) -> None:
    assert view.duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [("abc", 3, "abc"), ("abcdef", 5, "ab…ef"), ("abcdef", 4, "ab…f"), ("abcdef", 2, "a…"), ("abcdef", 1, "…")],
)
def test_names_are_shortened_in_the_middle(text: str, width: int, short: str) -> None:
    assert view.shorten(text, width) == short


@given(st.text(), st.integers(1, 40))
def test_shortened_text_fits_and_cleaned_text_is_one_harmless_line(text: str, width: int) -> None:
    assert len(view.shorten(text, width)) <= width
    assert view.clean(text).isprintable()


@pytest.mark.parametrize(
    ("session", "cache"),
    [
        (make("a", 134), "WARM ██████░░░░ 2m 46s left"),
        (make("a", 0), "WARM ██████████ 5m 0s left"),
        (make("a", 663), "EXPIRED (6m 3s ago)"),
        (make("a", **ENDED), "ENDED"),
        (make("a", None), "NONE"),
    ],
)
def test_the_cache_column(session: Session, cache: str) -> None:
    (row,) = view.rows(shot(session))
    assert row.cache == cache


@pytest.mark.parametrize("width", [60, 61, 71, 72, 80, 89, 90, 120, 200])
def test_columns_fill_the_terminal_and_no_more(width: int) -> None:
    c = view.columns(width)
    used = 1 + 2 + c.session + 2 + c.project + 2 + c.last_turn + 2 + c.cache + (2 + c.title if c.title else 0)
    assert used <= width
    assert c.project >= 8
    assert (c.title > 0) == (width >= 90)
    assert c.cache >= len("WARM " + "█" * c.bar + " 59m 59s left")


def test_the_menu_lists_running_sessions_soonest_first_and_the_commands() -> None:
    menu = view.menu(shot(make("slow", 10), make("next", 200, title="Fix it"), make("gone", **ENDED), make("old", 500)))
    assert [item.label for item in menu] == [
        "● next · Fix it   1m 40s left",
        "● slow   4m 50s left",
        "○ old   expired 3m 20s ago",
        "",
        "Show table in a terminal",
        "Quit",
    ]
    assert [item.key for item in menu if item.session_id] == ["session:next", "session:slow", "session:old"]


def test_a_long_menu_keeps_the_most_urgent_and_puts_the_rest_under_more() -> None:
    menu = view.menu(shot(*(make(f"s{n:02}", 10 + n) for n in range(20))))
    assert [item.label.split()[1] for item in menu[:12]] == [f"s{n:02}" for n in range(19, 7, -1)]
    assert menu[12].label == "More (8)"
    assert len(menu[12].children) == 8


def test_an_empty_menu_says_what_to_do() -> None:
    assert view.menu(Snapshot(NOW))[0].label == view.HOOKS_ADVICE


@pytest.mark.parametrize(
    ("sessions", "spec"),
    [
        ([], view.IconSpec()),
        ([make("a", 400), make("b", None)], view.IconSpec()),
        ([make("a", 0)], view.IconSpec(Urgency.CALM, 24)),
        ([make("a", 0), make("b", 200)], view.IconSpec(Urgency.SOON, 8)),
        ([make("a", 299.9)], view.IconSpec(Urgency.LAST, 1)),
        ([make("a", 290, **ENDED), make("b", 150)], view.IconSpec(Urgency.CALM, 12)),
        ([make("a", 0, waiting_at=NOW)], view.IconSpec(Urgency.CALM, 24, waiting=True)),
    ],
)
def test_the_icon_is_that_of_the_soonest_warm_session(sessions: list[Session], spec: view.IconSpec) -> None:
    assert view.icon(shot(*sessions)) == spec


def test_marks_tell_states_apart_by_shape() -> None:
    states = shot(
        make("idle", 1),
        make("working", 2, transcript_at=NOW, transcript_turn=Turn.TOOL),
        make("waiting", 3, waiting_at=NOW),
        make("expired", 400),
        make("ended", **ENDED),
    )
    assert {s.session.session_id: view.mark_of(s) for s in states.sessions} == {
        "idle": "●",
        "working": "▶",
        "waiting": "?",
        "expired": "○",
        "ended": "×",
    }


def test_a_notification_names_project_and_time_left_within_every_platforms_limits() -> None:
    (state,) = shot(make("my-app", 270, title="Fix the login", context_tokens=142_000)).sessions
    told = view.notification(Alert(state, 30))
    assert told.title == "my-app: cache expires in 30s"
    assert told.body == "Fix the login. Answer before then, or 142k tokens are read again."
    assert told.urgent
    (state,) = shot(make("x" * 300, 270, title="y" * 300, waiting_at=NOW)).sessions
    told = view.notification(Alert(state, 30))
    assert len(told.title) <= 64
    assert told.title.endswith(": cache expires in 30s")
    assert len(told.body) <= 256


@pytest.mark.parametrize("name", ["../../x", "a\nb", "\x1b[31mred", "<b>&amp;", "under_score", "Мой проект", "", " "])
def test_a_crafted_name_is_one_harmless_line_everywhere(name: str) -> None:
    hostile = shot(make(name, 270, cwd=name, title=name))
    texts = [item.label for item in view.menu(hostile)]
    texts += [view.tooltip(hostile), view.notification(Alert(hostile.sessions[0], 30)).title]
    texts += [text for row in view.rows(hostile) for text in (row.session, row.project, row.title)]
    assert all(text.isprintable() for text in texts)
    assert len(view.tooltip(hostile)) <= 128


def test_json_has_the_documented_keys_and_null_for_what_is_unknown() -> None:
    made = view.as_json(shot(make("a", 133.6, cwd="/home/me/my-app"), make("b", None)))
    assert made["schema"] == 1
    assert made["now"] == "2026-11-24T08:40:00.000Z"
    first, second = made["sessions"]
    assert list(first) == [
        "session_id", "title", "project", "cwd", "cache", "activity", "ttl_seconds", "started_at", "last_turn_at",
        "last_request_at", "expires_at", "seconds_left", "context_tokens", "model", "rewrite_cost_usd", "source",
        "muted",
    ]  # fmt: skip
    assert (first["seconds_left"], first["expires_at"]) == (166.4, "2026-11-24T08:42:46.400Z")
    assert {second[k] for k in ("expires_at", "seconds_left", "ttl_seconds", "last_request_at", "source")} == {None}
    assert second["cache"] == "none"


def test_a_session_that_was_only_found_says_so() -> None:
    found = make("a", last_event_at=None, found_at=NOW - 9)
    taken_over = make("b", found_at=NOW - 9)
    rows = {row.session: row.last_turn for row in view.rows(shot(found, taken_over))}
    assert rows == {"a": "found", "b": ""}
    labels = [item.label for item in view.menu(shot(found, taken_over)) if item.session_id]
    assert [label.endswith(", found") for label in labels] == [True, False]
