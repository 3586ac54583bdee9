"""Muon: momentum made orthogonal, for a network's matrices (kellerjordan.github.io/posts/muon).

On our corpora it reaches AdamW's loss in about half the steps. As in NorMuon (arXiv 2510.05491)
no neuron moves more than another over time. torch.optim.Muon has not that and always
computes in bfloat16, which processors without it emulate many times slower.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

MOMENTUM = 0.95
SPREAD = 0.95  # of what is known of how much each neuron moves, kept from step to step
# Quintic iteration that drives all singular values towards 1 (to within 0.7 and 1.2). Usual are 5
# rounds; with few the shortest directions stay short, which teaches no less and takes less time
# (benchmarks/LOG.md).
ROUNDS, A, B, C = 3, 3.4445, -4.7750, 2.0315


def orthogonal(matrices: Tensor, dtype: torch.dtype) -> Tensor:
    """About the orthogonal matrix nearest to each of [n, rows, columns], computed in dtype."""
    tall = matrices.shape[1] > matrices.shape[2]
    x = (matrices.mT if tall else matrices).to(dtype)
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    gram = x @ x.mT  # [n, short, short]
    # No singular value is above the root of its norm, which is nearer to the largest than x's norm.
    size = torch.linalg.matrix_norm(gram, keepdim=True) + 1e-7
    x, gram = x * size.rsqrt(), gram / size
    for number in range(ROUNDS):
        gram = x @ x.mT if number else gram
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=B, alpha=C), x, beta=A)
    return x.mT if tall else x


class Muon:
    """The optimizer over `matrices`, each [rows, columns] with a gradient at every step.

    Those of one shape are moved together, which takes up to a third less time than one by one
    (benchmarks/LOG.md). momenta: [n, rows, columns] of each shape; spreads: [n, rows, 1], the mean
    square of what each row was to move by
    """

    def __init__(self, matrices: Sequence[Tensor], weight_decay: float, dtype: torch.dtype) -> None:
        self._weight_decay, self._dtype = weight_decay, dtype
        alike: dict[torch.Size, list[Tensor]] = {}
        for matrix in matrices:
            alike.setdefault(matrix.shape, []).append(matrix)
        self._groups = list(alike.values())
        self.momenta = [torch.stack([torch.zeros_like(m) for m in g]) for g in self._groups]
        self.spreads = [torch.zeros_like(momentum[..., :1]) for momentum in self.momenta]

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Move every matrix by its gradient and forget the gradient."""
        for group, momentum, spread in zip(self._groups, self.momenta, self.spreads, strict=True):
            gradients = torch.stack([_gradient(matrix) for matrix in group])
            momentum.lerp_(gradients, 1 - MOMENTUM)
            updates = orthogonal(gradients.lerp(momentum, MOMENTUM), self._dtype)
            updates = _evened(updates.to(spread.dtype), spread)
            rows, columns = group[0].shape
            scale = -lr * math.sqrt(max(1.0, rows / columns))
            for matrix, update in zip(group, updates, strict=True):
                matrix.mul_(1 - lr * self._weight_decay)
                matrix.add_(update, alpha=scale)
                matrix.grad = None

    def state(self) -> dict[str, Tensor]:
        """What the next step depends on, by name: to store, or to copy into."""
        momenta = {f"muon.momentum.{i}": momentum for i, momentum in enumerate(self.momenta)}
        return momenta | {f"muon.spread.{i}": spread for i, spread in enumerate(self.spreads)}


def _evened(updates: Tensor, spread: Tensor) -> Tensor:
    """Updates [n, rows, columns] whose rows are as long as each other over time; sizes stay."""
    spread.lerp_(updates.square().mean(dim=-1, keepdim=True), 1 - SPREAD)
    even = updates / (spread.sqrt() + 1e-8)
    size, found = (torch.linalg.matrix_norm(u, keepdim=True) for u in (updates, even))
    scaled: Tensor = even * (size / found.clamp_min(1e-30))  # where nothing moves, both are 0
    return scaled


def _gradient(matrix: Tensor) -> Tensor:
    assert matrix.grad is not None, tuple(matrix.shape)
    return matrix.grad
