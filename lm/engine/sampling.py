"""Sampling: from scores over the vocabulary to one token per row, every row by its own rules.

A row and step take one uniform number, which depends on the row's seed and step only, and turn
it into a token by the inverse of the distribution function in vocabulary order. So a seed gives
the same reply alone and in any batch. It knows no model and no slots.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lm.device import uploaded


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a reply's tokens are chosen; a token has to pass every filter.

    temperature 0 takes the likeliest token. top_k 0 keeps all. top_p keeps the likeliest tokens
    that make up this share of what top_k left. min_p drops tokens less likely than this share of
    the likeliest. Without a seed every reply is another one.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    max_tokens: int = 64
    seed: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be sampled with (ValueError names key, value and what is allowed)."""
        rules = (
            ("temperature", 0 <= self.temperature < math.inf, "0 or a positive number"),
            ("top_k", self.top_k >= 0, "0 or a positive whole number"),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("min_p", 0 <= self.min_p <= 1, "from 0 to 1"),
            ("max_tokens", self.max_tokens >= 1, "at least 1"),
            ("seed", self.seed is None or 0 <= self.seed < 2**63, "none, or from 0 to 2^63 - 1"),
        )
        for key, valid, allowed in rules:
            if not valid:
                raise ValueError(f"{key} = {getattr(self, key)}: allowed is {allowed}")


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """How one reply is sampled, from its first token to its last.

    draws:    the uniform number in [0, 1) of every step
    banned:   tokens that never come
    guidance: how far scores are pushed away from neutral ones
    native:   the same for lm/native, where that samples
    """

    sampling: Sampling
    draws: list[float]
    banned: frozenset[int]
    guidance: float
    native: object = None

    @property
    def floor(self) -> float:
        """The lowest ln (p / p of the likeliest) that min_p lets through."""
        kept = self.sampling.min_p if self.sampling.temperature else 0.0
        return math.log(kept) if kept else -math.inf


class Sampler:
    """Samples rows on any device; what depends on its rows alone is kept from step to step."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._take([])

    def rules(
        self, sampling: Sampling, seed: int, banned: frozenset[int], guidance: float = 0.0
    ) -> Rules:
        """How a reply is to be sampled; to be made once for it."""
        return Rules(sampling, draws(sampling, seed), banned, guidance)

    def _take(self, rows: Sequence[Rules]) -> None:
        """These rows are sampled from here on."""
        samplings = [row.sampling for row in rows]
        self._rows, self._samplings = list(rows), samplings
        self._temperature = self._column([s.temperature or 1.0 for s in samplings])
        # Greedy is min_p = 1 with a draw of 0: the first of the likeliest tokens.
        self._greedy = self._column([-math.inf if s.temperature else 0.0 for s in samplings])
        self._floor = self._column([row.floor for row in rows])
        pairs = [(at, token) for at, row in enumerate(rows) for token in row.banned]
        self._banned = tuple(self._there(pairs).T) if pairs else None
        guidance = [row.guidance for row in rows]
        self._guidance = self._column(guidance) if any(guidance) else None

    def sample(
        self,
        rows: Sequence[Rules],
        logits: Tensor,
        steps: Sequence[int],
        neutral: Tensor | None = None,
        also_banned: Sequence[tuple[int, int]] = (),
    ) -> list[int | None]:
        """One token per row of logits [rows, vocabulary]; None where they are not all finite.

        steps: how many tokens each row has sampled before
        neutral: scores [rows, vocabulary] to be pushed away from; they change no filter
        also_banned: pairs of a row and a token that it may not take this time
        """
        if self._rows != list(rows):
            self._take(rows)
        scores = logits.float()
        finite = (scores.amax(dim=-1) - scores.amin(dim=-1)).isfinite()  # 10x faster than over all
        if self._banned is not None:
            scores = scores.index_put(self._banned, scores.new_tensor(-math.inf))
        if also_banned:
            row, token = self._there(also_banned).T
            scores = scores.index_put((row, token), scores.new_tensor(-math.inf))
        # The likeliest is 0 from here on, so that no temperature overflows.
        scores = (scores - scores.amax(dim=-1, keepdim=True)) / self._temperature
        scores = scores.masked_fill(scores < self._cutoff(scores), -math.inf)
        if self._guidance is not None and neutral is not None:
            apart = (logits.float() - neutral.float()) * self._guidance / self._temperature
            scores = scores + apart
            scores = scores - scores.amax(dim=-1, keepdim=True)
        scores = scores.masked_fill(scores < self._greedy, -math.inf)
        reached = scores.softmax(dim=-1).cumsum(dim=-1)
        points = self._column([row.draws[step] for row, step in zip(rows, steps, strict=True)])
        tokens = (reached <= points * reached[:, -1:]).sum(dim=-1)
        both: list[list[int]] = torch.stack((tokens, finite.long())).tolist()  # one transfer
        return [token if valid else None for token, valid in zip(*both, strict=True)]

    def log_probs(self, logits: Tensor, tokens: Sequence[int]) -> list[float]:
        """ln p of one token per row of logits [rows, vocabulary], by the model alone."""
        scores = logits.float()
        ids = self._there(tokens)[:, None]
        found: list[float] = (scores.gather(-1, ids)[:, 0] - scores.logsumexp(dim=-1)).tolist()
        return found

    def _cutoff(self, scores: Tensor) -> Tensor:
        """The lowest score [rows, 1] that passes the filters.

        A score rather than a set of tokens, so that equal scores stay or leave together: their
        order in a sort depends on the batch.
        """
        vocabulary = scores.shape[-1]
        filtered = [s.temperature > 0 and (s.top_k > 0 or s.top_p < 1) for s in self._samplings]
        if not any(filtered):
            return self._floor
        # How many of the likeliest each row may keep; only filtered rows need the sort.
        most = [min(s.top_k or vocabulary, vocabulary) for s in self._samplings]
        longest = max(k for k, needed in zip(most, filtered, strict=True) if needed)
        best = scores.topk(longest, dim=-1).values  # [rows, longest]
        last = self._column([min(k, longest) - 1 for k in most])
        if any(s.top_p < 1 for s in self._samplings):
            last = torch.minimum(last, self._last_of_top_p(best, last))
        cutoff = best.gather(-1, last)
        cutoff = cutoff.masked_fill(~self._column(filtered), -math.inf)
        return torch.maximum(cutoff, self._floor)

    def _last_of_top_p(self, best: Tensor, last: Tensor) -> Tensor:
        """The rank [rows, 1] at which the likeliest up to rank `last` make up each row's top_p."""
        ranks = torch.arange(best.shape[-1], device=self._device)
        shares = best.masked_fill(ranks > last, -math.inf).softmax(dim=-1)
        before = shares.cumsum(dim=-1) - shares
        top_p = self._column([s.top_p for s in self._samplings])
        needed = (before < top_p).sum(dim=-1, keepdim=True) - 1
        # A row without top_p keeps all: rounding must not cut its tail.
        return torch.where(top_p < 1, needed.clamp(min=0), last)

    def _column(self, values: Sequence[float]) -> Tensor:
        """[rows, 1]"""
        return self._there(values)[:, None]

    def _there(self, numbers: Sequence[Any]) -> Tensor:
        return uploaded(torch.tensor(numbers), self._device)


def draws(sampling: Sampling, seed: int) -> list[float]:
    """A uniform number in [0, 1) for every step of a reply, from the CPU whatever the device."""
    if sampling.temperature == 0:
        return [0.0] * sampling.max_tokens
    generator = torch.Generator().manual_seed(seed)
    found: list[float] = torch.rand(sampling.max_tokens, generator=generator).tolist()
    return found
