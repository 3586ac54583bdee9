"""Keys and values of all slots, and the two ways in which a step of the model sees them.

A slot is one row of fixed length. What lies behind a slot's filled part is stale but finite, and
masked. Which chat a slot belongs to is the table's business; here slots are numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor


class Slots:
    """One tensor of keys and one of values per layer: [slots, kv_heads, span, head_dim]."""

    def __init__(
        self,
        layers: Sequence[tuple[int, int]],
        slots: int,
        span: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        """layers: kv_heads and head_dim of each"""

        def zeros() -> list[Tensor]:
            shapes = [(slots, heads, span, head_dim) for heads, head_dim in layers]
            return [torch.zeros(shape, dtype=dtype, device=device) for shape in shapes]

        self.keys, self.values = zeros(), zeros()
        self.at = torch.arange(span, device=device)

    def zero(self, slot: int) -> None:
        """Leave no trace of what a slot held."""
        for tensor in (*self.keys, *self.values):
            tensor[slot].zero_()


class Chunk:
    """A model's cache for several tokens of one slot."""

    def __init__(self, slots: Slots, slot: int, start: int, end: int) -> None:
        self._slots, self._slot, self._start, self._end = slots, slot, start, end
        self.positions = slots.at[None, start:end]
        self._mask = (slots.at[:end] <= slots.at[start:end, None])[None, None]  # [1, 1, time, span]

    def update(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Store [1, kv_heads, time, head_dim]; everything in the slot up to there."""
        keys, values = self._slots.keys[layer], self._slots.values[layer]
        keys[self._slot, :, self._start : self._end] = k[0]
        values[self._slot, :, self._start : self._end] = v[0]
        seen = slice(self._slot, self._slot + 1)
        return keys[seen, :, : self._end], values[seen, :, : self._end], self._mask


class Batch:
    """A model's cache for one token of each of several slots, as long as the longest of them.

    Neighbouring slots are seen where they lie; scattered ones are copied together.
    """

    def __init__(self, slots: Slots, rows: Sequence[int], positions: Sequence[int]) -> None:
        assert all(a < b for a, b in pairwise(rows)), rows
        self._slots, self._span = slots, max(positions) + 1
        self._first, self._end = rows[0], rows[-1] + 1
        self._together = self._end - self._first == len(rows)
        self._rows = torch.tensor(rows, device=slots.at.device)
        self._at = torch.tensor(positions, device=slots.at.device)
        self.positions = self._at[:, None]
        self._mask = (slots.at[: self._span] <= self.positions)[:, None, None]  # [rows, 1, 1, span]

    def update(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Store [rows, kv_heads, 1, head_dim]; everything in the rows' slots."""
        keys, values = self._slots.keys[layer], self._slots.values[layer]
        keys[self._rows, :, self._at] = k[:, :, 0].to(keys.dtype)  # token ids come as float32
        values[self._rows, :, self._at] = v[:, :, 0].to(keys.dtype)
        return self._see(keys), self._see(values), self._mask

    def _see(self, tensor: Tensor) -> Tensor:
        """[rows, kv_heads, span, head_dim]"""
        filled = tensor[:, :, : self._span]
        if self._together:
            return filled[self._first : self._end]
        return filled.index_select(0, self._rows)
