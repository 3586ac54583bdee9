"""Rules of every device but the CPU: nothing is computed of what lies on two of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lm.engine.captured import CapturedGPT
from lm.engine.engine import Engine
from lm.engine.request import Request, Scored
from lm.engine.sampling import Sampling
from lm.learning.learner import Learned
from lm.learning.presets import Preset
from lm.learning.snapshot import Snapshot
from lm.models.gpt import GPT
from lm.models.mixture import Mixture
from tests.elsewhere import CPU, ELSEWHERE, MixedDevicesError, elsewhere
from tests.small_talk import WITH_DROPOUT, learner, same
from tests.test_engine import again
from tests.test_learner import interrupted
from tests.test_mixture import ROWS, SPAN, model


@pytest.fixture(autouse=True)
def _there() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with elsewhere():
        yield
    torch.set_num_threads(threads)


def test_devices_do_not_mix() -> None:
    """What all others here rest on: it fails as it would on a GPU."""
    there = torch.arange(6.0, device=ELSEWHERE)
    assert there.device == ELSEWHERE
    assert (there * 2 + torch.tensor(1))[1:].tolist() == [3, 5, 7, 9, 11]
    assert (there.to(CPU) + torch.ones(6)).sum().item() == 21
    with pytest.raises(MixedDevicesError):
        there + torch.ones(6)
    with pytest.raises(MixedDevicesError):
        there[torch.tensor([1, 2])]
    with pytest.raises((RuntimeError, TypeError)):
        there.numpy()


@pytest.mark.filterwarnings("ignore:for .* to a meta parameter:UserWarning")  # these hold numbers
def test_a_training_runs_elsewhere(tmp_path: Path) -> None:
    """Gradients, optimizers, average, judging and resuming: it learns what it learns here."""

    def learnt(device: torch.device, chosen: Preset = WITH_DROPOUT) -> Learned:
        return learner(chosen, [], device=device).learn()

    alike = replace(WITH_DROPOUT, dropout=0.0)  # which attention of another kind draws otherwise
    here, there = learnt(CPU, alike), learnt(ELSEWHERE, alike)
    assert there.model.embed_tokens.weight.device == ELSEWHERE
    assert there.bpb == pytest.approx(here.bpb, rel=1e-3)
    assert [loss for _, loss, _ in there.curve] == pytest.approx(
        [loss for _, loss, _ in here.curve], rel=1e-3
    )
    snapshot = Snapshot(tmp_path / "state", "this run")
    interrupted(snapshot, 7, device=ELSEWHERE)
    run = learner(WITH_DROPOUT, [], snapshot=snapshot, device=ELSEWHERE)
    run.resume()
    assert same(run.learn().model, learnt(ELSEWHERE).model)


def mixture(device: torch.device, captured: bool) -> Mixture:
    """That of the mixture's tests; its steps recorded and replayed, as a GPU's, or not."""
    here = model()
    gpt: GPT = copy.deepcopy(here.gpt).to(device)
    gpt = CapturedGPT(gpt, again, least_span=8) if captured else gpt
    return Mixture(gpt, here.ngrams, here.weights, here.turns, here.voices)


def said(mixed: Mixture) -> list[Any]:
    """Replies of every kind, side by side, and scores."""
    device = mixed.gpt.embed_tokens.weight.device
    engine = Engine(mixed, slots=3, span=SPAN, prefill_chunk=7, spare=9, device=device)
    ways = (
        {"sampling": Sampling(temperature=0, max_tokens=6)},
        {"sampling": Sampling(top_k=9, top_p=0.9, max_tokens=6, seed=1), "best_of": 3},
        {"sampling": Sampling(max_tokens=6, seed=2), "guidance": 0.7, "neutral": 4},
        {"sampling": Sampling(min_p=0.1, max_tokens=6, seed=3), "banned": frozenset({5, 6})},
        {"peek": (5, 7)},
    )
    asked = [
        Request(f"chat {i}", ROWS[i][:12].tolist(), frozenset({2}), before=ROWS[9 + i], **way)  # type: ignore[arg-type]  # of any field
        for i, way in enumerate(ways)
    ]
    found: list[Any] = [
        ([each.tokens for each in finished.replies], finished.tokens)
        for finished in engine.run(asked)
    ]
    engine.score([row[:20].tolist() for row in ROWS[:3]], 1)
    while engine.busy:
        found += [each.log_probs for each in engine.step() if isinstance(each, Scored)]
    return found


@pytest.mark.parametrize("captured", [False, True])
def test_replies_are_the_same_elsewhere(captured: bool) -> None:
    """Of GPT, n-grams, recency, turns and voices together, however they are drawn."""
    *expected, scores = said(mixture(CPU, captured))
    *found, scores_there = said(mixture(ELSEWHERE, captured))
    assert found == expected
    assert scores_there == pytest.approx(scores, abs=1e-3)


def test_a_mixture_is_asked_elsewhere() -> None:
    """Of whole rows, as judges and the fit of its weights do it."""
    here, there = model(), mixture(ELSEWHERE, captured=False)
    before, at = [np.resize(row, 90) for row in ROWS[4:7]], [[0, 3], [5], [1, 2, 8]]
    for one, other in zip(here.nats(ROWS[:3], before), there.nats(ROWS[:3], before), strict=True):
        assert other == pytest.approx(one, abs=1e-3)
    for one, other in zip(here.log_probs(ROWS[:3], at), there.log_probs(ROWS[:3], at), strict=True):
        assert other == pytest.approx(one, abs=1e-3)
