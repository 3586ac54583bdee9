"""lm/judging/ranking.py: which message came next, as predictors of known skill see it."""

from __future__ import annotations

import numpy as np
import pytest

from lm.corpus.batches import Ids
from lm.corpus.message import Message
from lm.judging.contexts import Contexts
from lm.judging.intervals import Floats
from lm.judging.ranking import AWAY, CHOICES, Ranking, choices, rank
from lm.models.predictor import Predictor
from tests.predictors import TOKENIZER, WORDS, A, B, C, Favours, Uniform, quiet

NAMED = [A, B, C]


def pairs(count: int = 60) -> list[list[Message]]:
    """Sessions in which 1 names two foods and 2 says them after 1."""
    generator = np.random.default_rng(2)
    found = []
    for _ in range(count):
        first, second = generator.choice(WORDS, 2, replace=False)
        found.append([Message(1, f"{first} {second}"), Message(2, f"{first} {second}")])
    return found


def ranking(model: Predictor, said: list[list[Message]]) -> Ranking:
    found = rank(model, Contexts(TOKENIZER, said, 64), NAMED, 1, quiet)
    assert found is not None
    return found


def repeating(tokens: Ids) -> list[int]:
    """Tokens that the message before this one held."""
    ends = np.flatnonzero(tokens == TOKENIZER.end)
    return [] if not len(ends) else [int(t) for t in tokens[: ends[-1]] if t < TOKENIZER.end]


def test_who_knows_nothing_guesses() -> None:
    """A uniform model has exactly the accuracy of chance: context tells it nothing."""
    assert ranking(Uniform(), pairs()).pmi.value == pytest.approx(1 / CHOICES)


def test_who_sees_the_echo_finds_it() -> None:
    """A model that expects the words before finds nearly every answer."""
    said = pairs()
    found = ranking(Favours(repeating, 50), said)
    assert found.pmi.value > 0.8
    assert found.pmi.low is not None
    assert found.pmi.low > 0.7


def test_mutual_information_is_not_taken_in_by_what_is_always_likely() -> None:
    """Likelihood picks what the model would say anyway; the difference to no context does not."""
    jam = set(TOKENIZER.encode("jam") + TOKENIZER.encode(" jam"))

    class Fond(Favours):
        """Expects the echo, and jam a thousand times more."""

        def after(self, tokens: Ids) -> Floats:
            weights = super().after(tokens)
            weights[list(jam)] *= 1000
            found: Floats = weights / weights.sum()
            return found

    found = ranking(Fond(repeating, 50), pairs())
    assert found.likelihood.value < found.pmi.value


def test_choices_are_hard_and_fair() -> None:
    """Nine others: same speaker, like length, not around the corner, all of different texts."""
    generator = np.random.default_rng(3)
    session = [
        Message(1 + i % 2, " ".join(generator.choice(WORDS, generator.integers(1, 5))))
        for i in range(400)
    ]
    items = Contexts(TOKENIZER, [session[:200], session[200:]], 64).items
    found = choices(items, NAMED, 1)
    assert len(found) > 200
    assert len({choice[0] for choice in found}) == len(found)
    for choice in found:
        true, others = items[choice[0]], [items[i] for i in choice[1:]]
        length = len(true.message.text)
        assert true.place > 0
        assert len({item.message.text for item in (true, *others)}) == CHOICES
        for other in others:
            assert other.token == true.token
            assert 0.7 * length <= len(other.message.text) <= 1.3 * length
            assert other.session != true.session or abs(other.place - true.place) > AWAY
    assert found == choices(items, NAMED, 1)
    assert found != choices(items, NAMED, 2)


def test_too_few_to_choose_from() -> None:
    """Where no message has nine others, there is no figure; SOMEONE is not one speaker."""
    few = Contexts(TOKENIZER, pairs(9), 64)
    assert rank(Uniform(), few, NAMED, 1, quiet) is None
    strangers = [[Message(None, m.text) for m in session] for session in pairs()]
    assert rank(Uniform(), Contexts(TOKENIZER, strangers, 64), NAMED, 1, quiet) is None
