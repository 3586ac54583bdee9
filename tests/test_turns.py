"""lm/judging/turns.py: who speaks next, for a model and for Markov chains on the same messages."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from lm.corpus.batches import Ids
from lm.corpus.message import Message
from lm.judging.turns import Turns, take_turns
from lm.models.predictor import Floats, Predictor
from tests.predictors import TOKENIZER, A, B, C, Favours, Uniform, quiet


def rounds(count: int, length: int = 9) -> list[list[Message]]:
    """Sessions in which 1, 2 and 3 speak in turn, from 1."""
    return [[Message(1 + i % 3, "jam") for i in range(length)] for _ in range(count)]


def turns(model: Predictor, held_out: list[list[Message]], context: int = 64) -> Turns:
    found = take_turns(model, TOKENIZER, rounds(40), held_out, context, quiet)
    assert found is not None
    return found


def in_turn(tokens: Ids) -> list[int]:
    """Who follows in the round."""
    speakers = tokens[np.isin(tokens, [A, B, C])]
    return [{A: B, B: C, C: A}[int(speakers[-1])] if len(speakers) else A]


def test_who_knows_nothing_guesses() -> None:
    """A uniform model pays log2 3 for three speakers, and is right one time in three."""
    found = turns(Uniform(), rounds(5)).model
    assert found.bits.value == pytest.approx(math.log2(3))
    assert found.top1.value == pytest.approx(1 / 3)


@pytest.mark.parametrize("context", [8, 11, 64])
def test_who_knows_the_round_is_always_right(context: int) -> None:
    """In any window: what the model favours a thousand times, it pays for by arithmetic."""
    found = turns(Favours(in_turn, 1000), rounds(5), context)
    assert found.model.top1.value == 1
    assert found.model.bits.value == pytest.approx(math.log2(1002 / 1000), rel=1e-2)
    assert found.model.bits.count == 45


class Remembers(Favours):
    """Looks back at what was said before its context."""

    def log_probs(
        self, rows: Sequence[Ids], at: Sequence[Sequence[int]], before: Sequence[Ids] = ()
    ) -> list[Floats]:
        whole = [np.append(said, row) for said, row in zip(before, rows, strict=True)]
        places = [[len(b) + t for t in each] for b, each in zip(before, at, strict=True)]
        return super().log_probs(whole, places)


def test_what_was_said_before_a_context_is_given() -> None:
    """Of its session and of earlier ones, as in a chat: who spoke first spoke last, too."""
    palindromes = [[Message(i, "jam") for i in (1, 2, 3, 2, 1)] for _ in range(20)]

    def palindrome(tokens: Ids) -> list[int]:
        said = tokens[np.isin(tokens, [A, B, C])]
        this = said[len(said) // 5 * 5 :]
        return [[A, B, C, B, A][len(this)]]

    found = take_turns(Favours(palindrome, 1000), TOKENIZER, [], palindromes, 8, quiet)
    assert found is not None
    assert found.model.top1.value < 0.9
    found = take_turns(Remembers(palindrome, 1000), TOKENIZER, [], palindromes, 8, quiet)
    assert found is not None
    assert found.model.top1.value == 1


def test_the_gain_is_the_difference_on_the_same_messages() -> None:
    """Bits of each chain minus the model's; the chains learn a round but not at order 0."""
    found = turns(Favours(in_turn, 1000), rounds(5))
    assert found.model.gain is None
    for chain in found.markov.values():
        assert chain.gain is not None
        difference = chain.bits.value - found.model.bits.value
        assert chain.gain.value == pytest.approx(difference)
    assert found.markov[0].bits.value == pytest.approx(math.log2(3), rel=0.02)
    assert found.markov[1].bits.value < 0.1
    assert list(found.markov) == [0, 1, 2, 3]


def test_strangers_are_context_and_not_answers() -> None:
    """SOMEONE's messages are not guessed, and belief in SOMEONE or END costs nothing."""
    held_out = [[Message(1, "jam"), Message(None, "jam"), Message(2, "jam")]] * 4
    distracted = Favours(lambda _: [TOKENIZER.someone, TOKENIZER.end], 1e6)
    found = turns(distracted, held_out).model
    assert found.bits.count == 8
    assert found.bits.value == pytest.approx(math.log2(3), rel=1e-3)
    nobody = [[Message(None, "jam")] * 5]
    assert take_turns(Uniform(), TOKENIZER, rounds(5), nobody, 64, quiet) is None
