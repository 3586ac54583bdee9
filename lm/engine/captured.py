"""A GPT whose steps of a token a row, over an engine's slots, are replayed from CUDA graphs.

A small model's step is a hundred short kernels, which take longer to start than to run; a graph
starts them at once. It needs the same shapes and addresses every time: so there is a graph per
bucket of rows and of places to look back on, made when it is first needed, and its inputs are
overwritten. Everything else is the GPT as it is. It knows no text and no sampling.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lm.device import uploaded
from lm.engine.slots import Batch, Slots
from lm.models.gpt import GPT, Cache, SharedGPT

LEAST_SPAN = 128  # places of a bucket: shorter ones save less than their graphs take

Forward = Callable[[Tensor, Tensor, Cache], Tensor]
Record = Callable[[Callable[[], Tensor]], tuple[Callable[[], object], Tensor]]


class CapturedGPT(SharedGPT):
    """A GPT that shares another's modules and replays its decode steps over one engine's slots."""

    def __init__(
        self, gpt: GPT, record: Record | None = None, least_span: int = LEAST_SPAN
    ) -> None:
        """record: makes a step something to be replayed, and names its result; `graphs()` if none.

        A recorded step may be run several times: it writes the same where it has written.
        """
        super().__init__(gpt)
        self._record, self._least_span = record or graphs(), least_span
        self._slots: Slots | None = None
        self._buckets: dict[tuple[int, int], Bucket] = {}

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor,
        cache: Cache | None = None,
        ends: Tensor | None = None,
    ) -> Tensor:
        """As GPT says. What a step over slots returns is overwritten by the next one.

        Tokens of such a step have the positions that the cache has for them.
        """
        if self.training or not isinstance(cache, Batch) or cache.time > 1:
            return super().forward(tokens, positions, cache, ends)
        if cache.slots is not self._slots:
            self._slots, self._buckets = cache.slots, {}
        rows = len(cache.rows)
        size = bucket_of(rows, 1, len(cache.slots.keys[0]))
        span = bucket_of(cache.span, self._least_span, len(cache.slots.at))
        if (size, span) not in self._buckets:
            self._buckets[size, span] = Bucket(cache.slots, size, span)
        return self._buckets[size, span].step(tokens, cache, super().forward, self._record)[:rows]


class Bucket:
    """Steps of up to `rows` rows that look back on up to `span` places.

    Rows that are too many repeat the last one, and write what it writes. It keeps no model: that
    would keep it in turn, and both the memory of a device, until somebody looks for such circles.
    """

    def __init__(self, slots: Slots, rows: int, span: int) -> None:
        self._rows, self._device = rows, slots.at.device
        self._inputs = torch.zeros(5, rows, dtype=torch.int64, device=self._device)
        self._seen = Seen(slots, self._inputs[1:], span)
        self._replayed: tuple[Callable[[], object], Tensor] | None = None

    def step(self, tokens: Tensor, cache: Batch, forward: Forward, record: Record) -> Tensor:
        """Scores [rows, 1, vocabulary] behind tokens [up to rows, 1]."""
        missing = self._rows - len(tokens)
        lists = (cache.rows, cache.at, cache.bases, cache.base_lengths)
        numbers = torch.tensor([[*each, *([each[-1]] * missing)] for each in lists])
        self._inputs[1:] = uploaded(numbers, self._device)
        self._inputs[0, : len(tokens)] = tokens[:, 0]
        self._inputs[0, len(tokens) :] = tokens[-1, 0]
        if self._replayed is None:
            inputs = self._inputs[0][:, None], self._inputs[2][:, None]
            self._replayed = record(lambda: forward(*inputs, self._seen))
        replay, scores = self._replayed
        replay()
        return scores


class Seen:
    """A model's cache for one new token of each row, of shapes that do not depend on how many.

    numbers: [4, rows] the slot of each row, the place of its new token, the slot that holds its
        first tokens, and how many those are: read anew in every step
    """

    before = ()  # a GPT does not look back so far

    def __init__(self, slots: Slots, numbers: Tensor, span: int) -> None:
        self._slots, self._numbers, self._span = slots, numbers, span

    def update(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As Cache says; k, v: [rows, kv_heads, 1, head_dim]."""
        rows, at, bases, base_lengths = self._numbers
        places = self._slots.at[: self._span]
        held = torch.where(places < base_lengths[:, None], bases[:, None], rows[:, None])
        keys, values = self._slots.keys[layer], self._slots.values[layer]
        keys[rows, :, at], values[rows, :, at] = k[:, :, 0], v[:, :, 0]
        mask = (places <= at[:, None])[:, None, None]
        return _at(keys, held, places), _at(values, held, places), mask


def _at(tensor: Tensor, slots: Tensor, places: Tensor) -> Tensor:
    """[rows, kv_heads, span, head_dim] of [slots, kv_heads, span, head_dim]."""
    return tensor[slots, :, places].transpose(1, 2)


def bucket_of(wanted: int, least: int, most: int) -> int:
    """The power of two, `least` or above, that holds so many, but never above `most`."""
    return min(max(least, 1 << (wanted - 1).bit_length()), most)


def graphs() -> Record:
    """Records CUDA graphs, which share the memory of whatever they do not return."""
    pool = torch.cuda.graph_pool_handle()

    def record(step: Callable[[], Tensor]) -> tuple[Callable[[], object], Tensor]:
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch has no types for it
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            step()  # libraries take their workspaces at the first call, which no graph may contain
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        # Other threads may use the device meanwhile: the next version is loaded by one of them.
        with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
            scores = step()
        return graph.replay, scores

    return record
