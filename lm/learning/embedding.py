"""An embedding in motion: what each token has alone, and what it shares with those spelt alike.

The model sees their sum, one matrix as ever, so nothing that is served or exported knows of it. It
knows no text: which tokens share what is given as pairs of numbers.
"""

from __future__ import annotations

import torch
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
        self._parts_of = torch.sparse_coo_tensor(
            torch.stack((tokens, parts)).to(device),
            counts.rsqrt().to(device),
            (len(weight), count),
            check_invariants=True,
        ).coalesce()
        self._tokens_of = self._parts_of.T.coalesce()

    def take_gradient(self) -> None:
        """Give both matrices the gradient of the embedding, which has none afterwards."""
        gradient = self._weight.grad
        assert gradient is not None
        self.own.grad, self._weight.grad = gradient, None
        self.shared.grad = torch.sparse.mm(self._tokens_of, gradient)

    @torch.no_grad()
    def put_together(self) -> None:
        """Make the embedding the sum of both."""
        self._weight.copy_(torch.sparse.mm(self._parts_of, self.shared)).add_(self.own)

    def state(self) -> dict[str, Tensor]:
        """Both matrices, for a snapshot."""
        return {"own": self.own.detach(), "shared": self.shared.detach()}
