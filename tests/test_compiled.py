"""Rules of compiled blocks: the same numbers as plain ones, and nothing left behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lm.learning.compiled import kept_in, tried
from lm.learning.events import Event, Note
from lm.learning.snapshot import Snapshot
from lm.models.gpt import GPT
from tests.small_talk import WITH_DROPOUT, learner, same


class KilledError(Exception):
    """As if the process had been killed."""


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where generated code is kept: torch takes one place for the whole of a process."""
    if not any(map(shutil.which, ("c++", "g++", "clang++", "cl"))):
        pytest.skip("no compiler of C++ is here")
    folder, usual = tmp_path_factory.mktemp("generated") / "code", tempfile.gettempdir()
    with kept_in(folder):
        yield folder
    assert not folder.exists()
    assert tempfile.gettempdir() == usual


def test_compiled_blocks_compute_the_same(code: Path) -> None:
    """Gradients to rounding, dropout included, of which both draw the same."""
    shape = (WITH_DROPOUT.rows, WITH_DROPOUT.context)  # as below, so that it is compiled once
    gpt = GPT(WITH_DROPOUT.config(300), WITH_DROPOUT.dropout).train()
    tokens, positions = torch.randint(300, shape), torch.arange(shape[1]).expand(shape)

    def gradients(model: GPT) -> list[Tensor | None]:
        torch.manual_seed(5)
        gpt.zero_grad()
        torch.autograd.backward((model.hidden(tokens, positions) ** 3).mean())
        return [weight.grad for weight in gpt.parameters()]

    compiled, plain_seconds, compiled_seconds = tried(gpt, gradients)
    expected, drawn = gradients(gpt), torch.get_rng_state()
    found = gradients(compiled)
    assert torch.equal(torch.get_rng_state(), drawn)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)
    assert plain_seconds > 0
    assert compiled_seconds > 0
    assert list(code.rglob("*.so"))


def test_a_long_run_goes_on_compiled_and_is_resumed_so(
    code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it is quicker, it stays so after a kill too, to the last bit."""
    monkeypatch.setattr("lm.learning.learner.tried", lambda *given: (tried(*given)[0], 2.0, 1.0))

    class Stopping(Snapshot):
        def write(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
            super().write(tensors, numbers)
            if numbers["course"]["step"] == 8:
                raise KilledError

    events: list[Event] = []
    whole = learner(WITH_DROPOUT, events)
    whole.worthwhile = 0.0
    expected = whole.learn()
    killed = learner(WITH_DROPOUT, [], snapshot=Stopping(tmp_path / "state", "this run"))
    killed.worthwhile = killed.snapshot_every = 0.0
    with pytest.raises(KilledError):
        killed.learn()
    run = learner(WITH_DROPOUT, [], snapshot=Snapshot(tmp_path / "state", "this run"))
    run.resume()
    found = run.learn()
    assert same(found.model, expected.model)
    assert (found.bpb, found.curve) == (expected.bpb, expected.curve)
    (note,) = (event.message for event in events if isinstance(event, Note))
    assert "compiled from here on: 1,000 ms a batch instead of 2,000" in note


def test_what_a_killed_training_left_goes(tmp_path: Path) -> None:
    """Nothing of before is run, and it does not pile up."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "old.so").touch()
    with kept_in(tmp_path / "code"):
        assert not list((tmp_path / "code").iterdir())
