"""Recency: people repeat what has just been said. The context itself, as a model of what follows.

The next token is one that followed the latest two tokens earlier in the context; where they are
new, one that followed the latest; where that is new, any token of the context. A cache after Kuhn
& De Mori, "A cache-based natural language model for speech recognition" (1990). The same is asked
of the context with what was said before it, over several REACHES: which of them counts most is
weights.py's business. Nothing is learnt; it knows no text.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lm.corpus.batches import Ids
from lm.models.predictor import Floats

# Tokens before a context that are looked at, each time with it; in the order in which versions have
# what they know of each, so new ones stand last.
REACHES = (0, 4096, 16_384, 1024, 65_536)
LATELY = max(REACHES)
ABSENT = -1  # in the place of a token, where others have more before them
NOTHING = np.empty(0, np.int64)  # was said before


def side_by_side(before: Sequence[Ids], device: torch.device) -> Tensor:
    """What stands before each row as one tensor [rows, longest], shorter ones behind ABSENT."""
    padded = np.full((len(before), max(map(len, before))), ABSENT, np.int64)
    for row, ids in zip(padded, before, strict=True):
        row[len(row) - len(ids) :] = ids
    return torch.from_numpy(padded).to(device)


def evidence(span: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    """How far each token of the context is expected again, and what that rests on.

    span: token ids [batch, span], ABSENT ones at its beginning; at: the places [batch, time] behind
        which to predict
    Returns shares [batch, time, span], summing to 1, and [batch, time, 2]: how many of the latest
    tokens (0 to 2) came before, and ln of how many tokens have a share.
    """
    places = torch.arange(span.shape[1], device=span.device)
    past = (places <= at[..., None]) & (span != ABSENT)[:, None]  # [batch, time, span]
    latest, older = (span.gather(1, (at - back).clamp_min(0))[..., None] for back in (0, 1))
    one = past & (span.roll(1, dims=1)[:, None] == latest) & (places > 0)
    two = one & (span.roll(2, dims=1)[:, None] == older) & (places > 1)
    came = one.any(dim=-1, keepdim=True), two.any(dim=-1, keepdim=True)
    found = torch.where(came[1], two, torch.where(came[0], one, past)).float()
    count = found.sum(dim=-1, keepdim=True)
    known = came[0].float() + came[1].float()
    return found / count, torch.cat((known, count.log()), dim=-1)


def distribution(span: Tensor, shares: Tensor, vocab_size: int) -> Tensor:
    """p of every token [batch, time, vocab_size], by shares [batch, time, span] of a context's."""
    found = torch.zeros(*shares.shape[:2], vocab_size, device=span.device)
    tokens = span.clamp_min(0)[:, None].expand(-1, shares.shape[1], -1)  # ABSENT ones have no share
    return found.scatter_add_(-1, tokens, shares)


def chances(row: Ids, first: int = 0) -> tuple[Floats, Floats]:
    """p(row[t + 1] | row[: t + 1]) for every t from `first` on, and what it rests on.

    As `evidence` and `distribution` have them over each of the REACHES, of one row whose context
    begins at `first`; only how often things came is counted.
    Returns [targets, REACHES] and [targets, REACHES, 2].
    """
    places = np.arange(first, len(row))[:, None]
    starts = np.array([max(0, first - reach) for reach in REACHES])
    base = int(row.max(initial=0)) + 2  # its cube times len(row) is far below 2^63
    pairs, triples = row.copy(), row.copy()  # with the one or two tokens before, from 1 up
    pairs[1:] += (row[:-1] + 1) * base
    triples[1:] = pairs[1:]
    triples[2:] += (row[:-2] + 1) * base**2
    grams = enumerate((row, pairs, triples))
    earlier = [_earlier(each, places, starts + before) for before, each in grams]
    came = places[1:] - starts, earlier[0][:-1], earlier[1][:-1]  # anything, one token, two
    hits = [each[1:] for each in earlier]  # and the target behind that
    known = np.where(came[2] > 0, 2, np.where(came[1] > 0, 1, 0))
    count = np.choose(known, came)
    found: Floats = (np.choose(known, hits) / count).astype(np.float32)
    return found, np.stack((known, np.log(count)), axis=-1).astype(np.float32)


def _earlier(keys: Ids, at: Ids, since: Ids) -> Ids:
    """How many keys before each of those places, but not before `since`, are the same."""
    size = len(keys)
    ordered = np.sort(keys * size + np.arange(size))
    of, since = keys[at] * size, since.clip(max=at)
    found: Ids = np.searchsorted(ordered, of + at) - np.searchsorted(ordered, of + since)
    return found
