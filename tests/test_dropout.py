"""lm/models/dropout.py: masks cut out of one stretch are as good as masks drawn one by one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lm.models.dropout import Dropout

P = 0.3


def mask(dropout: Dropout, *shape: int) -> Tensor:
    """What a call multiplied each element with."""
    found: Tensor = dropout(torch.ones(shape))
    return found


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_drops_its_share_and_scales_the_rest(dtype: torch.dtype) -> None:
    """Elements become 0 with probability p and 1 / (1 - p) times themselves else."""
    torch.manual_seed(0)
    x = torch.full((100, 1000), 2.0, dtype=dtype)
    y = Dropout(P)(x)
    assert y.dtype == dtype
    assert (y == 0).float().mean().item() == pytest.approx(P, abs=0.01)
    kept = torch.tensor(2 / (1 - P), dtype=dtype)
    torch.testing.assert_close(y[y != 0], kept.expand(int((y != 0).sum())), rtol=0.01, atol=0)


def test_gradients_pass_where_values_did() -> None:
    """The gradient has the mask of its call."""
    torch.manual_seed(0)
    x = torch.ones(64, 64, requires_grad=True)
    y = Dropout(P)(x)
    y.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, y.detach())


def test_calls_are_independent() -> None:
    """Two masks agree as often as chance has it, and so do neighbouring rows of one."""
    torch.manual_seed(0)
    dropout = Dropout(P)
    one, other = mask(dropout, 300, 300) == 0, mask(dropout, 300, 300) == 0
    by_chance = P * P + (1 - P) * (1 - P)
    assert (one == other).float().mean().item() == pytest.approx(by_chance, abs=0.01)
    assert (one[1:] == one[:-1]).float().mean().item() == pytest.approx(by_chance, abs=0.01)


def test_a_seed_reproduces_it() -> None:
    """torch's generator decides, so that a run that is taken up again goes on as it would have."""
    dropout = Dropout(P)
    torch.manual_seed(5)
    first = mask(dropout, 9, 9), mask(dropout, 9, 9)
    torch.manual_seed(5)
    assert torch.equal(first[0], mask(dropout, 9, 9))
    assert torch.equal(first[1], mask(dropout, 9, 9))
    assert not torch.equal(first[0], first[1])


def test_nothing_is_dropped_outside_training() -> None:
    """Nor with p = 0."""
    x = torch.randn(5, 5)
    assert torch.equal(Dropout(P).eval()(x), x)
    assert torch.equal(Dropout(0.0)(x), x)
