"""How far each part of a mixture is believed: at every place anew, by how much it knows there.

The shares of the parts are a softmax of linear functions of figures, the GPT's being 0 (the gate of
Jacobs et al., "Adaptive mixtures of local experts", 1991); a part that expects nothing has none.
They are fitted on held-out text. It knows no tokens; mixture.py says what the figures are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lm.models.kneser_ney import REACH
from lm.models.predictor import Floats
from lm.models.recency import MEMORIES

EXPECTING = REACH + len(MEMORIES)  # parts that may expect nothing: n-grams by length, and memories
PARTS = 2 + EXPECTING  # the GPT, all n-grams together, and those
COMMON = 128  # tokens whose chances tell what kind of place it is; 64 tell four fifths as much
OWN = 1 + EXPECTING + len(MEMORIES)  # figures of what the parts know
FIGURES = OWN + COMMON  # of a place, as Mixture has them
OLDER = (852, 552, 24, 12)  # numbers of tables by other figures, of older versions
USUAL = (0.2, 0.06)  # shares of n-grams and recency, in their place
ROUNDS = 100  # of either fit; twice as many are worth 0.01 % at most
LEAST = 1e-3  # share of a part that is the same everywhere: every token stays possible
WIDEST = 8.0  # of a part's logarithm against the GPT's: it does by figures, too; ln LEAST is inside
FARTHEST = 1e6  # coefficient of a version: sums of such stay numbers
BEFOREHAND = -3.0  # logarithm of the share over the GPT's, until held-out tokens speak, of what may
# expect nothing; all n-grams together begin as the GPT does
PRIOR = (1.0, *[3.0] * OWN, *[30.0] * COMMON)  # nats for being 1 off that, and for a coefficient of
# 1 per standard deviation of a figure: few messages say little, of many figures each says less


Table = tuple[float, ...]  # of a part: a constant, then a coefficient a figure


class Weights(NamedTuple):
    """What decides on the shares.

    tables: of all parts but the GPT, [PARTS - 1], within a message
    turns: share of the n-grams of turns between messages, below 1; 0 where there are none
    """

    tables: tuple[Table, ...]
    turns: float = 0.0

    @classmethod
    def constant(cls, *shares: float, turns: float = 0.0) -> Weights:
        """The same shares everywhere, as in `tables`, which together leave some to the GPT."""
        gpt = max(1.0 - sum(shares), 1e-9)
        logs = [math.log(max(share, 1e-9) / gpt) for share in shares]
        constants = (*logs, *[-WIDEST] * (PARTS - 1 - len(logs)))
        return cls(tuple((each, *[0.0] * FIGURES) for each in constants), turns)

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Weights:
        """From `numbers` as a version stores them; for older ones' figures there are USUAL shares.

        ValueError when they are none.
        """
        *parts, turns = numbers if len(numbers) != 2 else (*numbers, 0.0)
        if not all(abs(number) <= FARTHEST for number in parts):  # NaN is none of them
            parts = []
        if len(parts) == (PARTS - 1) * (1 + FIGURES):
            rows = range(0, len(parts), 1 + FIGURES)
            found = cls(tuple(tuple(parts[at : at + 1 + FIGURES]) for at in rows), turns)
        elif len(parts) in OLDER:
            found = cls._of_two(USUAL, turns)
        elif len(parts) == 2 and parts[0] > 0 and parts[1] >= 0 and sum(parts) < 1:
            found = cls._of_two(parts, turns)
        else:
            raise ValueError("no shares that leave some to a GPT")
        if not 0 <= found.turns < 1:
            raise ValueError("a share of turns that leaves none to a GPT")
        return found

    @classmethod
    def _of_two(cls, shares: Sequence[float], turns: float) -> Weights:
        """As when n-grams and recency were one part each, the context being three now."""
        ngrams, recency = shares
        return cls.constant(ngrams, *[0.0] * REACH, *[recency / 3] * 3, turns=turns)

    @property
    def numbers(self) -> tuple[float, ...]:
        """Flat, to be stored."""
        return (*chain.from_iterable(self.tables), self.turns)

    def shares(self, figures: Tensor) -> Tensor:
        """[..., PARTS] of the GPT and those of `tables` in a message, by figures [..., FIGURES]."""
        return shares_by(torch.tensor(self.tables, dtype=figures.dtype), figures)


def shares_by(table: Tensor, figures: Tensor) -> Tensor:
    """As Weights.shares, by tables [PARTS - 1, 1 + FIGURES] on the figures' device."""
    logs = (figures @ table[:, 1:].T + table[:, 0]).clamp(-WIDEST, WIDEST)
    expecting = figures[..., 1 : 1 + EXPECTING] > 0
    others = logs[..., 1:].masked_fill(~expecting, -math.inf)
    return torch.cat((torch.zeros_like(logs[..., :1]), logs[..., :1], others), -1).softmax(dim=-1)


def fit(nats: Floats, figures: Floats) -> tuple[Table, ...]:
    """The coefficients of all parts but the GPT under which held-out tokens are likeliest.

    nats: [tokens, PARTS] of each part; figures: [tokens, FIGURES]. A normal prior keeps few tokens
    from deciding.
    """
    chances = torch.from_numpy(np.exp(-nats.astype(np.float64)))
    seen = torch.from_numpy(figures.astype(np.float64))
    middle, scale = seen.mean(dim=0), seen.std(dim=0, correction=0).clamp_min(0.1)
    middling = torch.zeros(PARTS - 1, 1 + FIGURES, dtype=torch.float64)
    middling[1:, 0] = BEFOREHAND
    table = middling.clone().requires_grad_()
    prior = torch.tensor(PRIOR, dtype=torch.float64)
    search = torch.optim.LBFGS([table], max_iter=ROUNDS, line_search_fn="strong_wolfe")

    def plain() -> Tensor:  # the search's figures have a mean of 0 and a deviation of 1
        slopes = table[:, 1:] / scale
        return torch.cat((table[:, :1] - (slopes @ middle)[:, None], slopes), dim=1)

    def cost() -> Tensor:
        search.zero_grad()
        chosen = (shares_by(plain(), seen) * chances).sum(dim=-1)
        found = -chosen.log().sum() + (prior * (table - middling).square()).sum()
        found = found / len(chances)
        torch.autograd.backward(found)
        return found

    search.step(cost)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return tuple(tuple(row) for row in plain().tolist())


def fit_weights(parts: Sequence[Floats]) -> tuple[float, ...]:
    """The shares of all parts but the first under which held-out tokens are likeliest.

    parts: nats [tokens] of each part on the same tokens. Expectation maximisation (Jelinek &
    Mercer, "Interpolated estimation of Markov source parameters", 1980).
    """
    chances = np.exp(-np.stack(parts, axis=-1).astype(np.float64))  # [tokens, parts]
    weights = np.full(len(parts), 1 / len(parts))
    for _ in range(ROUNDS):
        shares = chances * weights
        weights = (shares / shares.sum(axis=-1, keepdims=True)).mean(axis=0)
    weights = np.maximum(weights, LEAST)
    return tuple((weights / weights.sum())[1:].tolist())
