"""Rules of recency: what followed the latest token before is expected again."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from lm.models import recency

SEEDED = torch.Generator().manual_seed(5)
ROW = torch.tensor([5, 1, 2, 5, 1, 3, 5, 1, 4, 1])
RANDOM = torch.randint(0, 7, (300,), generator=SEEDED)


def p(at: int) -> dict[int, float]:
    shares, _ = recency.evidence(ROW[None], torch.tensor([[at]]))
    found = recency.distribution(ROW[None], shares, 9)[0, 0]
    return {token: float(found[token]) for token in range(9) if found[token]}


def rests(at: int) -> list[float]:
    _, figures = recency.evidence(ROW[None], torch.tensor([[at]]))
    return figures[0, 0].tolist()


def test_followers_are_expected_again() -> None:
    """Behind the fourth 1 come, in equal shares, what came behind the three before."""
    assert p(9) == pytest.approx({2: 1 / 3, 3: 1 / 3, 4: 1 / 3})
    assert p(6) == {1: 1.0}
    assert rests(9) == pytest.approx([1, math.log(3)])


def test_two_tokens_say_more_than_one() -> None:
    """Where the latest two came before, what followed both is expected."""
    assert p(4) == {2: 1.0}
    assert p(7) == pytest.approx({2: 1 / 2, 3: 1 / 2})
    assert rests(7) == pytest.approx([2, math.log(2)])


def test_behind_a_new_token_any_may_come() -> None:
    """Shares of the context so far, the new token itself among them."""
    assert p(0) == {5: 1.0}
    assert p(2) == pytest.approx({5: 1 / 3, 1: 1 / 3, 2: 1 / 3})
    assert rests(2) == pytest.approx([0, math.log(3)])


def test_the_future_is_not_seen() -> None:
    """What lies behind a place changes nothing, nor does a row beside it."""
    at = torch.tensor([[3], [8]])
    other = torch.cat((ROW[:4], ROW.new_full((6,), 7)))
    together = recency.evidence(torch.stack((other, ROW)), at)
    for both, alone in zip(together, recency.evidence(ROW[None], at[:1]), strict=True):
        assert torch.equal(both[0, 0], alone[0, 0])


@pytest.mark.parametrize(
    ("row", "first"), [*product((ROW, RANDOM), (0, 1, 2, 7)), (ROW.repeat(21), 200), (RANDOM, 200)]
)
def test_chances_are_the_distributions_targets(
    row: Tensor, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ways of asking agree over every reach; every distribution is whole."""
    monkeypatch.setattr(recency, "REACHES", (0, 2, 190, 3))
    chances, rest_on = recency.chances(row.numpy(), first)
    targets = row[first + 1 :]
    assert chances.shape == (len(targets), 4)
    for i, reach in enumerate(recency.REACHES):
        start = max(0, first - reach)
        at = torch.arange(first, len(row) - 1) - start
        shares, figures = recency.evidence(row[None, start:], at[None])
        whole = recency.distribution(row[None, start:], shares, 9)[0]
        assert torch.allclose(whole.sum(dim=-1), torch.ones(len(at)))
        assert chances[:, i] == pytest.approx(whole[range(len(at)), targets].numpy(), abs=1e-6)
        assert np.array_equal(rest_on[:, i, 0], figures[0, :, 0].numpy())
        rounded = pytest.approx(figures[0].numpy(), rel=2e-7, abs=0)  # one rounding apart
        assert rest_on[:, i] == rounded


def test_a_single_token_foretells_nothing() -> None:
    """There is nothing behind it."""
    assert [len(found) for found in recency.chances(ROW[:1].numpy())] == [0, 0]
