"""The model under test: a GPT's weights as one of the models that the engine can drive.

VARIANTS is the place for a new one. What begins with `native` computes its steps in lm/native,
what begins with `captured` replays them as CUDA graphs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lm.device import precision
from lm.engine.captured import CapturedGPT
from lm.engine.runner import Config, Model
from lm.engine.served import served as as_bot
from lm.models.gpt import GPT, Cache
from lm.models.mixture import Mixture
from lm.native.code import native
from lm.native.decoder import accelerated

VARIANTS: dict[str, Callable[[GPT], GPT]] = {
    "native:bf16": lambda gpt: accelerated(gpt.bfloat16()),
    "native:fp32": lambda gpt: accelerated(gpt.float()),
    "captured:bf16": lambda gpt: CapturedGPT(gpt.bfloat16()),
    "captured:fp32": lambda gpt: CapturedGPT(gpt.float()),
    "fp32": lambda gpt: gpt.float(),
    "bf16": lambda gpt: gpt.bfloat16(),
}
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def possible(variant: str, device: torch.device) -> bool:
    """Whether it is to be had here: native code where it was built and the processor can."""
    kind, _, dtype = variant.rpartition(":")
    if kind == "native":
        return device.type == "cpu" and native(DTYPES[dtype]) is not None
    return not kind or device.type == "cuda"


def usual(device: torch.device) -> str:
    """The variant that the bot serves (lm/engine/served.py)."""
    if device.type == "cpu":
        wanted = ("native:bf16", "native:fp32")
        return next((each for each in wanted if possible(each, device)), "fp32")
    return "captured:bf16" if precision(device) == torch.bfloat16 else "captured:fp32"


def served(model: GPT | Mixture, variant: str, device: torch.device) -> Model:
    """The model to drive, on `device`; what it was made of is not to be used any more."""
    model = model.to(device).eval().requires_grad_(False)
    if variant == usual(device):
        return as_bot(model, device)
    if isinstance(model, Mixture):
        model.gpt = VARIANTS[variant](model.gpt)
        return model
    return VARIANTS[variant](model)


class Timed:
    """A model that notes the seconds which its calls take: `forward_s` and `prefill_s`, summed.

    It waits for the device after each call, so the rest of a step is seen by itself.
    """

    def __init__(self, model: Model, device: torch.device) -> None:
        self._model, self._device = model, device
        self.forward_s = self.prefill_s = 0.0

    @property
    def config(self) -> Config:
        """The model's."""
        return self._model.config

    @property
    def cache_layers(self) -> Sequence[tuple[int, int]]:
        """The model's."""
        return self._model.cache_layers

    @property
    def ragged(self) -> bool:
        """The model's."""
        return self._model.ragged

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor,
        cache: Cache | None = None,
        ends: Tensor | None = None,
    ) -> Tensor:
        """The model's, timed."""
        began = time.perf_counter()
        scores = self._model.forward(tokens, positions, cache, ends)
        self._wait()
        self.forward_s += time.perf_counter() - began
        return scores

    def prefill(self, tokens: Tensor, positions: Tensor, cache: Cache) -> None:
        """The model's, timed."""
        began = time.perf_counter()
        self._model.prefill(tokens, positions, cache)
        self._wait()
        self.prefill_s += time.perf_counter() - began

    def parameters(self) -> Iterator[nn.Parameter]:
        """The model's."""
        return self._model.parameters()

    def eval(self) -> Any:
        """The model's."""
        return self._model.eval()

    def reset(self) -> None:
        """Count from zero."""
        self.forward_s = self.prefill_s = 0.0

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
