"""Sampling: from scores over the vocabulary to one token per row, every row by its own rules.

A row and step take one uniform number, which depends on the row's seed and step only, and turn
it into a token by the inverse of the distribution function in vocabulary order. So a seed gives
the same reply alone and in any batch. It knows no model and no slots.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lm.device import uploaded

HIGHEST = 1.0 - 2.0**-24  # of the uniform numbers: in float32 a higher one is 1, beyond all tokens
COLDEST, HOTTEST = 1e-30, 1e30  # temperatures: scores divided by them are still numbers


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
            (
                "temperature",
                self.temperature == 0 or COLDEST <= self.temperature <= HOTTEST,
                f"0, or from {COLDEST} to {HOTTEST}",
            ),
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


@dataclass(slots=True)
class Drawn:
    """What a step draws.

    tokens:    one of each row; None where scores are not all finite, or every token is banned
    log_probs: ln p of each by the model alone, where they were wanted; any where there is no token
    asked:     ln p by the model alone of each pair that was asked for
    """

    tokens: list[int | None]
    log_probs: list[float]
    asked: list[float]


class Sampler:
    """Samples rows on any device; what depends on its rows alone is kept from step to step."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._never = torch.tensor(-math.inf, device=device)
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
        asked: Sequence[tuple[int, int]] = (),
        log_probs: bool = False,
    ) -> Drawn:
        """One token per row of logits [rows, vocabulary]. The device is waited for once.

        steps: how many tokens each row has sampled before
        neutral: scores [rows, vocabulary] to be pushed away from; they change no filter
        also_banned: pairs of a row and a token that it may not take this time
        asked: pairs of a row and a token whose ln p are wanted
        log_probs: whether those of the drawn tokens are
        """
        if self._rows != list(rows):
            self._take(rows)
        model = logits.float()
        scores = self._banning(model, also_banned)
        most = scores.amax(dim=-1, keepdim=True)
        # 10 times faster than over all numbers; with every token banned nothing is finite.
        finite = (model.amax(dim=-1) - model.amin(dim=-1)).isfinite() & most[:, 0].isfinite()
        # The likeliest is 0 from here on, so that no temperature overflows.
        scores = (scores - most) / self._temperature
        scores = scores.masked_fill(scores < self._cutoff(scores), -math.inf)
        if self._guidance is not None and neutral is not None:
            scores = scores + (model - neutral.float()) * self._guidance / self._temperature
            most = scores.amax(dim=-1, keepdim=True)
            finite &= most[:, 0].isfinite()
            scores = scores - most
        scores = scores.masked_fill(scores < self._greedy, -math.inf)
        reached = scores.softmax(dim=-1).cumsum(dim=-1)
        points = self._column([row.draws[step] for row, step in zip(rows, steps, strict=True)])
        tokens = (reached <= points * reached[:, -1:]).sum(dim=-1)
        return self._told(model, tokens, finite, asked, log_probs)

    def _banning(self, scores: Tensor, also: Sequence[tuple[int, int]]) -> Tensor:
        """The scores, -inf where a token is banned."""
        if self._banned is not None:
            scores = scores.index_put(self._banned, self._never)
        if also:
            row, token = self._there(also).T
            scores = scores.index_put((row, token), self._never)
        return scores

    def _told(
        self,
        scores: Tensor,
        tokens: Tensor,
        finite: Tensor,
        asked: Sequence[tuple[int, int]],
        log_probs: bool,
    ) -> Drawn:
        """What was drawn, and what else is wanted of the model's scores, in one transfer."""
        parts = [tokens, finite]
        if asked or log_probs:
            totals = scores.logsumexp(dim=-1)
        if log_probs:
            parts.append(scores.gather(-1, tokens[:, None])[:, 0] - totals)
        if asked:
            row, token = self._there(asked).T
            parts.append(scores[row, token] - totals[row])
        numbers: list[float] = torch.cat([part.double() for part in parts]).tolist()
        count = len(tokens)
        drawn = [
            int(token) if valid else None
            for token, valid in zip(numbers[:count], numbers[count : 2 * count], strict=True)
        ]
        end = len(numbers) - len(asked)
        return Drawn(drawn, numbers[2 * count : end], numbers[end:])

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
    """A uniform number in [0, 1) for every step of a reply, whatever the device."""
    if sampling.temperature == 0:
        return [0.0] * sampling.max_tokens
    uniform = random.Random(seed).random
    return [min(uniform(), HIGHEST) for _ in range(sampling.max_tokens)]
