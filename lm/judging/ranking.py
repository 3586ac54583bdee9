"""Next-utterance ranking: does the model know which message really came next?

R@1 of ten: the true message among nine others of the same speaker and of like length, all held
out. Ranked by pointwise mutual information, log p(r | context, speaker) - log p(r | speaker), and
by raw likelihood. Nothing is sampled from the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lm.judging.bits import Watch
from lm.judging.contexts import Contexts, Item
from lm.judging.intervals import Estimate, mean
from lm.judging.scores import tail_nats, top1
from lm.models.predictor import Predictor

ITEMS = 1_000
CHOICES = 10
LENGTH = 0.3  # of the true message's characters, more or fewer
AWAY = 3  # messages of the same session on either side that are no candidates

Choice = tuple[int, ...]  # indices of items: the true message, then the others


@dataclass(frozen=True, slots=True)
class Ranking:
    """R@1 by mutual information and by likelihood on the same items."""

    pmi: Estimate
    likelihood: Estimate


def choices(items: Sequence[Item], named: Sequence[int], seed: int) -> list[Choice]:
    """Up to ITEMS messages, chosen by `seed`, each with nine others to be told from.

    A message qualifies when its speaker is `named`, something was said before it in its session,
    and nine other texts of that speaker qualify: within LENGTH of its characters, more than AWAY
    messages away, all different from it and from each other.
    """
    generator = np.random.default_rng(seed)
    speakers = {token: np.array([i for i, x in enumerate(items) if x.token == token])
                for token in named}  # fmt: skip
    lengths = np.array([len(item.message.text) for item in items])
    found: list[Choice] = []
    for i in generator.permutation(len(items)).tolist():
        if len(found) == ITEMS:
            break
        if items[i].place == 0 or items[i].token not in speakers:
            continue
        pool = speakers[items[i].token]
        alike = pool[abs(lengths[pool] - lengths[i]) <= LENGTH * lengths[i]]
        others = _others(items, i, generator.permutation(alike).tolist())
        if len(others) == CHOICES - 1:
            found.append((i, *others))
    return found


def _others(items: Sequence[Item], true: int, pool: Sequence[int]) -> list[int]:
    """The first CHOICES - 1 of `pool` that are far enough and differ in their texts."""
    item, texts = items[true], {items[true].message.text}
    found: list[int] = []
    for i in pool:
        other = items[i]
        near = other.session == item.session and abs(other.place - item.place) <= AWAY
        if near or other.message.text in texts:
            continue
        texts.add(other.message.text)
        found.append(i)
        if len(found) == CHOICES - 1:
            break
    return found


def rank(
    model: Predictor, contexts: Contexts, named: Sequence[int], seed: int, watch: Watch
) -> Ranking | None:
    """R@1 over `choices`; None when no message has nine others to be told from."""
    items = contexts.items
    chosen = choices(items, named, seed)
    if not chosen:
        return None
    used = sorted({i for choice in chosen for i in choice})
    rows = []
    for choice in chosen:
        true, room = items[choice[0]], max(len(items[i].text) for i in choice)
        rows += [contexts.row(true, true.token, items[i].text, room) for i in choice]
    rows += [contexts.bare(items[i].token, items[i].text) for i in used]
    tails = [len(items[i].text) for choice in chosen for i in choice]
    tails += [len(items[i].text) for i in used]
    nats = tail_nats(model, rows, tails, watch)
    given = nats[: len(chosen) * CHOICES].reshape(-1, CHOICES)
    alone = dict(zip(used, nats[len(chosen) * CHOICES :], strict=True))
    bare = np.array([[alone[i] for i in choice] for choice in chosen])
    truth = np.zeros(len(chosen), dtype=np.int64)
    near = [items[choice[0]].cluster for choice in chosen]
    return Ranking(mean(top1(bare - given, truth), near), mean(top1(-given, truth), near))
