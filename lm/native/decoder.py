"""A GPT whose steps over an engine's slots are computed on the CPU by lm/native's own code.

Decoding is what an engine does most, and where torch spends its time on starting operations.
Everything else is the GPT as it is. It knows no text and no sampling; `accelerated` decides whether
there is anything to gain.
"""

from __future__ import annotations

import importlib
import operator
from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast

import torch
from torch import Tensor, nn

from lm.engine.slots import Batch, Slots
from lm.models.gpt import GPT, Cache, rotary

MODULES = {  # dtype: the extension module that computes in it, and what it asks of a processor
    torch.bfloat16: ("_avx512bf16", ("avx512_f", "avx512_bw", "avx512_vl", "avx512_bf16")),
    torch.float32: ("_avx2", ("avx2", "fma3")),
}


class Native(Protocol):
    """What an extension module offers (module.cpp). Tensors are passed by their addresses."""

    def build(
        self, shape: tuple[int, ...], eps: float, threads: int, weights: Sequence[int]
    ) -> object:
        """Pack weights, which must stay where they are; ValueError for a shape it cannot have."""
        ...

    def enlarge_pages(self, address: int, size: int) -> None:
        """Ask the system for large pages, of which a cache is read faster, for so many bytes."""
        ...

    def step(
        self,
        model: object,
        tokens: int,
        positions: int,
        time: int,
        slots: Sequence[int],
        at: Sequence[int],
        counts: Sequence[int],
        bases: Sequence[int],
        base_lengths: Sequence[int],
        keys: Sequence[int],
        values: Sequence[int],
        slot_count: int,
        span: int,
        cos: int,
        sin: int,
        position_count: int,
        logits: int,
    ) -> None:
        """Fill caches and, unless 0, logits; each row has `counts` of `time` tokens.

        ValueError names what is out of range, before anything is touched.
        """
        ...


def native(dtype: torch.dtype) -> Native | None:
    """The extension module for weights of that dtype, if it was built and the processor can."""
    name, needed = MODULES.get(dtype, ("", ()))
    offers: dict[str, object] = getattr(
        torch.cpu, "get_capabilities", dict
    )()  # newer than torch 2.9
    if not name or not all(offers.get(flag) for flag in needed):
        return None
    try:
        return cast(Native, importlib.import_module(f"lm.native.{name}"))
    except ImportError:
        return None


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


class NativeGPT(GPT):
    """A GPT that shares another's modules and computes natively over an engine's slots on the CPU.

    A token's keys, values and scores have the same bits in any batch, in any order, prefilled in
    any chunks, and whether what is before it lies in its own slot or in one that it shares.
    """

    def __init__(self, gpt: GPT, module: Native, threads: int) -> None:
        nn.Module.__init__(self)  # not GPT's: nothing is made anew
        self.config, self.training = gpt.config, gpt.training
        self.embed_tokens, self.dropout = gpt.embed_tokens, gpt.dropout
        self.layers, self.norm = gpt.layers, gpt.norm
        # Detached, they stay where they are if the model is moved.
        self._weights = [weight.detach().contiguous() for weight in gpt.parameters()]
        c = gpt.config
        shape = c.vocab_size, c.n_layers, c.d_model, c.n_heads, c.n_kv_heads, c.head_dim, c.d_ff
        addresses = [weight.data_ptr() for weight in self._weights]
        self._module, self._model = module, module.build(shape, c.norm_eps, threads, addresses)
        self._last: Caches | None = None

    def forward(self, tokens: Tensor, positions: Tensor, cache: Cache | None = None) -> Tensor:
        """As GPT says; float32 where the step is native, which is for one token per row."""
        if isinstance(cache, Batch) and cache.time == 1 and (caches := self._caches(cache.slots)):
            logits = torch.empty((*tokens.shape, self.config.vocab_size))
            self._step(tokens, positions, cache, caches, logits.data_ptr())
            return logits
        return super().forward(tokens, positions, cache)

    def prefill(self, tokens: Tensor, positions: Tensor, cache: Cache) -> None:
        """As GPT says."""
        if isinstance(cache, Batch) and (caches := self._caches(cache.slots)):
            self._step(tokens, positions, cache, caches, 0)
        else:
            super().prefill(tokens, positions, cache)

    def _caches(self, slots: Slots) -> Caches | None:
        """Those of the slots, if the native code is for them; looked at once for the same ones."""
        layers = self.config.n_layers  # whatever else is cached is not the GPT's
        tensors = [*slots.keys[:layers], *slots.values[:layers]]
        one, weight = tensors[0], self._weights[0]
        if self.training or one.dtype != weight.dtype or one.device != weight.device:
            return None
        if self._last is None or not self._last.are(tensors):
            self._last = self._looked_at(tensors)
        return self._last

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
        self, tokens: Tensor, positions: Tensor, cache: Batch, caches: Caches, logits: int
    ) -> None:
        """Tokens and positions [rows, time] int64; scores go to that address, unless it is 0."""
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
        )
