"""The extension modules of lm/native: which there are, and what they offer to the rest of it."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Protocol, cast

import torch

from lm.device import capabilities

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
        last: bool,
    ) -> None:
        """Fill caches and, unless 0, logits: of all tokens, or of each row's last.

        Each row has `counts` of `time` tokens.

        ValueError names what is out of range, before anything is touched.
        """
        ...

    def mix(
        self,
        model: object,
        tables: tuple[int, ...],
        voices: tuple[int, int],
        shares: int,
        common: int,
        tokens: int,
        time: int,
        slots: Sequence[int],
        at: Sequence[int],
        counts: Sequence[int],
        bases: Sequence[int],
        base_lengths: Sequence[int],
        alone: Sequence[int],
        before: Sequence[int],
        before_lengths: Sequence[int],
        keys: int,
        slot_count: int,
        span: int,
        scores: int,
    ) -> None:
        """Remember `counts` of `time` tokens of each row; its last one's scores become ln p.

        voices: where their boosts lie, or 0; END
        alone: per row, 1 where it is that of the GPT alone
        before, before_lengths: per row, where the tokens said before it are, and how many
        """
        ...

    def rules(
        self,
        greedy: bool,
        temperature: float,
        top_k: int,
        top_p: float,
        floor: float,
        guidance: float,
        banned: Sequence[int],
    ) -> object:
        """How a row is sampled."""
        ...

    def draw(
        self,
        rules: Sequence[object],
        vocabulary: int,
        scores: int,
        neutral: int,
        points: Sequence[float],
        banned: Sequence[int],
    ) -> list[int]:
        """A token of each row, -1 where its scores are no numbers.

        points: from 0 to 1, of each row
        banned: rows and tokens by turns
        """
        ...

    def log_probs(self, vocabulary: int, scores: int, tokens: Sequence[int]) -> list[float]:
        """ln p of one token of each row."""
        ...


def native(dtype: torch.dtype) -> Native | None:
    """The extension module for weights of that dtype, if it was built and the processor can."""
    name, needed = MODULES.get(dtype, ("", ()))
    offers = capabilities()
    if not name or not all(offers.get(flag) for flag in needed):
        return None
    try:
        return cast(Native, importlib.import_module(f"lm.native.{name}"))
    except ImportError:
        return None
