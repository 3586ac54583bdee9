"""Gathers a speaker's figures from the group's messages, newest first, in bounded time.

Reads short spans, so that replies are stored in between, and counts them in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.profile.figures import Figures
from storage import excerpts
from storage.excerpts import Row
from storage.store import Store

SPAN = 20_000  # ids that are read at once
MOST = 100_000  # of the speaker's newest messages are counted
MOST_OTHERS = 100_000  # of others', to compare words with


async def gather(store: Store, group: int, speaker: int, zone: str = "") -> Figures:
    """The figures of a speaker who agreed; of their newest MOST messages where there are more.

    zone: by whose clock, as in Figures
    """
    figures, others = Figures(zone), 0
    first, last = await store.read(lambda db: excerpts.bounds(db, group))
    while last >= first and figures.messages < MOST:
        start, only = max(first, last - SPAN + 1), None if others < MOST_OTHERS else speaker
        rows = await _span(store, group, start, last, only)
        others += await asyncio.to_thread(_count, figures, rows, speaker)
        last = start - 1
    return figures


async def _span(store: Store, group: int, start: int, last: int, only: int | None) -> list[Row]:
    return await store.read(lambda db: excerpts.span(db, group, start, last, only))


def _count(figures: Figures, rows: Sequence[Row], speaker: int) -> int:
    """Count a span; how many messages of others were in it."""
    theirs = [row for row in rows if row[1] == speaker]
    figures.add((text, sent_at) for _, _, text, sent_at in theirs)
    figures.compare(text for _, who, text, _ in rows if who != speaker)
    return len(rows) - len(theirs)
