"""A GPT whose steps over an engine's slots are computed on the CPU by lm/native's own code.

Decoding is what an engine does most, and where torch spends its time on starting operations.
Everything else is the GPT as it is. It knows no text and no sampling; `accelerated` decides whether
there is anything to gain.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from lm.engine.slots import Batch, Slots
from lm.models.gpt import GPT, Cache, SharedGPT, rotary
from lm.native.code import Native, native


def accelerated(gpt: GPT, threads: int = 0) -> GPT:
    """`gpt` with native steps where they are to be had, else `gpt` itself.

    threads: how many compute a step; torch's number where nothing is said. To be called when
    weights and dtype are final: they are taken over as they are now.
    """
    weight = gpt.embed_tokens.weight
    module = native(weight.dtype) if weight.device.type == "cpu" else None
    return NativeGPT(gpt, module, threads or torch.get_num_threads()) if module else gpt


class Caches(NamedTuple):
    """What the native code may read and write: tensors that were looked at.

    tensors: keys [slots, kv_heads, span, head_dim] of each layer, then values
    cos, sin: [span, head_dim / 2] of RoPE; the other half is the same
    """

    tensors: list[Tensor]
    cos: Tensor
    sin: Tensor

    def are(self, tensors: Sequence[Tensor]) -> bool:
        """Whether it is these, and no others of their size."""
        same = map(operator.is_, tensors, self.tensors)
        return len(tensors) == len(self.tensors) and all(same)


class NativeGPT(SharedGPT):
    """A GPT that shares another's modules and computes natively over an engine's slots on the CPU.

    A token's keys, values and scores have the same bits in any batch, in any order, prefilled in
    any chunks, and whether what is before it lies in its own slot or in one that it shares.
    """

    ragged = True  # there is no padding

    def __init__(self, gpt: GPT, module: Native, threads: int) -> None:
        super().__init__(gpt)
        # Detached, they stay where they are if the model is moved.
        self._weights = [weight.detach().contiguous() for weight in gpt.parameters()]
        c = gpt.config
        shape = c.vocab_size, c.n_layers, c.d_model, c.n_heads, c.n_kv_heads, c.head_dim, c.d_ff
        addresses = [weight.data_ptr() for weight in self._weights]
        self._module, self._model = module, module.build(shape, c.norm_eps, threads, addresses)
        self._known: WeakKeyDictionary[Slots, Caches] = WeakKeyDictionary()

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor,
        cache: Cache | None = None,
        ends: Tensor | None = None,
    ) -> Tensor:
        """As GPT says; float32 where the step is native, and 0 behind the end of a shorter row.

        Over slots `ends` are those of the cache.
        """
        if isinstance(cache, Batch) and (caches := self._caches(cache.slots)):
            last = cache.time == 1 or ends is not None
            count = len(cache.rows) if last else sum(cache.counts)
            logits = torch.empty((count, 1, self.config.vocab_size))
            self._step(tokens, positions, cache, caches, logits.data_ptr(), last=last)
            return logits if last else _padded(logits[:, 0], cache)
        return super().forward(tokens, positions, cache, ends)

    def prefill(self, tokens: Tensor, positions: Tensor, cache: Cache) -> None:
        """As GPT says."""
        if isinstance(cache, Batch) and (caches := self._caches(cache.slots)):
            self._step(tokens, positions, cache, caches, 0, last=False)
        else:
            super().prefill(tokens, positions, cache)

    def drives(self, cache: Batch) -> bool:
        """Whether steps over these slots are native."""
        return self._caches(cache.slots) is not None

    def mix(self, *arguments: Any) -> None:
        """As Native says, on this model's threads."""
        self._module.mix(self._model, *arguments)

    def _caches(self, slots: Slots) -> Caches | None:
        """Those of the slots, if the native code is for them; looked at once for the same ones."""
        layers = self.config.n_layers  # whatever else is cached is not the GPT's
        tensors = [*slots.keys[:layers], *slots.values[:layers]]
        one, weight = tensors[0], self._weights[0]
        if self.training or one.dtype != weight.dtype or one.device != weight.device:
            return None
        known = self._known.get(slots)
        if known is None or not known.are(tensors):
            known = self._known[slots] = self._looked_at(tensors)
        return known

    def _looked_at(self, tensors: list[Tensor]) -> Caches:
        count, _, span, head_dim = tensors[0].shape
        shape = (count, self.config.n_kv_heads, span, self.config.head_dim)
        for tensor in tensors:
            assert tensor.shape == shape, (tensor.shape, shape)
            assert tensor.dtype == self._weights[0].dtype, tensor.dtype
            assert tensor.is_contiguous(), tensor.stride()
            self._module.enlarge_pages(tensor.data_ptr(), tensor.nbytes)
        tables = rotary(torch.arange(span)[None], head_dim, self.config.rope_theta)
        cos, sin = (table[0, 0, :, : head_dim // 2].contiguous() for table in tables)
        return Caches(tensors, cos, sin)

    def _step(
        self,
        tokens: Tensor,
        positions: Tensor,
        cache: Batch,
        caches: Caches,
        logits: int,
        *,
        last: bool,
    ) -> None:
        """Tokens and positions [rows, time] int64; scores go to that address, unless it is 0.

        last: only those behind each row's last token
        """
        shape = (len(cache.rows), cache.time)
        for name, tensor in (("tokens", tokens), ("positions", positions)):
            if tensor.shape != shape or tensor.dtype != torch.int64:
                raise ValueError(f"{name}: {tensor.dtype} {list(tensor.shape)}, not int64 {shape}")
        tokens, positions = tokens.contiguous(), positions.contiguous()
        addresses = [tensor.data_ptr() for tensor in caches.tensors]
        slots, _, span, _ = caches.tensors[0].shape
        self._module.step(
            self._model,
            tokens.data_ptr(),
            positions.data_ptr(),
            cache.time,
            cache.rows,
            cache.at,
            cache.counts,
            cache.bases,
            cache.base_lengths,
            addresses[: self.config.n_layers],
            addresses[self.config.n_layers :],
            slots,
            span,
            caches.cos.data_ptr(),
            caches.sin.data_ptr(),
            span,
            logits,
            last,
        )


def _padded(scores: Tensor, cache: Batch) -> Tensor:
    """[rows, time, vocabulary] of those of all tokens [tokens, vocabulary], row by row."""
    inside = torch.arange(cache.time) < torch.tensor(cache.counts)[:, None]
    found = scores.new_zeros(*inside.shape, scores.shape[-1])
    found[inside] = scores
    return found
