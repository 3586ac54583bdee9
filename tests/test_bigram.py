"""Rules of the neural bigram: it learns what follows what, and looks at nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lm.engine.engine import Engine
from lm.engine.request import Request
from lm.engine.sampling import Sampling
from lm.models.bigram import Bigram
from tests.test_ngrams import BREAK, VOCABULARY, sessions

ROWS = sessions(11, count=80)
LONG = max(ROWS, key=len)


@pytest.fixture(scope="module")
def model() -> Bigram:
    torch.manual_seed(0)
    return Bigram.train_on(ROWS, VOCABULARY)


def test_it_learns_what_follows_what(model: Bigram) -> None:
    """Its distributions come close to the shares of what followed each common token."""
    (log_p,) = model.log_probs([np.arange(VOCABULARY)], [range(VOCABULARY)])
    assert np.exp(log_p).sum(axis=1) == pytest.approx(1, abs=1e-5)
    pairs = np.zeros((VOCABULARY, VOCABULARY))
    for row in ROWS:
        np.add.at(pairs, (row[:-1], row[1:]), 1)
    common = pairs.sum(axis=1) > 100
    assert common.sum() >= 2
    shares = pairs[common] / pairs[common].sum(axis=1, keepdims=True)
    assert np.exp(log_p[common]) == pytest.approx(shares, abs=0.06)


def test_nats_are_the_distributions_targets(model: Bigram) -> None:
    """Both ways of asking agree, row by row."""
    rows = [*ROWS[:5], np.array([3])]
    whole = model.log_probs(rows, [range(len(row) - 1) for row in rows])
    for row, nats, log_p in zip(rows, model.nats(rows), whole, strict=True):
        assert nats == pytest.approx(-log_p[np.arange(len(row) - 1), row[1:]], rel=1e-5)


def test_only_the_latest_token_counts(model: Bigram) -> None:
    """Whatever came before, the distribution is the same."""
    short, long = np.array([4]), np.array([BREAK, 9, 1, 1, 4])
    (one,), (other,) = model.log_probs([short, long], [[0], [4]])
    assert one == pytest.approx(other)


def test_the_engine_serves_it(model: Bigram) -> None:
    """A model without a cache gives the replies of the plain definition."""
    engine = Engine(model, slots=2, span=30, prefill_chunk=3)
    greedy = Sampling(0, max_tokens=5)
    asked = [Request(chat, LONG[: 5 + chat].tolist(), sampling=greedy) for chat in range(3)]
    finished = engine.run(asked)
    best = model(torch.arange(VOCABULARY)[None], torch.zeros(1, VOCABULARY))[0].argmax(dim=-1)
    for each in finished:
        tokens = [int(LONG[4 + each.id - 1]), *each.tokens]
        assert each.tokens == [int(best[token]) for token in tokens[:-1]]


def test_nothing_can_be_asked(model: Bigram) -> None:
    """No rows, and rows without a place, have answers of the right shape."""
    assert model.nats([]) == []
    assert model.log_probs([], []) == []
    assert model.log_probs([ROWS[0]], [[]])[0].shape == (0, VOCABULARY)
