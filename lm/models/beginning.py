"""A beginning that several rows share, read once: the keys and values that it leaves behind.

It knows no tokens; whoever asks sees to it that the rows go on from what was read.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lm.corpus.batches import Ids


class Beginning:
    """A GPT's cache: the first call [1, time] is kept, and rows [n, time] of later ones follow it.

    Each later call stands behind the beginning alone, not behind another one.
    """

    before: Sequence[Ids] = ()  # a GPT does not look back so far

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}

    def update(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As Cache says."""
        rows, _, time, _ = k.shape
        if layer in self._kept:
            k, v = (
                torch.cat((kept.expand(rows, -1, -1, -1), new), dim=2)
                for kept, new in zip(self._kept[layer], (k, v), strict=True)
            )
        else:
            self._kept[layer] = k, v
        span = k.shape[2]
        mask = torch.ones(time, span, dtype=torch.bool, device=k.device).tril(span - time)
        return k, v, mask.expand(rows, 1, -1, -1)
