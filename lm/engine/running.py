"""A request in the engine: waiting, then running as one or several candidates for its reply.

A candidate is a row of the batch, and with guidance a second one behind a neutral speaker. The
first candidate decodes in the chat's own slot, the others in spare slots that branch off it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from lm.engine.request import Finished, Reason, Reply, Request, Stats
from lm.engine.sampling import Rules
from lm.engine.table import Slot, SlotTable

LOOP = 4  # a reply ends when the same tokens, so many, come
ROUNDS = 3  # for the third time


@dataclass(slots=True, eq=False)
class Row:
    """A sequence in its slot."""

    tokens: list[int]
    slot: Slot

    @property
    def pending(self) -> list[int]:
        """The tokens that are not computed; the last one never is."""
        return self.tokens[self.slot.length :]

    @property
    def ready(self) -> bool:
        """Whether everything but the last token is computed."""
        base = self.slot.base
        return self.slot.length == len(self.tokens) - 1 and (
            base is None or base.length >= self.slot.start
        )


@dataclass(slots=True, eq=False)
class Candidate:
    """A reply in the making. `row.tokens` are the prompt and what has been sampled since."""

    request: Request
    row: Row
    guide: Row | None
    prompt: int  # length
    seed: int
    log_prob: float = 0.0
    reason: Reason | None = None
    rules: Rules | None = None  # the runner's, once it has sampled

    @property
    def new(self) -> int:
        """How many tokens have been sampled."""
        return len(self.row.tokens) - self.prompt

    @property
    def reply(self) -> list[int]:
        """The sampled tokens."""
        return self.row.tokens[self.prompt :]

    @property
    def rows(self) -> list[Row]:
        """What has to be computed for it."""
        return [self.row] if self.guide is None else [self.row, self.guide]

    @property
    def ready(self) -> bool:
        """Whether it can be decoded."""
        return self.reason is None and self.row.ready

    def take(self, token: int, log_prob: float) -> Reason | None:
        """One more token has been sampled; why the reply ends with that, if it does."""
        if token not in self.request.stop and loops(self.reply, token):
            return "loop"
        self.log_prob += log_prob
        if token in self.request.stop:
            return "stop"
        for row in self.rows:
            row.tokens.append(token)
        return "length" if self.new == self.request.sampling.max_tokens else None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request without a slot."""

    id: int
    request: Request
    prompt: tuple[int, ...]
    submitted: float

    def end(self, reason: Reason, now: float) -> Finished:
        """It ends without having begun."""
        stats = Stats(now - self.submitted, 0.0, 0.0, len(self.prompt), 0, 0)
        return Finished(self.id, [Reply([], reason, 0.0)], stats)


@dataclass(slots=True, eq=False)
class Running:
    """A request in its slot."""

    id: int
    request: Request
    slot: Slot
    candidates: list[Candidate]
    cached: int
    submitted: float
    admitted: float
    first: float | None = None  # when its first token was sampled
    peeked: list[float] = field(default_factory=list)

    @property
    def missing(self) -> int:
        """Tokens of the prompt that are to be computed before its last."""
        return max(0, self.candidates[0].prompt - 1 - self.slot.length)

    @property
    def ended(self) -> bool:
        """Whether every candidate has."""
        return all(each.reason is not None for each in self.candidates)

    def end(self, reason: Reason, now: float) -> Finished:
        """It ends now; candidates that have not ended end for this reason."""
        for each in self.candidates:
            each.reason = each.reason or reason
        first = now if self.first is None else self.first
        stats = Stats(
            queued_s=self.admitted - self.submitted,
            prefill_s=first - self.admitted,
            decode_s=now - first,
            prompt_tokens=self.candidates[0].prompt,
            cached_tokens=self.cached,
            new_tokens=sum(each.new for each in self.candidates),
        )
        replies = [Reply(c.reply, c.reason or reason, c.log_prob) for c in self.candidates]
        return Finished(self.id, replies, stats, self.peeked)


def start(waiting: Waiting, slot: Slot, table: SlotTable, now: float) -> Running:
    """A request that has just got its slot: what the slot has of the prompt stays.

    The table has to have the spare slots.
    """
    request, prompt = waiting.request, waiting.prompt
    slot.busy = True
    cached = slot.keep_prefix(prompt[:-1])

    def branch(last: int) -> Row:
        spare = table.branch(request.chat, slot, len(prompt) - 1)
        return Row([*prompt[:-1], last], spare)

    candidates = []
    for number, seed in enumerate(_seeds(request)):
        row = branch(prompt[-1]) if number else Row(list(prompt), slot)
        guide = None
        if request.guidance:
            assert request.neutral is not None
            guide = branch(request.neutral)
        candidates.append(Candidate(request, row, guide, len(prompt), seed))
    return Running(
        id=waiting.id,
        request=request,
        slot=slot,
        candidates=candidates,
        cached=cached,
        submitted=waiting.submitted,
        admitted=now,
    )


def _seeds(request: Request) -> list[int]:
    """A seed per candidate; given ones follow each other."""
    seed = request.sampling.seed
    if seed is None:
        return [secrets.randbits(63) for _ in range(request.best_of)]
    return [(seed + number) % 2**63 for number in range(request.best_of)]


def loops(reply: Sequence[int], token: int) -> bool:
    """Whether with this token the last LOOP tokens stand in the reply for the ROUNDS-th time.

    Repetitions that overlap are one: "haha" may go on for a while.
    """
    if len(reply) + 1 < LOOP * ROUNDS or reply.count(token) + 1 < ROUNDS:
        return False  # the second is far quicker than what follows
    tokens = [*reply, token]
    last, found, end = tokens[-LOOP:], 0, 0
    for at in range(len(tokens) - LOOP + 1):
        if tokens[at] == last[0] and at >= end and tokens[at : at + LOOP] == last:
            found, end = found + 1, at + LOOP
    return found >= ROUNDS
