"""Rules of recency: what followed the latest token before is expected again."""

from __future__ import annotations

import pytest
import torch

from lm.models import recency

ROW = torch.tensor([5, 1, 2, 5, 1, 3, 5, 1, 4, 1])


def p(at: int) -> dict[int, float]:
    found = recency.distribution(ROW[None], torch.tensor([[at]]), 9)[0, 0]
    return {token: float(found[token]) for token in range(9) if found[token]}


def test_followers_are_expected_again() -> None:
    """Behind the fourth 1 come, in equal shares, what came behind the three before."""
    assert p(9) == pytest.approx({2: 1 / 3, 3: 1 / 3, 4: 1 / 3})
    assert p(6) == {1: 1.0}


def test_behind_a_new_token_any_may_come() -> None:
    """Shares of the context so far, the new token itself among them."""
    assert p(0) == {5: 1.0}
    assert p(2) == pytest.approx({5: 1 / 3, 1: 1 / 3, 2: 1 / 3})


def test_the_future_is_not_seen() -> None:
    """What lies behind a place changes nothing, nor does a row beside it."""
    at = torch.tensor([[3], [8]])
    other = torch.cat((ROW[:4], ROW.new_full((6,), 7)))
    together = recency.distribution(torch.stack((other, ROW)), at, 9)
    assert torch.equal(together[0, 0], recency.distribution(ROW[None], at[:1], 9)[0, 0])


def test_chances_are_the_distributions_targets() -> None:
    """Both ways of asking agree; every distribution is whole."""
    at = torch.arange(len(ROW) - 1)
    whole = recency.distribution(ROW[None], at[None], 9)[0]
    assert torch.allclose(whole.sum(dim=-1), torch.ones(len(at)))
    assert torch.allclose(recency.chances(ROW), whole[at, ROW[1:]])
    assert recency.chances(ROW[:1]).shape == (0,)
