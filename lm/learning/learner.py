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
from lm.corpus.spelling import spelling
from lm.corpus.tokenizer import Tokenizer
from lm.device import autocast, out_of_memory, uploaded
from lm.judging.bits import bits_per_byte
from lm.learning.compiled import WORTHWHILE, compiled, tried
from lm.learning.events import Note, Progress, Report
from lm.learning.loss import next_token_loss
from lm.learning.optimizer import ALONE, Optimizer
from lm.learning.plan import LEAST_SECONDS, Machine, flops_per_token
from lm.learning.presets import Preset
from lm.learning.snapshot import Snapshot, SnapshotError
from lm.learning.team import Team
from lm.models.gpt import GPT
from lm.models.predictor import GPTPredictor

PATIENCE = 3  # evaluations without a better one before the run ends
PAUSE = 0.5  # seconds between two reports
POINTS = 100  # of the learning curve
SNAPSHOT_EVERY = 60.0  # seconds; one takes a tenth of a second
MOST_OF_ERROR = 200  # characters
TRIED_AT = 5  # steps, after which compiling is tried: how long the run is, is known by then

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
    compiled: bool = False
    compiling: float = 0.0  # seconds that trying it took, which are none of `seconds`
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
        self._computed: GPT = self._model  # the same weights; compiled, where that is quicker
        self._tokenizer, self._batches, self._held_out = tokenizer, batches, held_out
        self._preset, self._machine, self._report = preset, machine, report
        self._team, self._snapshot = team or Team(), snapshot
        self._seed, self._limit = seed, self._team.same(seconds)
        self._turn_weight = preset.turn_weight(batches.turns)
        alike = spelling(tokenizer) if preset.shared_spelling else ALONE
        self._optimizer = Optimizer(model, preset, batches.tokens, machine.dtype, alike)
        self._best: GPT | None = None
        self._course = Course()
        self._steps = preset.steps(batches.tokens)
        self._flops_per_token = flops_per_token(model.config)
        self.snapshot_every = SNAPSHOT_EVERY
        self.worthwhile = WORTHWHILE  # seconds left, from which on compiling is tried
        self._saved = time.monotonic()
        self._seed_dropout()

    @property
    def average(self) -> GPT:
        """The running average of the weights: what would be kept now."""
        return self._optimizer.average

    def resume(self) -> None:
        """Take up the run that the snapshot holds. SnapshotError when it holds none of this one."""
        assert self._snapshot is not None
        tensors, numbers = self._snapshot.read()
        try:
            self._take_up(tensors, numbers)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise SnapshotError(
                "the interrupted training is of another version of this program: "
                "train without --resume"
            ) from error

    def _seed_dropout(self) -> None:
        """Draw as no other process of the team does, and as at no other step."""
        torch.manual_seed(self._seed + 1_000_003 * self._team.rank + self._course.step)

    def _take_up(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        curve = [(step, loss, bpb) for step, loss, bpb in numbers["course"].pop("curve")]
        self._course = Course(**numbers["course"], curve=curve)
        self._optimizer.restore(_under("optimizer.", tensors), numbers["optimizer"])
        self._model.load_state_dict(_under("model.", tensors))
        if self._course.compiled:
            self._compile()
        if self._course.best < math.inf:
            self._best = copy.deepcopy(self._optimizer.average)
            self._best.load_state_dict(_under("best.", tensors))
        if self._team.rank:  # the first process's random state is stored, and is that one's only
            self._seed_dropout()
            return
        torch.set_rng_state(tensors["random"])
        if "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"])

    def _compile(self) -> None:
        """Compile the blocks of a run that is taken up, which costs it nothing of its time."""
        preset, device = self._preset, self._machine.device
        rows = torch.zeros(preset.rows, preset.context + 1, dtype=torch.long)
        own = uploaded(self._team.share(rows), device)
        try:
            self._computed = compiled(self._model, lambda gpt: self._backward(gpt, own, 1.0))
        except Exception as error:  # the compiler may be gone
            self._course.compiled = False
            self._report(Note(f"the model is not compiled from here on: {_in_short(error)}"))
        self._model.zero_grad()

    def learn(self) -> Learned:
        """Train to the end of the plan or of what helps. DivergedError when nothing came of it."""
        course = self._course
        began, reported, saved = time.monotonic() - course.seconds, 0.0, course.seconds
        first = course.step
        useless = 2 * math.log(self._model.config.vocab_size) + 2  # nats; guessing is half of that
        ending: Ending = "planned"
        for tokens in self._batches.draw(self._seed, self._preset.speaker_dropout, first):
            if course.step == TRIED_AT and self._team.same(self._left) >= self.worthwhile:
                self._try_compiled(tokens)
                began += course.compiling
            value = self._gradients(tokens)
            if not value < useless:  # also true of NaN
                ending = "diverged"
                break
            before, course.step = course.progress, course.step + 1
            elapsed = self._team.same(time.monotonic() - began)
            limit = max(LEAST_SECONDS, self._limit - course.compiling)
            course.progress = min(1.0, max(course.step / self._steps, elapsed / limit))
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

    def _try_compiled(self, tokens: Tensor) -> None:
        """Go on with compiled blocks if the whole team computes a batch quicker with them."""
        course, began = self._course, time.monotonic()
        own = uploaded(self._team.share(tokens), self._machine.device)
        quicker = torch.zeros(1, device=own.device)
        try:
            candidate, plain, quick = tried(
                self._model, lambda gpt: self._backward(gpt, own, 1.0).item()
            )
            quicker += quick < plain
            took = f"{1e3 * quick:,.0f} ms a batch instead of {1e3 * plain:,.0f}"
        except Exception as error:  # whatever a compiler stumbles over, the training goes on
            took = _in_short(error)
        self._team.average([quicker])
        course.compiled = quicker.item() == 1.0
        if course.compiled:
            self._computed = candidate
        self._model.zero_grad()
        self._seed_dropout()
        course.compiling = self._team.same(time.monotonic() - began)
        found = "compiled from here on" if course.compiled else "not compiled"
        tried_for = f"trying took {course.compiling:,.0f} s"
        self._report(Note(f"the model is {found}: {took}; {tried_for}"))

    def _gradients(self, tokens: Tensor) -> float:
        """Gradients of one batch, over the whole team; its loss in nats per token."""
        own = uploaded(self._team.share(tokens), self._machine.device)
        mean = float(self._counts(tokens).sum()) / self._team.size
        loss = self._tried(own, mean)
        if loss is None:
            self._course.pieces = 2
            self._model.zero_grad()
            self._report(Note("out of memory: every batch is computed in two halves from here on"))
            loss = self._backward(self._computed, own, mean)
        gradients = [w.grad for w in self._model.parameters() if w.grad is not None]
        self._team.average([*gradients, loss])
        return float(loss.item())

    def _tried(self, tokens: Tensor, mean: float) -> Tensor | None:
        """As `_backward`; None where the batch has to be cut for want of memory.

        What the failure holds of it is gone only when this has returned.
        """
        try:
            return self._backward(self._computed, tokens, mean)
        except RuntimeError as error:
            if not out_of_memory(error) or self._course.pieces > 1 or len(tokens) == 1:
                raise
        return None

    def _backward(self, gpt: GPT, tokens: Tensor, mean: float) -> Tensor:
        """Gradients of the loss [1] of tokens [rows, context + 1], piece by piece.

        gpt: the model, as it is or compiled
        mean: what a process's targets count in the mean; the team's mean loss is that of the batch
        """
        total = torch.zeros(1, device=tokens.device)
        weight, dtype = self._model.embed_tokens.weight, self._machine.dtype
        for rows in tokens.chunk(self._course.pieces):
            positions = torch.arange(rows.shape[1] - 1, device=rows.device).expand(len(rows), -1)
            with autocast(self._machine.device, dtype):
                hidden = gpt.hidden(rows[:, :-1], positions)
            counts = self._counts(rows)
            loss = next_token_loss(hidden, weight, rows[:, 1:], counts, dtype)
            loss = loss * (counts.sum() / mean)
            torch.autograd.backward(loss)
            total += loss.detach()
        return total

    def _counts(self, rows: Tensor) -> Tensor:
        """What each target of rows [rows, context + 1] counts in the loss: [rows, context]."""
        return torch.where(rows[:, 1:] > self._tokenizer.break_, self._turn_weight, 1.0)

    def _evaluate(self) -> None:
        """Judge the average on held-out text; keep it if it is the best so far."""
        course, average = self._course, self.average
        machine = self._machine  # its precision is the run's, whatever suits the device now
        predictor = GPTPredictor(average, machine.device, dtype=machine.dtype)
        found = bits_per_byte(predictor, self._tokenizer, self._held_out, self._preset.context)
        found = self._team.same(found)
        course.bpb = found if math.isfinite(found) else None
        course.since_best += 1
        if found < course.best:
            self._best, course.best, course.since_best = copy.deepcopy(average), found, 0

    def _progress(self, steps: int, seconds: float) -> Progress:
        """Where the run is; the speed is that since it began or was taken up."""
        course, preset = self._course, self._preset
        speed = steps * preset.rows * preset.context / max(seconds, 1e-9)
        return Progress(
            step=course.step,
            steps=round(course.step / course.progress),
            loss=course.mean,
            bpb=course.bpb,
            tokens_per_s=speed,
            peak_share=speed * self._flops_per_token / self._machine.peak,
            seconds_left=self._left,
        )

    @property
    def _left(self) -> float:
        """Seconds that the run will go on for, if it goes on as it did."""
        return self._course.seconds / self._course.progress * (1.0 - self._course.progress)

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


def _in_short(error: Exception) -> str:
    """What it says first, of a bounded length."""
    return (str(error).splitlines() or [type(error).__name__])[0][:MOST_OF_ERROR]


def _passed(before: float, after: float, marks: int) -> bool:
    """Whether progress passed one of so many marks, evenly spaced over the run."""
    return int(after * marks) > int(before * marks)
