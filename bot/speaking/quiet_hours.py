"""Quiet hours: from when to when a chat is left alone, by the clock of its time zone.

Minutes count from midnight. Hours that begin later than they end go over midnight.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

DAY = 24 * 60
_AREAS = "Africa America Antarctica Arctic Asia Atlantic Australia Europe Indian Pacific Etc"
_HOURS = re.compile(
    r"([0-9]{1,2})(?:[:.]([0-9]{2}))?\s{0,3}(?:-|\u2013|to)\s{0,3}([0-9]{1,2})(?:[:.]([0-9]{2}))?"
)


def is_quiet(begin: int | None, end: int | None, zone: str, at: float) -> bool:
    """Whether `at` (seconds since 1970) is within the quiet hours; without any it never is.

    zone: an IANA name; "" is the time zone of this machine
    """
    if begin is None or end is None:
        return False
    minute = minute_of_day(zone, at)
    if begin <= end:
        return begin <= minute < end
    return minute >= begin or minute < end


def minute_of_day(zone: str, at: float) -> int:
    """Minutes since midnight in that zone."""
    local = datetime.fromtimestamp(at, ZoneInfo(zone)) if zone else datetime.fromtimestamp(at)
    return 60 * local.hour + local.minute


def read_hours(words: str) -> tuple[int, int]:
    """Read `23-8` or `22:30-7` as two minutes of the day. Raises ValueError otherwise."""
    found = _HOURS.fullmatch(words.strip().casefold())
    if found is None:
        raise ValueError(f"hours = {words[:20]!r}: two times like 23-8 or 22:30-7")
    hour, minute, last_hour, last_minute = (int(each or 0) for each in found.groups())
    begin, end = 60 * hour + minute, 60 * last_hour + last_minute
    if max(minute, last_minute) > 59 or begin > DAY or end > DAY or begin % DAY == end % DAY:
        raise ValueError(f"hours = {words[:20]!r}: two different times of a day")
    return begin % DAY, end % DAY


def show_hours(begin: int, end: int) -> str:
    """Two minutes of the day as people write them: 23:00-08:00."""
    return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (begin, end))


def read_zone(words: str) -> str:
    """The IANA name of a time zone, typed in any case, or by its city alone. Or ValueError."""
    wanted = "_".join(words.split()).casefold()
    zones = _zones()
    cities = [name for folded, name in zones.items() if folded.rpartition("/")[2] == wanted]
    if wanted not in zones and not cities:
        raise ValueError(f"zone = {words[:40]!r}: no time zone like Europe/Berlin")
    return zones.get(wanted) or cities[0]


@cache
def _zones() -> dict[str, str]:
    """Every zone of an area by its folded name; `posix/` and the like are doubles."""
    areas = _AREAS.split()
    return {
        name.casefold(): name
        for name in sorted(available_timezones())
        if name == "UTC" or name.split("/")[0] in areas
    }
