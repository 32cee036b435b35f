"""Times and names as text for a menu, a sentence or a column."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_session_status import text_width, words
from claude_session_status.printable import printable


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (46.9, "46s"), (60, "1m 0s"), (166.4, "2m 46s"), (3600, "1h 0m"), (93_600, "1d 2h"), (-5, "0s")],
)
def test_durations_round_down_and_have_two_units_at_most(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [("abc", 3, "abc"), ("abcdef", 5, "ab…ef"), ("abcdef", 4, "ab…f"), ("abcdef", 2, "a…"), ("abcdef", 1, "…")],
)
def test_names_are_shortened_in_the_middle(text: str, width: int, short: str) -> None:
    assert text_width.shorten(text, width) == short


@given(st.text(), st.integers(1, 40))
def test_shortened_text_fits_and_cleaned_text_is_one_harmless_line(text: str, width: int) -> None:
    assert text_width.columns_of(text_width.shorten(text, width)) <= width
    assert words.clean(text).replace("\u200c", "").replace("\u200d", "").isprintable()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(30, "30 s"), (29.2, "30 s"), (300, "5 min"), (299.5, "5 min"), (100, "1 min 40 s"), (0, "0 s")],
)
def test_a_time_is_spelled_for_a_sentence(seconds: float, text: str) -> None:
    assert words.spelled(seconds) == text


def test_a_name_written_from_right_to_left_turns_nothing_around_it() -> None:
    assert words.fenced("my-app") == "my-app"
    assert words.fenced("日本") == "日本"
    assert printable(words.fenced("مشروع")) == "\u200eمشروع\u200e", "the terminal gets the fence"
    assert words.clean("\u200ea") == "a"


@pytest.mark.parametrize(
    ("usd", "low", "high", "expected"),
    [
        (0.82, 0.6, 1.0, "about $0.49 to $0.82"),
        (20.0, 0.5, 0.9, "about $10 to $18"),
        (0.82, 1.0, 1.0, "about $0.82"),
        (0.01, 0.5, 1.0, "about $0.01"),
        (0.001, 0.5, 1.0, "under $0.01"),
        (None, 0.5, 1.0, ""),
    ],
)
def test_a_range_of_money(usd: float | None, low: float, high: float, expected: str) -> None:
    assert words.money_between(usd, low, high) == expected
