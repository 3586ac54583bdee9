"""Rules of choosing among replies: likely here, not just anywhere, and in the persona's way."""

from __future__ import annotations

import math

import pytest

from bot.speaking.voice.choosing import Candidate, best_first
from lm.engine.request import Reply


def candidate(here: float, by_whom: list[float], tokens: int = 4) -> Candidate:
    return Candidate(Reply([7] * tokens, "stop", here), here, by_whom)


def test_the_likelier_one_wins() -> None:
    """All else equal."""
    likely, unlikely = candidate(-5, [-20, -20]), candidate(-9, [-20, -20])
    assert best_first([unlikely, likely]) == [likely, unlikely]


def test_what_fits_everywhere_is_worth_less() -> None:
    """Equally likely here, the reply that is unlikely elsewhere says more about this talk."""
    bland, fitting = candidate(-8, [-8, -8]), candidate(-8, [-30, -30])
    assert best_first([bland, fitting])[0] is fitting


def test_the_personas_own_way_wins() -> None:
    """Equally likely here and anywhere, what others would hardly say is better."""
    anybody, own = candidate(-8, [-20, -20, -20]), candidate(-8, [-20, -29, -29])
    assert best_first([anybody, own])[0] is own
    assert anybody._own_way() == pytest.approx(-math.log(3))
    assert own._own_way() == pytest.approx(0, abs=1e-3)


def test_length_is_worth_less_than_its_sum() -> None:
    """Twice the information in twice the words is better, in four times the words it is not."""
    short = candidate(-10, [-14.0] * 2, 4)
    assert best_first([short, candidate(-20, [-28.0] * 2, 9)])[0] is not short
    assert best_first([short, candidate(-40, [-48.0] * 2, 24)])[0] is short


def test_the_order_of_equals_is_kept() -> None:
    """So that a seed gives the same choice."""
    pair = [candidate(-5, [-9.0]), candidate(-5, [-9.0])]
    assert best_first(pair)[0] is pair[0]


def test_impossible_speakers_do_no_harm() -> None:
    """Scores far below any float's exponent are no error."""
    assert math.isfinite(candidate(-5, [-9.0, -5000.0]).worth)


def test_what_was_cut_off_comes_last() -> None:
    """It is half a line, and nothing can be said of how likely its end would have been."""
    whole, cut = candidate(-9, [-10, -10]), candidate(-5, [-30, -30])
    for reason in ("guard", "length", "loop"):
        half = Candidate(Reply(cut.reply.tokens, reason, -5), -5, cut.by_whom)
        assert best_first([half, whole]) == [whole, half]
