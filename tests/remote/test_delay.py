"""How long a line was on its way: one that was held up never lengthens a countdown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_session_status.remote.delay import LARGEST_DRIFT, Delay

CLOCKS_APART = [0.0, 3600.0, -3600.0, 1e9]


@pytest.mark.parametrize("apart", CLOCKS_APART)
def test_what_a_line_has_beyond_the_smallest_difference_is_its_delay(apart: float) -> None:
    delay = Delay()
    on_their_way = (0.3, 0.3, 60.3, 0.3, 0.2, 5.2)
    found = [delay.of(at + way + apart, at) for at, way in zip(range(0, 600, 100), on_their_way, strict=True)]
    assert found == pytest.approx([0, 0, 60, 0, 0, 5], abs=200 * LARGEST_DRIFT)


def test_a_clock_there_that_was_set_back_begins_anew() -> None:
    delay = Delay()
    assert [delay.of(at, at - back) for at, back in ((0, 0), (10, 0), (20, 3600), (30, 3600))] == [0, 0, 0, 0]


def test_a_clock_there_that_was_set_forward_makes_no_delay() -> None:
    delay = Delay()
    assert [delay.of(at, at + ahead) for at, ahead in ((0, 0), (10, 3600), (20, 3600))] == [0, 0, 0]


def test_a_clock_there_that_runs_slow_for_a_week_makes_no_delay() -> None:
    delay, drift = Delay(), 0.0001
    assert max(delay.of(at, at * (1 - drift)) for at in range(0, 7 * 86400, 10)) < 0.01


@given(st.lists(st.floats(0, 100), min_size=1, max_size=30), st.sampled_from(CLOCKS_APART))
def test_no_countdown_is_ever_longer_than_by_the_fastest_line_so_far(ways: list[float], apart: float) -> None:
    delay, fastest, at = Delay(), ways[0], 0.0
    for way in ways:
        at += 100
        fastest = min(fastest, way)
        found = delay.of(at + way + apart, at)
        left_here = 1000 - found  # of 1000 seconds that were left when the line was sent
        left_in_truth = 1000 - way
        assert left_here - left_in_truth <= fastest + LARGEST_DRIFT * at + 1e-3
