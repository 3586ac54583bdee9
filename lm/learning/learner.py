"""The training loop: batches in, the best average of the weights out, with its learning curve.

Where the run is, is one number from 0 to 1: steps done of those planned, or time used of the time
allowed, whichever is further. Schedule, average and evaluations follow it, so that a shorter time
is a shorter run and not one that was cut off. It knows no versions and no speakers' names.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from lm.checkpoints.meta import Point
from lm.corpus.batches import Batches, Session
from lm.corpus.tokenizer import Tokenizer
from lm.device import autocast, uploaded
from lm.judging.bits import bits_per_byte
from lm.learning.events import Note, Progress, Report
from lm.learning.loss import next_token_loss
from lm.learning.optimizer import Optimizer
from lm.learning.plan import Machine, flops_per_token
from lm.learning.presets import Preset
from lm.learning.snapshot import Snapshot
from lm.learning.team import Team
from lm.models.gpt import GPT
from lm.models.predictor import GPTPredictor

PATIENCE = 3  # evaluations without a better one before the run ends
PAUSE = 0.5  # seconds between two reports
POINTS = 100  # of the learning curve
SNAPSHOT_EVERY = 60.0  # seconds; one takes a tenth of a second

Ending = Literal["planned", "no better", "diverged"]


class DivergedError(Exception):
    """The loss became useless before anything worth keeping was learnt."""


@dataclass(frozen=True, slots=True)
class Learned:
    """The best average of a run, its held-out bits per byte, how it came to be and ended."""

    model: GPT
    bpb: float
    curve: tuple[Point, ...]
    ending: Ending


@dataclass(slots=True)
class Course:
    """Where a run stands, all that is not a tensor."""

    step: int = 0
    progress: float = 0.0
    seconds: float = 0.0  # of training so far, over interruptions
    mean: float = 0.0  # of the latest losses, nats per token, who speaks weighted
    bpb: float | None = None  # held-out, as last measured
    best: float = math.inf
    since_best: int = 0
    pieces: int = 1  # into which a batch is cut so that it fits the memory
    curve: list[Point] = field(default_factory=list)


class Learner:
    """One run. `learn` trains to its end; with a snapshot it can be taken up again."""

    def __init__(
        self,
        model: GPT,
        tokenizer: Tokenizer,
        batches: Batches,
        held_out: Sequence[Session],
        preset: Preset,
        machine: Machine,
        report: Report,
        *,
        seed: int = 1,
        seconds: float = math.inf,
        team: Team | None = None,
        snapshot: Snapshot | None = None,
    ) -> None:
        """Prepare to train `model`, in place, for at most `seconds`."""
        self._model = model.to(machine.device).train()
        self._tokenizer, self._batches, self._held_out = tokenizer, batches, held_out
        self._preset, self._machine, self._report = preset, machine, report
        self._seed, self._limit = seed, seconds
        self._team, self._snapshot = team or Team(), snapshot
        self._turn_weight = preset.turn_weight(batches.turns)
        self._optimizer = Optimizer(model, preset, machine.dtype)
        self._best: GPT | None = None
        self._course = Course()
        self._steps = preset.steps(batches.tokens)
        self.snapshot_every = SNAPSHOT_EVERY
        self._saved = time.monotonic()
        torch.manual_seed(seed + 1_000_003 * self._team.rank)  # dropout differs between processes

    @property
    def average(self) -> GPT:
        """The running average of the weights: what would be kept now."""
        return self._optimizer.average

    def resume(self) -> None:
        """Take up the run that the snapshot holds. SnapshotError when it holds none."""
        assert self._snapshot is not None
        tensors, numbers = self._snapshot.read()
        curve = [(step, loss, bpb) for step, loss, bpb in numbers["course"].pop("curve")]
        self._course = Course(**numbers["course"], curve=curve)
        self._optimizer.restore(_under("optimizer.", tensors), numbers["optimizer"])
        self._model.load_state_dict(_under("model.", tensors))
        if self._course.best < math.inf:
            self._best = copy.deepcopy(self._optimizer.average)
            self._best.load_state_dict(_under("best.", tensors))
        torch.set_rng_state(tensors["random"])
        if "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"])

    def learn(self) -> Learned:
        """Train to the end of the plan or of what helps. DivergedError when nothing came of it."""
        course = self._course
        began, reported, saved = time.monotonic() - course.seconds, 0.0, course.seconds
        first = course.step
        useless = 2 * math.log(self._model.config.vocab_size) + 2  # nats; guessing is half of that
        ending: Ending = "planned"
        for tokens in self._batches.draw(self._seed, self._preset.speaker_dropout, first):
            value = self._gradients(tokens)
            if not value < useless:  # also true of NaN
                ending = "diverged"
                break
            before, course.step = course.progress, course.step + 1
            elapsed = self._team.same(time.monotonic() - began)
            course.progress = min(1.0, max(course.step / self._steps, elapsed / self._limit))
            self._optimizer.step(course.progress)
            course.mean = value if course.step == 1 else 0.9 * course.mean + 0.1 * value

            evaluated = _passed(before, course.progress, self._preset.evaluations)
            if evaluated:
                self._evaluate()
            if evaluated or _passed(before, course.progress, POINTS):
                course.curve.append((course.step, course.mean, course.bpb if evaluated else None))
            course.seconds = time.monotonic() - began
            if evaluated or course.seconds - reported >= PAUSE:
                reported = course.seconds
                self._report(self._progress(course.step - first, course.seconds - saved))
            if course.progress == 1.0:
                break
            if course.since_best >= PATIENCE:
                ending = "no better"
                break
            self._keep()
        return self._learned(ending)

    def _gradients(self, tokens: Tensor) -> float:
        """Gradients of one batch, over the whole team; its loss in nats per token."""
        own = uploaded(self._team.share(tokens), self._machine.device)
        try:
            loss = self._backward(own)
        except RuntimeError as error:  # torch raises the bare class where a CPU has no memory left
            if not _out_of_memory(error) or self._course.pieces > 1:
                raise
            self._course.pieces = 2
            self._model.zero_grad()
            self._report(Note("out of memory: every batch is computed in two halves from here on"))
            loss = self._backward(own)
        gradients = [w.grad for w in self._model.parameters() if w.grad is not None]
        self._team.average([*gradients, loss])
        return float(loss.item())

    def _backward(self, tokens: Tensor) -> Tensor:
        """Gradients of the mean loss [1] of tokens [rows, context + 1], piece by piece."""
        total, count = torch.zeros(1, device=tokens.device), len(tokens)
        for rows in tokens.chunk(self._course.pieces):
            positions = torch.arange(rows.shape[1] - 1, device=rows.device).expand(len(rows), -1)
            with autocast(self._machine.device, self._machine.dtype):
                hidden = self._model.hidden(rows[:, :-1], positions)
            weight, dtype, targets = (
                self._model.embed_tokens.weight,
                self._machine.dtype,
                rows[:, 1:],
            )
            counts = torch.where(targets > self._tokenizer.break_, self._turn_weight, 1.0)
            loss = next_token_loss(hidden, weight, targets, counts, dtype) * (len(rows) / count)
            torch.autograd.backward(loss)
            total += loss.detach()
        return total

    def _evaluate(self) -> None:
        """Judge the average on held-out text; keep it if it is the best so far."""
        course, average = self._course, self.average
        predictor = GPTPredictor(average, self._machine.device)
        course.bpb = bits_per_byte(predictor, self._tokenizer, self._held_out, self._preset.context)
        course.since_best += 1
        if course.bpb < course.best:
            self._best, course.best, course.since_best = copy.deepcopy(average), course.bpb, 0

    def _progress(self, steps: int, seconds: float) -> Progress:
        """Where the run is; the speed is that since it began or was taken up."""
        course, preset = self._course, self._preset
        speed = steps * preset.rows * preset.context / max(seconds, 1e-9)
        flops = flops_per_token(self._model.config) / self._team.size
        return Progress(
            step=course.step,
            steps=round(course.step / course.progress),
            loss=course.mean,
            bpb=course.bpb,
            tokens_per_s=speed,
            peak_share=speed * flops / self._machine.peak,
            seconds_left=course.seconds / course.progress * (1.0 - course.progress),
        )

    def _keep(self) -> None:
        """Write the state, now and then; the first process does it for all."""
        if self._snapshot is None or self._team.rank:
            return
        if time.monotonic() - self._saved < self.snapshot_every:
            return
        self._saved = time.monotonic()
        self.save()

    def save(self) -> None:
        """Write the state into the snapshot."""
        assert self._snapshot is not None
        tensors, numbers = self._optimizer.state()
        tensors = {f"optimizer.{k}": v for k, v in tensors.items()}
        tensors |= {f"model.{k}": v for k, v in self._model.state_dict().items()}
        if self._best is not None:
            tensors |= {f"best.{k}": v for k, v in self._best.state_dict().items()}
        tensors["random"] = torch.get_rng_state()
        if self._machine.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state()
        course: dict[str, Any] = {"optimizer": numbers, "course": asdict(self._course)}
        self._snapshot.write(tensors, course)

    def _learned(self, ending: Ending) -> Learned:
        if self._best is None:
            raise DivergedError(
                f"training diverged at step {self._course.step + 1}: nothing was learnt yet"
            )
        return Learned(self._best, self._course.best, tuple(self._course.curve), ending)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with prefix, without it."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _passed(before: float, after: float, marks: int) -> bool:
    """Whether progress passed one of so many marks, evenly spaced over the run."""
    return int(after * marks) > int(before * marks)


def _out_of_memory(error: RuntimeError) -> bool:
    """Whether there was not enough memory; the CPU's allocator says so in words only."""
    return isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error)
