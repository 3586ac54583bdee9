"""Rules of token ids in a cache: they come back as they were, whatever the cache's dtype."""

from __future__ import annotations

import pytest
import torch

from lm.engine.slots import Batch, Slots
from lm.models.token_cache import TOKEN_LAYER, latest, remember, seen

IDS = [0, 1, 255, 256, 257, 65_535, 65_536, (1 << 18) - 1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_ids_come_back(dtype: torch.dtype) -> None:
    """Stored chunk by chunk, then one by one beside another slot: the same ids."""
    slots = Slots([TOKEN_LAYER], slots=3, span=10, dtype=dtype, device=torch.device("cpu"))
    remember(torch.tensor([IDS[:3]]), Batch(slots, [2], [0], [3]), 0)
    found = remember(torch.tensor([IDS[3:7]]), Batch(slots, [2], [3], [4]), 0)
    assert found.tolist() == [IDS[:7]]
    batch = Batch(slots, [0, 2], [0, 7])
    span, at = seen(torch.tensor([[9], [IDS[7]]]), batch.positions, batch, 0)
    assert span[0, 0] == 9
    assert span[1].tolist() == IDS
    assert latest(span, at, 3).tolist() == [[[-1, -1, 9]], [IDS[-3:]]]


def test_without_a_cache_the_rows_are_all_there_is() -> None:
    """Each place sees the tokens up to itself; before the first there is none."""
    tokens = torch.tensor([[5, 6, 7]])
    span, at = seen(tokens, torch.tensor([[40, 41, 42]]), None, 0)
    assert latest(span, at, 2).tolist() == [[[-1, 5], [5, 6], [6, 7]]]
