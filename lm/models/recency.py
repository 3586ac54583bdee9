"""Recency: people repeat what has just been said. The context itself, as a model of what follows.

The next token is one that followed the latest two tokens earlier, or the latest one, or any: each
of these, over the context and over that with what was said before it, is a memory of its own.
Caches after Kuhn & De Mori, "A cache-based natural language model for speech recognition" (1990);
which of them counts how much is weights.py's business. Nothing is learnt; it knows no text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lm.corpus.batches import Ids
from lm.device import uploaded
from lm.models.predictor import Floats


class Memory(NamedTuple):
    """What is remembered: `reach` tokens before the context, and it; what in them followed the
    latest `depth` tokens.
    """

    reach: int
    depth: int


MEMORIES = (
    *(Memory(0, 0), Memory(0, 1), Memory(0, 2)),
    *(Memory(4096, 0), Memory(4096, 1), Memory(4096, 2)),
    *(Memory(65_536, 1), Memory(65_536, 2)),  # any token of so many tells nothing
)
LATELY = max(memory.reach for memory in MEMORIES)
ABSENT = -1  # in the place of a token, where others have more before them
NOTHING = np.empty(0, np.int64)  # was said before


def side_by_side(before: Sequence[Ids], device: torch.device) -> Tensor:
    """What stands before each row as one tensor [rows, longest], shorter ones behind ABSENT."""
    padded = np.full((len(before), max(map(len, before))), ABSENT, np.int64)
    for row, ids in zip(padded, before, strict=True):
        row[len(row) - len(ids) :] = ids
    return uploaded(torch.from_numpy(padded), device)


def followed(span: Tensor, context: int, at: Tensor, vocab_size: int) -> list[Tensor]:
    """How often each token followed before, by each of the MEMORIES: [batch, time, vocab_size].

    span: token ids [batch, span], ABSENT ones at its beginning; the last `context` are the context
    at: the places [batch, time] behind which to predict
    """
    alike = torch.arange(span.shape[1], device=span.device) <= at[..., None]
    alike = alike & (span != ABSENT)[:, None]  # [batch, time, span]
    by_depth = [alike]
    for back in range(max(memory.depth for memory in MEMORIES)):
        latest = span.gather(1, (at - back).clamp_min(0))[..., None]
        alike = alike & (span.roll(back + 1, dims=1)[:, None] == latest)
        by_depth.append(alike)
    tokens = span.clamp_min(0)[:, None].expand_as(alike)  # ABSENT ones never followed
    found = []
    for reach, depth in MEMORIES:
        near = slice(max(0, span.shape[1] - context - reach) + depth, None)
        counts = torch.zeros(*at.shape, vocab_size, device=span.device)
        found.append(counts.scatter_add_(-1, tokens[..., near], by_depth[depth][..., near].float()))
    return found


def chances(row: Ids, first: int = 0, skip: int = 0) -> tuple[Floats, Floats, Floats]:
    """p(row[t + 1] | row[: t + 1]) for every t from `first` + `skip` on, and what it rests on.

    As `followed` counts, by each of the MEMORIES, of one row whose context begins at `first`.
    Returns p, how many tokens followed before, and how many different ones: [targets, MEMORIES]
    each; p is 0 where none did.
    """
    base = int(row.max(initial=0)) + 2
    assert base**3 * len(row) < 1 << 63, base  # 50,000 ids would do
    grams = [np.zeros_like(row), row, row.copy(), row.copy()]  # of 0 to 3 tokens, by their last
    grams[2][1:] += (row[:-1] + 1) * base
    grams[3][2:] = grams[2][2:] + (row[:-2] + 1) * base**2
    found = [_remembered(grams, first, skip, memory) for memory in MEMORIES]
    hits, came, kinds = (np.stack(each, axis=-1) for each in zip(*found, strict=True))
    p = hits / np.maximum(came, 1)
    return p.astype(np.float32), came.astype(np.float32), kinds.astype(np.float32)


def _remembered(
    grams: Sequence[Ids], first: int, skip: int, memory: Memory
) -> tuple[Ids, Ids, Ids]:
    """How often the target, how many tokens, and how many different ones followed before."""
    start = max(0, first - memory.reach) + memory.depth  # before it something is cut off
    whole, short = grams[memory.depth + 1], grams[memory.depth]
    whole, behind = whole[start:], np.append(0, short[:-1])[start:]
    at = np.arange(first + skip + 1, len(short)) - start
    known = at[at >= 0]
    size = len(whole)
    marked, contexts = (keys * size + np.arange(size) for keys in (whole, behind))
    alike = np.sort(marked)
    new = alike[np.diff(alike // size, prepend=-1) > 0] % size  # the first of each
    hits, came, kinds = (
        np.append(np.zeros(len(at) - len(known), np.int64), found)
        for found in (
            _earlier(alike, marked[known], known),
            _earlier(np.sort(contexts), contexts[known], known),
            _earlier(np.sort(contexts[new]), contexts[known], known),
        )
    )
    return hits, came, kinds


def _earlier(ordered: Ids, marked: Ids, at: Ids) -> Ids:
    """How many of those in order are like each of `marked`, and stand before its place."""
    found: Ids = np.searchsorted(ordered, marked) - np.searchsorted(ordered, marked - at)
    return found
