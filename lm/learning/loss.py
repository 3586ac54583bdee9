"""The training loss: next-token cross-entropy fused with the output projection.

Scores over the vocabulary are the largest tensors of a step. Here they exist for a few hundred
tokens at a time and become gradients at once; the result equals cross_entropy(logits), in which
some targets can count more than others.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

CHUNK = 512  # tokens whose scores exist at the same time; 1,024 take a tenth longer


class _NextToken(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, counts: Tensor, dtype: Any
    ) -> Tensor:
        """hidden [n, d], weight [vocab, d], targets, counts [n]; matrix products in dtype."""
        w = weight.to(dtype)
        hidden_grad = torch.empty_like(hidden)
        weight_grad = torch.zeros_like(weight)
        loss = hidden.new_zeros((), dtype=torch.float32)
        for start in range(0, len(targets), CHUNK):
            rows = slice(start, start + CHUNK)
            h, target, count = hidden[rows].to(dtype), targets[rows, None], counts[rows, None]
            p = (h @ w.T).softmax(dim=-1, dtype=torch.float32)  # [chunk, vocab]
            loss -= (p.gather(1, target).clamp_min(1e-30).log() * count).sum()
            p.scatter_add_(1, target, p.new_full((1, 1), -1.0).expand_as(target))
            slope = p.to(dtype)  # the gradient of the scores, where a target counts 1
            hidden_grad[rows] = (slope @ w) * count
            weight_grad += slope.T @ (h * count).to(dtype)
        ctx.save_for_backward(hidden_grad, weight_grad)
        ctx.count = counts.sum()
        mean: Tensor = loss / ctx.count
        return mean

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        hidden_grad, weight_grad = ctx.saved_tensors
        scale = grads[0] / ctx.count
        return hidden_grad * scale, weight_grad * scale, None, None, None


def next_token_loss(
    hidden: Tensor, weight: Tensor, targets: Tensor, counts: Tensor, dtype: torch.dtype
) -> Tensor:
    """Mean nats of the targets, each weighted with its count.

    hidden [batch, time, d], weight [vocab, d], targets [batch, time], counts the same in float32
    """
    loss: Tensor = _NextToken.apply(  # type: ignore[no-untyped-call]  # torch leaves apply untyped
        hidden.flatten(0, 1), weight, targets.flatten(), counts.flatten(), dtype
    )
    return loss
