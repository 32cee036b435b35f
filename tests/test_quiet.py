"""The hours in which nobody is notified: their form, their end, and the nights in which clocks change."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from claude_session_status import quiet
from claude_session_status.quiet import QuietHours

pytestmark = pytest.mark.skipif(
    not hasattr(time, "tzset"), reason="Windows has no way to set the time zone; start these tests under Linux or macOS"
)


@contextmanager
def zone(name: str) -> Iterator[None]:
    """The local time zone is `name`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", name)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("22:00-07:00", QuietHours(22 * 60, 7 * 60)),
        ("12:15-13:45", QuietHours(735, 825)),
        ("9:00 - 9:30", QuietHours(540, 570)),
        ("18:00-24:00", QuietHours(1080, 0)),
        ("00:00-24:00", QuietHours(0, 0)),
        ("22:00-22:00", None),
        ("24:00-07:00", None),
        ("22:60-07:00", None),
        ("25:00-07:00", None),
        ("24:30-07:00", None),
        ("22-7", None),
        ("22:00", None),
        ("10pm-7am", None),
        ("٢٢:00-07:00", None),
        ("", None),
    ],
)
def test_the_form_of_a_range(text: str, hours: QuietHours | None) -> None:
    assert quiet.parse(text) == hours


NIGHT, LUNCH = QuietHours(22 * 60, 7 * 60), QuietHours(12 * 60, 13 * 60)
EVENING, EARLY = QuietHours(20 * 60, 0), QuietHours(0, 6 * 60)


@pytest.mark.parametrize(
    ("what", "ranges", "now", "until"),
    [
        ("no ranges", (), "2026-11-24 23:00:00", None),
        ("before", (NIGHT,), "2026-11-24 21:59:59", None),
        ("its first second", (NIGHT,), "2026-11-24 22:00:00", "2026-11-25 07:00:00"),
        ("after midnight", (NIGHT,), "2026-11-25 00:00:00", "2026-11-25 07:00:00"),
        ("its last second", (NIGHT,), "2026-11-25 06:59:59", "2026-11-25 07:00:00"),
        ("over", (NIGHT,), "2026-11-25 07:00:00", None),
        ("the second of two", (NIGHT, LUNCH), "2026-11-24 12:30:00", "2026-11-24 13:00:00"),
        ("between two", (NIGHT, LUNCH), "2026-11-24 15:00:00", None),
        ("one follows the other", (EVENING, EARLY), "2026-11-24 21:00:00", "2026-11-25 06:00:00"),
        ("two overlap", (NIGHT, QuietHours(23 * 60, 60)), "2026-11-24 23:30:00", "2026-11-25 07:00:00"),
        ("all day", (QuietHours(0, 0),), "2026-11-24 12:00:00", "2026-11-26 00:00:00"),
    ],
)
def test_when_quiet_ends(what: str, ranges: tuple[QuietHours, ...], now: str, until: str | None) -> None:
    end = quiet.quiet_until(ranges, datetime.fromisoformat(now).timestamp())
    assert end == (until and datetime.fromisoformat(until).timestamp()), what


@pytest.mark.parametrize(
    ("what", "hours", "now", "end"),
    [
        ("set forward: an hour less", NIGHT, "2026-03-28T22:00:00+01:00", "2026-03-29T07:00:00+02:00"),
        ("set back: an hour more", NIGHT, "2026-10-24T22:00:00+02:00", "2026-10-25T07:00:00+01:00"),
        ("the end is skipped", QuietHours(22 * 60, 150), "2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00"),
        ("the end comes twice", QuietHours(22 * 60, 150), "2026-10-25T01:00:00+02:00", "2026-10-25T02:30:00+02:00"),
        ("its second time", QuietHours(22 * 60, 150), "2026-10-25T02:10:00+01:00", "2026-10-25T02:30:00+01:00"),
    ],
)
def test_the_clock_on_the_wall_decides_when_clocks_change(what: str, hours: QuietHours, now: str, end: str) -> None:
    with zone("Europe/Berlin"):
        until = quiet.quiet_until((hours,), datetime.fromisoformat(now).timestamp())
        assert until == datetime.fromisoformat(end).timestamp(), what


def test_a_fraction_of_a_second_does_not_move_the_end() -> None:
    now = datetime(2026, 11, 24, 23, 0, 0, 250_000).astimezone().timestamp()
    assert quiet.quiet_until((NIGHT,), now) == datetime(2026, 11, 25, 7).astimezone().timestamp()


def test_a_time_that_no_calendar_has_is_not_quiet() -> None:
    assert quiet.quiet_until((NIGHT,), 1e18) is None


_MINUTES = st.integers(0, 24 * 60 - 1)
_HOURS = st.builds(QuietHours, _MINUTES, _MINUTES).filter(lambda hours: hours.start != hours.end)
# Both changes of 2026's clocks lie within, and so does a night without one.
_MOMENTS = st.sampled_from([1_774_656_000, 1_792_800_000, 1_781_000_000]).flatmap(
    lambda day: st.integers(day, day + 3 * 86400)
)


@settings(deadline=None, max_examples=60)
@given(st.lists(_HOURS, max_size=3), _MOMENTS, st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata"]))
def test_it_is_quiet_up_to_the_end_and_not_at_the_end(ranges: list[QuietHours], now: int, name: str) -> None:
    def is_quiet(at: int) -> bool:
        local = datetime.fromtimestamp(at).astimezone()
        return any(each.holds(local.hour * 3600 + local.minute * 60 + local.second) for each in ranges)

    with zone(name):
        until = quiet.quiet_until(ranges, now)
        assume(until is None or until < now + 20 * 3600)  # a day needs an hour that is not quiet, also when one is lost
        assert (until is not None) == is_quiet(now)
        if until is not None:
            assert all(map(is_quiet, range(now, int(until), 60)))
            assert is_quiet(int(until) - 1)
            assert not is_quiet(int(until))
