"""Recency: people repeat what has just been said. The context itself, as a model of what follows.

The next token is one that followed the latest token earlier in the context; where that token is
new, any token of the context. A bigram cache after Kuhn & De Mori, "A cache-based natural language
model for speech recognition" (1990). Nothing is learnt; it knows no text.
"""

from __future__ import annotations

import torch
from torch import Tensor


def evidence(span: Tensor, at: Tensor) -> Tensor:
    """How far each token of the context is expected again: [batch, time, span], summing to 1.

    span: token ids [batch, span]; at: the places [batch, time] behind which to predict
    """
    places = torch.arange(span.shape[1], device=span.device)
    past = places <= at[..., None]  # [batch, time, span]
    before = span.roll(1, dims=1)[:, None]  # the token before each
    followed = past & (before == span.gather(1, at)[..., None]) & (places > 0)
    found = torch.where(followed.any(dim=-1, keepdim=True), followed, past).float()
    return found / found.sum(dim=-1, keepdim=True)


def distribution(span: Tensor, at: Tensor, vocab_size: int) -> Tensor:
    """p of every token [batch, time, vocab_size] behind places `at`."""
    found = torch.zeros(*at.shape, vocab_size, device=span.device)
    return found.scatter_add_(-1, span[:, None].expand(-1, at.shape[1], -1), evidence(span, at))


def chances(row: Tensor) -> Tensor:
    """p(row[t + 1] | row[: t + 1]) for every t: [len(row) - 1]."""
    at = torch.arange(len(row) - 1, device=row.device)[None]
    hits = row == row[1:, None]  # [time, span]
    return (evidence(row[None], at)[0] * hits).sum(dim=-1)
