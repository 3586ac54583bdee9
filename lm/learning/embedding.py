"""An embedding in motion: what each token has alone, and what it shares with those spelt alike.

The model sees their sum, one matrix as ever, so nothing that is served or exported knows of it. It
knows no text: which tokens share what is given as pairs of numbers.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lm.corpus.spelling import Pairs


class SharedEmbedding:
    """Two matrices whose gradients and sum are those of an embedding `weight`.

    Each of a token's n parts counts 1 / sqrt(n): all of them together move it about as far as one
    would, and as its own does.

    own:    [vocabulary, d_model] each token's, at first all of it
    shared: [parts, d_model] each part's, at first nothing
    """

    def __init__(self, weight: Tensor, pairs: Pairs) -> None:
        """pairs: [pairs, 2] of a token and a part of it."""
        self._weight = weight
        device, (tokens, parts) = weight.device, torch.from_numpy(pairs).T
        count = int(parts.max()) + 1 if len(parts) else 0
        self.own = nn.Parameter(weight.detach().clone())
        self.shared = nn.Parameter(torch.zeros(count, weight.shape[1], device=device))
        counts = tokens.bincount(minlength=len(weight))[tokens]  # parts of each pair's token
        self._parts_of = _Sums(parts, tokens, counts.rsqrt(), len(weight), device)
        self._tokens_of = _Sums(tokens, parts, counts.rsqrt(), count, device)

    def take_gradient(self) -> None:
        """Give both matrices the gradient of the embedding, which has none afterwards."""
        gradient = self._weight.grad
        assert gradient is not None
        self.own.grad, self._weight.grad = gradient, None
        self.shared.grad = self._tokens_of.of(gradient)

    @torch.no_grad()
    def put_together(self) -> None:
        """Make the embedding the sum of both."""
        self._weight.copy_(self._parts_of.of(self.shared)).add_(self.own)

    def state(self) -> dict[str, Tensor]:
        """Both matrices, for a snapshot."""
        return {"own": self.own.detach(), "shared": self.shared.detach()}


class _Sums:
    """Weighted sums of some rows of a matrix: a sparse product, several times quicker as bags."""

    def __init__(
        self, taken: Tensor, sums: Tensor, weights: Tensor, count: int, device: torch.device
    ) -> None:
        """taken, sums, weights: [pairs], which row counts in which of `count` sums, how much."""
        order = sums.argsort(stable=True)
        sizes = sums.bincount(minlength=count)
        begins = sizes.cumsum(0) - sizes
        self._bags = taken[order].to(device), begins.to(device)
        self._weights = weights[order].to(device)

    def of(self, matrix: Tensor) -> Tensor:
        """[count, columns] of [rows, columns]."""
        taken, begins = self._bags
        weights = self._weights
        return F.embedding_bag(taken, matrix, begins, mode="sum", per_sample_weights=weights)
