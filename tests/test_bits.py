"""Rules of bits per byte: what counts, what is given, and how the context slides."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from lm.corpus.batches import MESSAGE_LIMIT, session_ids
from lm.corpus.message import Message
from lm.corpus.tokenizer import Tokenizer
from lm.judging.bits import bits_per_byte, lately, message_bytes, predicted, windows
from lm.judging.charge import Charge
from lm.models.gpt import GPT, Cache, ModelConfig
from lm.models.predictor import GPTPredictor
from lm.models.recency import LATELY

TOKENIZER = Tokenizer.train(["so it goes on and on"] * 9, 300, (1, 2))
CPU = torch.device("cpu")
CONFIG = ModelConfig(TOKENIZER.vocab_size, 1, 64, 1, 1, 64, 64, context=64)


class Uniform(GPT):
    """Every token is as likely as every other."""

    def logits(self, hidden: Tensor) -> Tensor:
        return torch.zeros(*hidden.shape[:-1], self.config.vocab_size)


class Recall(GPT):
    """Sure that the next token is an x once it sees `reach` tokens, clueless before."""

    def __init__(self, reach: int) -> None:
        super().__init__(CONFIG)
        self.reach = reach

    def hidden(self, tokens: Tensor, positions: Tensor, cache: Cache | None = None) -> Tensor:
        return (positions >= self.reach)[..., None].float()

    def logits(self, hidden: Tensor) -> Tensor:
        return torch.zeros(*hidden.shape[:-1], self.config.vocab_size) * hidden + torch.where(
            hidden > 0, torch.eye(self.config.vocab_size)[TOKENIZER.encode("x")[0]] * 100, 0.0
        )


def bpb(model: GPT, *sessions: list[Message], context: int = 64) -> float:
    return bits_per_byte(GPTPredictor(model, CPU), TOKENIZER, sessions, context)


def test_text_and_end_count_speakers_do_not() -> None:
    """Uniform guessing costs log2 V per text token and END, over bytes plus one per message."""
    messages = [Message(1, "so it goes"), Message(2, "né 😀"), Message(None, "")]
    tokens = sum(len(TOKENIZER.encode(m.text)) + 1 for m in messages if m.text)
    size = len("so it goes") + len("né 😀".encode()) + 2  # a turn without words counts for nothing
    expected = tokens * math.log2(TOKENIZER.vocab_size) / size
    assert bpb(Uniform(CONFIG), messages) == pytest.approx(expected)


@pytest.mark.parametrize("context", [4, 7, 16, 1000])
def test_every_target_counts_once_in_any_context(context: int) -> None:
    """Windows overlap but count nothing twice and leave nothing out."""
    session = [Message(1 + i % 2, "on and on " * (i % 5)) for i in range(60)]
    whole = bpb(Uniform(CONFIG), session, context=10_000)
    assert bpb(Uniform(CONFIG), session, context=context) == pytest.approx(whole)


def test_the_context_slides_in_half_steps() -> None:
    """After the first window every target sees at least half a context."""
    session = [Message(1, "x" * 150)]
    costs = bpb(Recall(reach=32), session, context=64) * 151 / math.log2(TOKENIZER.vocab_size)
    # The first 32 positions predict the speaker (given) and 31 letters; END is a wrong guess.
    end = 100 / math.log(2) / math.log2(TOKENIZER.vocab_size)
    assert costs - end == pytest.approx(31, abs=0.1)


def test_sessions_do_not_see_each_other() -> None:
    """The mean over two sessions is that of each alone, weighted by bytes."""
    torch.manual_seed(0)
    model = GPT(CONFIG)
    torch.nn.init.normal_(model.embed_tokens.weight, 0.0, 0.3)
    a, b = [Message(1, "so it goes")] * 9, [Message(2, "on and on")] * 2
    apart = (bpb(model, a) * 9 * 11 + bpb(model, b) * 2 * 10) / (9 * 11 + 2 * 10)
    assert bpb(model, a, b) == pytest.approx(apart, rel=1e-5)
    assert bpb(model, a + b) != pytest.approx(apart, rel=1e-5)


def test_what_came_before_is_given_with_every_window() -> None:
    """The end of what was said until there, in this session and before it."""
    sessions = [np.arange(start, start + size) for start, size in ((0, 5), (5, 40), (45, 2))]
    before = [np.arange(ids[0] - LATELY, ids[0]) for ids in sessions]
    found = windows(sessions, 8, before)
    assert len(found) > 8
    for each in found:
        assert each.before.tolist() == [*range(each.ids[0] - LATELY, each.ids[0])]
    alone = windows(sessions, 8)
    assert [each.ids.tolist() for each in alone] == [each.ids.tolist() for each in found]
    assert [len(each.before) for each in alone[:4]] == [0, 0, 4, 8]


def test_what_came_before_a_session_is_the_end_of_all_that_was_said_until_then() -> None:
    """Others in between are heard though they are not judged; nothing of it and behind it is."""
    all_said = [[Message(1 + n % 2, f"so it goes on {n}")] for n in range(6000)]
    stream = [session_ids(TOKENIZER, session) for session in all_said]
    asked = [0, 1, 3, 5999]
    found = lately(TOKENIZER, [all_said[n] for n in asked], all_said)
    for n, before in zip(asked, found, strict=True):
        whole = np.concatenate([np.empty(0, np.int64), *stream[:n]])
        assert before.tolist() == whole[-LATELY:].tolist()
    assert len(found[-1]) == LATELY
    assert np.shares_memory(found[2], found[1])  # else thousands of sessions would fill it
    assert [len(before) for before in lately(TOKENIZER, all_said[:2], [])] == [0, 0]
    with pytest.raises(KeyError):
        lately(TOKENIZER, [[*all_said[5]]], all_said)


def test_training_mode_is_left_as_it_was() -> None:
    """Dropout is off while it evaluates and on again afterwards."""
    model = GPT(CONFIG, dropout=0.5).train()
    session = [Message(1, "so it goes")] * 3
    assert bpb(model, session) == bpb(model, session)
    assert model.training


def test_nothing_to_evaluate_is_an_error() -> None:
    """No messages have no bits per byte."""
    with pytest.raises(ValueError, match="0 messages"):
        bpb(Uniform(CONFIG))


def test_an_essay_counts_as_far_as_it_is_predicted() -> None:
    """Bytes behind the limit of a message's tokens are not given away for nothing."""
    essay = [Message(1, "so it goes on and on " * 400)]
    short = [Message(1, TOKENIZER.decode(TOKENIZER.encode(essay[0].text)[: MESSAGE_LIMIT["bpe"]]))]
    assert bpb(Uniform(CONFIG), essay) == pytest.approx(bpb(Uniform(CONFIG), short))


