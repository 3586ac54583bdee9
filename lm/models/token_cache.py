"""Token ids in a cache of keys and values: how a model without attention remembers its context.

An id is stored as digits to the base 256, which every dtype of a cache holds exactly. So the
engine that moves, masks and zeroes the cache need not know which model it drives.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lm.models.gpt import Cache

BASE = 256  # bfloat16 holds every whole number up to it
DIGITS = 3
TOKEN_LAYER = (1, DIGITS)  # kv_heads and head_dim of a layer of token ids


@dataclass(frozen=True, slots=True)
class NgramConfig:
    """What an engine asks of a model without a shape. `context` is the tokens it looks back on."""

    vocab_size: int
    context: int


def remember(tokens: Tensor, cache: Cache, layer: int) -> Tensor:
    """Store tokens [batch, time] in a layer; all of it as token ids [batch, span]."""
    places = BASE ** torch.arange(DIGITS, device=tokens.device)
    digits = (tokens[:, None, :, None] // places % BASE).float()  # [batch, 1, time, DIGITS]
    keys, _, _ = cache.update(layer, digits, digits)
    return (keys[:, 0].long() * places).sum(dim=-1)


def seen(
    tokens: Tensor, positions: Tensor, cache: Cache | None, layer: int
) -> tuple[Tensor, Tensor]:
    """All token ids [batch, span], and where each of tokens [batch, time] stands among them.

    A token stands in the cache at its position. Without a cache, rows are all there is.
    """
    if cache is not None:
        return remember(tokens, cache, layer), positions
    return tokens, torch.arange(tokens.shape[1], device=tokens.device).expand_as(tokens)


def latest(span: Tensor, at: Tensor, count: int) -> Tensor:
    """The `count` tokens [batch, time, count] up to each place, oldest first, -1 for none.

    span: token ids [batch, span]; at: places in it [batch, time]
    """
    back = at[:, :, None] - torch.arange(count - 1, -1, -1, device=at.device)
    rows = torch.arange(len(span), device=at.device)[:, None, None]
    return span[rows, back.clamp(min=0)].masked_fill(back < 0, -1)
