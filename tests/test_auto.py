"""bot/initiative/auto.py: as often as the friend, never too much, not into a void."""

from __future__ import annotations

import random

import pytest

from bot.initiative.auto import (
    HOUR_S,
    MOST_AHEAD,
    MOST_BEHIND,
    PATIENCE,
    REACT_MESSAGES,
    REACT_S,
    SHYEST,
    Auto,
    Friend,
    likely_next,
)

EXPECTED = [n / 100 for n in range(100)]  # the model's chances at a hundred moments
FRIEND = Friend(share=0.2, opening=0.25, expected=EXPECTED)
BOB, THEO = 1, 2


def spoken(slider: float, seed: int = 0, friend: Friend = FRIEND, moments: int = 2000) -> int:
    """Unasked replies in a talk whose chances are those that were expected; Bob always reacts."""
    dice, auto, count = random.Random(seed), Auto(0.0, 10**9), 0
    for moment in range(moments):
        now = 10.0 * moment
        auto.heard(BOB, now, friend, slider, called=False)
        if auto.wants(dice.choice(friend.expected), now, friend, slider):
            auto.said(now, unasked_to=BOB)
            count += 1
    return count


@pytest.mark.parametrize("slider", [0.25, 0.5, 1.0, 2.0])
def test_it_speaks_as_often_as_the_friend_times_the_slider(slider: float) -> None:
    """A fifth of all messages is a quarter of the others', half of that at 0.5."""
    assert spoken(slider) == pytest.approx(2000 * 0.25 * slider, rel=0.05)


def test_a_wrong_threshold_is_made_up_for() -> None:
    """Where live talk looks quite unlike what was expected, the rate still comes out."""
    sure = Friend(0.2, 0.25, [n / 1000 for n in range(100)])  # never above a tenth
    auto, dice, count = Auto(0.0, 10**9), random.Random(1), 0
    for moment in range(2000):
        now = 10.0 * moment
        auto.heard(BOB, now, sure, 1.0, called=False)
        if auto.wants(dice.uniform(0, 0.3), now, sure, 1.0):
            auto.said(now, unasked_to=BOB)
            count += 1
    assert count == pytest.approx(500, rel=0.1)


def test_the_likeliest_moments_are_taken() -> None:
    """At 25 % of the moments the least likely one that is taken is the 75th of a hundred."""
    assert FRIEND.threshold(1.0) == pytest.approx(0.75, abs=0.011)
    assert FRIEND.threshold(0.4) == pytest.approx(0.9, abs=0.011)
    assert FRIEND.threshold(4.0) == 0.0
    assert Friend(0.2, 0.25, []).threshold(1.0) == 1.0
    assert Friend(0.0, 0.0, EXPECTED).threshold(1.0) == 1.0


def test_after_speaking_it_cools_down() -> None:
    """Whatever the chance, for so many seconds it does not speak again unasked."""
    auto = Auto(5.0, 100)
    assert auto.wants(1.0, 0.0, FRIEND, 1.0)
    auto.said(0.0)
    assert not auto.wants(1.0, 4.9, FRIEND, 1.0)
    assert auto.wants(1.0, 5.0, FRIEND, 1.0)


def test_an_hour_has_a_cap() -> None:
    """Only unasked replies count, and those of the last hour."""
    auto = Auto(0.0, 2)
    auto.said(0.0)
    for now in (1.0, 2.0):
        assert auto.wants(1.0, now, FRIEND, 1.0)
        auto.said(now, unasked_to=BOB)
    assert not auto.wants(1.0, 3.0, FRIEND, 1.0)
    assert not auto.wants(1.0, HOUR_S, FRIEND, 1.0)
    assert auto.wants(1.0, HOUR_S + 1.0, FRIEND, 1.0)


def ignore(auto: Auto, times: int) -> None:
    """Let nobody react to so many unasked replies."""
    for _ in range(times):
        auto.said(0.0, unasked_to=BOB)
        for _ in range(REACT_MESSAGES):
            auto.heard(THEO, 1.0, FRIEND, 1.0, called=False)


def due(auto: Auto) -> float:
    """Credit for one more message of somebody else."""
    auto.credit = 0.0
    auto.heard(THEO, 2.0, FRIEND, 1.0, called=False)
    return auto.credit


def test_it_backs_off_when_nobody_reacts() -> None:
    """Half as often after a few unasked replies into the void, then a quarter, never quite mute."""
    auto = Auto(0.0, 100)
    whole = due(auto)
    ignore(auto, PATIENCE)
    assert due(auto) == pytest.approx(whole / 2)
    ignore(auto, PATIENCE)
    assert due(auto) == pytest.approx(whole / 4)
    ignore(auto, 20 * PATIENCE)
    assert due(auto) == pytest.approx(whole * SHYEST)
    auto.reacted()
    assert due(auto) == pytest.approx(whole)


def test_what_is_a_reaction() -> None:
    """Whom it answered speaks again soon, or anybody calls it; not after a long silence."""
    auto = Auto(0.0, 100)
    for user, at, called, ignored in (
        (BOB, 1.0, False, 0),
        (THEO, 1.0, True, 0),
        (BOB, REACT_S + 1, False, 1),
    ):
        auto.reacted()
        auto.said(0.0, unasked_to=BOB)
        auto.heard(user, at, FRIEND, 1.0, called=called)
        assert auto.ignored == ignored, (user, at, called)


def test_a_second_reply_before_anybody_reacted_counts_the_first_as_ignored() -> None:
    """Nobody reacted to it before the persona spoke again."""
    auto = Auto(0.0, 100)
    auto.said(0.0, unasked_to=BOB)
    auto.said(1.0, unasked_to=BOB)
    assert auto.ignored == 1


def test_a_long_silence_is_not_made_up_for() -> None:
    """A persona that could not speak for hours does not flood the chat afterwards; nor is it mute
    for ever after it was called a lot."""
    auto = Auto(0.0, 100)
    for moment in range(1000):
        auto.heard(BOB, float(moment), FRIEND, 1.0, called=False)
    assert auto.credit == MOST_BEHIND
    for moment in range(1000):
        auto.said(float(moment))
    assert auto.credit == -MOST_AHEAD


def test_in_a_silence_the_slow_become_likelier() -> None:
    """Who would have answered by now, and did not, is probably not going to."""
    assert likely_next([0.2, 0.6, 0.2], 0) == pytest.approx(0.2)
    assert likely_next([0.2, 0.6, 0.2], 0, [1.0, 0.1, 0.1]) == pytest.approx(0.2 / 0.28)
    assert likely_next([0.0, 0.0], 0) == 0.0
