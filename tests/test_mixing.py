"""Rules of mixing: n-grams are served with a GPT where held-out text says so, and only there."""

from __future__ import annotations

import random

import pytest
import torch
from torch import Tensor

from lm.corpus.batches import Session, frequent_speakers, session_ids
from lm.corpus.message import Message
from lm.corpus.tokenizer import Tokenizer
from lm.judging.bits import bits_per_byte
from lm.learning.mixing import Known, mixed
from lm.models.gpt import GPT, Cache, ModelConfig
from lm.models.kneser_ney import KneserNey
from lm.models.mixture import Mixture
from lm.models.predictor import GPTPredictor
from lm.models.turn_ngrams import TurnNgrams
from lm.models.weights import Weights
from tests.small_talk import CPU, transcript

LEARNED, CHOOSING = transcript(300).split(share=0.2)
SAID = [*LEARNED, *CHOOSING]
TOKENIZER = Tokenizer.train([m.text for s in LEARNED for m in s], 300, frequent_speakers(LEARNED))
CONFIG = ModelConfig(TOKENIZER.vocab_size, 1, 64, 1, 1, 64, 64, context=64)


def test_ngrams_help_a_poor_gpt() -> None:
    """Beside a GPT that has learnt nothing they take nearly all the weight, and bits fall."""
    torch.manual_seed(0)
    gpt = GPT(CONFIG)
    found = mixed(gpt, TOKENIZER, LEARNED, CHOOSING, SAID)
    assert isinstance(found, Mixture)
    assert found.gpt is gpt
    assert found.voices is not None
    assert found.voices.counts.sum() == sum(
        len(TOKENIZER.encode(m.text)) + 1 for session in LEARNED for m in session
    )
    known = Known(found, TOKENIZER, CHOOSING, SAID)
    assert sum(known.shares(found.weights)[:-1]) > 0.9
    alone = bits_per_byte(GPTPredictor(gpt, CPU), TOKENIZER, CHOOSING, 64)
    assert bits_per_byte(found, TOKENIZER, CHOOSING, 64, said=SAID) < alone / 3


class Clairvoyant(GPT):
    """Knows the held-out text: p = 0.999,999 for every token that comes."""

    def hidden(self, tokens: Tensor, positions: Tensor, cache: Cache | None = None) -> Tensor:
        return tokens.roll(-1, dims=1)[..., None].float()

    def logits(self, hidden: Tensor) -> Tensor:
        return 20 * torch.nn.functional.one_hot(hidden[..., 0].long(), CONFIG.vocab_size).float()


def test_a_gpt_that_needs_no_help_serves_alone() -> None:
    """Where the gain is next to nothing, the simpler model it is."""
    gpt = Clairvoyant(CONFIG)
    assert mixed(gpt, TOKENIZER, LEARNED, CHOOSING, SAID) is gpt


def themes(count: int) -> list[Session]:
    """Twenty sessions in a row have eight words, which what was said lately tells."""
    draw = random.Random(1)
    words = ["".join(draw.choices("abcdefghijkl", k=3)) for _ in range(100)]
    return [
        [
            Message(1 + i % 2, " ".join(draw.choices(words[session // 20 * 7 :][:8], k=4)), 0)
            for i in range(10)
        ]
        for session in range(count)
    ]


def test_weights_hold_where_nothing_was_said_before() -> None:
    """They gain from a long memory and lose next to nothing in a chat that has none."""
    torch.manual_seed(0)
    said = themes(60)
    learned, choosing = said[:20], said[20:]
    rows = [session_ids(TOKENIZER, session) for session in learned]
    ngrams = KneserNey.train(rows, CONFIG.vocab_size)
    turns = TurnNgrams.train(rows, CONFIG.vocab_size, TOKENIZER.end)
    mixture = Mixture(GPT(CONFIG), ngrams, Weights.constant(0.5, turns=0.5), turns)
    long, new = (Known(mixture, TOKENIZER, choosing, before) for before in (said, []))
    with_memory, without = long.weights(), new.weights()
    counted = new.counted
    own = new.nats(without)[counted].mean()
    assert long.nats(with_memory)[counted].mean() < 0.8 * own
    assert new.nats(with_memory)[counted].mean() < 1.1 * own


@pytest.mark.parametrize("messages", [60, 100])
def test_little_text_is_enough(messages: int) -> None:
    """The smallest transcripts that can be trained on can be mixed."""
    torch.manual_seed(0)
    learned, choosing = transcript(messages).split()
    gpt = GPT(CONFIG)
    said = [*learned, *choosing]
    found = mixed(gpt, TOKENIZER, learned, choosing, said)
    assert isinstance(found, Mixture)
    alone = bits_per_byte(GPTPredictor(gpt, CPU), TOKENIZER, choosing, 64)
    assert bits_per_byte(found, TOKENIZER, choosing, 64, said=said) < alone


def test_only_words_decide_on_the_weights() -> None:
    """Turns without words are given when bits are counted, so they say nothing of the weights."""
    torch.manual_seed(0)
    mixture = Mixture(
        GPT(CONFIG),
        KneserNey.train([session_ids(TOKENIZER, s) for s in LEARNED], CONFIG.vocab_size),
        Weights.constant(0.5),
    )
    session = [Message(1, "ok"), Message(None, ""), Message(2, ""), Message(1, "so it goes")]
    counted = Known(mixture, TOKENIZER, [session], []).counted.sum()
    assert counted == sum(len(TOKENIZER.encode(m.text)) + 1 for m in session if m.text)
