"""bot/initiative/expectations.py: the model and the group's turn-taking, mixed by their worth."""

from __future__ import annotations

import random

import pytest

from bot.initiative.expectations import MOST_AGAIN, Expectations, Moment

SESSIONS = [[0, 1] * 20 for _ in range(10)]  # two who take turns, a third who is silent
FLAT = (1 / 3, 1 / 3, 1 / 3)


def moments(model: tuple[float, float, float] | None, count: int = 60) -> list[Moment]:
    """Moments of the same talk, where the model says this, or else the truth."""
    found = []
    for place in range(1, count):
        truth = place % 2
        sure = tuple(0.9 if column == truth else 0.05 for column in range(3))
        before = [each % 2 for each in range(max(0, place - 3), place)]
        found.append(Moment(before, model or sure, truth))
    return found


def test_a_model_that_knows_nothing_is_not_asked() -> None:
    """Then who spoke before says it all; a model that knows better takes over."""
    young = Expectations(3, SESSIONS, moments(FLAT))
    assert young.weight > 0.9
    assert young.chances([0, 1, 0], FLAT)[1] > 0.9
    noise = random.Random(1)
    mess = [[noise.randrange(3) for _ in range(40)] for _ in range(10)]
    grown = Expectations(3, mess, moments(None))
    assert grown.weight < 0.2


def test_what_is_expected_is_of_moments_when_others_spoke() -> None:
    """Of each column, sorted: those are the moments among which a persona chooses."""
    found = Expectations(3, SESSIONS, moments(None))
    assert len(found.expected[0]) == 29  # of 59, after column 1
    assert found.expected[0] == sorted(found.expected[0])


def test_chances_are_shares() -> None:
    """They sum to one, in whatever unit the model's are."""
    found = Expectations(3, SESSIONS, moments(None))
    assert sum(found.chances([0, 1], [2.0, 1.0, 1.0])) == pytest.approx(1)
    assert sum(found.chances([], [0.0, 0.0, 0.0])) <= 1


def test_bursts_are_as_frequent_as_they_are() -> None:
    """A model that expects everybody to go on half of the time is corrected by what people do."""
    bold = tuple(Moment(m.before, (0.5, 0.5, 0.0), m.truth) for m in moments(None))
    found = Expectations(3, [], bold)
    assert found.goes_on([0, 1], (0.5, 0.5, 0.0)) < 0.05  # in this talk nobody ever does
    chatty = [Moment([0], (0.5, 0.5, 0.0), int(n % 10 == 0)) for n in range(100)]
    found = Expectations(3, [], chatty)
    assert found.goes_on([0], (0.5, 0.5, 0.0)) == pytest.approx(MOST_AGAIN, abs=0.05)


def test_without_moments_nothing_is_expected() -> None:
    """A group of a few messages: nobody speaks unasked there."""
    found = Expectations(1, [], [])
    assert found.expected == [[]]


def test_where_all_was_forgotten_nobody_goes_on() -> None:
    """A chat may lose its context while the model is asked."""
    found = Expectations(3, SESSIONS, moments(None))
    assert found.goes_on([], (0.5, 0.5, 0.0)) == 0
