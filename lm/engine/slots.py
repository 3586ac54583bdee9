"""Keys and values of all slots, and how a step of the model sees them.

A slot is one row of fixed length. What lies behind a slot's filled part is stale but finite, and
masked. Which chat a slot belongs to is the table's business; here slots are numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from lm.corpus.batches import Ids
from lm.device import uploaded


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

    def copied(self, slot: int, length: int) -> list[Tensor]:
        """The first places of a slot, in memory of the host: [kv_heads, length, head_dim] each."""
        return [
            tensor[slot, :, :length].to("cpu", copy=True) for tensor in (*self.keys, *self.values)
        ]

    def fill(self, slot: int, copies: Sequence[Tensor]) -> None:
        """Put the first places of a slot back."""
        for tensor, copy in zip((*self.keys, *self.values), copies, strict=True):
            tensor[slot, :, : copy.shape[1]] = copy.to(tensor.device)


class Batch:
    """A model's cache for the next tokens of several rows, each in a slot of its own.

    rows:         the slot of each row
    at:           where each row's first new token goes
    counts:       how many new tokens each row has; one where nothing is said
    bases:        the slot that holds a row's first tokens, for rows that branch off another
    base_lengths: how many tokens lie there, at the same places
    before:       what was said before each row's first token, or before none
    Rows shorter than the longest are padded behind their end; what is computed there is nowhere
    stored. Neighbouring slots are seen where they lie; scattered ones are copied together. What is
    seen are the first `span` places of each.
    """

    def __init__(
        self,
        slots: Slots,
        rows: Sequence[int],
        at: Sequence[int],
        counts: Sequence[int] = (),
        bases: Sequence[int] = (),
        base_lengths: Sequence[int] = (),
        before: Sequence[Ids] = (),
    ) -> None:
        self.slots, self.rows, self.at, self.before = slots, list(rows), list(at), before
        self.counts = list(counts) or [1] * len(self.rows)
        self.bases = list(bases) or self.rows
        self.base_lengths = list(base_lengths) or [0] * len(self.rows)
        self.time = max(self.counts)
        self.span = max(start + count for start, count in zip(at, self.counts, strict=True))
        self._branches = any(self.base_lengths)

    def only(self, row: int) -> Batch:
        """That of one row."""
        one = slice(row, row + 1)
        return Batch(
            self.slots,
            self.rows[one],
            self.at[one],
            self.counts[one],
            self.bases[one],
            self.base_lengths[one],
            self.before[one],
        )

    @cached_property
    def positions(self) -> Tensor:
        """[rows, time]; padding repeats a row's last."""
        if self.time == 1:
            return self._tensor(self.at)[:, None]
        at, counts = np.array(self.at), np.array(self.counts)
        steps = np.minimum(np.arange(self.time), counts[:, None] - 1)
        return uploaded(torch.from_numpy(at[:, None] + steps), self.slots.at.device)

    @cached_property
    def ends(self) -> Tensor:
        """[rows] where among its new tokens each row's last one is."""
        return self._tensor(self.counts) - 1

    def update(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Store [rows, kv_heads, time, head_dim]; everything that the rows may look at.

        Returns keys and values [rows, kv_heads, span, head_dim] and the mask [rows, 1, time, span].
        """
        keys, values = self.slots.keys[layer], self.slots.values[layer]
        row, step = self._new
        slot, place = self._tensor(self.rows)[row], self.positions[row, step]
        keys[slot, :, place] = k[row, :, step].to(keys.dtype)  # token ids come as float32
        values[slot, :, place] = v[row, :, step].to(keys.dtype)
        return self._see(keys), self._see(values), self._mask

    @cached_property
    def _new(self) -> tuple[Tensor, Tensor]:
        """Row and step of every token that is no padding."""
        pairs = [(row, step) for row, count in enumerate(self.counts) for step in range(count)]
        row, step = self._tensor(pairs).T
        return row, step

    @cached_property
    def _mask(self) -> Tensor:
        return (self.slots.at[: self.span] <= self.positions[..., None])[:, None]

    @cached_property
    def _together(self) -> bool:
        return all(b - a == 1 for a, b in pairwise(self.rows))

    @cached_property
    def _slot_of(self) -> Tensor:
        """[rows, span] where each place of each row lies."""
        in_base = self.slots.at[: self.span] < self._tensor(self.base_lengths)[:, None]
        return torch.where(
            in_base, self._tensor(self.bases)[:, None], self._tensor(self.rows)[:, None]
        )

    def _see(self, tensor: Tensor) -> Tensor:
        """[rows, kv_heads, span, head_dim]"""
        if self._branches:
            return tensor[self._slot_of, :, self.slots.at[: self.span]].transpose(1, 2)
        filled = tensor[:, :, : self.span]
        if self._together:
            return filled[self.rows[0] : self.rows[-1] + 1]
        return filled.index_select(0, self._tensor(self.rows))

    def _tensor(self, numbers: Sequence[int] | Sequence[tuple[int, int]]) -> Tensor:
        return uploaded(torch.tensor(numbers), self.slots.at.device)
