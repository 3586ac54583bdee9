"""Speaker identification by the model itself: who writes like this?

argmax over speakers of sum log p(message | its context, speaker), every speaker equally likely
beforehand, for one message and for groups of twenty of the same speaker. Nothing is sampled. The
same scores give the persona gain: what the wrong speaker's name costs.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lm.corpus.batches import RARE
from lm.judging.bits import Watch
from lm.judging.contexts import Contexts, Item
from lm.judging.intervals import Estimate, Floats, Ints, mean, ratio
from lm.judging.scores import tail_nats, top1, winners
from lm.models.predictor import Predictor

MESSAGES = 1_440  # of all candidates together; each is one row a candidate
CANDIDATES = 12  # speakers at most
FREQUENT = 0.1  # a candidate holds so much of what the most frequent speaker holds
GROUP = 20  # messages
PARTITIONS = 50  # ways to cut a speaker's messages into groups that the accuracy is averaged over
REPLICATES = 400


@dataclass(frozen=True, slots=True)
class Asked:
    """Messages and how likely each is under every candidate.

    candidates: tokens, most frequent first; truth: [items] index of who said it
    nats:       [items, candidates], -ln p(text and END | context, candidate)
    """

    items: tuple[Item, ...]
    candidates: tuple[int, ...]
    truth: Ints
    nats: Floats


@dataclass(frozen=True, slots=True)
class Identification:
    """Accuracy from `messages` messages, and how often row's speaker was taken for column's."""

    messages: int
    accuracy: Estimate
    confusion: Floats


def ask(
    model: Predictor, contexts: Contexts, named: Sequence[int], seed: int, watch: Watch
) -> Asked | None:
    """Score a balanced choice of messages under every candidate; None for fewer than two.

    Candidates are the `named` speaker tokens with at least RARE messages and a tenth of the most
    frequent one's, twelve at most. Of each, at most an equal share of MESSAGES is drawn by `seed`.
    """
    counts = Counter(item.token for item in contexts.items if item.token in set(named))
    least = max(RARE, FREQUENT * max(counts.values(), default=0))
    candidates = tuple(t for t, count in counts.most_common(CANDIDATES) if count >= least)
    if len(candidates) < 2:
        return None
    generator = np.random.default_rng(seed)
    items: list[Item] = []
    for candidate in candidates:
        said = [item for item in contexts.items if item.token == candidate]
        drawn = generator.permutation(len(said))[: MESSAGES // len(candidates)]
        items += [said[i] for i in sorted(drawn)]
    rows = [contexts.row(item, token, item.text) for item in items for token in candidates]
    tails = [len(item.text) for item in items for _ in candidates]
    nats = tail_nats(model, rows, tails, watch).reshape(len(items), len(candidates))
    truth = np.array([candidates.index(item.token) for item in items], dtype=np.int64)
    return Asked(tuple(items), candidates, truth, nats)


def from_one(asked: Asked) -> Identification:
    """Who said it, from one message; interval over clusters of neighbouring messages."""
    hits = top1(-asked.nats, asked.truth)
    accuracy = mean(hits, [item.cluster for item in asked.items])
    return Identification(1, accuracy, _confusion(winners(-asked.nats), asked))


def from_many(asked: Asked, seed: int) -> Identification | None:
    """Who said all of GROUP messages; None when nobody has that many.

    A speaker's messages are shuffled and cut into disjoint groups, PARTITIONS times over, and the
    accuracy is the mean: a single cut would add chance of its own. The interval is 1.96 standard
    deviations of the same figure over messages resampled within each speaker (percentiles would
    be shifted: a group that holds a message twice knows less).
    """
    said = [np.flatnonzero(asked.truth == i) for i in range(len(asked.candidates))]
    said = [places for places in said if len(places) >= GROUP]
    if not said:
        return None
    generator = np.random.default_rng(seed)
    shares = _groups(asked, said, PARTITIONS, generator)
    value = _accuracy(shares)
    replicates = []
    for _ in range(REPLICATES):
        resampled = [generator.choice(places, len(places)) for places in said]
        replicates.append(_accuracy(_groups(asked, resampled, 4, generator)))
    reach = 1.96 * float(np.std(replicates))
    count = sum(len(places) // GROUP for places in said)
    accuracy = Estimate(value, max(0.0, value - reach), min(1.0, value + reach), count)
    size = len(asked.candidates)
    confusion = np.zeros((size, size))
    for truth, taken in shares:
        confusion[truth] = taken.mean(axis=0)
    return Identification(GROUP, accuracy, confusion)


def _groups(
    asked: Asked, said: Sequence[Ints], partitions: int, generator: np.random.Generator
) -> list[tuple[int, Floats]]:
    """For each speaker, whom each of its groups is taken for: shares [groups, candidates]."""
    found = []
    for places in said:
        groups = len(places) // GROUP
        tiled = np.tile(places, (partitions, 1))
        cut = generator.permuted(tiled, axis=1)[:, : groups * GROUP]
        nats = asked.nats[cut.reshape(-1, GROUP)].sum(axis=1)  # [partitions * groups, candidates]
        found.append((int(asked.truth[places[0]]), winners(-nats)))
    return found


def _accuracy(shares: Sequence[tuple[int, Floats]]) -> float:
    hits = sum(float(taken[:, truth].sum()) for truth, taken in shares)
    return hits / sum(len(taken) for _, taken in shares)


def _confusion(taken: Floats, asked: Asked) -> Floats:
    """Rows of shares that sum to one: [candidates, candidates]."""
    size = len(asked.candidates)
    return np.stack([taken[asked.truth == i].mean(axis=0) for i in range(size)])


def recall(asked: Asked, candidate: int) -> Estimate:
    """How often one message of the candidate with that index is known as theirs."""
    chosen = asked.truth == candidate
    near = np.array([item.cluster for item in asked.items])
    return mean(top1(-asked.nats, asked.truth)[chosen], near[chosen])


def gain(asked: Asked, candidate: int | None = None) -> Estimate:
    """Persona gain: bits per byte of the wrong speaker (mean over them) minus the right one's.

    Of all messages, or of those of the candidate with that index.
    """
    right = asked.nats[np.arange(len(asked.truth)), asked.truth]
    wrong = (asked.nats.sum(axis=1) - right) / (len(asked.candidates) - 1)
    chosen = np.ones(len(right), bool) if candidate is None else asked.truth == candidate
    sizes = np.array([item.size for item in asked.items], dtype=np.float64)
    near = np.array([item.cluster for item in asked.items])
    return ratio(((wrong - right) / math.log(2))[chosen], sizes[chosen], near[chosen])
