"""Rules of recency: what followed the latest token before is expected again."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from lm.models import recency
from lm.models.recency import Memory, followed

SEEDED = torch.Generator().manual_seed(5)
ROW = torch.tensor([5, 1, 2, 5, 1, 3, 5, 1, 4, 1])
RANDOM = torch.randint(0, 7, (300,), generator=SEEDED)


def counts(at: int, depth: int) -> dict[int, int]:
    found = followed(ROW[None], len(ROW), torch.tensor([[at]]), 9)[depth][0, 0]
    return {token: int(found[token]) for token in range(9) if found[token]}


def test_followers_are_expected_again() -> None:
    """Behind the fourth 1 comes what came behind the three before; behind a new token nothing."""
    assert counts(9, depth=1) == {2: 1, 3: 1, 4: 1}
    assert counts(6, depth=1) == {1: 2}
    assert counts(8, depth=1) == {}


def test_two_tokens_say_more_than_one() -> None:
    """What followed both; the beginning of a row is behind nothing."""
    assert counts(4, depth=2) == {2: 1}
    assert counts(7, depth=2) == {2: 1, 3: 1}
    assert counts(9, depth=2) == {}
    assert counts(0, depth=2) == {}


def test_any_token_may_come_again() -> None:
    """As often as it came, the latest itself among them."""
    assert counts(0, depth=0) == {5: 1}
    assert counts(4, depth=0) == {5: 2, 1: 2, 2: 1}


def test_the_future_is_not_seen() -> None:
    """What lies behind a place changes nothing, nor does a row beside it, or what is ABSENT."""
    at = torch.tensor([[3], [8]])
    other = torch.cat((ROW[:4], ROW.new_full((6,), 7)))
    padded = torch.cat((ROW.new_full((6,), recency.ABSENT), ROW[:4]))
    alone = followed(ROW[None], 10, at[:1], 9)
    beside = followed(torch.stack((other, ROW)), 10, at, 9)
    behind = followed(padded[None], 4, at[:1] + 6, 9)
    for one, first, last in zip(alone, beside, behind, strict=True):
        assert torch.equal(one[0], first[0])
        assert torch.equal(one, last)


@pytest.mark.parametrize(
    ("row", "first"), [*product((ROW, RANDOM), (0, 1, 2, 7)), (ROW.repeat(21), 200), (RANDOM, 200)]
)
def test_chances_are_the_counted_targets(
    row: Tensor, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ways of asking agree, by every memory."""
    memories = tuple(Memory(reach, depth) for reach in (0, 2, 190, 3) for depth in (0, 1, 2))
    monkeypatch.setattr(recency, "MEMORIES", memories)
    p, came, kinds = recency.chances(row.numpy(), first)
    targets = row[first + 1 :]
    assert p.shape == came.shape == kinds.shape == (len(targets), len(memories))
    at = torch.arange(first, len(row) - 1)
    for i, (found,) in enumerate(followed(row[None], len(row) - first, at[None], 9)):
        assert np.array_equal(came[:, i], found.sum(dim=-1).numpy())
        assert np.array_equal(kinds[:, i], (found > 0).sum(dim=-1).numpy())
        shares = found[range(len(at)), targets] / found.sum(dim=-1).clamp_min(1)
        assert p[:, i] == pytest.approx(shares.numpy(), abs=1e-6)


def test_a_single_token_foretells_nothing() -> None:
    """There is nothing behind it."""
    assert [len(found) for found in recency.chances(ROW[:1].numpy())] == [0, 0, 0]
