"""Years of other calendars than the Gregorian, told by their numbers, as phones write them.

Thailand's are 543 ahead. Iran's begin at the spring equinox; the lunar ones of Islam need tables of
what was seen or decreed where, so that no rule gives their days.
"""

from __future__ import annotations

from datetime import date

BUDDHIST = 543  # years ahead
SOLAR_HIJRI = range(1380, 1430)  # 2001 to 2051
LUNAR_HIJRI = range(1430, 1480)  # 2008 to 2057
_BEFORE = 226_894  # days of date.toordinal before 1 Farvardin 1


def ordinal(year: int, month: int, day: int) -> int:
    """`date.toordinal` of a day whose year is of any of these calendars. ValueError for none."""
    if year in SOLAR_HIJRI:
        return _solar_hijri(year, month, day)
    return date(year - BUDDHIST if year > 2400 else year, month, day).toordinal()


def _solar_hijri(year: int, month: int, day: int) -> int:
    """Iran's civil calendar by its cycle of 33 years with 8 leap years.

    The equinoxes in Tehran keep it from 1210 to 1634 (K. M. Borkowski, The Persian calendar for
    3000 years, Earth, Moon and Planets 74, 1996). Six months have 31 days, five 30, the last 29.
    """
    leap = (8 * year + 29) // 33 - (8 * year + 21) // 33  # whether the last month has 30
    longest = 31 if month <= 6 else 30 if month < 12 else 29 + leap
    if not (1 <= month <= 12 and 1 <= day <= longest):
        raise ValueError(f"{year}-{month}-{day} is no date")
    before = 30 * (month - 1) + min(month - 1, 6) + day
    return 365 * (year - 1) + (8 * year + 21) // 33 + _BEFORE + before
