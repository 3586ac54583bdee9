"""The date and time that begin a WhatsApp message, in the shapes that phones write them.

Whether the day or the month stands first is not written anywhere; `DateOrder` infers it from all
dates of a file. Knows no names and no text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import NamedTuple

LONGEST_HEADER = 80  # characters, generously
_AM = ("am", "a.m.", "a. m.", "a.m", "öö", "πμ", "π.μ.", "ص", "上午", "午前", "오전")
_PM = ("pm", "p.m.", "p. m.", "p.m", "ös", "μμ", "μ.μ.", "م", "下午", "午後", "오후")
_HALF = "|".join(map(re.escape, sorted(_AM + _PM, key=len, reverse=True)))
_HEADER = re.compile(  # every part is bounded and no two can match the same characters
    r"(?P<open>\[?)(?P<a>\d{1,4})(?P<mark>[./-]) ?(?P<b>\d{1,2})[./-] ?(?P<c>\d{1,4})\.?"
    r"(?:[,،] ?| )(?:(?:um|à|alle|às|a las|at|в) )?"
    rf"(?P<before>(?:{_HALF}) ?)?(?P<hour>\d{{1,2}})[:.](?P<minute>\d{{2}})"
    rf"(?:[:.](?P<second>\d{{2}}))?(?P<after> ?(?:{_HALF}))?"
    r"(?P<close>\] ?| ?[-–—] |: )",
    re.IGNORECASE,
)
_SPACES = ("\u00a0", "\u2009", "\u202f")
_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\ufeff]")
_EPOCH = date(1970, 1, 1).toordinal()


class Stamp(NamedTuple):
    """What all messages of a day share: the header's shape and the date's fields as written."""

    shape: str
    fields: tuple[int, int, int]
    american: bool  # written as in the United States: 1/31/24, 3:45 PM


class Header(NamedTuple):
    """A header, and where in its line the rest begins."""

    stamp: Stamp
    seconds: int  # of the day
    end: int


def parse_header(line: str) -> Header | None:
    """The header that a line begins with. Looks at its first LONGEST_HEADER characters only."""
    head = line[:LONGEST_HEADER]
    if not head.isascii():
        for space in _SPACES:
            head = head.replace(space, " ")
        head = _MARKS.sub("", head)
    match = _HEADER.match(head)
    if match is None or bool(match["open"]) != match["close"].startswith("]"):
        return None
    half = (match["before"] or match["after"] or "").strip().casefold()
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    if half:
        hour = hour % 12 + (12 if half in _PM else 0) if hour <= 12 else hour
    stamp = Stamp(
        shape=f"{match['open']}{match['mark']}{'s' if match['second'] else ''}"
        f"{12 if half else 24}{len(match['a']) // 3}{len(match['c']) // 3}{match['close'].strip()}",
        fields=(int(match["a"]), int(match["b"]), int(match["c"])),
        american=bool(
            match["mark"] == "/" and len(match["c"]) == 2 and "M" in (match["after"] or "")
        ),
    )
    return Header(stamp, 3600 * hour + 60 * minute + second, _position(line, head, match.end()))


def _position(line: str, head: str, end: int) -> int:
    """Where the header ends in the line itself, counting the marks that head lacks."""
    position = end
    if len(head) < min(len(line), LONGEST_HEADER):
        while len(_MARKS.sub("", line[:position])) < end:
            position += 1
    return position


@dataclass(frozen=True, slots=True)
class DateOrder:
    """Which field is the year, month and day, and how sure that is."""

    year: int
    month: int
    day: int
    assumed: bool = False

    def ordinal(self, fields: tuple[int, int, int]) -> int | None:
        """Days since 1970, None for a date that does not exist."""
        year = fields[self.year]
        if year < 100:
            year += 2000
        elif year > 2400:  # the Buddhist calendar
            year -= 543
        try:
            days = date(year, fields[self.month], fields[self.day]).toordinal() - _EPOCH
        except ValueError:
            return None
        return days if 2000 <= year < 2100 else None

    def __str__(self) -> str:
        names = {self.year: "year", self.month: "month", self.day: "day"}
        order = "/".join(names[i] for i in range(3))
        return f"{order} (assumed: the dates fit either way)" if self.assumed else order


_DAY_FIRST, _MONTH_FIRST = DateOrder(2, 1, 0), DateOrder(2, 0, 1)
_YEAR_FIRST, _YEAR_THEN_DAY = DateOrder(0, 1, 2), DateOrder(0, 2, 1)


def infer_order(stamps: Sequence[Stamp]) -> DateOrder:
    """The order in which most dates exist and time runs backwards least.

    Where several do equally well: the one that spans fewer days, then month first for dates that
    look American, then day first; those two are said to be assumed.
    """
    dates = [s.fields for i, s in enumerate(stamps) if not i or s.fields != stamps[i - 1].fields]
    scores = {order: _score(order, dates) for order in (_DAY_FIRST, _MONTH_FIRST)}
    scores |= {order: _score(order, dates) for order in (_YEAR_FIRST, _YEAR_THEN_DAY)}
    best = min(score[:2] for score in scores.values())
    fits = [order for order, score in scores.items() if score[:2] == best]
    if fits[0].year == 0 or _MONTH_FIRST not in fits[:2] or len(fits) == 1:
        return fits[0]
    fits = fits[:2]
    spans = [scores[order][2] for order in fits]
    second = spans[1] < spans[0] or (spans[1] == spans[0] and stamps[0].american)
    chosen = fits[1] if second else fits[0]
    if len({tuple(order.ordinal(d) for d in set(dates)) for order in fits}) == 1:
        return chosen  # 1/1/21 only: it makes no difference
    return DateOrder(chosen.year, chosen.month, chosen.day, assumed=True)


def _score(order: DateOrder, dates: Iterable[tuple[int, int, int]]) -> tuple[int, int, int]:
    """Dates that do not exist, steps backwards, and days from the first to the last."""
    days = [order.ordinal(fields) for fields in dates]
    real = [day for day in days if day is not None]
    backward = sum(after < before for before, after in pairwise(real))
    return len(days) - len(real), backward, max(real, default=0) - min(real, default=0)
