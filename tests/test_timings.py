"""bot/speaking/sending/timings.py: medians over the last hundred replies."""

from __future__ import annotations

import pytest

from bot.speaking.sending.timings import KEPT, Medians, Timings
from lm.engine.request import Stats


def stats(queued: float, prompt: int = 100, cached: int = 75) -> Stats:
    return Stats(queued, 2 * queued, 3 * queued, prompt, cached, 12)


def test_before_the_first_reply_there_are_none() -> None:
    """Rather than a row of zeros."""
    assert Timings().medians() is None


def test_medians_of_what_was_recorded() -> None:
    """Of every figure by itself; the cached share is of each reply's own prompt."""
    timings = Timings()
    for seconds in (1.0, 9.0, 2.0):
        timings.record(stats(seconds))
    timings.record(stats(2.0, prompt=0, cached=0))  # nothing was read: nothing was cached
    assert timings.medians() == Medians(4, 2.0, 4.0, 6.0, 12, 0.75)


def test_only_the_last_hundred_count() -> None:
    """Yesterday's replies say nothing about now."""
    timings = Timings()
    for _ in range(KEPT):
        timings.record(stats(100.0))
    for _ in range(KEPT):
        timings.record(stats(0.5))
    found = timings.medians()
    assert found is not None
    assert found.replies == KEPT
    assert found.queued_s == pytest.approx(0.5)
