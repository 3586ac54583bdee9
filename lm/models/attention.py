"""Causal attention while a CPU trains in bfloat16, where torch's fused kernel is the slower way.

That kernel never holds the scores; rows of a few hundred tokens have few, and with them two plain
products and a softmax take two to four fifths of its time (benchmarks/LOG.md). It knows no model.
"""

from __future__ import annotations

import torch
from torch import Tensor

LONGEST = 512  # tokens; over 1,024 the fused kernel is ahead


def quicker(q: Tensor) -> bool:
    """Whether `attended` is the quicker way for queries [batch, heads, time, head_dim]."""
    learning = torch.is_grad_enabled() and q.requires_grad
    return (
        learning and q.device.type == "cpu" and q.dtype == torch.bfloat16 and q.shape[2] <= LONGEST
    )


def attended(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """What each query finds in the values up to its own place; all [batch, heads, time, d]."""
    time, head_dim = q.shape[2:]
    later = torch.full((time, time), -torch.inf, dtype=q.dtype, device=q.device).triu(1)
    scores = torch.baddbmm(later, q.flatten(0, 1), k.flatten(0, 1).mT, alpha=head_dim**-0.5)
    return (scores.softmax(dim=-1) @ v.flatten(0, 1)).view_as(q)
