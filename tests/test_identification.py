"""lm/judging/identification.py: who writes like this, as predictors of known skill see it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lm.corpus.message import Message
from lm.judging.contexts import Contexts
from lm.judging.identification import GROUP, Asked, ask, from_many, from_one, gain, recall
from lm.models.predictor import Predictor
from tests.predictors import TOKENIZER, A, B, C, Favours, Uniform, habits, quiet

FOOD = {1: "apple", 2: "bread", 3: "cheese"}


def sessions(faithful: float, count: int = 240) -> list[list[Message]]:
    """Everybody says their own food, at least `faithful` of the time, else anybody's."""
    generator = np.random.default_rng(1)
    messages = []
    for number in range(count):
        speaker = 1 + number % 3
        meant = speaker if generator.random() < faithful else int(generator.integers(1, 4))
        messages.append(Message(speaker, FOOD[meant]))
    return [messages[i : i + 12] for i in range(0, count, 12)]


def asked(model: Predictor, said: list[list[Message]]) -> Asked:
    found = ask(model, Contexts(TOKENIZER, said, 32), [A, B, C], 1, quiet)
    assert found is not None
    return found


def test_who_knows_nothing_guesses() -> None:
    """A uniform model has exactly the accuracy of chance and a persona gain of nothing."""
    found = asked(Uniform(), sessions(1.0))
    one, many = from_one(found), from_many(found, 1)
    assert many is not None
    assert one.accuracy.value == pytest.approx(1 / 3)
    assert many.accuracy.value == pytest.approx(1 / 3)
    assert gain(found).value == 0
    assert (gain(found).low, gain(found).high) == (0, 0)


def test_who_knows_the_habits_is_always_right() -> None:
    """Faithful habits, known, are one; the gain is what the wrong name costs, by arithmetic."""
    times, vocabulary = 20.0, TOKENIZER.vocab_size
    model = Favours(habits(A="apple", B="bread", C="cheese"), times)
    found = asked(model, sessions(1.0))
    one, many = from_one(found), from_many(found, 1)
    assert many is not None
    assert (one.accuracy.value, many.accuracy.value) == (1, 1)
    assert one.confusion.tolist() == many.confusion.tolist() == np.eye(3).tolist()
    assert (many.accuracy.count, recall(found, 1).value) == (240 // GROUP, 1)
    tokens = {i: TOKENIZER.encode(food) for i, food in FOOD.items()}
    assert all(len(ids) == 1 for ids in tokens.values()), tokens
    right = math.log2((vocabulary - 1 + times) / times)
    wrong = math.log2(vocabulary - 1 + times)
    size = sum(len(food) + 1 for food in FOOD.values())
    assert gain(found).value == pytest.approx(3 * (wrong - right) / size, rel=1e-4)
    assert gain(found, 0).value == pytest.approx((wrong - right) / 6, rel=1e-4)


def test_twenty_messages_tell_more_than_one() -> None:
    """Where habits are loose, one message is a hint and twenty are a proof."""
    model = Favours(habits(A="apple", B="bread", C="cheese"), 5)
    found = asked(model, sessions(0.4))
    one, many = from_one(found).accuracy, from_many(found, 1)
    assert many is not None
    assert 0.45 < one.value < 0.75
    assert many.accuracy.value > one.value + 0.2
    assert one.low is not None
    assert one.high is not None
    assert one.low < one.value < one.high
    assert from_one(found).confusion.sum(axis=1) == pytest.approx([1, 1, 1])


def test_a_wrong_belief_is_worse_than_none() -> None:
    """A model that has the habits crossed is never right and gains less than nothing."""
    model = Favours(habits(A="bread", B="cheese", C="apple"), 20)
    found = asked(model, sessions(1.0))
    assert from_one(found).accuracy.value == 0
    assert gain(found).value < 0


def test_candidates_are_named_and_frequent() -> None:
    """SOMEONE, and who holds less than a tenth of the most frequent, are nobody to identify."""
    said = [[Message(1, "apple"), Message(2, "bread"), Message(None, "jam")] for _ in range(60)]
    assert asked(Uniform(), said).candidates == (A, B)
    said += [[Message(3, "cheese")] for _ in range(5)]
    assert asked(Uniform(), said).candidates == (A, B)
    said += [[Message(3, "cheese")]]
    assert asked(Uniform(), said).candidates == (A, B, C)


def test_what_cannot_be_asked() -> None:
    """One speaker cannot be confused; below twenty messages there is no group."""
    alone = Contexts(TOKENIZER, [[Message(1, "apple")] * 50], 32)
    assert ask(Uniform(), alone, [A, B, C], 1, quiet) is None
    few = asked(Uniform(), sessions(1.0, count=57))
    assert from_many(few, 1) is None
