"""lm/judging/markov.py: chains over who speaks."""

from __future__ import annotations

import pytest

from lm.judging.markov import Markov


def test_order_zero_counts_and_smooths() -> None:
    """Witten-Bell by hand: 3 and 1 of 4, two kinds, over a uniform three."""
    chain = Markov(0, [7, 8, 9], [[7, 7, 7, 8]])
    assert chain.probabilities([], 0).tolist() == pytest.approx(
        [(3 + 2 / 3) / 6, (1 + 2 / 3) / 6, (2 / 3) / 6]
    )


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_probabilities_are_probabilities(order: int) -> None:
    """They sum to one and nobody is impossible, whatever came before."""
    chain = Markov(order, [1, 2, 3], [[1, 2, 1, 3, 2, 2], [3, 1]])
    for session in ([], [1, 2, 1], [3, 3, 3], [99, 1, 99]):
        found = chain.probabilities(session, len(session))
        assert found.sum() == pytest.approx(1)
        assert (found > 0).all()


def test_a_longer_memory_sees_a_longer_pattern() -> None:
    """In 1 1 2 2 1 1 2 2 ... one speaker back tells nothing, two tell all."""
    session = [1, 1, 2, 2] * 50
    short, long = (Markov(k, [1, 2], [session]).probabilities([1, 1], 2) for k in (1, 2))
    assert short[1] == pytest.approx(0.5, abs=0.05)
    assert long[1] > 0.95


def test_what_was_never_seen_backs_off() -> None:
    """After an unknown history the chain says what its shorter self says."""
    sessions = [[1, 2, 1, 2, 3]]
    assert Markov(3, [1, 2, 3], sessions).probabilities([3, 3, 1], 3).tolist() == pytest.approx(
        Markov(1, [1, 2, 3], sessions).probabilities([1], 1).tolist()
    )


def test_a_session_begins_with_nobody_before() -> None:
    """Who opens a session is learnt apart from who follows; others are history only."""
    chain = Markov(1, [1, 2], [[1, 2, 2, 2, 99, 1]] * 30)
    assert chain.probabilities([], 0)[0] > 0.9
    assert chain.probabilities([2], 1)[1] > 0.9
    assert chain.probabilities([99], 1)[0] > 0.9
    assert len(chain.probabilities([99], 1)) == 2
