"""The hours of the day in which nobody is notified, such as `22:00-07:00`.

The clock on the wall decides: when clocks change at night, quiet still ends at seven. Pure functions of values, `now`
and the local time zone.
"""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from claude_session_status.values import Value

_DAY = 86400
_FORM = re.compile(r"\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*", re.ASCII)


class QuietHours(Value):
    """From `start` until `end`, in minutes after midnight; over midnight where `end` comes first."""

    start: int
    end: int

    def __str__(self) -> str:
        return "-".join(f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (self.start, self.end))

    def holds(self, second: int) -> bool:
        """Whether a second of the day, counted from midnight, lies within."""
        start, end = self.start * 60, self.end * 60
        return start <= second < end if start < end else second >= start or second < end


def parse(text: str) -> QuietHours | None:
    """Return the hours in a text such as `22:00-07:00`; None for another form. `24:00` is the end of a day."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    start, end = (_minutes(hour, minute) for hour, minute in (found.groups()[:2], found.groups()[2:]))
    if start is None or end is None or start == end or start == _DAY // 60:
        return None
    return QuietHours(start, end % (_DAY // 60))


def _minutes(hour: str, minute: str) -> int | None:
    minutes = int(hour) * 60 + int(minute)
    return minutes if int(minute) < 60 and minutes <= _DAY // 60 else None


def quiet_until(ranges: Sequence[QuietHours], now: float) -> float | None:
    """Return when it stops being quiet (epoch seconds); None when it is not quiet at `now`.

    Ranges that follow each other are one. Where they leave no second of the day, the end is about a day ahead.
    """
    if not ranges or not math.isfinite(now):
        return None
    start = at = float(math.floor(now))
    while at < start + _DAY and (within := _holding(ranges, at)):
        second = _second_of_day(at) or 0
        ahead = max((each.end * 60 - second - 1) % _DAY + 1 for each in within)
        at = at + ahead if _second_of_day(at + ahead) == (second + ahead) % _DAY else _end(within, at, at + ahead)
    return at if at > start else None


def _holding(ranges: Sequence[QuietHours], at: float) -> list[QuietHours]:
    """Return the ranges in which a moment lies."""
    second = _second_of_day(at)
    return [] if second is None else [each for each in ranges if each.holds(second)]


def _end(ranges: Sequence[QuietHours], quiet: float, later: float) -> float:
    """Return the first second after `quiet` outside the ranges, or `later` if it is still quiet then.

    For the nights in which clocks change, when the time of day does not say how many seconds are left.
    """
    if _holding(ranges, later):
        return later  # clocks were set back
    while later - quiet > 1:
        middle = float(math.floor((quiet + later) / 2))
        quiet, later = (middle, later) if _holding(ranges, middle) else (quiet, middle)
    return later


def _second_of_day(at: float) -> int | None:
    """Return the local time of day in seconds; None for a time that this system can't convert."""
    try:
        local = datetime.fromtimestamp(at, UTC).astimezone()
    except (OSError, OverflowError, ValueError):
        return None
    return local.hour * 3600 + local.minute * 60 + local.second
