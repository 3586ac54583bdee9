"""How weights move: Muon and AdamW, their schedule, and the running average that is kept.

It knows parameters and steps, nothing of text. Warm-up over 3 % of the run, constant, then linear
to zero over the last 40 %. What is evaluated and saved is the average, never the raw weights.
"""

from __future__ import annotations

import copy
import math

import torch
from torch.nn.utils import clip_grad_norm_

from lm.learning.muon import Muon
from lm.models.gpt import GPT

WARM_UP, DECAY = 0.03, 0.4  # shares of the run
CLIP = 1.0  # largest norm of a step's gradient
MATRIX_DECAY = 0.3  # of the weight decay: Muon's learning rate is ten times AdamW's


def rate(progress: float) -> float:
    """The share of the full learning rate at a point of the run (0 is its start, 1 its end)."""
    return max(0.0, min(1.0, progress / WARM_UP, (1.0 - progress) / DECAY))


class Optimizer:
    """A model's weights in motion; `average` follows them over a share `ema` of the run.

    Muon moves the matrices of the layers, AdamW the embedding and the gains. Weight decay acts on
    all but the gains, which it would only pull to zero.
    """

    def __init__(
        self,
        model: GPT,
        lr: float,
        matrix_lr: float,
        weight_decay: float,
        ema: float,
        dtype: torch.dtype,
    ) -> None:
        self._lr, self._matrix_lr, self._ema = lr, matrix_lr, ema
        self._steps, self._progress = 0, 0.0
        self._weights = list(model.parameters())
        gains = [weight for weight in self._weights if weight.ndim == 1]
        self._adamw = torch.optim.AdamW(
            [
                {"params": [model.embed_tokens.weight], "weight_decay": weight_decay},
                {"params": gains, "weight_decay": 0.0},
            ],
            lr=lr,
            betas=(0.9, 0.99),
            fused=True,
        )
        matrices = [weight for weight in model.layers.parameters() if weight.ndim == 2]
        self._muon = Muon(matrices, MATRIX_DECAY * weight_decay, dtype)
        self.average = copy.deepcopy(model).eval().requires_grad_(False)

    def step(self, progress: float) -> None:
        """Move the weights by their gradients; the run is at `progress` after this step."""
        share = rate(progress)
        for group in self._adamw.param_groups:
            group["lr"] = self._lr * share
        clip_grad_norm_(self._weights, CLIP)
        self._adamw.step()
        self._adamw.zero_grad()
        self._muon.step(self._matrix_lr * share)
        self._follow(progress)

    @torch.no_grad()
    def _follow(self, progress: float) -> None:
        """Pull the average towards the weights: closely at first, as early weights are noise."""
        self._steps += 1
        pull = 1.0 - math.exp((self._progress - progress) / self._ema)
        self._progress = progress
        pull = max(pull, 1.0 / (1.0 + 0.1 * self._steps))
        for mean, weight in zip(self.average.parameters(), self._weights, strict=True):
            mean.lerp_(weight, pull)
