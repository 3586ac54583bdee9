"""How far each part of a mixture is believed: at every place anew, by how much it knows there.

The shares of GPT, n-grams, recency and what was said lately are a softmax of linear functions of a
few figures, the GPT's being 0 (the gate of Jacobs et al., "Adaptive mixtures of local experts",
1991). They are fitted on held-out text. It knows no tokens; mixture.py says what the figures are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lm.device import uploaded
from lm.models.predictor import Floats

FIGURES = 7  # of a place, as Mixture has them
OLDER_FIGURES = 5  # the first of them: of versions that knew nothing of what was said lately
ROUNDS = 100  # of either fit; the weights stand still long before
LEAST = 1e-3  # share of a part that is the same everywhere: every token stays possible
WIDEST = 8.0  # of a part's logarithm against the GPT's: it does by figures, too; ln LEAST is inside
FARTHEST = 1e6  # coefficient of a version: sums of such stay numbers
PRIOR = 1.0  # nats for a coefficient of 1 per standard deviation: few messages say little


Table = tuple[float, ...]  # of a part: a constant, then a coefficient a figure


class Weights(NamedTuple):
    """What decides on the shares.

    ngrams, recency, lately: [1 + FIGURES] within a message
    turns: share of the n-grams of turns between messages, below 1; 0 where there are none
    """

    ngrams: Table
    recency: Table
    lately: Table
    turns: float = 0.0

    @classmethod
    def constant(
        cls, ngrams: float, recency: float, lately: float = 0.0, *, turns: float = 0.0
    ) -> Weights:
        """The same shares everywhere, which together leave some to the GPT."""
        gpt = 1.0 - ngrams - recency - lately
        first, second, third = (
            (math.log(max(share, 1e-9) / gpt), *[0.0] * FIGURES)
            for share in (ngrams, recency, lately)
        )
        return cls(first, second, third, turns)

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Weights:
        """From `numbers` as a version stores them; older ones knew less, or nothing, of figures.

        ValueError when they are none.
        """
        *parts, turns = numbers if len(numbers) != 2 else (*numbers, 0.0)
        if not all(abs(number) <= FARTHEST for number in parts):  # NaN is none of them
            parts = []
        if len(parts) == 3 * (1 + FIGURES):
            first, second, third = _tables(parts, 3)
            found = cls(first, second, third, turns)
        elif len(parts) == 2 * (1 + OLDER_FIGURES):
            unseen = [0.0] * (FIGURES - OLDER_FIGURES)
            first, second = ((*table, *unseen) for table in _tables(parts, 2))
            found = cls(first, second, (-WIDEST, *[0.0] * FIGURES), turns)
        elif len(parts) == 2 and parts[0] > 0 and parts[1] >= 0 and sum(parts) < 1:
            found = cls.constant(*parts, turns=turns)
        else:
            raise ValueError("no shares that leave some to a GPT")
        if not 0 <= found.turns < 1:
            raise ValueError("a share of turns that leaves none to a GPT")
        return found

    @property
    def numbers(self) -> tuple[float, ...]:
        """Flat, to be stored."""
        return (*self.ngrams, *self.recency, *self.lately, self.turns)

    def shares(self, figures: Tensor) -> Tensor:
        """[..., 4] of GPT, n-grams, recency and lately in a message, by figures [..., FIGURES]."""
        table = torch.tensor((self.ngrams, self.recency, self.lately), dtype=figures.dtype)
        return _shares_by(uploaded(table, figures.device), figures)


def _tables(numbers: Sequence[float], count: int) -> list[Table]:
    size = len(numbers) // count
    return [tuple(numbers[at : at + size]) for at in range(0, len(numbers), size)]


def _shares_by(table: Tensor, figures: Tensor) -> Tensor:
    """As Weights.shares, by coefficients [3, 1 + FIGURES]."""
    others = (figures @ table[:, 1:].T + table[:, 0]).clamp(-WIDEST, WIDEST)  # [..., 3]
    return torch.cat((torch.zeros_like(others[..., :1]), others), dim=-1).softmax(dim=-1)


def fit(nats: Floats, figures: Floats) -> tuple[Table, Table, Table]:
    """The coefficients of all parts but the GPT under which held-out tokens are likeliest.

    nats: [tokens, 4] of each part; figures: [tokens, FIGURES]. From the best shares that are the
    same everywhere; a normal prior on the coefficients of figures keeps few tokens from deciding.
    """
    chances = torch.from_numpy(np.exp(-nats.astype(np.float64)))
    seen = torch.from_numpy(figures.astype(np.float64))
    middle, scale = seen.mean(dim=0), seen.std(dim=0, correction=0).clamp_min(0.1)
    seen = (seen - middle) / scale
    start = Weights.constant(*fit_weights([*nats.T]))
    parts = (start.ngrams, start.recency, start.lately)
    table = torch.tensor(parts, dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([table], max_iter=ROUNDS, line_search_fn="strong_wolfe")

    def cost() -> Tensor:
        search.zero_grad()
        chosen = (_shares_by(table, seen) * chances).sum(dim=-1)
        found = -chosen.log().sum() + PRIOR * table[:, 1:].square().sum()
        found = found / len(chances)
        torch.autograd.backward(found)
        return found

    search.step(cost)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    slopes = table.detach()[:, 1:] / scale
    constants = table.detach()[:, :1] - (slopes @ middle)[:, None]
    ngrams, recency, lately = torch.cat((constants, slopes), dim=1).tolist()
    return tuple(ngrams), tuple(recency), tuple(lately)


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
