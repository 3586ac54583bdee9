"""The engine: continuous batching of one checkpoint's replies over slots that stay warm.

One step decides (scheduler), computes (runner) and records (scheduler). Replies of any chats,
rules and lengths are decoded together; several replies to one prompt share what was computed of
it. It serves one model for
its whole life, so vocabularies never mix: new weights are a new engine while the old one drains.
It knows no text, no threads and no asyncio; whoever drives it calls `step` while it is busy.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Hashable, Sequence

import torch

from lm.engine.request import Event, Finished, Request
from lm.engine.runner import Guard, Model, Runner
from lm.engine.scheduler import EngineFull, Scheduler
from lm.engine.steps import Decode, Prefill, Score
from lm.engine.table import SlotTable

__all__ = ["Engine", "EngineFull"]

CPU_CHUNK, CHUNK = 64, 1024  # tokens; on a CPU larger ones are 5 % faster, and wait far longer


class Engine:
    """Serves `model`, which is on `device`, with `slots` chats warm and `span` tokens for each.

    spare: slots for the rows of a request beside its first
    shelf: chats without a slot whose keys and values are kept in memory of the host: to copy them
        back takes a hundredth of the time that computing them again would (benchmarks/speaking)
    prefill_chunk: tokens that are computed at most at a time, a quarter of them between two tokens
        of running replies; if not given, what suits the device
    queue: requests that may wait; `guard` refuses tokens that would complete a copy
    """

    def __init__(
        self,
        model: Model,
        *,
        slots: int = 32,
        spare: int = 48,
        shelf: int = 64,
        span: int,
        device: torch.device | str = "cpu",
        prefill_chunk: int | None = None,
        queue: int = 256,
        guard: Guard | None = None,
    ) -> None:
        on_cpu = torch.device(device).type == "cpu"
        prefill_chunk = (CPU_CHUNK if on_cpu else CHUNK) if prefill_chunk is None else prefill_chunk
        sizes = {"slots": slots, "span": span, "prefill_chunk": prefill_chunk, "queue": queue}
        for key, value in sizes.items():
            if value < 1:
                raise ValueError(f"{key} = {value}: has to be at least 1")
        self._span, self._spare, self._vocabulary = span, spare, model.config.vocab_size
        self._table = SlotTable(slots, spare, shelf)
        self._scheduler = Scheduler(self._table, prefill_chunk, queue, ragged=model.ragged)
        self._runner = Runner(model, slots + spare, span, torch.device(device), guard)

    @property
    def busy(self) -> bool:
        """Whether `step` has anything to do or to hand out."""
        return self._scheduler.busy

    @property
    def load(self) -> tuple[int, int, int]:
        """How many requests run, how many wait, and how many chats are warm."""
        return *self._scheduler.load, len(self._table)

    def submit(self, request: Request) -> int:
        """Queue a request and return its id.

        EngineFull when the queue is full; ValueError for a prompt that does not fit a slot
        together with its reply, or for ids that the vocabulary does not have.
        """
        longest = self._span - (1 if request.peek else request.sampling.max_tokens)
        if not 1 <= len(request.tokens) <= longest:
            raise ValueError(f"prompt of {len(request.tokens)} tokens: allowed are 1 to {longest}")
        self._check_ids("token", request.tokens)
        self._check_ids("banned token", request.banned)
        self._check_ids("peeked token", request.peek)
        self._check_ids("neutral token", [] if request.neutral is None else [request.neutral])
        if len(request.banned) == self._vocabulary:
            raise ValueError(f"banned = all {self._vocabulary} tokens: nothing is left to say")
        if request.rows - 1 > self._spare:
            raise ValueError(
                f"best_of = {request.best_of}, guidance = {request.guidance}: "
                f"needs {request.rows - 1} spare slots, there are {self._spare}"
            )
        return self._scheduler.submit(request, time.monotonic())

    def score(self, sequences: Sequence[Sequence[int]], given: int) -> int:
        """Have ln p of each sequence's tokens behind the first `given` computed; returns an id.

        Every sequence stands for itself, without any context. EngineFull and ValueError as in
        `submit`.
        """
        if given < 1 or not sequences:
            raise ValueError(f"{len(sequences)} sequences, given = {given}: both at least 1")
        for tokens in sequences:
            if not given < len(tokens) <= self._span:
                raise ValueError(
                    f"sequence of {len(tokens)} tokens: allowed are {given + 1} to {self._span}"
                )
            self._check_ids("token", tokens)
        return self._scheduler.score(sequences, given)

    def warm(self, chat: Hashable, tokens: Sequence[int]) -> None:
        """Prefill a chat's context while no request needs the processor.

        A later request of the chat waits for its own tokens only. A newer context replaces one
        that still waits. ValueError as in `submit`.
        """
        if len(tokens) > self._span:
            raise ValueError(f"context of {len(tokens)} tokens: allowed are {self._span}")
        self._check_ids("token", tokens)
        self._scheduler.warm(chat, tokens)

    def stop_warming(self) -> None:
        """Warm no chat that has not asked for anything: another engine serves from now on."""
        self._scheduler.stop_warming()

    def cancel(self, identity: int) -> None:
        """End a request or a scoring; the next step hands out what it has.

        One that has ended is left alone.
        """
        self._scheduler.cancel(identity, time.monotonic())

    def forget(self, chat: Hashable) -> None:
        """Zero a chat's keys and values and cancel its requests."""
        self._scheduler.forget(chat, time.monotonic())
        self._tidy()

    def step(self) -> list[Event]:
        """Compute a chunk, a token of replies, or both of some; what has come out of it."""
        step = self._scheduler.decide(time.monotonic())
        self._tidy()
        if isinstance(step, Prefill):
            self._runner.prefill(step.chunks)
            self._scheduler.prefilled(step)
        elif isinstance(step, Score):
            given = step.scoring.given
            self._scheduler.scored(step, self._runner.score(step.sequences, given))
        elif isinstance(step, Decode):
            sampled = self._runner.decode(step.candidates)
            self._scheduler.decoded(step, sampled, time.monotonic())
            self._tidy()
        return self._scheduler.take_events()

    def run(self, requests: Sequence[Request]) -> list[Finished]:
        """Serve these requests to their end, for callers that have no others; in their order."""
        ids = [self.submit(request) for request in requests]
        finished: dict[int, Finished] = {}
        while len(finished) < len(ids):
            events = [event for event in self.step() if isinstance(event, Finished)]
            finished |= {event.id: event for event in events}
        return [finished[identity] for identity in ids]

    def _tidy(self) -> None:
        """Empty the slots that have lost their chat, before another one sees them."""
        chores, self._table.chores = self._table.chores, []
        for chore in chores:
            self._runner.tidy(chore)

    def _check_ids(self, what: str, ids: Collection[int]) -> None:
        if ids and not (min(ids) >= 0 and max(ids) < self._vocabulary):
            raise ValueError(f"{what} ids: allowed are 0 to {self._vocabulary - 1}")
