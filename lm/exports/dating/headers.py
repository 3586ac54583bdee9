"""The date and time that begin a WhatsApp message, in the shapes that phones write them.

A header is a date, a time and a close ("] " or " - "), or the time first. One pattern a layout
finds them; what it finds is a few thousand different dates and times, each understood once. Knows
no names and no text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from lm.exports.dating.clocks import HALVES, half_day
from lm.exports.dating.dates import Written
from lm.exports.dating.months import month

_ERAS = {
    "R": 2018,
    "令和": 2018,
    "H": 1988,
    "平成": 1988,
    "S": 1925,
    "昭和": 1925,
    "民國": 1911,
    "民国": 1911,
    "西暦": 0,
    "公元": 0,
}
_S = "[ \u00a0\u2009\u202f]"  # a blank, as wide or narrow as phones make it
_NARROW = "\u202f"
_ERA = "[RHS令平昭民西公][和成國国暦元]?"
_AFTER_YEAR = rf"(?:{_S}?(?:BE|B\.E\.|พ\.ศ\.|ค\.ศ\.|AD|CE|AP|AH|هـ|г\.?|р\.|[RHS]\b))?"
_NUMERIC = (
    rf"(?:{_ERA}{_S}?)?\d{{1,4}}\u200e?(?:[./-]{_S}?\d{{1,2}}\u200e?[./-]{_S}?(?:{_ERA}{_S}?)?\d{{1,4}}"
    rf"\.?{_AFTER_YEAR}|{_S}?[年년]{_S}?\d{{1,2}}{_S}?[月월]{_S}?\d{{1,2}}{_S}?[日일]"
    rf"|{_S}(?:thg|tháng){_S}\d{{1,2}},?{_S}\d{{4}})"
)
_WORD = r"[^\W\d_][^\d\n,،:\[\]]{1,15}"
_WORDED = (
    rf"(?:{_WORD}[,،]?{_S})?"  # Tuesday,
    rf"(?:\d{{1,2}}\.?{_S}{_WORD}\.?[,،]?{_S}\d{{4}}|{_WORD}{_S}\d{{1,2}}[,،]?{_S}\d{{4}}"
    rf"|\d{{4}}\.?{_S}{_WORD}{_S}\d{{1,2}}\.?){_AFTER_YEAR}"
)
_HALVES = "|".join(map(re.escape, HALVES)).replace("\\ ", _S)
_HALF = rf"(?:{_HALVES}|[AaPp]\.?{_S}?[Mm]\.?)"
_OCLOCK = r"(?:ч\.|น\.|Uhr)"
_HOURS = rf"\d{{1,2}}(?:[:.]|{_S}?h{_S}?)\d{{2}}(?:(?:[:.]|{_S}?min{_S}?)\d{{2}}(?:{_S}s)?)?"
_TIME = (  # what looks ahead spares trying many words where there is none
    rf"(?:(?!\d){_HALF}{_S}?)?{_HOURS}(?:(?!{_S}?[-–—\]:,،])(?:{_S}?{_OCLOCK})?(?:{_S}?{_HALF})?)?"
)
_BETWEEN = rf"(?:[,،]{_S}?|{_S})(?:(?:um|à|alle|às|a las|at|u|o|в|о|klo|kl\.|pukul|lúc|ที่|的){_S})?"
_ENDS = {"bracket": (r"\[", rf"\](?:{_S}-)?{_S}?"), "dash": ("", rf"{_S}?[-–—]{_S}|:{_S}")}


class Layout(NamedTuple):
    """How the headers of a file are built, and the pattern that finds them after a line's end.

    The pattern's groups: the first part with what follows it, the second part with the close, and
    what stands between the header and a colon with a blank if that is short enough for a name.
    plain: finds the same in UTF-8 where the headers are as most phones write them, else None
    """

    name: str
    pattern: re.Pattern[str]
    time_first: bool
    plain: re.Pattern[bytes] | None = None


def _layout(end: str, date: str, time_first: bool) -> Layout:
    """Every part is bounded, and no two can match the same characters: linear in any text."""
    opened, close = _ENDS[end]
    first, second = (_TIME, date) if time_first else (date, _TIME)
    pattern = re.compile(
        rf"\n[\u200e\ufeff]{{0,8}}({opened}{first}{_BETWEEN})({second}(?:{close}))"
        r"(?:\u200e?([^\n:]{1,100}): )?"
    )
    kind = "numbers" if date == _NUMERIC else "words"
    return Layout(
        f"{end}, {'time first' if time_first else 'date first'}, {kind}", pattern, time_first
    )


LAYOUTS = tuple(
    _layout(end, date, time_first)
    for date in (_NUMERIC, _WORDED)
    for time_first in (False, True)
    for end in _ENDS
)


# What steers the direction of text, and may stand before some headers only.
_MARKS = "|".join("\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069\ufeff")


def _plain(end: str, mark: str) -> re.Pattern[bytes]:
    """What most phones write, found in a third of the time that the patterns above take."""
    opened, close = (r"\[", r"\] ") if end == "bracket" else ("", " - ")
    date = rf"{opened}\d{{1,4}}+{mark}\d{{1,2}}+{mark}\d{{1,4}}+,? "
    late = rf"(?::\d\d)?(?:(?: |{_NARROW})[AaPp][Mm])?{close}"
    time = rf"\d{{1,2}}+:\d\d(?:{close}|{late})"  # `re` tries branches sooner than repeats
    name = r"(?:([^\n:]{1,100}+): |)"
    return re.compile(rf"\n(?:|(?:{_MARKS}){{1,8}})({date})({time}){name}".encode())


_PLAIN = tuple(_plain(end, mark) for end in _ENDS for mark in ("/", r"\.", "-"))


class Day(NamedTuple):
    """A date and the shape in which it is written."""

    written: Written
    shape: str


class Clock(NamedTuple):
    """Seconds of the day, the shape in which they are written, and the words for half a day."""

    seconds: int
    shape: str
    half: str


def find_layout(text: str, coded: bytes | None = None) -> tuple[Layout, int] | None:
    """The layout of the first header in a text, and how many it has; None where there is none.

    coded: the text as it is read later, where marks may stand that `text` is without
    """
    found = [
        (match.start(), layout) for layout in LAYOUTS if (match := layout.pattern.search(text))
    ]
    if not found:
        return None
    _, layout = min(found, key=lambda pair: pair[0])
    count = sum(1 for _ in layout.pattern.finditer(text))
    coded = text.encode(errors="replace") if coded is None else coded
    plain = (plain for plain in _PLAIN if sum(1 for _ in plain.finditer(coded)) == count)
    return layout._replace(plain=next(plain, None)), count


_YEARLESS = re.compile(  # as phones put it when messages are copied instead of exported
    rf"\n\[?(?:\d{{1,2}}[./-]\d{{1,2}}\.?,?{_S}{_TIME}|{_TIME},{_S}\d{{1,2}}[./-]\d{{1,2}}\.?)"
    rf"(?:\]{_S}|{_S}-{_S})[^\n:]{{1,100}}: "
)


def first_without_year(text: str) -> int:
    """The number of the line where the first header without a year stands, 0 for none."""
    found = _YEARLESS.search(f"\n{text}")
    return f"\n{text}".count("\n", 0, found.end()) if found else 0


_NUMBERS = re.compile(rf"({_ERA})?{_S}?(\d+)")
_ERA_BEHIND = re.compile(rf"{_S}([RHS])(?:\W|$)")
_MARK = re.compile("[-./년年]")
_BLANKS = re.compile(r"[\s\d,،\[]+")


def read_day(raw: str) -> Day | None:
    """A date as a layout found it. None where its month has an unknown name."""
    found = _NUMBERS.findall(raw)
    if len(found) == 2:
        return _worded_day(raw, [int(digits) for _, digits in found])
    a, b, c = (int(digits) + _ERAS.get(era, 0) for era, digits in found[:3])
    first, last = len(found[0][1]), len(found[2][1])
    if era := _ERA_BEHIND.search(raw):
        a, c, last = (a, c + _ERAS[era[1]], 4) if first < 3 else (a + _ERAS[era[1]], c, last)
    found_mark = _MARK.search(raw)
    mark = found_mark[0] if found_mark else ""
    written = Written(
        (a, b, c),
        known=mark in ("年", "년"),
        unpadded=mark == "/" and last == 2 and "0" not in (found[0][1][0], found[1][1][0]),
        day_first=mark in (".", "-", ""),  # "": Vietnam's 25 thg 12, 2023
        hyphens=mark == "-",
    )
    return Day(written, f"{mark}{first > 2:d}{last > 2:d}")


def _worded_day(raw: str, numbers: list[int]) -> Day | None:
    """A date whose month is a word."""
    words = _BLANKS.split(raw)
    months = [number for word in words if (number := month(word))]
    if not months:
        return None
    year, day = max(numbers), min(numbers)
    return Day(Written((year, months[-1], day), known=True), "word")


_CLOCK = re.compile(
    rf"(\d{{1,2}})(?:[:.]|{_S}?h{_S}?)(\d{{2}})(?:(?:[:.]|{_S}?min{_S}?)(\d{{2}})(?:{_S}s)?)?"
    rf"(?:.?{_OCLOCK})?"
)


def read_clock(raw: str) -> Clock | None:
    """A time as a layout found it. None where there is no such time."""
    match = _CLOCK.search(raw)
    if match is None:
        return None
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    words = raw[: match.start()] + raw[match.end() :]
    half = " ".join(re.sub(r"[\[\]:,،\-–—]", " ", words).split())
    if half:
        hour = half_day(hour, half)
    shape = f"{'s' if match[3] else ''}{12 if half else 24}"
    return Clock(3600 * hour + 60 * minute + second, shape, half)
