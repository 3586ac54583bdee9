"""Decides what the next step computes, and records what it computed. It touches no tensors.

Requests wait in order, get a slot, are prefilled in chunks and decode together; a chunk and a
decode alternate, so that no reply waits for more than one chunk. Chats are warmed while no
request needs the processor. Prefill leaves a prompt's last token to the first decode, so only
decodes sample.
"""

from __future__ import annotations

import secrets
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from lm.engine.request import Finished, Reason, Request, Stats
from lm.engine.table import Slot, SlotTable


class EngineFull(Exception):  # noqa: N818 - a condition to wait for, named like queue.Full
    """As many requests wait as the queue holds."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request without a slot."""

    id: int
    request: Request
    prompt: tuple[int, ...]
    submitted: float


@dataclass(slots=True, eq=False)
class Row:
    """A request in its slot. `tokens` are its prompt and what has been sampled since."""

    id: int
    request: Request
    tokens: list[int]
    prompt: int  # length
    seed: int
    slot: Slot
    cached: int
    submitted: float
    admitted: float
    first: float | None = None  # when its first token was sampled

    @property
    def new(self) -> int:
        """How many tokens have been sampled."""
        return len(self.tokens) - self.prompt

    @property
    def ready(self) -> bool:
        """Whether everything but the last token is in the slot."""
        return len(self.slot.tokens) == len(self.tokens) - 1


@dataclass(frozen=True, slots=True)
class Prefill:
    """Compute these tokens behind those in the slot."""

    slot: Slot
    tokens: list[int]


@dataclass(frozen=True, slots=True)
class Decode:
    """Sample the next token of each of these rows, which are in the order of their slots."""

    rows: list[Row]


