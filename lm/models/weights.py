"""How far each part of a mixture is believed: at every place anew, by how much it knows there.

The shares of GPT, n-grams and recency, which is asked of several stretches of what was said, are a
softmax of linear functions of figures, the GPT's being 0 (the gate of Jacobs et al., "Adaptive
mixtures of local experts", 1991). They are fitted on held-out text. It knows no tokens; mixture.py
says what the figures are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lm.models.predictor import Floats
from lm.models.recency import REACHES

MEMORIES = len(REACHES)  # stretches that recency is asked of
COMMON = 128  # tokens whose chances tell what kind of place it is; 64 tell four fifths as much
OWN = 3 + 2 * MEMORIES  # figures of what the parts know
PARTS = 2 + MEMORIES  # the GPT, n-grams, and recency that often
FIGURES = OWN + COMMON  # of a place, as Mixture has them
OLDER = ((4, 9, COMMON), (3, 7, 0), (2, 5, 0))  # tables of older versions, their OWN and COMMON
ROUNDS = 100  # of either fit; the weights stand still long before
LEAST = 1e-3  # share of a part that is the same everywhere: every token stays possible
WIDEST = 8.0  # of a part's logarithm against the GPT's: it does by figures, too; ln LEAST is inside
FARTHEST = 1e6  # coefficient of a version: sums of such stay numbers
PRIOR = (*[1.0] * OWN, *[30.0] * COMMON)  # nats for a coefficient of 1 per standard deviation of a
# figure: few messages say little, and of many figures each says less


Table = tuple[float, ...]  # of a part: a constant, then a coefficient a figure


class Weights(NamedTuple):
    """What decides on the shares.

    tables: of n-grams and of recency over each stretch, [1 + MEMORIES], within a message
    turns: share of the n-grams of turns between messages, below 1; 0 where there are none
    """

    tables: tuple[Table, ...]
    turns: float = 0.0

    @classmethod
    def constant(cls, *shares: float, turns: float = 0.0) -> Weights:
        """The same shares everywhere, as in `tables`, which together leave some to the GPT."""
        gpt = 1.0 - sum(shares)
        logs = [math.log(max(share, 1e-9) / gpt) for share in shares]
        return cls(_padded([(each,) for each in logs]), turns)

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Weights:
        """From `numbers` as a version stores them; older ones knew less, or nothing, of figures.

        ValueError when they are none.
        """
        *parts, turns = numbers if len(numbers) != 2 else (*numbers, 0.0)
        if not all(abs(number) <= FARTHEST for number in parts):  # NaN is none of them
            parts = []
        for count, own, common in ((1 + MEMORIES, OWN, COMMON), *OLDER):
            if len(parts) == count * (1 + own + common):
                tables = _tables(parts, count)
                found = cls(_padded([_widened(table, own) for table in tables]), turns)
                break
        else:
            if not (len(parts) == 2 and parts[0] > 0 and parts[1] >= 0 and sum(parts) < 1):
                raise ValueError("no shares that leave some to a GPT")
            found = cls.constant(*parts, turns=turns)
        if not 0 <= found.turns < 1:
            raise ValueError("a share of turns that leaves none to a GPT")
        return found

    @property
    def numbers(self) -> tuple[float, ...]:
        """Flat, to be stored."""
        return (*chain.from_iterable(self.tables), self.turns)

    def shares(self, figures: Tensor) -> Tensor:
        """[..., PARTS] of the GPT and those of `tables` in a message, by figures [..., FIGURES]."""
        return shares_by(torch.tensor(self.tables, dtype=figures.dtype), figures)


def _tables(numbers: Sequence[float], count: int) -> list[Table]:
    size = len(numbers) // count
    return [tuple(numbers[at : at + size]) for at in range(0, len(numbers), size)]


def _widened(table: Table, own: int) -> Table:
    """With all figures of what parts know instead of the first `own`; the others have no say."""
    return (*table[: 1 + own], *[0.0] * (OWN - own), *table[1 + own :])


def _padded(tables: Sequence[Table]) -> tuple[Table, ...]:
    """Whole tables from the beginnings of some: other figures and other parts have no say."""
    absent = [(-WIDEST,)] * (1 + MEMORIES - len(tables))
    return tuple((*table, *[0.0] * (1 + FIGURES - len(table))) for table in (*tables, *absent))


def shares_by(table: Tensor, figures: Tensor) -> Tensor:
    """As Weights.shares, by tables [PARTS - 1, 1 + FIGURES] on the figures' device."""
    others = (figures @ table[:, 1:].T + table[:, 0]).clamp(-WIDEST, WIDEST)
    return torch.cat((torch.zeros_like(others[..., :1]), others), dim=-1).softmax(dim=-1)


def fit(nats: Floats, figures: Floats) -> tuple[Table, ...]:
    """The coefficients of all parts but the GPT under which held-out tokens are likeliest.

    nats: [tokens, PARTS] of each part; figures: [tokens, FIGURES]. From the best shares that are
    the same everywhere; a normal prior on the coefficients keeps few tokens from deciding.
    """
    chances = torch.from_numpy(np.exp(-nats.astype(np.float64)))
    seen = torch.from_numpy(figures.astype(np.float64))
    middle, scale = seen.mean(dim=0), seen.std(dim=0, correction=0).clamp_min(0.1)
    seen = (seen - middle) / scale
    start = Weights.constant(*fit_weights([*nats.T]))
    table = torch.tensor(start.tables, dtype=torch.float64, requires_grad=True)
    prior = torch.tensor(PRIOR, dtype=torch.float64)
    search = torch.optim.LBFGS([table], max_iter=ROUNDS, line_search_fn="strong_wolfe")

    def cost() -> Tensor:
        search.zero_grad()
        chosen = (shares_by(table, seen) * chances).sum(dim=-1)
        found = -chosen.log().sum() + (prior * table[:, 1:].square()).sum()
        found = found / len(chances)
        torch.autograd.backward(found)
        return found

    search.step(cost)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    slopes = table.detach()[:, 1:] / scale
    constants = table.detach()[:, :1] - (slopes @ middle)[:, None]
    return tuple(tuple(row) for row in torch.cat((constants, slopes), dim=1).tolist())


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
