"""Rules of the learner: it learns, repeats, stops, survives, and goes on where it was."""

from __future__ import annotations

import math
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lm.learning.events import Event, Note, Progress
from lm.learning.learner import DivergedError, Learned
from lm.learning.presets import Preset
from lm.learning.snapshot import Snapshot, SnapshotError
from lm.models.gpt import GPT, Cache
from tests.small_talk import CPU, QUICK, WITH_DROPOUT, learner, same


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def learnt(
    chosen: Preset, seed: int = 1, seconds: float = math.inf
) -> tuple[Learned, list[Progress]]:
    events: list[Event] = []
    found = learner(chosen, events, seed, seconds).learn()
    return found, [event for event in events if isinstance(event, Progress)]


def test_the_seed_decides() -> None:
    """The same seed gives the same weights to the last bit, another seed others."""
    first, again, other = (learnt(WITH_DROPOUT, seed)[0].model for seed in (1, 1, 2))
    assert same(first, again)
    assert not same(first, other)


def test_tokens_that_are_spelt_alike_learn_together_where_the_preset_says_so() -> None:
    """Without it the same seed leads elsewhere."""
    alone = replace(WITH_DROPOUT, shared_spelling=False)
    assert not same(learnt(WITH_DROPOUT)[0].model, learnt(alone)[0].model)


def test_a_limit_of_time_shortens_the_plan() -> None:
    """A run planned for an hour ends in time, its schedule at its end."""
    began = time.monotonic()
    best, events = learnt(replace(QUICK, min_steps=100_000), seconds=1.5)
    assert time.monotonic() - began < 5
    assert events[-1].step == events[-1].steps < 10_000
    assert events[-1].seconds_left == 0
    assert best.bpb == events[-1].bpb
    assert best.ending == "planned"


def test_reports_are_not_a_flood() -> None:
    """Between two reports lie half a second or an evaluation."""
    _, events = learnt(replace(QUICK, min_steps=40, evaluations=2))
    assert 2 <= len(events) <= 12
    assert all(event.tokens_per_s > 0 and event.peak_share > 0 for event in events)


def test_a_run_without_gain_ends_early() -> None:
    """When held-out text gets no cheaper, the rest of the plan is dropped, the best is kept."""
    hopeless = replace(QUICK, min_steps=40, evaluations=20, lr=0.0, matrix_lr=1e-9)
    best, events = learnt(hopeless)
    assert events[-1].step < events[-1].steps
    assert best.ending == "no better"
    assert best.bpb == min(b for _, _, b in best.curve if b is not None)


def test_an_exploding_loss_keeps_the_last_good_weights() -> None:
    """What was best before the loss became useless is what the run gives, marked as diverged."""

    class Breaking(GPT):
        def hidden(self, tokens: Tensor, positions: Tensor, cache: Cache | None = None) -> Tensor:
            self.calls = getattr(self, "calls", 0) + self.training
            return super().hidden(tokens, positions, cache) * (math.nan if self.calls > 8 else 1)

    chosen = replace(QUICK, min_steps=16, evaluations=8)
    events: list[Event] = []
    found = learner(chosen, events, kind=Breaking).learn()
    assert found.ending == "diverged"
    assert all(weight.isfinite().all() for weight in found.model.parameters())
    assert found.curve[-1][0] == 8


def test_a_run_that_never_was_any_good_is_an_error() -> None:
    """A loss that is useless before the first evaluation leaves nothing to keep."""
    with pytest.raises(DivergedError, match="nothing was learnt"):
        learnt(replace(QUICK, matrix_lr=math.nan, min_steps=20))


class Hungry(GPT):
    """Has memory for half of the rows only, as the allocator of Linux says it."""

    error: RuntimeError = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to")
    left: list[weakref.ref[Tensor]]

    def hidden(self, tokens: Tensor, positions: Tensor, cache: Cache | None = None) -> Tensor:
        found = super().hidden(tokens, positions, cache)
        if self.training and len(tokens) > QUICK.rows // 2:
            self.left = [weakref.ref(found)]
            raise type(self.error)(*self.error.args)
        return found


class HungryGPU(Hungry):
    """The same, as torch says it of a GPU."""

    error = torch.OutOfMemoryError("CUDA out of memory")


@pytest.mark.parametrize("kind", [Hungry, HungryGPU])
def test_out_of_memory_halves_the_batch_once_and_says_so(kind: type[Hungry]) -> None:
    """The run goes on in two halves per batch, and learns what it would have learnt."""
    events: list[Event] = []
    found = learner(QUICK, events, kind=kind).learn()
    assert [type(event) for event in events].count(Note) == 1
    whole = learner(QUICK, []).learn()
    assert found.bpb == pytest.approx(whole.bpb, rel=1e-3)


def test_what_did_not_fit_is_gone_before_half_of_it_is_tried() -> None:
    """Else the memory that the first attempt took would be missing for the second."""
    alive: list[Tensor | None] = []

    class Watched(Hungry):
        def hidden(self, tokens: Tensor, positions: Tensor, cache: Cache | None = None) -> Tensor:
            alive.extend(each() for each in getattr(self, "left", []))
            return super().hidden(tokens, positions, cache)

    learner(QUICK, [], kind=Watched).learn()
    assert alive
    assert not any(tensor is not None for tensor in alive)


def test_a_second_shortage_of_memory_ends_the_run() -> None:
    """Half a batch that does not fit either is an error, not a loop."""

    class Starving(Hungry):
        def hidden(self, tokens: Tensor, positions: Tensor, cache: Cache | None = None) -> Tensor:
            raise torch.OutOfMemoryError("not enough memory")

    with pytest.raises(torch.OutOfMemoryError):
        learner(QUICK, [], kind=Starving).learn()


