"""The processes that train one model together: every one computes its rows, all move alike.

One process alone is a team of one. Started by torchrun (torch.distributed's environment), it
is a team of WORLD_SIZE; gloo carries gradients between CPUs, NCCL between GPUs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Team:
    """This process's place: rank from 0 to size - 1."""

    rank: int = 0
    size: int = 1

    def share(self, batch: Tensor) -> Tensor:
        """This process's rows of a batch. ValueError when the rows cannot be dealt out evenly."""
        if len(batch) % self.size:
            raise ValueError(f"{len(batch)} rows cannot be shared by {self.size} processes")
        return batch[self.rank :: self.size]

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over the team, all in one exchange."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(flat)
        flat /= self.size
        means = torch.split(flat, [tensor.numel() for tensor in tensors])
        for tensor, mean in zip(tensors, means, strict=True):
            tensor.copy_(mean.view_as(tensor))

    def same(self, value: float) -> float:
        """The first process's value, so that all decide alike."""
        if self.size == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64)
        if torch.cuda.is_available():
            told = told.cuda()
        dist.broadcast(told, src=0)
        return float(told.item())


@contextmanager
def team() -> Iterator[Team]:
    """The team that torchrun has started this process for, or a team of one."""
    if "WORLD_SIZE" not in os.environ:
        yield Team()
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Team(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
