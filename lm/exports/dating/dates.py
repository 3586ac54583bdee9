"""Which field of a written date is the year, the month and the day: inferred from a whole file.

Knows numbers only; headers.py reads them from text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from lm.exports.columns import Ints
from lm.exports.dating.calendars import LUNAR_HIJRI, ordinal

Fields = tuple[int, int, int]
NO_DAY = -(1 << 40)  # a date that does not exist; before any that does
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _LAST = (date(*day).toordinal() - _EPOCH for day in ((2000, 1, 1), (2099, 12, 31)))


class Written(NamedTuple):
    """A date as it stands: its three numbers, and what its form says about their order.

    known:     the fields are year, month and day for certain (December 25, 2023)
    unpadded:  as people write them in the United States (1/31/24)
    day_first: nobody writes the month first in this form (25.12.23, 25-12-23)
    hyphens:   the numbers are joined by hyphens
    """

    fields: Fields
    known: bool = False
    unpadded: bool = False
    day_first: bool = False
    hyphens: bool = False


@dataclass(frozen=True, slots=True)
class DateOrder:
    """Which field is the year, month and day, why, and whether that is a guess."""

    year: int
    month: int
    day: int
    reason: str = ""
    assumed: bool = False

    def ordinal(self, fields: Fields) -> int:
        """Days since 1970, NO_DAY for a date that does not exist or is not of this century."""
        year = fields[self.year]
        if year < 100:  # Thai phones write 66 for 2566; WhatsApp began in 2552
            year += 2500 if year >= 52 else 2000
        try:
            days = ordinal(year, fields[self.month], fields[self.day]) - _EPOCH
        except ValueError:
            return NO_DAY
        return days if _FIRST <= days <= _LAST else NO_DAY

    @property
    def letters(self) -> str:
        """As in `--date-order`: "dmy", "mdy" or "ymd"."""
        return "".join({self.year: "y", self.month: "m", self.day: "d"}[i] for i in range(3))

    @property
    def question(self) -> str:
        """What to ask, with the answers."""
        return "--date-order dmy, mdy or ymd"

    def __str__(self) -> str:
        names = {"d": "day", "m": "month", "y": "year"}
        order = "/".join(names[letter] for letter in self.letters)
        return f"{order} (assumed: the dates fit either way)" if self.assumed else order


_ORDERS = {
    "dmy": DateOrder(2, 1, 0),
    "mdy": DateOrder(2, 0, 1),
    "ymd": DateOrder(0, 1, 2),
    "ydm": DateOrder(0, 2, 1),  # Kazakhstan
}


def given_order(letters: str) -> DateOrder:
    """The order that the operator named."""
    order = _ORDERS[letters]
    return DateOrder(order.year, order.month, order.day, "given by --date-order")


def infer_order(
    table: Sequence[Written], sequence: Sequence[int], american: bool = False, asian: bool = False
) -> DateOrder:
    """The order in which most dates exist and time runs backwards least.

    table:    every different date of the file
    sequence: indexes into it, as dates change from message to message
    american: its clocks say AM and PM, in capitals
    asian:    its clocks have the words of China, Japan or Korea, where the year comes first

    Where several orders do equally well, what the form of the dates says decides; else it is said
    to be assumed: the one that spans fewer days, then what looks American, then day first.
    """
    seen = np.asarray(sequence, np.int64)
    if table and all(written.known for written in table):
        return _because("ymd", "the form of the dates says it")
    scores = {name: _score(order, table, seen) for name, order in _ORDERS.items()}
    best = min(score[:2] for score in scores.values())
    fits = [name for name, score in scores.items() if score[:2] == best]
    if len(fits) == 1:
        return _because(fits[0], f"only {fits[0]} makes dates that exist and run forwards")
    if fits[0] == "ymd":
        return _because("ymd", "a year of four digits stands first")
    first = table[sequence[0]] if len(sequence) else Written((0, 0, 0))
    if asian and "ymd" in fits:
        return _because("ymd", "this clock is used where the year stands first")
    fits = [name for name in fits if _plausible(name, first, scores)] or fits[:1]
    if len(fits) == 1:
        return _because(fits[0], "the only usual order of dates in this form")
    if len({tuple(_ORDERS[name].ordinal(w.fields) for w in table) for name in fits}) == 1:
        return _because(fits[0], "every date is the same day either way")
    chosen = min(
        fits, key=lambda n: (scores[n][2], n != "mdy" if american and first.unpadded else 0)
    )
    return _because(chosen, "the most usual that fits", assumed=True)


def are_lunar(table: Sequence[Written]) -> bool:
    """Whether most of these dates have a year of the lunar calendar, whose days nobody can tell."""
    lunar = sum(any(number in LUNAR_HIJRI for number in written.fields) for written in table)
    return 2 * lunar > len(table)


def _plausible(name: str, first: Written, scores: Mapping[str, tuple[int, int, int]]) -> bool:
    """Whether people write dates of a form in an order, where all orders give dates that exist."""
    if name == "ymd":  # a year of two digits in front: rare, and only with hyphens
        return first.hyphens and scores["ymd"][2] <= min(scores["dmy"][2], scores["mdy"][2])
    return name == "dmy" or (name == "mdy" and not first.day_first)


def _because(name: str, reason: str, assumed: bool = False) -> DateOrder:
    order = _ORDERS[name]
    return DateOrder(order.year, order.month, order.day, reason, assumed)


def _score(order: DateOrder, table: Sequence[Written], seen: Ints) -> tuple[int, int, int]:
    """Dates that do not exist, steps backwards, and days from the first to the last."""
    known = np.array([order.ordinal(written.fields) for written in table], np.int64)
    days = known[seen] if len(seen) else known[:0]
    real = days[days != NO_DAY]
    if not len(real):
        return len(days), 0, 0
    return len(days) - len(real), int((np.diff(real) < 0).sum()), int(real.max() - real.min())
