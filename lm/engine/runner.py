"""Computes steps: runs the model over slots, and samples. It decides nothing and knows no chats.

All it asks of a model is the next token's scores and the shape of its cache: `Model` is that.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from lm.corpus.batches import Ids
from lm.device import uploaded
from lm.engine.running import Candidate, Row
from lm.engine.sampling import Drawn, Rules
from lm.engine.slots import Batch, Slots
from lm.engine.steps import Sampled
from lm.engine.table import Chore, Slot
from lm.models.gpt import Cache
from lm.native.sampler import sampler

GUARDED = 32  # of a reply's latest tokens are shown to the copy guard
GUARD_TRIES = 8  # draws for a token, while the copy guard refuses it; then the reply ends


class Config(Protocol):
    """What has to be known of a model before it is driven."""

    @property
    def vocab_size(self) -> int:
        """Token ids are below it."""
        ...

    @property
    def context(self) -> int:
        """How many tokens it looks back on."""
        ...


class Model(Protocol):
    """Continues token ids. The cache is the only state of what it has read."""

    @property
    def config(self) -> Config:
        """Its vocabulary and context."""
        ...

    @property
    def cache_layers(self) -> Sequence[tuple[int, int]]:
        """kv_heads and head_dim of each layer of its cache."""
        ...

    @property
    def ragged(self) -> bool:
        """Whether rows of a batch cost what each of them has, not what the longest has."""
        ...

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor,
        cache: Cache | None = None,
        ends: Tensor | None = None,
    ) -> Tensor:
        """Scores [rows, time, vocabulary] of the next token after each token.

        With `ends` [rows] only behind the tokens at these places: [rows, 1, vocabulary].
        """
        ...

    def prefill(self, tokens: Tensor, positions: Tensor, cache: Cache) -> None:
        """Fill the cache as `forward` does, without computing scores."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """The weights, whose dtype is the cache's; a model of counts has none."""
        ...

    def eval(self) -> Any:
        """Leave training mode."""
        ...


class Guard(Protocol):
    """Knows what a reply must not carry."""

    def forbids(self, tokens: Sequence[int]) -> bool:
        """Whether a reply must not end in these tokens."""
        ...


