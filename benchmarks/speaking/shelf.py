"""Whether keys and values are worth keeping elsewhere: bytes per warm chat, and copying them
against computing them again.

Copies go to memory of the host and back, layer by layer, as a second tier would make them; the
tensors are laid out as the engine's slots are.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from benchmarks.speaking.asking import Ask
from benchmarks.speaking.rounds import paced, ratio
from benchmarks.speaking.subject import Subject, settle
from lm.engine.runner import Model

SLOTS = 32  # that the tensors have room for; one of them is copied
REPEATS = 5  # in a round, of which the median is taken


class Shelf:
    """Slots of a model, and room for one chat of `context` tokens in the host's memory."""

    def __init__(self, model: Model, context: int, device: torch.device) -> None:
        weight = next(iter(model.parameters()), torch.zeros(0))
        pinned = device.type == "cuda"
        self._device, self._pairs = device, list[tuple[Tensor, Tensor]]()
        for heads, head_dim in model.cache_layers:
            for _ in ("keys", "values"):
                slots = torch.zeros(
                    (SLOTS, heads, context, head_dim), dtype=weight.dtype, device=device
                )
                kept = torch.zeros(slots.shape[1:], dtype=weight.dtype, pin_memory=pinned)
                self._pairs.append((slots, kept))

    @property
    def nbytes(self) -> int:
        """Of one chat."""
        return sum(kept.nbytes for _, kept in self._pairs)

    def copy(self, slot: int) -> tuple[float, float]:
        """Seconds to copy a slot out, and in again."""
        began = time.perf_counter()
        for slots, kept in self._pairs:
            kept.copy_(slots[slot], non_blocking=True)
        self._wait()
        between = time.perf_counter()
        for slots, kept in self._pairs:
            slots[slot].copy_(kept, non_blocking=True)
        self._wait()
        return between - began, time.perf_counter() - between

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


def shelf(
    subjects: Sequence[Subject], contexts: Sequence[int], rounds: int, minutes: float = math.inf
) -> dict[str, Any]:
    """Figures by shape and context in tokens, all by turns; round 0 is not counted."""
    cells = [
        (subject, min(context, subject.shape.config.context))
        for subject in subjects
        for context in contexts
    ]
    found: dict[tuple[Subject, int], list[dict[str, float]]] = {cell: [] for cell in cells}
    for number in paced(rounds, minutes):
        for (subject, context), figures in found.items():
            repeats = _round(subject, context, seed=number)
            figures += repeats if number else []
    return {"rows": [_row(*cell, figures) for cell, figures in found.items()]}


def _round(subject: Subject, context: int, seed: int) -> list[dict[str, float]]:
    model = subject.model()
    kept = Shelf(model, context, subject.device)
    engine = subject.engine(model, slots=1, span=context)
    found = []
    for repeat in range(REPEATS):
        ask = Ask(1, context, 1, model.config.vocab_size, seed * REPEATS + repeat)
        engine.forget("chat")
        began = time.perf_counter()
        engine.warm("chat", ask.prompts()[0])
        settle(engine)
        again = time.perf_counter() - began
        out, back = kept.copy(slot=repeat % SLOTS)
        found.append({"again": again, "out": out, "in": back, "bytes": float(kept.nbytes)})
    return found


def _row(subject: Subject, context: int, figures: Sequence[dict[str, float]]) -> dict[str, Any]:
    column = {key: [each[key] for each in figures] for key in figures[0]}
    return {
        **subject.described(),
        "context": context,
        "bytes": int(column["bytes"][0]),
        "chats_per_gb": int(1e9 / column["bytes"][0]),
        **{f"{key}_s": statistics.median(column[key]) for key in ("again", "out", "in")},
        "sooner": ratio(column["again"], column["in"]),
    }
