"""Interpolated modified Kneser-Ney: the n-gram model that a GPT has to beat, or is mixed with.

Chen & Goodman, "An empirical study of smoothing techniques for language modeling" (1999),
equations 26 to 30, over the same token ids as the GPT. It knows no text; serving it keeps the
latest token ids in the cache, so an engine cannot tell it from a GPT.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from lm.corpus.batches import Ids
from lm.models.gpt import Cache, chosen
from lm.models.ngrams import ORDER, Ngrams
from lm.models.predictor import Floats
from lm.models.token_cache import TOKEN_LAYER, NgramConfig, latest, remember, seen

REACH = ORDER - 1  # tokens of the longest context
FALLBACK = (0.5, 1.0, 1.5)  # discounts where there are too few n-grams to estimate them

Contexts = np.ndarray[tuple[int, int], np.dtype[np.int64]]


class KneserNey:
    """p(token | the latest REACH tokens). Immutable."""

    ragged = True  # as the engine's Model says: reading tokens costs next to nothing

    def __init__(self, ngrams: Ngrams, vocab_size: int) -> None:
        """Estimate the probabilities; `ngrams` have been counted or checked."""
        self.ngrams = ngrams
        self.config = NgramConfig(vocab_size, REACH)
        parents = ngrams.parents()
        self._contexts = parents * vocab_size + ngrams.oldest  # of context i: at i - 1
        self._ends = np.cumsum(ngrams.sizes, dtype=np.int64)
        of = ngrams.contexts()
        self._entries = of * vocab_size + ngrams.tokens
        discounts = _discounts(ngrams)
        counts = ngrams.counts.astype(np.float32)
        totals = np.bincount(of, counts)  # float64
        self._shares = ((counts - discounts) / totals[of]).astype(np.float32)
        self._backoffs = np.bincount(of, discounts) / totals  # of what shorter contexts say
        self._base = np.full(vocab_size, self._backoffs[0] / vocab_size, dtype=np.float32)
        self._base[ngrams.tokens[: self._ends[0]]] += self._shares[: self._ends[0]]

    @property
    def tables(self) -> tuple[np.ndarray[Any, Any], ...]:
        """What `distributions` looks up, for code that does the same (lm/native/mixer.hpp).

        Keys of contexts, ends of their entries, keys, shares (float32), backoffs (float64), base
        (float32).
        """
        return (
            self._contexts,
            self._ends,
            self._entries,
            self._shares,
            self._backoffs,
            self._base,
        )

    @classmethod
    def train(cls, sessions: Sequence[Ids], vocab_size: int) -> KneserNey:
        """Learn from sessions as session_ids makes them. Seconds for a million tokens."""
        return cls(Ngrams.count(sessions, vocab_size), vocab_size)

    def match(self, contexts: Contexts) -> Contexts:
        """The known contexts [n, ORDER] of 0 to REACH tokens, -1 where one was never seen.

        contexts: [n, REACH] token ids, oldest first, -1 where there is none.
        """
        found = np.zeros((len(contexts), ORDER), dtype=np.int64)
        for reach in range(1, ORDER):
            shorter, older = found[:, reach - 1], contexts[:, REACH - reach]
            keys = shorter * self.config.vocab_size + older
            at = np.searchsorted(self._contexts, keys)
            same = self._contexts[np.minimum(at, len(self._contexts) - 1)] == keys
            known = same & (shorter >= 0) & (older >= 0)
            found[:, reach] = np.where(known, at + 1, -1)
        return found

    def distributions(self, matched: Contexts) -> Floats:
        """p of every token [n, vocabulary] after contexts as `match` found them."""
        size = self.config.vocab_size
        found = np.empty((len(matched), size), dtype=np.float32)
        backoffs = np.where(matched > 0, self._backoffs[matched], 1.0)
        # [n, ORDER]: what is left for each context by the longer ones
        left = np.cumprod(backoffs[:, ::-1], axis=1)[:, ::-1]
        starts, ends = self._ends[matched - 1], self._ends[matched]
        np.multiply(self._base, left[:, 1:2], out=found, casting="same_kind")
        for row, nodes, begin, end, shares in zip(
            found, matched.tolist(), starts.tolist(), ends.tolist(), left.tolist(), strict=True
        ):
            for reach in range(1, ORDER):
                if nodes[reach] < 0:
                    break
                share = shares[reach + 1] if reach < REACH else 1.0
                where = slice(begin[reach], end[reach])
                tokens = self._entries[where] - nodes[reach] * size
                row[tokens] += self._shares[where] * share
        return found

    def by_length(self, matched: Contexts) -> tuple[list[Ids], list[Ids], list[Floats]]:
        """What contexts of 1, 2, ... tokens say, each for itself, as `match` found them.

        Returns places in `matched`, tokens that followed there, and their p, REACH of each.
        """
        places, tokens, p = list[Ids](), list[Ids](), list[Floats]()
        for nodes in matched[:, 1:].T:
            known = np.flatnonzero(nodes > 0)
            kinds = self.ngrams.sizes[nodes[known]].astype(np.int64)
            places.append(np.repeat(known, kinds))
            of = nodes[places[-1]]
            starts = self._ends[nodes[known]] - kinds.cumsum()
            entries = np.arange(len(of)) + np.repeat(starts, kinds)
            tokens.append(self._entries[entries] - of * self.config.vocab_size)
            p.append((self._shares[entries] / (1 - self._backoffs[of])).astype(np.float32))
        return places, tokens, p

    def kinds(self, matched: Contexts) -> Floats:
        """How many different tokens followed each context of 1, 2, ... tokens: [n, REACH]."""
        found = np.where(matched > 0, self.ngrams.sizes[matched], 0)
        return found[:, 1:].astype(np.float32)

    def common(self, count: int) -> Ids:
        """The tokens [count] that came behind the most contexts, again where there are fewer."""
        kinds = slice(self._ends[0])
        order = np.argsort(-self.ngrams.counts[kinds].astype(np.int64), kind="stable")
        return np.resize(self.ngrams.tokens[kinds][order], count).astype(np.int64)

    def chances(self, matched: Contexts, targets: Ids) -> Floats:
        """p of one token after each context [n, 1 + REACH]: as `distributions` says, and as
        `by_length` does.
        """
        found = self._base[targets].astype(np.float64)
        alone = np.zeros((len(targets), REACH))
        for reach in range(1, ORDER):
            nodes = matched[:, reach]
            keys = nodes * self.config.vocab_size + targets
            at = np.minimum(np.searchsorted(self._entries, keys), len(self._entries) - 1)
            share = np.where(self._entries[at] == keys, self._shares[at], 0.0)
            found = np.where(nodes > 0, self._backoffs[nodes] * found + share, found)
            alone[:, reach - 1] = share / np.where(nodes > 0, 1 - self._backoffs[nodes], 1.0)
        return np.column_stack((found, alone)).astype(np.float32)

    def target_nats(self, matched: Contexts, targets: Ids) -> Floats:
        """-ln p [n] of one token after each context."""
        nats: Floats = -np.log(self.chances(matched, targets)[:, 0])
        return nats

    def nats(
        self, rows: Sequence[Ids], before: Sequence[Ids] = (), skips: Sequence[int] = ()
    ) -> list[Floats]:
        """As Predictor says."""
        if not rows:
            return []
        asked = [*zip(rows, skips or [0] * len(rows), strict=True)]
        matched = self.match(np.concatenate([contexts_of(row)[skip:-1] for row, skip in asked]))
        nats = self.target_nats(matched, np.concatenate([row[skip + 1 :] for row, skip in asked]))
        return np.split(nats, np.cumsum([len(row) - 1 - skip for row, skip in asked])[:-1])

    def log_probs(
        self, rows: Sequence[Ids], at: Sequence[Sequence[int]], before: Sequence[Ids] = ()
    ) -> list[Floats]:
        """As Predictor says."""
        return [
            np.log(self.distributions(self.match(contexts_of(row)[np.array(places, dtype=int)])))
            for row, places in zip(rows, at, strict=True)
        ]

    @property
    def cache_layers(self) -> tuple[tuple[int, int], ...]:
        """As the engine's Model says."""
        return (TOKEN_LAYER,)

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor,
        cache: Cache | None = None,
        ends: Tensor | None = None,
    ) -> Tensor:
        """ln p [batch, time, vocabulary] of the next token after each of tokens [batch, time].

        ends: as GPT says
        """
        span, at = seen(tokens, positions, cache, 0)
        return self.after(latest(span, chosen(at, ends), REACH)).log()

    def after(self, contexts: Tensor) -> Tensor:
        """p [batch, time, vocabulary] after contexts [batch, time, REACH], on their device."""
        matched = self.match(contexts.reshape(-1, REACH).cpu().numpy())
        found = torch.from_numpy(self.distributions(matched)).to(contexts.device)
        return found.view(*contexts.shape[:-1], self.config.vocab_size)

    def prefill(self, tokens: Tensor, positions: Tensor, cache: Cache) -> None:
        """Remember tokens, compute no scores."""
        remember(tokens, cache, 0)

    def parameters(self) -> Iterator[nn.Parameter]:
        """None."""
        return iter(())

    def eval(self) -> Self:
        """It has no training mode."""
        return self