class Scheduler:
    """Requests and warm-ups of one engine. Times are arguments."""

    def __init__(self, table: SlotTable, prefill_chunk: int, queue: int) -> None:
        self._table, self._chunk, self._queue = table, prefill_chunk, queue
        self._waiting: list[Waiting] = []
        self._rows: list[Row] = []  # in the order of their admission
        self._warm: dict[Hashable, list[int]] = {}
        self._finished: list[Finished] = []
        self._decoded_last = False
        self._next_id = 0

    @property
    def busy(self) -> bool:
        """Whether there is something to compute or to hand out."""
        return bool(self._waiting or self._rows or self._warm or self._finished)

    def submit(self, request: Request, now: float) -> int:
        """Queue a request; EngineFull when too many wait."""
        if len(self._waiting) >= self._queue:
            raise EngineFull(f"queue = {self._queue}: as many requests wait")
        self._warm.pop(request.chat, None)  # the prompt is newer
        self._next_id += 1
        self._waiting.append(Waiting(self._next_id, request, tuple(request.tokens), now))
        return self._next_id

    def warm(self, chat: Hashable, tokens: Sequence[int]) -> None:
        """Prefill a chat's context when nothing else is to do. Of too many, the oldest is lost."""
        if chat not in self._warm and len(self._warm) >= self._queue:
            del self._warm[next(iter(self._warm))]
        self._warm[chat] = list(tokens)

    def cancel(self, identity: int, now: float) -> None:
        """End a request; one that has ended already stays as it is."""
        self._end_all([each for each in self._open() if each.id == identity], "cancelled", now)

    def forget(self, chat: Hashable, now: float) -> None:
        """Leave nothing of a chat: its requests are cancelled, its slot is to be zeroed."""
        ended = [each for each in self._open() if each.request.chat == chat]
        self._end_all(ended, "cancelled", now)
        self._warm.pop(chat, None)
        self._table.drop(chat)

    def take_finished(self) -> list[Finished]:
        """The requests that have ended since the last call."""
        finished, self._finished = self._finished, []
        return finished

    def decide(self, now: float) -> Prefill | Decode | None:
        """What to compute next; None when there is nothing."""
        late = [
            each
            for each in self._open()
            if each.request.deadline is not None and now >= each.request.deadline
        ]
        self._end_all(late, "deadline", now)
        self._admit(now)
        ready = [row for row in self._rows if row.ready]
        filling = next((row for row in self._rows if not row.ready), None)
        if filling is not None and (self._decoded_last or not ready):
            self._decoded_last = False
            return self._next_chunk(filling.slot, filling.tokens[:-1])
        if ready:
            self._decoded_last = True
            return Decode(sorted(ready, key=lambda row: row.slot.index))
        return self._next_warm()

    def prefilled(self, step: Prefill) -> None:
        """Record a chunk."""
        step.slot.tokens += step.tokens

    def decoded(self, step: Decode, sampled: Sequence[int | None], now: float) -> None:
        """Record the tokens of a decode; None where the model's numbers were none."""
        for row, token in zip(step.rows, sampled, strict=True):
            row.slot.tokens.append(row.tokens[-1])
            if row.first is None:
                row.first = now
            if token is None:
                self._end_all([row], "error", now)
                self._table.drop(row.request.chat)  # its keys and values are no numbers either
            elif token in row.request.stop:
                self._end_all([row], "stop", now)
            else:
                row.tokens.append(token)
                if row.new == row.request.sampling.max_tokens:
                    self._end_all([row], "length", now)

    def _open(self) -> list[Waiting | Row]:
        return [*self._rows, *self._waiting]

    def _admit(self, now: float) -> None:
        """Give slots to waiting requests, in order; a chat's second request waits for its first."""
        for each in list(self._waiting):
            held = self._table.of(each.request.chat)
            if held is not None and held.busy:
                continue
            slot = self._table.take(each.request.chat)
            if slot is None:
                return
            self._waiting.remove(each)
            self._rows.append(_row(each, slot, now))

    def _next_chunk(self, slot: Slot, goal: Sequence[int]) -> Prefill:
        start = len(slot.tokens)
        return Prefill(slot, list(goal[start : start + self._chunk]))

    def _next_warm(self) -> Prefill | None:
        """A chunk of the context that has waited longest. Nothing is in flight."""
        while self._warm:
            chat, tokens = next(iter(self._warm.items()))
            slot = self._table.take(chat)
            assert slot is not None, chat
            if slot.keep_prefix(tokens) < len(tokens):
                return self._next_chunk(slot, tokens)
            del self._warm[chat]
        return None

    def _end_all(self, ended: Sequence[Waiting | Row], reason: Reason, now: float) -> None:
        for each in ended:
            self._finished.append(_finished(each, reason, now))
            if isinstance(each, Waiting):
                self._waiting.remove(each)
            else:
                self._rows.remove(each)
                each.slot.busy = False
                self._table.touch(each.request.chat)


def _row(waiting: Waiting, slot: Slot, now: float) -> Row:
    """A request that has just got its slot: what the slot has of the prompt stays."""
    slot.busy = True
    cached = slot.keep_prefix(waiting.prompt[:-1])
    seed = waiting.request.sampling.seed
    return Row(
        id=waiting.id,
        request=waiting.request,
        tokens=list(waiting.prompt),
        prompt=len(waiting.prompt),
        seed=secrets.randbits(63) if seed is None else seed,
        slot=slot,
        cached=cached,
        submitted=waiting.submitted,
        admitted=now,
    )


def _finished(each: Waiting | Row, reason: Reason, now: float) -> Finished:
    if isinstance(each, Waiting):
        stats = Stats(now - each.submitted, 0.0, 0.0, len(each.prompt), 0, 0)
        return Finished(each.id, [], reason, stats)
    first = now if each.first is None else each.first
    stats = Stats(
        queued_s=each.admitted - each.submitted,
        prefill_s=first - each.admitted,
        decode_s=now - first,
        prompt_tokens=each.prompt,
        cached_tokens=each.cached,
        new_tokens=each.new,
    )
    return Finished(each.id, each.tokens[each.prompt :], reason, stats)