class KilledError(Exception):
    """The moment at which a test's run ends."""


def interrupted(
    snapshot: Snapshot,
    after: int,
    chosen: Preset = WITH_DROPOUT,
    *,
    worthwhile: float = math.inf,
    device: torch.device = CPU,
) -> None:
    """A run that keeps its state after every step and is gone in the middle of a later one."""

    class Killed(GPT):
        calls = 0

        def hidden(self, tokens: Tensor, positions: Tensor, cache: Cache | None = None) -> Tensor:
            Killed.calls += self.training
            if Killed.calls > after:
                raise KilledError
            return super().hidden(tokens, positions, cache)

    run = learner(chosen, [], snapshot=snapshot, kind=Killed, device=device)
    run.snapshot_every, run.worthwhile = 0.0, worthwhile
    with pytest.raises(KilledError):
        run.learn()


@pytest.mark.parametrize(("after", "shared"), [(1, True), (5, True), (11, True), (5, False)])
def test_a_resumed_run_is_the_same_run(tmp_path: Path, after: int, shared: bool) -> None:
    """Weights, average, curve and figures end as if nothing had happened, to the last bit."""
    chosen = replace(WITH_DROPOUT, shared_spelling=shared)
    snapshot = Snapshot(tmp_path / "state", "this run")
    interrupted(snapshot, after, chosen)
    run = learner(chosen, [], seed=1, snapshot=snapshot)
    run.resume()
    found = run.learn()
    whole, _ = learnt(chosen)
    assert same(found.model, whole.model)
    assert (found.bpb, found.curve, found.ending) == (whole.bpb, whole.curve, whole.ending)


@pytest.mark.parametrize("why", ["no quicker", "no compiler"])
def test_a_long_run_goes_on_as_it_is_where_compiling_does_not_pay(
    monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """It is said why, and the run ends as planned."""

    def no_quicker(gpt: GPT, step: Callable[[GPT], object]) -> tuple[GPT, float, float]:
        step(gpt)
        return gpt, 1.0, 2.0

    def no_compiler(gpt: GPT, step: Callable[[GPT], object]) -> tuple[GPT, float, float]:
        step(gpt)
        raise RuntimeError("torch.compile is not supported here\nand more about it")

    given = no_quicker if why == "no quicker" else no_compiler
    monkeypatch.setattr("lm.learning.learner.tried", given)
    events: list[Event] = []
    run = learner(WITH_DROPOUT, events)
    run.worthwhile = 0.0
    assert run.learn().ending == "planned"
    (note,) = (event.message for event in events if isinstance(event, Note))
    said = "2,000 ms a batch" if why == "no quicker" else "torch.compile is not supported here;"
    assert note.startswith("the model is not compiled")
    assert said in note


def test_a_run_whose_compiler_is_gone_is_taken_up_plain(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It says so, and misses nothing of what it was."""

    def no_compiler(gpt: GPT, step: Callable[[GPT], object]) -> GPT:
        step(gpt)
        raise RuntimeError("no compiler\nand more about it")

    monkeypatch.setattr("lm.learning.learner.tried", lambda gpt, _: (gpt, 2.0, 1.0))
    monkeypatch.setattr("lm.learning.learner.compiled", no_compiler)
    snapshot = Snapshot(tmp_path / "state", "this run")
    interrupted(snapshot, 8, worthwhile=0.0)
    events: list[Event] = []
    run = learner(WITH_DROPOUT, events, snapshot=snapshot)
    run.resume()
    found = run.learn()
    (note,) = (event.message for event in events if isinstance(event, Note))
    assert note == "the model is not compiled from here on: no compiler"
    whole = learner(WITH_DROPOUT, [])
    whole.worthwhile = 0.0
    assert same(found.model, whole.learn().model)


def test_a_run_is_judged_as_precisely_as_it_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the device is quicker in now: an interruption may have changed that."""
    expected, _ = learnt(WITH_DROPOUT)
    monkeypatch.setattr("lm.models.predictor.precision", lambda _: torch.bfloat16)
    assert learnt(WITH_DROPOUT)[0].curve == expected.curve


def test_a_short_run_is_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be over before that had paid."""
    monkeypatch.setattr("lm.learning.learner.tried", lambda *_: pytest.fail("tried"))
    assert learnt(WITH_DROPOUT)[0].ending == "planned"


def test_another_run_is_not_resumed(tmp_path: Path) -> None:
    """Other messages or settings are told so in one line; so is a missing or broken state."""
    with pytest.raises(SnapshotError, match="no interrupted training"):
        learner(WITH_DROPOUT, [], snapshot=Snapshot(tmp_path / "none", "x")).resume()
    interrupted(Snapshot(tmp_path / "state", "this run"), 3)
    with pytest.raises(SnapshotError, match="have changed"):
        learner(WITH_DROPOUT, [], snapshot=Snapshot(tmp_path / "state", "other")).resume()
    snapshot = Snapshot(tmp_path / "state", "this run")
    tensors, numbers = snapshot.read()
    del tensors["optimizer.muon.spread.0"]  # as before there were any
    snapshot.write(tensors, numbers)
    with pytest.raises(SnapshotError, match="another version of this program"):
        learner(WITH_DROPOUT, [], snapshot=snapshot).resume()
    (tmp_path / "state" / "state.safetensors").write_bytes(b"broken")
    with pytest.raises(SnapshotError, match="cannot be read"):
        learner(WITH_DROPOUT, [], snapshot=Snapshot(tmp_path / "state", "this run")).resume()
