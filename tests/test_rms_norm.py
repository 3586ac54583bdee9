"""Rules of RMSNorm: trained or served, it is torch's."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from lm.models.rms_norm import RMSNorm, _Normalised


def norm(d: int, dtype: torch.dtype) -> RMSNorm:
    torch.manual_seed(0)
    made = RMSNorm(d, eps=1e-6)
    torch.nn.init.uniform_(made.weight, 0.5, 1.5)
    return made.to(dtype)


@pytest.mark.parametrize("shape", [(7,), (3, 7), (2, 3, 4, 7)])
def test_gradients_are_those_of_its_definition(shape: tuple[int, ...]) -> None:
    """Checked against differences, in double precision."""
    torch.manual_seed(1)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    weight = torch.rand(7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, w: _Normalised.apply(x, w, 1e-6), (x, weight))  # type: ignore[no-untyped-call]  # torch leaves apply untyped


@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 1e-5), (torch.bfloat16, 3e-2)])
def test_training_and_serving_agree(dtype: torch.dtype, near: float) -> None:
    """With and without gradients: the same numbers, torch's, in the dtype of the input."""
    made = norm(64, dtype)
    x = torch.randn(5, 9, 64).to(dtype)
    trained = made(x)
    with torch.no_grad():
        served = made(x)
    reference = F.rms_norm(x.float(), (64,), made.weight.float(), 1e-6)
    for found in (trained, served):
        assert found.dtype == dtype
        assert torch.allclose(found.float(), reference, rtol=near, atol=near)


def test_rows_of_zeros_have_gradients() -> None:
    """No division by nothing."""
    x = torch.zeros(2, 8, requires_grad=True)
    norm(8, torch.float32)(x).sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