class Runner:
    """One model, its slots and its sampler."""

    def __init__(
        self,
        model: Model,
        slots: int,
        span: int,
        device: torch.device,
        guard: Guard | None = None,
    ) -> None:
        model.eval()
        self._model, self._device, self._guard = model, device, guard
        self.slots = self._slots(slots, span)
        self._shelf: dict[Hashable, list[Tensor]] = {}  # of chats without a slot
        self._sampler = sampler(device, model.config.vocab_size)

    def _slots(self, count: int, span: int) -> Slots:
        dtype = next((weight.dtype for weight in self._model.parameters()), torch.float32)
        return Slots(self._model.cache_layers, count, span, dtype, self._device)

    @torch.inference_mode()
    def prefill(self, chunks: Sequence[tuple[Slot, list[int]]]) -> None:
        """Compute keys and values of tokens that follow those in their slots."""
        slots, rows = zip(*chunks, strict=True)
        cache = Batch(
            self.slots,
            [slot.index for slot in slots],
            [slot.length for slot in slots],
            [len(row) for row in rows],
        )
        self._model.prefill(self._padded(rows), cache.positions, cache)

    @torch.inference_mode()
    def score(self, sequences: Sequence[Sequence[int]], given: int) -> list[float]:
        """ln p of each sequence's tokens behind the first `given`, which is at least one."""
        tokens, counts = self._padded(sequences), [len(each) for each in sequences]
        slots = self._slots(len(counts), max(counts))  # of their own, for as long as this takes
        cache = Batch(slots, range(len(counts)), [0] * len(counts), counts)
        scores = self._model.forward(tokens, cache.positions, cache)[:, given - 1 : -1].float()
        found = scores.log_softmax(dim=-1).gather(-1, tokens[:, given:, None])[..., 0]
        lengths = self._there([count - given for count in counts])
        inside = torch.arange(found.shape[1], device=self._device) < lengths[:, None]
        totals: list[float] = found.masked_fill(~inside, 0.0).sum(dim=-1).tolist()
        return totals

    @torch.inference_mode()
    def decode(self, candidates: Sequence[Candidate]) -> list[Sampled]:
        """The next token of every candidate."""
        guides = [each.guide for each in candidates if each.guide is not None]
        rows = [each.row for each in candidates] + guides
        pending = [row.pending for row in rows]
        cache = _batch(self.slots, rows, pending, _before(candidates))
        tokens = self._padded(pending)
        ends = cache.ends if cache.time > 1 else None
        logits = self._model.forward(tokens, cache.positions, cache, ends)[:, 0]
        scores = logits[: len(candidates)]
        return _told(
            candidates, self._sample(candidates, scores, self._neutral(candidates, logits))
        )

    def _neutral(self, candidates: Sequence[Candidate], logits: Tensor) -> Tensor | None:
        """The neutral scores of every candidate, its own where it has no guide."""
        if len(logits) == len(candidates):
            return None
        places, guide = [], len(candidates)
        for place, each in enumerate(candidates):
            places.append(place if each.guide is None else guide)
            guide += each.guide is not None
        return logits[self._there(places)]

    def _sample(
        self, candidates: Sequence[Candidate], scores: Tensor, neutral: Tensor | None
    ) -> Drawn:
        """A token for each, drawn again where it would complete a copy; -1 where all would.

        What else is wanted of the scores comes with them: on a device every question is a wait.
        """
        rules = [each.rules or self._rules(each) for each in candidates]
        steps = [each.new for each in candidates]
        asked = [(place, id_) for place, each in enumerate(candidates) for id_ in each.request.peek]
        several = any(each.request.best_of > 1 for each in candidates)
        banned: list[tuple[int, int]] = []
        for _ in range(GUARD_TRIES):
            drawn = self._sampler.sample(rules, scores, steps, neutral, banned, asked, several)
            for place in {place for place, _ in banned}:
                if drawn.tokens[place] is None:  # nothing else may be said
                    drawn.tokens[place] = -1
            copied = self._copied(candidates, drawn.tokens)
            if not copied:
                return drawn
            banned += copied
        for place, _ in copied:
            drawn.tokens[place] = -1
        return drawn

    def _copied(
        self, candidates: Sequence[Candidate], tokens: Sequence[int | None]
    ) -> list[tuple[int, int]]:
        """Places and tokens of those that the copy guard refuses."""
        if self._guard is None:
            return []
        found = []
        for place, (each, token) in enumerate(zip(candidates, tokens, strict=True)):
            if token is None or token < 0 or token in each.request.stop:
                continue
            said = each.row.tokens[max(each.prompt, len(each.row.tokens) - GUARDED) :]
            if self._guard.forbids([*said, token]):
                found.append((place, token))
        return found

    @torch.inference_mode()
    def tidy(self, chore: Chore) -> None:
        """Do a chore; what leaves a slot or the shelf leaves no trace there."""
        if chore.what == "zero":
            self.slots.zero(chore.slot)
        elif chore.what == "shelve":
            self._shelf[chore.chat] = self.slots.copied(chore.slot, chore.length)
        else:
            copies = self._shelf.pop(chore.chat)
            if chore.what == "fetch":
                self.slots.fill(chore.slot, copies)
            for copy in copies:
                copy.zero_()

    def _rules(self, candidate: Candidate) -> Rules:
        """How a candidate is sampled, from its first token on."""
        request = candidate.request
        candidate.rules = self._sampler.rules(
            request.sampling, candidate.seed, request.banned, request.guidance
        )
        return candidate.rules

    def _padded(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """[rows, longest]"""
        longest = max(map(len, rows))
        padded = [[*row, *([0] * (longest - len(row)))] for row in rows]
        return self._there(padded)

    def _there(self, numbers: Sequence[Any]) -> Tensor:
        return uploaded(torch.tensor(numbers), self._device)


def _batch(
    slots: Slots, rows: Sequence[Row], pending: Sequence[Sequence[int]], before: Sequence[Ids]
) -> Batch:
    """The pending tokens of each row."""
    held = [row.slot for row in rows]
    return Batch(
        slots,
        [slot.index for slot in held],
        [slot.length for slot in held],
        [len(tokens) for tokens in pending],
        bases=[slot.index if slot.base is None else slot.base.index for slot in held],
        base_lengths=[slot.start for slot in held],
        before=before,
    )


def _before(candidates: Sequence[Candidate]) -> list[Ids]:
    """What was said before each row, guides behind the candidates; nothing where none has any."""
    guided = [each for each in candidates if each.guide is not None]
    found = [each.request.before for each in (*candidates, *guided)]
    return found if any(map(len, found)) else []


def _told(candidates: Sequence[Candidate], drawn: Drawn) -> list[Sampled]:
    """What is recorded of each candidate."""
    log_probs = drawn.log_probs or [0.0] * len(candidates)
    asked = iter(drawn.asked)
    found = []
    for each, token, log_prob in zip(candidates, drawn.tokens, log_probs, strict=True):
        peeked = [math.exp(next(asked)) for _ in each.request.peek]
        if token is None:
            peeked = []
        log_prob = log_prob if each.request.best_of > 1 else 0.0
        found.append(Sampled(token, log_prob, token == -1, peeked))
    return found
