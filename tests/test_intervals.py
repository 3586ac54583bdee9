"""lm/judging/intervals.py: what a 95 % interval promises."""

from __future__ import annotations

import numpy as np
import pytest

from lm.judging.intervals import mean, ratio


def test_a_ratio_of_sums() -> None:
    """Long messages weigh as many bytes as they have."""
    assert ratio([10, 90], [10, 30], [0, 1]).value == 2.5
    assert ratio([10, 90], [10, 30], [0, 1]).count == 2


def test_19_of_20_intervals_hold_the_truth() -> None:
    """Over many samples of correlated neighbours, about 95 % of the intervals cover."""
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(150):
        moods = generator.normal(size=40).repeat(5)  # neighbours share a mood
        found = mean(3 + moods + generator.normal(size=200), np.arange(40).repeat(5))
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 3 <= found.high
    assert 0.88 <= covered / 150 <= 0.99


def test_copies_of_a_message_tell_nothing_new() -> None:
    """Ten copies within a cluster leave the interval as it is; as strangers they shrink it."""
    values = np.random.default_rng(0).normal(size=30)
    alone = mean(values, np.arange(30))
    together = mean(values.repeat(10), np.arange(30).repeat(10))
    strangers = mean(values.repeat(10), np.arange(300))
    assert (alone.low, alone.high) == pytest.approx((together.low, together.high))
    assert strangers.low is not None
    assert alone.low is not None
    assert strangers.low > alone.low


def test_one_cluster_has_no_interval() -> None:
    """Nothing can be said about others from a single one: not that they are the same."""
    found = mean([1, 2, 3], [7, 7, 7])
    assert (found.value, found.low, found.high) == (2, None, None)


def test_nothing_is_an_error() -> None:
    """No messages have no mean."""
    with pytest.raises(ValueError, match="0 messages"):
        mean([], [])


def test_empty_clusters_are_no_figures() -> None:
    """Draws that hold nothing to divide by are left out."""
    found = ratio([4, 0, 0], [2, 0, 0], [0, 1, 2])
    assert (found.value, found.low, found.high) == (2, 2, 2)
