"""Rules of the batches: the stream, its variation, its bounds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from lm.corpus.batches import (
    MESSAGE_LIMIT,
    RARE,
    SPEAKER_LIMIT,
    Batches,
    frequent_speakers,
    session_ids,
)
from lm.corpus.message import Message
from lm.corpus.tokenizer import Tokenizer

TOKENIZER = Tokenizer.train([], 256, (1, 2))
SESSIONS = [[Message(1 + (s + i) % 2, f"{s}-{i}") for i in range(3 + s % 4)] for s in range(40)]


def rows(count: int, seed: int = 0, dropout: float = 0.0) -> list[list[int]]:
    batches = Batches(TOKENIZER, SESSIONS, rows=4, context=32)
    drawn = batches.draw(seed, dropout)
    return [row for batch in itertools.islice(drawn, count) for row in batch.tolist()]


def test_a_session_is_break_and_its_messages() -> None:
    """Structure comes from ids, speakers without a token are SOMEONE."""
    session = [Message(2, "a"), Message(None, ""), Message(9, "b")]
    t = TOKENIZER
    assert session_ids(t, session).tolist() == [
        t.break_, *t.message(2, "a"), *t.message(None, ""), *t.message(None, "b"),
    ]  # fmt: skip


def test_an_essay_is_cut() -> None:
    """A pasted wall of text counts as its first tokens and still ends."""
    ids = session_ids(TOKENIZER, [Message(1, "x" * 10_000)]).tolist()
    assert len(ids) == MESSAGE_LIMIT["bpe"] + 3
    assert ids[-1] == TOKENIZER.end


def test_one_epoch_shows_every_token_about_once() -> None:
    """Rows of an epoch are the stream in another order: neighbours share one token only."""
    batches = Batches(TOKENIZER, SESSIONS, rows=1, context=32)
    count = (batches.tokens - 1) // 32
    drawn = list(itertools.islice(batches.draw(0, 0.0), count))
    stream = np.concatenate([session_ids(TOKENIZER, s) for s in SESSIONS])
    for part in (slice(0, -1), slice(1, None)):  # as inputs, as targets
        seen = np.concatenate([batch[0, part].numpy() for batch in drawn])
        missing = np.bincount(stream, minlength=300) - np.bincount(seen, minlength=300)
        assert missing.min() >= 0
        assert missing.sum() == batches.tokens - count * 32 <= 32


def test_rows_are_stretches_of_a_stream() -> None:
    """In every row, to its last token, speakers stand behind END or BREAK and nowhere else."""
    t = TOKENIZER
    for row in rows(40):
        for before, after in itertools.pairwise(row):
            if t.break_ not in (before, after):  # where sessions and the stream's ends meet
                assert (before == t.end) == (after >= t.someone)


def test_epochs_differ() -> None:
    """Every epoch packs the sessions anew: hardly a row comes twice."""
    drawn = [tuple(row) for row in rows(60)]
    assert len(set(drawn)) > 0.95 * len(drawn)


def test_the_generator_decides() -> None:
    """The same seed draws the same batches, another seed others."""
    assert rows(3, seed=1) == rows(3, seed=1) != rows(3, seed=2)


def test_some_speakers_are_hidden() -> None:
    """Speaker dropout turns its share of speakers into SOMEONE and touches nothing else."""
    plain, hidden = rows(40, dropout=0.0), rows(40, dropout=0.25)
    assert not any(TOKENIZER.someone in row for row in plain)
    flat = np.array(hidden).ravel()
    someone = (flat == TOKENIZER.someone).sum()
    assert 0.15 < someone / (someone + (flat > TOKENIZER.someone).sum()) < 0.35
    assert (flat == TOKENIZER.end).mean() > 0.1


def test_a_tiny_transcript_fills_a_row() -> None:
    """Less text than one row is repeated, never padded."""
    batches = Batches(TOKENIZER, [[Message(1, "hi")]], rows=2, context=64)
    batch = next(batches.draw(0, 0.0))
    assert batch.shape == (2, 65)
    assert (batch == TOKENIZER.end).sum() >= 2 * 12


def test_only_frequent_speakers_get_a_token() -> None:
    """Few messages or many louder speakers: SOMEONE. The order is by count, then id."""
    session = [Message(3, "x")] * RARE + [Message(1, "x")] * (RARE + 1) + [Message(None, "x")] * 99
    assert frequent_speakers([session, [Message(2, "x")] * (RARE - 1)]) == (1, 3)
    crowd = [Message(i, "x") for i in range(SPEAKER_LIMIT + 9) for _ in range(RARE)]
    assert frequent_speakers([crowd]) == tuple(range(SPEAKER_LIMIT))
    assert frequent_speakers([session, [Message(4, "[photo]")] * RARE]) == (1, 3)


def test_replay_is_as_much_as_what_is_new() -> None:
    """Of one endless session, too: else the new messages would be lost in it."""
    new = [[Message(1, f"new {i}")] for i in range(20)]
    batches = Batches(TOKENIZER, new, rows=1, context=32, replay=[[Message(2, "old")] * 5_000])
    count = batches.tokens // 32
    drawn = torch.cat(list(itertools.islice(batches.draw(0, 0.0), count)))
    share = (drawn == TOKENIZER.speaker(1)).sum() / (drawn > TOKENIZER.break_).sum()
    assert 0.2 < share < 0.7


def test_turns_are_counted() -> None:
    """The share of tokens that announce a speaker, SOMEONE included."""
    sessions = [[Message(7, "abc"), Message(None, "")], [Message(7, "ab")]]
    found = Batches(TOKENIZER, sessions, rows=1, context=4)
    stream = [token for session in sessions for token in session_ids(TOKENIZER, session).tolist()]
    announced = [token for token in stream if token > TOKENIZER.break_]
    assert found.turns == pytest.approx(3 / len(stream)) == len(announced) / len(stream)
