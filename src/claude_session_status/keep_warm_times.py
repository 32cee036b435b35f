"""When pings come, and until when a person wants them. Pure functions of values and `now`."""

import math
from enum import StrEnum

from claude_session_status.model import Request

LONGEST_SECONDS = 86400.0  # the mod takes no order that is older
CONSENT_TTL_SECONDS = 300  # caches with this TTL need many pings
SHORT_LEAD_SECONDS = 60.0  # the mod sends a ping so long before the end of a five-minute cache
LONG_LEAD_SECONDS = 180.0  # the same for an hour-long cache: the client repeats a failed request for some 160 s


# ---- until when -----------------------------------------------------------------


class Choice(StrEnum):
    """What the menu offers."""

    HOUR = "hour"
    THREE_HOURS = "three hours"
    EVENING = "evening"
    OFF = "off"


EVENING = "18:00"
_CHOICE_SECONDS = {Choice.HOUR: 3600.0, Choice.THREE_HOURS: 3 * 3600.0}


def until_of(choice: Choice, now: float) -> float | None:
    """Until when the choice keeps a session warm (epoch seconds); None for `OFF`."""
    if choice is Choice.OFF:
        return None
    return today_at(EVENING, now) if choice is Choice.EVENING else now + _CHOICE_SECONDS[choice]


def seconds_of(text: str) -> float | None:
    """The seconds in `1h`, `90m`, `1h30m`; None for anything else, and for a day or more."""
    import re  # noqa: PLC0415 - only for what a person typed

    found = re.fullmatch(r"(?:([0-9]{1,2})h)?(?:([0-9]{1,4})m(?:in)?)?", text.strip().lower())
    if found is None or not any(found.groups()):
        return None
    seconds = 3600.0 * int(found[1] or 0) + 60.0 * int(found[2] or 0)
    return seconds if 0 < seconds < LONGEST_SECONDS else None


def today_at(text: str, now: float) -> float | None:
    """The moment of a clock time such as `18:00` on this local day (epoch seconds); None for what is no clock time."""
    import re  # noqa: PLC0415 - only for what a person typed
    from datetime import UTC, datetime  # noqa: PLC0415 - as above

    found = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", text.strip())
    if found is None:
        return None
    day = datetime.fromtimestamp(now, UTC).astimezone().date()
    return datetime(day.year, day.month, day.day, int(found[1]), int(found[2])).timestamp()  # noqa: DTZ001 - local time is meant


# ---- when pings come ------------------------------------------------------------


def interval_of(ttl_seconds: int) -> float:
    """The seconds from one request to the ping after it."""
    return ttl_seconds - (SHORT_LEAD_SECONDS if ttl_seconds <= CONSENT_TTL_SECONDS else LONG_LEAD_SECONDS)


def pings_until(request: Request, until: float, now: float, max_pings: int) -> int:
    """How many pings come until then, without a turn in between."""
    interval = interval_of(request.ttl_seconds)
    first = request.started_at + interval
    if until <= max(first, now):
        return 0
    return min(max_pings, math.ceil((until - first) / interval))


def end_of(request: Request, max_pings: int) -> float:
    """Until when `max_pings` pings in a row keep the cache warm."""
    return request.started_at + max_pings * interval_of(request.ttl_seconds) + request.ttl_seconds