def contexts_of(row: Ids) -> Contexts:
    """[len(row), REACH] the latest tokens at each place of a row, -1 before its beginning."""
    padded = np.concatenate((np.full(REACH - 1, -1), row))
    return np.lib.stride_tricks.sliding_window_view(padded, REACH)


def _discounts(ngrams: Ngrams) -> Floats:
    """What is taken off the count of each n-gram: by its order, and whether it is 1, 2 or more."""
    first_context = np.cumsum(ngrams.levels())[:-1]
    ends = np.cumsum(ngrams.sizes, dtype=np.int64)
    levels = np.split(ngrams.counts, ends[first_context - 1])
    found = [np.array((0.0, *_discount(level)))[np.minimum(level, 3)] for level in levels]
    discounts: Floats = np.concatenate(found).astype(np.float32)
    return discounts


def _discount(counts: Ids) -> tuple[float, ...]:
    """The three discounts of one order (Chen & Goodman 1999, equation 26)."""
    n = np.bincount(np.minimum(counts, 5), minlength=6).tolist()
    if not all(n[1:5]):
        return FALLBACK
    y = n[1] / (n[1] + 2 * n[2])
    found = tuple(i - (i + 1) * y * n[i + 1] / n[i] for i in (1, 2, 3))
    within = all(0 < np.float32(discount) < i for i, discount in enumerate(found, start=1))
    return found if within else FALLBACK
