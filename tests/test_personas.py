"""lm/judging/personas.py: bits message by message, and figures by speaker."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lm.corpus.message import Message
from lm.judging.bits import bits_per_byte, message_bits, message_bytes
from lm.judging.contexts import Contexts, clusters
from lm.judging.identification import ask
from lm.judging.personas import Persona, each_persona
from lm.models.gpt import GPT, ModelConfig
from lm.models.predictor import GPTPredictor, Predictor
from tests.predictors import TOKENIZER, WORDS, A, B, C, Favours, Uniform, habits, quiet

CONFIG = ModelConfig(TOKENIZER.vocab_size, 1, 64, 1, 1, 64, 64, context=64)
SESSIONS = [
    [Message(1 + i % 2, f"{WORDS[i % 10]} né {i}") for i in range(40)],
    [Message(None, ""), Message(3, "😀")],
    [],
    [Message(1, "figs")] * 9,
]


@pytest.mark.parametrize("context", [8, 33, 1000])
def test_the_sum_is_that_of_bits_per_byte(context: int) -> None:
    """Kept apart by message, nothing is lost or counted twice."""
    torch.manual_seed(0)
    model = GPTPredictor(GPT(CONFIG), torch.device("cpu"))
    bits = message_bits(model, TOKENIZER, SESSIONS, context, None, (), quiet)
    sizes = message_bytes(TOKENIZER, SESSIONS)
    whole = bits_per_byte(model, TOKENIZER, SESSIONS, context)
    assert bits.sum() / sizes.sum() == pytest.approx(whole)
    assert len(bits) == len(sizes) == 51


def test_each_message_pays_for_its_own_tokens() -> None:
    """A uniform model charges every text token and END alike, and nothing for the speaker."""
    bits = message_bits(Uniform(), TOKENIZER, SESSIONS, 16, None, (), quiet)
    texts = [message.text for session in SESSIONS for message in session]
    expected = [len(TOKENIZER.encode(text)) + 1 if text else 0 for text in texts]
    assert bits / math.log2(TOKENIZER.vocab_size) == pytest.approx(expected)


def test_who_did_not_agree_is_nobody_to_judge() -> None:
    """Turns without words are no messages of anybody, and hinder no figure of the others."""
    silent = [message for _ in range(9) for message in (Message(1, "figs"), Message(None, ""))]
    (found,) = personas(Uniform(), [silent])
    assert (found.speaker, found.messages) == ("Ann", 9)


def personas(model: Predictor, sessions: list[list[Message]]) -> tuple[Persona, ...]:
    tokens = np.array([TOKENIZER.speaker(m.speaker) for session in sessions for m in session])
    bits = message_bits(model, TOKENIZER, sessions, 64, None, (), quiet)
    asked = ask(model, Contexts(TOKENIZER, sessions, 64), [A, B, C], 1, quiet)
    names = {A: "Ann", B: "Bo", C: "Cy"}
    sizes, near = message_bytes(TOKENIZER, sessions), clusters(sessions)
    return each_persona(tokens, bits, sizes, near, names, asked)


def test_a_persona_that_is_known_is_foreseen() -> None:
    """Who is understood has fewer bits and a gain; strangers and the rare stand together."""
    said = [Message(1, "apple"), Message(1, "apple"), Message(2, "bread"), Message(None, "jam")]
    found = personas(Favours(habits(A="apple"), 50), [said] * 20 + [[Message(3, "ice")] * 2])
    assert [p.speaker for p in found] == ["Ann", "Bo", "everybody else"]
    assert [p.messages for p in found] == [40, 20, 22]
    ann, bo, others = found
    assert ann.bpb.value < bo.bpb.value
    assert ann.gain is not None
    assert ann.gain.value > 0
    assert ann.identified is not None
    assert ann.identified.value == 1
    assert others.gain is others.identified is None


def test_personas_add_up_to_everything() -> None:
    """Weighted by their bytes, the personas' figures are the whole's."""
    model = GPTPredictor(GPT(CONFIG), torch.device("cpu"))
    found = personas(model, SESSIONS)
    tokens = [TOKENIZER.speaker(m.speaker) for session in SESSIONS for m in session]
    sizes = message_bytes(TOKENIZER, SESSIONS)
    weights = [sizes[np.array(tokens) == token].sum() for token in (A, B)]
    weights.append(sizes.sum() - sum(weights))
    total = sum(p.bpb.value * w for p, w in zip(found, weights, strict=True)) / sizes.sum()
    assert total == pytest.approx(bits_per_byte(model, TOKENIZER, SESSIONS, 64))
