"""When pings come, and the times that a person asks for: tables of values and one moment."""

from datetime import datetime

import pytest

from claude_session_status import keep_warm_times
from claude_session_status.keep_warm_times import Choice
from claude_session_status.model import Request, Source
from fakes import NOW


@pytest.mark.parametrize(
    ("ttl", "age", "minutes", "pings"),
    [
        (3600, 0, 57, 0),
        (3600, 0, 58, 1),
        (3600, 0, 60, 1),
        (3600, 600, 60, 1),
        (3600, 0, 180, 3),
        (300, 0, 60, 14),
        (300, 0, 600, 20),
    ],
)
def test_how_many_pings_come_until_then(ttl: int, age: float, minutes: float, pings: int) -> None:
    request = Request(NOW - age, ttl, Source.TRANSCRIPT)
    assert keep_warm_times.pings_until(request, NOW + minutes * 60, NOW, 20) == pings


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("1h", 3600), ("90m", 5400), ("1h30m", 5400), ("45min", 2700), (" 2H ", 7200), ("23h59m", 86340)),
        *((text, None) for text in ("", "h", "1", "1 h", "0m", "24h", "25h", "-1h", "1.5h", "1h-5m", "٣h", "99999m")),
    ],
)
def test_a_duration_is_read(text: str, seconds: float | None) -> None:
    assert keep_warm_times.seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["18:00", "0:05", "23:59", "24:00", "18.00", "18", "", "7:5", "٠١:٠٠", "-1:00"])
def test_a_clock_time_is_one_of_today(text: str) -> None:
    found = keep_warm_times.today_at(text, NOW)
    if text in ("18:00", "0:05", "23:59"):
        assert found is not None
        assert datetime.fromtimestamp(found).strftime("%H:%M").lstrip("0") in (text, text.lstrip("0"))  # noqa: DTZ006
        assert datetime.fromtimestamp(found).date() == datetime.fromtimestamp(NOW).date()  # noqa: DTZ006
    else:
        assert found is None


def test_what_the_menu_offers_ends_when_it_says() -> None:
    assert keep_warm_times.until_of(Choice.HOUR, NOW) == NOW + 3600
    assert keep_warm_times.until_of(Choice.THREE_HOURS, NOW) == NOW + 3 * 3600
    assert keep_warm_times.until_of(Choice.EVENING, NOW) == keep_warm_times.today_at("18:00", NOW)
    assert keep_warm_times.until_of(Choice.OFF, NOW) is None
