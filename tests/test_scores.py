"""lm/judging/scores.py: sums over the ends of rows, and who wins."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lm.judging.scores import tail_nats, top1, winners
from lm.models.gpt import GPT, ModelConfig
from lm.models.predictor import GPTPredictor
from tests.predictors import TOKENIZER, Uniform, quiet


def test_batched_rows_cost_what_each_costs_alone() -> None:
    """Order and company of a row change nothing; only its last tokens count."""
    torch.manual_seed(0)
    config = ModelConfig(TOKENIZER.vocab_size, 1, 64, 1, 1, 64, 64, context=64)
    model = GPTPredictor(GPT(config), torch.device("cpu"))
    generator = np.random.default_rng(0)
    rows = [generator.integers(0, 300, size) for size in generator.integers(3, 60, 150)]
    tails = [1 + i % 2 for i in range(150)]
    alone = [model.nats([row])[0][-tail:].sum() for row, tail in zip(rows, tails, strict=True)]
    assert tail_nats(model, rows, tails, quiet) == pytest.approx(alone, rel=1e-2)  # in bf16


def test_progress_ends_at_the_number_of_rows() -> None:
    """What is told grows to all rows."""
    told: list[tuple[int, int]] = []
    rows = [np.array([1, 2, 3])] * 300
    tail_nats(Uniform(), rows, [1] * 300, lambda done, of: told.append((done, of)))
    assert told == sorted(told)
    assert told[-1] == (300, 300)


def test_ties_are_shared() -> None:
    """Who knows nothing is right as often as chance is, and a float's noise is no knowledge."""
    scores = np.array([[1.0, 2.0, 2.0 + 1e-7], [5.0, 5.0, 5.0], [9.0, 1.0, 2.0]])
    assert top1(scores, np.array([1, 0, 0])).tolist() == [0.5, pytest.approx(1 / 3), 1.0]
    assert top1(scores, np.array([0, 1, 2])).tolist() == [0.0, pytest.approx(1 / 3), 0.0]
    assert winners(scores).sum(axis=1) == pytest.approx([1, 1, 1])
