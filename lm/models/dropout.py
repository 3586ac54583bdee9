"""Dropout whose randomness costs next to nothing on a CPU.

There, drawing a mask takes eighteen times as long as using it, a thirteenth of a training step at
`base`. So masks are cut at random places out of one long stretch of random elements.
"""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.compiler import is_compiling

SPARE = 1 << 22  # elements of the stretch beyond one mask: so many places to cut at
SEED = 1  # of the stretch: a run that is taken up again has the same one


class Dropout(nn.Dropout):
    """nn.Dropout (arXiv 1207.0580), its places drawn from torch's generator."""

    def forward(self, x: Tensor) -> Tensor:
        """x: of any shape, and so is the result."""
        if not (self.training and self.p) or x.device.type != "cpu":
            return F.dropout(x, self.p, self.training)
        return x * (_own_mask(x.detach(), self.p) if is_compiling() else _mask(x, self.p))


def _mask(x: Tensor, p: float) -> Tensor:
    """A mask in the shape and dtype of x: part of a stretch, not to be written to."""
    length = 1 << (x.numel() - 1).bit_length()
    at = int(torch.randint(SPARE, ()))
    return _stretch(p, length + SPARE, x.dtype)[at : at + x.numel()].view(x.shape)


@torch.library.custom_op(
    "understudy::dropout_mask", mutates_args=(), tags=(torch.Tag.nondeterministic_seeded,)
)
def _own_mask(x: Tensor, p: float) -> Tensor:
    """The same to code that torch generates: one operation, whose result it may write to."""
    return _mask(x, p).clone()


@_own_mask.register_fake
def _(x: Tensor, p: float) -> Tensor:
    return torch.empty_like(x)


@functools.lru_cache(maxsize=2)
def _stretch(p: float, length: int, dtype: torch.dtype) -> Tensor:
    """[length] 0 with probability p, else 1 / (1 - p)."""
    generator = torch.Generator().manual_seed(SEED)
    return (torch.rand(length, generator=generator) >= p).to(dtype).div_(1 - p)
