"""Rules of the optimizer: its schedule, Muon's updates, the average, and its state."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from lm.learning.muon import Muon, orthogonal
from lm.learning.optimizer import Optimizer, rate
from lm.learning.presets import PRESETS
from lm.models.gpt import GPT, ModelConfig

TINY = PRESETS["tiny"]


def model() -> GPT:
    torch.manual_seed(0)
    return GPT(ModelConfig(50, 1, 64, 1, 1, 64, 64, context=8))


def push(optimizer: Optimizer, gpt: GPT, steps: range) -> None:
    """Some steps towards smaller scores."""
    x = torch.randint(0, 50, (2, 8), generator=torch.Generator().manual_seed(1))
    for step in steps:
        torch.autograd.backward(gpt(x, torch.arange(8).expand(2, -1)).square().mean())
        optimizer.step(step / 100)


def test_the_schedule_warms_up_and_ends_at_zero() -> None:
    """Up within 3 %, level, down over the last 40 %; without either it is constant."""
    assert rate(0.015, 0.03, 0.4) == pytest.approx(0.5)
    assert rate(0.03, 0.03, 0.4) == rate(0.3, 0.03, 0.4) == rate(0.6, 0.03, 0.4) == 1.0
    assert rate(0.8, 0.03, 0.4) == pytest.approx(0.5)
    assert rate(1.0, 0.03, 0.4) == 0.0
    assert rate(0.0, 0, 0) == rate(1.0, 0, 0) == 1.0


def test_muon_updates_are_orthogonal() -> None:
    """Whatever the gradient's scale, every direction moves about equally far."""
    generator = torch.Generator().manual_seed(0)
    scales = torch.tensor([1e-4, 1.0, 1e3])[:, None, None]
    for shape in ((3, 64, 64), (3, 32, 128), (3, 128, 32)):
        found = orthogonal(scales * torch.randn(shape, generator=generator), torch.float32)
        values = torch.linalg.svdvals(found)
        assert found.shape == shape
        assert (values.median(dim=1).values > 0.6).all()
        assert values.max() < 1.3


def test_matrices_of_one_shape_move_as_if_alone() -> None:
    """Together or each by its own optimizer: the same steps, and shapes may be mixed."""
    shapes = ((8, 8), (8, 24), (8, 8), (24, 8))

    def moved(apart: bool) -> list[Tensor]:
        generator = torch.Generator().manual_seed(3)
        matrices = [torch.randn(shape, generator=generator) for shape in shapes]
        groups = [[matrix] for matrix in matrices] if apart else [matrices]
        optimizers = [Muon(group, 0.1, torch.float32) for group in groups]
        for _ in range(3):
            for matrix in matrices:
                matrix.grad = torch.randn(matrix.shape, generator=generator)
            for optimizer in optimizers:
                optimizer.step(0.1)
        return matrices

    for together, alone in zip(moved(False), moved(True), strict=True):
        torch.testing.assert_close(together, alone)


def test_no_neuron_moves_more_than_another() -> None:
    """Over time rows move equally far, even where they have unequal shares of the directions."""
    generator = torch.Generator().manual_seed(4)
    matrix, strength = torch.zeros(48, 8), torch.logspace(-2, 2, 48)[:, None]
    muon, path = Muon([matrix], 0.0, torch.float32), torch.zeros(48)
    for _ in range(100):
        before = matrix.clone()
        matrix.grad = strength * torch.randn(matrix.shape, generator=generator)
        muon.step(0.1)
        path += (matrix - before).norm(dim=1)
    assert path.max() < 1.5 * path.min()
    lengths = orthogonal((strength * torch.randn(48, 8, generator=generator))[None], torch.float32)
    assert lengths[0].norm(dim=1).max() > 100 * lengths[0].norm(dim=1).min()


def test_muon_descends() -> None:
    """A matrix reaches its target, and its gradient is forgotten at every step."""
    target = torch.eye(16)
    matrix = torch.zeros(16, 16, requires_grad=True)
    muon = Muon([matrix], 0.0, torch.float32)
    for step in range(100):
        torch.autograd.backward((matrix - target).square().sum())
        muon.step(0.1 * (1 - step / 100))
        assert matrix.grad is None
    assert (matrix - target).abs().max().item() < 0.05


def test_the_average_follows_the_weights() -> None:
    """The average moves towards the weights, lags behind them and is apart from them."""
    gpt = model()
    optimizer = Optimizer(gpt, replace(TINY, weight_decay_epochs=0.0), 1_000, torch.float32)
    start = gpt.embed_tokens.weight.detach().clone()
    push(optimizer, gpt, range(1, 51))
    moved = (gpt.embed_tokens.weight - start).norm()
    behind = (gpt.embed_tokens.weight - optimizer.average.embed_tokens.weight).norm()
    assert 0 < behind < 0.5 * moved


@pytest.mark.parametrize("name", ["small", "base", "large"])
def test_weights_fade_as_fast_on_any_text(name: str) -> None:
    """After so many passes at the full rate 1/e of a weight is left, of matrices and embedding."""
    preset = replace(PRESETS[name], weight_decay_epochs=2.0, warm_up=0, decay=0)
    for epoch in (30, 90):  # steps
        gpt = model()
        optimizer = Optimizer(gpt, preset, epoch * preset.rows * preset.context, torch.float32)
        weights = [weight for weight in gpt.parameters() if weight.ndim == 2]
        before = [float(weight.detach().norm()) for weight in weights]
        for step in range(2 * epoch):
            for weight in gpt.parameters():
                weight.grad = torch.zeros_like(weight)
            optimizer.step(step / 1_000)
        left = [float(weight.detach().norm()) for weight in weights]
        assert left == pytest.approx([size * math.exp(-1) for size in before], rel=0.02)


def test_a_tiny_text_does_not_fade_within_a_few_steps() -> None:
    """Where an epoch is a step or two, weights are remembered for twenty."""
    assert PRESETS["base"].weight_decay(100) == 0.05
    assert PRESETS["tiny"].weight_decay(100) == 0.0


def test_without_an_average_the_weights_are_kept() -> None:
    """ema = 0: what is evaluated is the model itself."""
    gpt = model()
    optimizer = Optimizer(gpt, replace(TINY, ema=0.0), 1_000, torch.float32)
    push(optimizer, gpt, range(1, 5))
    assert torch.equal(gpt.embed_tokens.weight, optimizer.average.embed_tokens.weight)


@pytest.mark.parametrize("matrix_lr", [0.02, 0.0])
def test_a_restored_optimizer_goes_on_bit_for_bit(matrix_lr: float) -> None:
    """State, saved and taken up by another optimizer, leads to the same weights and average."""
    chosen = replace(TINY, matrix_lr=matrix_lr, weight_decay_epochs=2.0)
    gpt, other = model(), model()
    alike = np.array([[3, 0], [4, 0], [4, 1], [9, 1]])
    optimizer, second = (Optimizer(m, chosen, 1_000, torch.float32, alike) for m in (gpt, other))
    push(optimizer, gpt, range(1, 6))
    tensors, numbers = optimizer.state()
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    other.load_state_dict(gpt.state_dict())
    second.restore(tensors, numbers)
    push(optimizer, gpt, range(6, 12))
    push(second, other, range(6, 12))
    for found, expected in zip(other.parameters(), gpt.parameters(), strict=True):
        assert torch.equal(found, expected)
    for found, expected in zip(
        second.average.parameters(), optimizer.average.parameters(), strict=True
    ):
        assert torch.equal(found, expected)
