"""The training loop: batches in, the best average of the weights out, with its learning curve.

Where the run is, is one number from 0 to 1: steps done of those planned, or time used of the time
allowed, whichever is further. Schedule, average and evaluations follow it, so that a shorter time
is a shorter run and not one that was cut off. It knows no files and no versions.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lm.checkpoints.meta import Point
from lm.corpus.batches import Batches, Session
from lm.corpus.tokenizer import Tokenizer
from lm.device import autocast, precision
from lm.judging.bits import bits_per_byte
from lm.learning.events import Plan, Progress, Report
from lm.learning.loss import next_token_loss
from lm.learning.optimizer import Optimizer
from lm.learning.presets import Preset
from lm.models.gpt import GPT
from lm.models.predictor import GPTPredictor

MEASURED = 5  # first steps, on which the plan's duration is measured; the very first is slow
PATIENCE = 3  # evaluations without a better one before the run ends
PAUSE = 0.5  # seconds between two reports
POINTS = 100  # of the learning curve


class DivergedError(Exception):
    """The loss became useless; nothing of this run is worth keeping."""


@dataclass(frozen=True, slots=True)
class Learned:
    """The best average of a run, its held-out bits per byte, and how it came to be."""

    model: GPT
    bpb: float
    curve: tuple[Point, ...]


def learn(
    tokenizer: Tokenizer,
    learned: Sequence[Session],
    held_out: Sequence[Session],
    preset: Preset,
    seed: int,
    deadline: float,
    device: torch.device,
    report: Report,
) -> Learned:
    """Train a new model. `deadline` is a time.monotonic() (or inf). DivergedError if it fails."""
    torch.manual_seed(seed)
    began = time.monotonic()
    dtype = precision(device)
    batches = Batches(tokenizer, learned, preset.rows, preset.context)
    source = batches.draw(np.random.default_rng(seed), preset.speaker_dropout)
    model = GPT(preset.config(tokenizer.vocab_size), preset.dropout).to(device).train()
    optimizer = Optimizer(
        model, preset.lr, preset.matrix_lr, preset.weight_decay, preset.ema, dtype
    )
    steps = preset.steps(batches.tokens)
    per_step = preset.rows * preset.context
    positions = torch.arange(preset.context, device=device).expand(preset.rows, -1)
    useless = 2 * math.log(tokenizer.vocab_size) + 2  # nats; guessing is half of that

    best: GPT | None = None
    best_bpb, bpb, since_best = math.inf, None, 0
    curve: list[Point] = []
    mean, progress, step, planned, first, reported = 0.0, 0.0, 0, False, 0.0, began
    while progress < 1.0:
        tokens = next(source).to(device)
        with autocast(device, dtype):
            hidden = model.hidden(tokens[:, :-1], positions)
        loss = next_token_loss(hidden, model.embed_tokens.weight, tokens[:, 1:], dtype)
        torch.autograd.backward(loss)
        before, step = progress, step + 1
        now = time.monotonic()
        progress = min(1.0, max(step / steps, (now - began) / max(deadline - began, 1e-9)))
        optimizer.step(progress)

        value = loss.item()
        if not value < useless:  # also true of NaN
            raise DivergedError(f"training diverged at step {step}: loss {value:.3g}")
        mean = value if step == 1 else 0.9 * mean + 0.1 * value
        total = round(step / progress)
        elapsed = time.monotonic() - began
        first = elapsed if step == 1 else first
        if not planned and (step >= MEASURED or progress == 1.0):
            planned = True
            seconds = (elapsed - first) / max(1, step - 1) * total + first
            report(_plan(preset, model, batches.tokens, total, device, seconds))
        evaluated = int(progress * preset.evaluations) > int(before * preset.evaluations)
        if evaluated:
            average = GPTPredictor(optimizer.average, device)
            bpb = bits_per_byte(average, tokenizer, held_out, preset.context)
            since_best += 1
            if bpb < best_bpb:
                best, best_bpb, since_best = copy.deepcopy(optimizer.average), bpb, 0
        if evaluated or int(progress * POINTS) > int(before * POINTS):
            curve.append((step, mean, bpb if evaluated else None))
        now = time.monotonic()
        if planned and (evaluated or now - reported >= PAUSE):
            reported, elapsed = now, now - began
            left = elapsed / progress * (1.0 - progress)
            report(Progress(step, total, mean, bpb, step * per_step / elapsed, left))
        if since_best >= PATIENCE:
            break
    if best is None:
        raise DivergedError("training diverged: held-out bits per byte are not finite")
    return Learned(best, best_bpb, tuple(curve))


def _plan(
    preset: Preset, model: GPT, tokens: int, steps: int, device: torch.device, seconds: float
) -> Plan:
    parameters = sum(weight.numel() for weight in model.parameters())
    name = str(precision(device)).removeprefix("torch.")
    return Plan(preset.name, parameters, tokens, steps, device.type, name, seconds)
