"""Scores of rows: how likely their ends are to a Predictor, and which of several wins.

Rows are asked for in batches of like length, so that progress can be shown, and those that begin
alike together: a model may read what they share once. It knows no messages; what a row stands for
is the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lm.corpus.batches import Ids
from lm.judging.bits import ASKED, Watch
from lm.judging.intervals import Floats, Ints
from lm.models.predictor import Predictor

TIED = 1e-4  # nats: below that, a difference is the order of a float32 sum


def tail_nats(model: Predictor, rows: Sequence[Ids], tails: Sequence[int], watch: Watch) -> Floats:
    """-ln p of the last tails[i] tokens of rows[i], given those before them: [rows]."""
    found = np.zeros(len(rows))
    skips = [len(row) - 1 - tail for row, tail in zip(rows, tails, strict=True)]
    order = sorted(range(len(rows)), key=lambda i: -skips[i])  # the slow ones first
    for start in range(0, len(order), ASKED):
        asked = order[start : start + ASKED]
        answers = model.nats([rows[i] for i in asked], (), [skips[i] for i in asked])
        found[asked] = [nats.sum(dtype=np.float64) for nats in answers]
        watch(min(start + ASKED, len(order)), len(order))
    return found


def top1(scores: Floats, truth: Ints) -> Floats:
    """1 where the truth scores best, its share where it ties, else 0.

    scores: [n, choices], more is better; truth: [n], the right choice. Returns [n]. Sharing ties
    gives a system that knows nothing exactly the accuracy of chance.
    """
    return winners(scores)[np.arange(len(truth)), truth]


def winners(scores: Floats) -> Floats:
    """The best choice's share of one, split evenly between ties: [n, choices] to the same."""
    best = scores >= scores.max(axis=1, keepdims=True) - TIED
    shares: Floats = best / best.sum(axis=1, keepdims=True)
    return shares
