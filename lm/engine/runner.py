"""Computes steps: runs the model over slots and samples. It decides nothing and knows no chats.

All it asks of a model is the next token's scores and the shape of its cache: `Model` is that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from lm.engine.sampling import Sampler
from lm.engine.scheduler import Row
from lm.engine.slots import Batch, Chunk, Slots
from lm.models.gpt import Cache


class Config(Protocol):
    """What has to be known of a model before it is driven."""

    @property
    def vocab_size(self) -> int:
        """Token ids are below it."""
        ...

    @property
    def context(self) -> int:
        """How many tokens it looks back on."""
        ...


class Model(Protocol):
    """Continues token ids. The cache is the only state of what it has read."""

    @property
    def config(self) -> Config:
        """Its vocabulary and context."""
        ...

    @property
    def cache_layers(self) -> Sequence[tuple[int, int]]:
        """kv_heads and head_dim of each layer of its cache."""
        ...

    def forward(self, tokens: Tensor, positions: Tensor, cache: Cache | None = None) -> Tensor:
        """Scores [rows, time, vocabulary] of the next token after each token."""
        ...

    def prefill(self, tokens: Tensor, positions: Tensor, cache: Cache) -> None:
        """Fill the cache as `forward` does, without computing scores."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """The weights, whose dtype is the cache's; a model of counts has none."""
        ...

    def eval(self) -> Any:
        """Leave training mode."""
        ...


class Runner:
    """One model, its slots and the sampler of the rows that decode now."""

    def __init__(self, model: Model, slots: int, span: int, device: torch.device) -> None:
        model.eval()
        self._model, self._device = model, device
        dtype = next((weight.dtype for weight in model.parameters()), torch.float32)
        self.slots = Slots(model.cache_layers, slots, span, dtype, device)
        self._sampled_ids: list[int] = []
        self._sampler: Sampler | None = None

    @torch.inference_mode()
    def prefill(self, slot: int, start: int, tokens: Sequence[int]) -> None:
        """Compute keys and values of tokens that follow the first `start` of a slot."""
        cache = Chunk(self.slots, slot, start, start + len(tokens))
        self._model.prefill(self._tensor(tokens)[None], cache.positions, cache)

    @torch.inference_mode()
    def decode(self, rows: Sequence[Row]) -> list[int | None]:
        """The next token of every row; None where its scores are not finite."""
        at = [len(row.slot.tokens) for row in rows]
        cache = Batch(self.slots, [row.slot.index for row in rows], at)
        tokens = self._tensor([row.tokens[-1] for row in rows])[:, None]
        logits = self._model.forward(tokens, cache.positions, cache)[:, -1]  # [rows, vocabulary]
        return self._sampler_of(rows).sample(logits, [row.new for row in rows])

    @torch.inference_mode()
    def zero(self, slot: int) -> None:
        """Leave no trace of what a slot held."""
        self.slots.zero(slot)

    def _sampler_of(self, rows: Sequence[Row]) -> Sampler:
        """The sampler of these rows: built anew when one has joined or left."""
        ids = [row.id for row in rows]
        if self._sampler is None or ids != self._sampled_ids:
            requests = [row.request for row in rows]
            self._sampler = Sampler(
                [request.sampling for request in requests],
                [row.seed for row in rows],
                [request.banned for request in requests],
                self._device,
            )
            self._sampled_ids = ids
        return self._sampler

    def _tensor(self, numbers: Sequence[int]) -> Tensor:
        return torch.tensor(numbers, device=self._device)
