"""Where the headers of WhatsApp's text begin to look different: the exports of two phones, joined.

A phone writes a whole export in one way. Headers of another kind inside a message are either pasted
there, then few and older than the message, or another export begins with the first of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import compress, repeat
from typing import NamedTuple

import numpy as np

from lm.exports.dating.dates import NO_DAY, DateOrder, Written, infer_order
from lm.exports.dating.headers import LAYOUTS, Layout, find_layout, read_day
from lm.exports.whatsapp.pieces import tidy

FEW = 5  # headers that begin a stretch of their own if they are not older than what is before
MANY = 50  # headers that nobody pastes into one message
_LOOKED_AT = 1 << 18  # bytes: more than a message has, and several headers


class Switch(NamedTuple):
    """What belongs to the message where the headers change, the rest, and the layout of that."""

    before: bytes
    after: bytes
    layout: Layout


def may_switch(texts: list[bytes]) -> Iterator[int]:
    """Places of texts that have lines enough."""
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    long = np.flatnonzero(sizes > 20 * FEW).tolist()
    lines = map(bytes.count, map(texts.__getitem__, long), repeat(b"\n"))  # all of it in C
    return compress(long, map(FEW.__le__, lines))


def switch(coded: bytes, sent: Written, order: DateOrder) -> Switch | None:
    """Where in a message another stretch begins, None where none does.

    sent:  the date of the message
    order: of the dates before it
    """
    start = tidy(coded[:_LOOKED_AT].decode(errors="replace"))
    layout = max(LAYOUTS, key=lambda layout: len(layout.pattern.findall(start)))
    headers = list(layout.pattern.finditer(start))
    if len(headers) < FEW:
        return None
    days = [read_day(header[2 if layout.time_first else 1]) for header in headers]
    later = _not_older([day.written for day in days if day], sent, order)
    at = _line(coded, start.count("\n", 0, headers[0].start()))
    found = find_layout(start[headers[0].start() :], coded[at:_LOOKED_AT])
    if found is None or not (later or len(headers) >= MANY):
        return None
    return Switch(coded[:at], coded[at:], found[0])


def _line(coded: bytes, number: int) -> int:
    """Where the line feed of that number stands, from 0."""
    at = -1
    for _ in range(number + 1):
        at = coded.index(b"\n", at + 1)
    return at


def _not_older(dates: list[Written], sent: Written, order: DateOrder) -> bool:
    """Whether none of the dates is before the day of the message that holds them."""
    theirs = infer_order(dates, range(len(dates)))
    if theirs.assumed:
        theirs = order
    days = [theirs.ordinal(written.fields) for written in dates]
    real = [day for day in days if day != NO_DAY]
    return bool(real) and min(real) >= order.ordinal(sent.fields)