def test_a_charge_is_added_for_what_is_predicted() -> None:
    """A lossy tokenizer's figure holds what it owes; what an essay's cut-off rest owes does not."""
    words = Tokenizer.train(["So it goes on"] * 9, 300, (1, 2), "word")
    model = GPTPredictor(
        Uniform(ModelConfig(words.vocab_size, 1, 64, 1, 1, 64, 64, context=64)), CPU
    )
    charge = Charge.fit(["So it goes on"] * 9, words)
    for text in ("so IT goes zzz", "So it goes on " * 400 + "zzz"):
        session = [[Message(1, text)]]
        owed = charge.bits([predicted(words, text)]) / message_bytes(words, session).sum()
        bare = bits_per_byte(model, words, session, 64)
        assert bits_per_byte(model, words, session, 64, charge) == pytest.approx(bare + owed)
        assert owed > 0
    assert "zzz" not in predicted(words, text)


def test_emoji_are_cut_at_their_tokens() -> None:
    """A message of few characters can be many byte tokens: it counts as far as it is predicted."""
    text = "😀" * 100
    assert len(TOKENIZER.encode(text)) > MESSAGE_LIMIT["bpe"]
    assert predicted(TOKENIZER, text) == "😀" * (MESSAGE_LIMIT["bpe"] // 4)
