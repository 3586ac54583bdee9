"""lm/models/attention.py: the quick way to train on a CPU says what torch's own attention says."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lm.models.attention import LONGEST, attended, quicker


def heads(time: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values as the layers have them: heads are a middle dimension in memory."""
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, time, 3, 64).to(dtype).transpose(2, 3).unbind()
    return q.requires_grad_(), k.requires_grad_(), v.requires_grad_()


@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 1e-5), (torch.bfloat16, 3e-2)])
def test_values_and_gradients_are_those_of_torch(dtype: torch.dtype, close: float) -> None:
    """Causal, scaled by the root of the head's size."""
    asked = heads(40, dtype)
    slope = torch.randn(2, 3, 40, 64).to(dtype)
    mine, theirs = attended(*asked), F.scaled_dot_product_attention(*asked, is_causal=True)
    torch.testing.assert_close(mine, theirs, rtol=close, atol=close)
    torch.testing.assert_close(
        torch.autograd.grad(mine, asked, slope),
        torch.autograd.grad(theirs, asked, slope),
        rtol=close,
        atol=2 * close,
    )


def test_it_is_for_training_in_bfloat16_on_rows_of_a_chat() -> None:
    """What is served, and long or wide rows, are left to torch's kernel."""
    q = heads(8, torch.bfloat16)[0]
    assert quicker(q)
    with torch.no_grad():
        assert not quicker(q)
    assert not quicker(heads(8, torch.float32)[0])
    assert not quicker(heads(LONGEST + 1, torch.bfloat16)[0])
