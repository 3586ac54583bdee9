"""Training speed: our learner's steps against nanoGPT's loop at the same shape, by turns.

Tokens per second are medians over rounds in which every contestant has its turn; the share of the
peak is of the machine's largest rate of matrix products in its fastest precision. FLOPs per token
are 6 N + 6 L H Q T (PaLM, arXiv 2204.02311, appendix B, the attention term halved because it is
causal), N with the tied table, without positions.
"""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from benchmarks.learning.corpus import Corpus
from benchmarks.learning.peers.nanogpt import NanoConfig, NanoTraining
from lm.corpus.batches import session_ids
from lm.device import free_memory, peak, precision
from lm.learning import plan
from lm.learning.events import Event, Note, Progress
from lm.learning.learner import TRIED_AT, Learner
from lm.learning.origin import fresh
from lm.learning.plan import Machine, flops_per_token
from lm.learning.presets import PRESETS, Preset

WARM_UP = 3  # steps or reports of a round that are not timed: memory, kernels
HUNDRED_MILLION = replace(  # what a GPU is measured with, beside the presets
    PRESETS["large"],
    name="100M",
    n_layers=12,
    d_model=768,
    n_heads=6,
    d_ff=2304,
    context=1024,
    rows=32,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One contestant at one shape. share: of the peak, 0 to 1; seconds: per step, median."""

    preset: str
    contestant: str
    parameters: int
    tokens_per_s: float
    share: float
    rounds: list[float]


class _EnoughError(Exception):
    """The round is over."""


class Ours:
    """Our learner, as `understudy train` runs it, for a few steps at a time.

    compiled: as a long run does it, where it is quicker
    """

    def __init__(
        self,
        corpus: Corpus,
        preset: Preset,
        machine: Machine,
        compiled: bool,
        tell: Callable[[str], None],
    ) -> None:
        self.name = f"understudy{', compiled' if compiled else ''}"
        endless = replace(preset, epochs=1e6)  # so that no evaluation falls into a round
        words = plan.vocabulary(preset, corpus.characters)
        origin = fresh(endless, corpus.train, words, seed=1)
        self.shape = origin.model.config
        self.weights = plan.parameters(self.shape)
        self.stream = np.concatenate([session_ids(origin.tokenizer, s) for s in corpus.train])
        self._per_step, self._tell = preset.rows * self.shape.context, tell
        self._seconds, self._marks = 0.0, list[tuple[float, int]]()
        self._learner = Learner(
            origin.model,
            origin.tokenizer,
            origin.batches,
            corpus.development[:1],
            origin.preset,
            machine,
            self._watch,
        )
        self._learner.worthwhile = 0.0 if compiled else math.inf

    def round(self, seconds: float) -> float:
        """Tokens per second over at least so many seconds of steps."""
        self._seconds, self._marks = seconds, []
        with suppress(_EnoughError):
            self._learner.learn()
        (began, first), (ended, last) = self._marks[WARM_UP], self._marks[-1]
        return (last - first) * self._per_step / (ended - began)

    def _watch(self, event: Event) -> None:
        if isinstance(event, Note):
            self._tell(f"{self.name}: {event.message}")
            self._marks.clear()
        if isinstance(event, Progress):
            self._marks.append((time.perf_counter(), event.step))
            timed = self._marks[WARM_UP:]
            if event.step > TRIED_AT and timed and timed[-1][0] - timed[0][0] >= self._seconds:
                raise _EnoughError


class Nano:
    """nanoGPT's loop at our shape and vocabulary, kept from round to round."""

    def __init__(self, ours: Ours, rows: int, machine: Machine, compiled: bool, bf16: bool) -> None:
        config = NanoConfig(rows, compiled, bf16)
        self.name = f"nanoGPT, {'bf16' if bf16 else 'fp32'}{', compiled' if compiled else ''}"
        self._training = NanoTraining(ours.stream, ours.shape, config, machine.device)
        self._per_step = rows * ours.shape.context
        self.weights = self._training.weights

    def round(self, seconds: float) -> float:
        """Tokens per second over at least so many seconds of steps."""
        for _ in range(WARM_UP):
            self._training.step()
        began, steps = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            self._training.step()
            steps += 1
        return steps * self._per_step / (time.perf_counter() - began)


def machine(device: torch.device) -> Machine:
    """What is measured on; its peak is that of the precision that it trains in."""
    dtype = precision(device)
    return Machine(device, dtype, peak(device, dtype), free_memory(device))


def speed(
    corpus: Corpus,
    presets: Sequence[Preset],
    device: torch.device,
    *,
    rounds: int,
    seconds: float,
    compiled: bool = True,
    tell: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Measure every preset; the peak is the best of one measurement before each round."""
    here = machine(device)
    peaks = [here.peak]
    measured: list[tuple[Preset, Ours | Nano, list[float], float]] = []
    for preset in presets:
        ours = Ours(corpus, preset, here, False, tell)
        contestants: list[Ours | Nano] = [ours, *_nanos(ours, preset, here, compiled)]
        if compiled:
            contestants.insert(1, Ours(corpus, preset, here, True, tell))
        speeds: dict[str, list[float]] = {c.name: [] for c in contestants}
        for number in range(rounds):
            peaks.append(peak(device, here.dtype))
            for contestant in contestants:
                speeds[contestant.name].append(contestant.round(seconds))
                last = speeds[contestant.name][-1]
                tell(f"{preset.name}, round {number + 1}, {contestant.name}: {last:,.0f} tokens/s")
        for c in contestants:
            flops = flops_per_token(ours.shape) + 6.0 * (c.weights - ours.weights)
            measured.append((preset, c, speeds[c.name], flops))
        del contestants, ours
        gc.collect()
    best = max(peaks)
    return {
        "device": _name(device),
        "precision": here.precision,
        "peak": best,
        "threads": torch.get_num_threads(),
        "rows": [_row(*entry, best) for entry in measured],
    }


def _nanos(ours: Ours, preset: Preset, here: Machine, compiled: bool) -> list[Nano]:
    """Its loop in its own precision (fp32 on a CPU) and in ours, compiled and not."""
    precisions = [True] if here.device.type == "cuda" else [False, True]
    if here.dtype == torch.float32:
        precisions = [False]
    how = [False, True] if compiled else [False]
    return [Nano(ours, preset.rows, here, c, bf16) for bf16 in precisions for c in how]


def _row(
    preset: Preset, contestant: Ours | Nano, speeds: list[float], flops: float, best: float
) -> dict[str, Any]:
    median = statistics.median(speeds)
    return {
        "preset": preset.name,
        "contestant": contestant.name,
        "parameters": contestant.weights,
        "tokens_per_s": round(median),
        "share_of_peak": round(median * flops / best, 4),
        "rounds": [round(value) for value in speeds],
    }


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
