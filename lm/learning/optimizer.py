"""How weights move: Muon and AdamW, their schedule, and the running average that is kept.

It knows parameters and the preset's figures, nothing of text. The learning rate warms up, stays,
and falls to zero over the last part of the run. What is evaluated and saved is the average.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from lm.corpus.spelling import Pairs
from lm.learning.embedding import SharedEmbedding
from lm.learning.muon import Muon
from lm.learning.presets import Preset
from lm.models.gpt import GPT

CLIP = 1.0  # largest norm of a step's gradient
ALONE = np.empty((0, 2), np.int64)  # no token has anything in common with another


def rate(progress: float, warm_up: float, decay: float) -> float:
    """The share of the full learning rate at a point of the run (0 is its start, 1 its end).

    Linear over the first `warm_up` of the run, constant, then linear to zero over the last
    `decay` of it (the WSD schedule, arXiv 2404.06395).
    """
    rising = progress / warm_up if warm_up else 1.0
    falling = (1.0 - progress) / decay if decay else 1.0
    return max(0.0, min(1.0, rising, falling))


class Optimizer:
    """A model's weights in motion; `average` follows them over a share `ema` of the run.

    Muon moves the matrices of the layers, AdamW both parts of the embedding and the gains; with
    matrix_lr = 0 AdamW moves all. Weight decay acts on all but the gains, which it would only pull
    to zero.
    """

    def __init__(
        self, model: GPT, preset: Preset, tokens: int, dtype: torch.dtype, alike: Pairs = ALONE
    ) -> None:
        """tokens: of a pass over the text, by which weight decay is reckoned.

        alike: [pairs, 2] of a token and a part that it has in common with others
        """
        self._preset = preset
        self._steps, self._progress = 0, 0.0
        self._weights = list(model.parameters())
        gains = [weight for weight in self._weights if weight.ndim == 1]
        matrices = [weight for weight in model.layers.parameters() if weight.ndim == 2]
        self._embedding = SharedEmbedding(model.embed_tokens.weight, alike)
        embedding = [self._embedding.own, self._embedding.shared]
        decayed = embedding + ([] if preset.matrix_lr else matrices)
        faded = preset.weight_decay(tokens)
        self._adamw = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": _decay(faded, preset.lr)},
                {"params": gains, "weight_decay": 0.0},
            ],
            lr=preset.lr,
            betas=(0.9, 0.99),
            fused=True,
        )
        matrix_decay = _decay(faded, preset.matrix_lr)
        self._muon = Muon(matrices if preset.matrix_lr else [], matrix_decay, dtype)
        self.average = copy.deepcopy(model).eval().requires_grad_(False)

    def step(self, progress: float) -> None:
        """Move the weights by their gradients; the run is at `progress` after this step."""
        share = rate(progress, self._preset.warm_up, self._preset.decay)
        for group in self._adamw.param_groups:
            group["lr"] = self._preset.lr * share
        clip_grad_norm_(self._weights, CLIP)
        self._embedding.take_gradient()
        self._adamw.step()
        self._adamw.zero_grad()
        self._embedding.put_together()
        self._muon.step(self._preset.matrix_lr * share)
        self._follow(progress)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything that the next step depends on, beside the weights: tensors and numbers."""
        tensors = self._moving()
        for number, entry in self._adamw.state_dict()["state"].items():
            tensors |= {f"adamw.{number}.{key}": value for key, value in entry.items()}
        tensors |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        return tensors, {"steps": self._steps, "progress": self._progress}

    def restore(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        """Take up what `state` gave. KeyError or RuntimeError when it is of another model."""
        for name, tensor in self._moving().items():
            tensor.copy_(tensors[name])
        state = self._adamw.state_dict()
        for name, value in tensors.items():
            if name.startswith("adamw."):
                _, number, key = name.split(".")
                state["state"].setdefault(int(number), {})[key] = value
        self._adamw.load_state_dict(state)
        prefix = "average."
        self.average.load_state_dict(
            {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        )
        self._steps, self._progress = int(numbers["steps"]), float(numbers["progress"])

    def _moving(self) -> dict[str, Tensor]:
        """The tensors of Muon and of the embedding's parts themselves, by name."""
        parts = self._embedding.state().items()
        return self._muon.state() | {f"embedding.{name}": part for name, part in parts}

    @torch.no_grad()
    def _follow(self, progress: float) -> None:
        """Pull the average towards the weights: closely at first, as early weights are noise."""
        self._steps += 1
        moved = progress - self._progress
        pull = 1.0 - math.exp(-moved / self._preset.ema) if self._preset.ema else 1.0
        self._progress = progress
        pull = max(pull, 1.0 / (1.0 + 0.1 * self._steps))
        for mean, weight in zip(self.average.parameters(), self._weights, strict=True):
            mean.lerp_(weight, pull)


def _decay(faded: float, lr: float) -> float:
    """As optimizers want it: what fades in a step is this times the learning rate."""
    return faded / lr if lr else 0.0
