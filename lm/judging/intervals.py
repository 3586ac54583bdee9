"""95 % intervals by the bootstrap over clusters: what a figure would be on other such messages.

Every figure here is a ratio of two sums over messages (bits over bytes, hits over trials), so one
function serves them all. Two systems are compared pairwise: their difference message by message
is a numerator like any other. It knows no model and no text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

REPLICATES = 2_000
COVERED = (2.5, 97.5)  # percentiles

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, its 95 % interval (None where one cluster is all there is), and its sample size."""

    value: float
    low: float | None
    high: float | None
    count: int


def ratio(
    numerators: Floats | Sequence[float],
    denominators: Floats | Sequence[float],
    clusters: Ints | Sequence[int],
    seed: int = 1,
) -> Estimate:
    """sum(numerators) / sum(denominators), with a percentile interval over resampled clusters.

    All three [n]. Whole clusters are drawn with replacement (Davison and Hinkley 1997, section
    3.8), because neighbouring messages are alike. ValueError when there is nothing to divide by.
    """
    above, below = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, np.float64)
    if not below.sum() > 0:
        raise ValueError("nothing to estimate from: 0 messages")
    _, member = np.unique(np.asarray(clusters), return_inverse=True)
    value = float(above.sum() / below.sum())
    tops, bottoms = np.bincount(member, above), np.bincount(member, below)
    if len(tops) < 2:
        return Estimate(value, None, None, len(above))
    generator = np.random.default_rng(seed)
    even = np.full(len(tops), 1 / len(tops))
    drawn = generator.multinomial(len(tops), even, size=REPLICATES)  # [replicates, clusters]
    with np.errstate(invalid="ignore"):  # a draw of nothing but empty clusters is no replicate
        replicates = (drawn @ tops) / (drawn @ bottoms)
    low, high = np.nanpercentile(replicates, COVERED)
    return Estimate(value, float(low), float(high), len(above))


def mean(values: Floats | Sequence[float], clusters: Ints | Sequence[int]) -> Estimate:
    """The mean of values [n] with its interval, as `ratio` says."""
    return ratio(values, np.ones(len(values)), clusters)
