"""Decides what the next step computes, and records what it gave. No tensors, no clock.

Prefill and scoring take turns with decodes, and with each other, a small chunk at a time, so that
no reply waits for longer than a decode or two. Who has lately had least of the engine is admitted
first, and who has had much more than others computes in every PATIENCE-th step only while others
want to. Chats are warmed while no request needs the processor. Prefill leaves a prompt's last token
to the first decode, so only decodes sample; and more of it, where that is no more than a chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from lm.engine.prompts import chunks, finishing
from lm.engine.request import Event, Piece, Reason, Request, Scored
from lm.engine.running import Candidate, Running, Waiting, start
from lm.engine.shares import Shares
from lm.engine.steps import Decode, Prefill, Sampled, Score, Scoring
from lm.engine.table import SlotTable

BESIDE = 4  # a chunk is so many times smaller where replies wait for their next token
PATIENCE = 16
TENANTS = 4  # at least so many can wait: none takes more than its part of the queue


class EngineFull(Exception):  # noqa: N818 - a condition to wait for, named like queue.Full
    """As many requests wait as the queue holds."""


class Scheduler:
    """Requests, scorings and warm-ups of one engine. Times are arguments."""

    def __init__(
        self, table: SlotTable, prefill_chunk: int, queue: int, *, ragged: bool = False
    ) -> None:
        """ragged: as the model says (runner.py)"""
        self._table, self._chunk, self._queue = table, prefill_chunk, queue
        self._ragged = ragged
        self._waiting: list[Waiting] = []
        self._running: list[Running] = []  # in the order of their admission
        self._scorings: list[Scoring] = []
        self._warm: dict[Hashable, list[int]] = {}
        self._events: list[Event] = []
        self._shares = Shares()
        self._steps = 0
        self._decoded_last = self._filled_last = self._passed_over = False
        self._next_id = 0

    @property
    def busy(self) -> bool:
        """Whether there is something to compute or to hand out."""
        return bool(self._waiting or self._running or self._scorings or self._warm or self._events)

    @property
    def load(self) -> tuple[int, int]:
        """Requests that run, and requests that wait."""
        return len(self._running), len(self._waiting)

    def submit(self, request: Request, now: float) -> int:
        """Queue a request; EngineFull when too many wait, or too many of its tenant."""
        same = sum(each.request.owner == request.owner for each in self._waiting)
        if len(self._waiting) >= self._queue:
            raise EngineFull(f"queue = {self._queue}: as many requests wait")
        if same >= max(1, self._queue // TENANTS):
            raise EngineFull(f"queue = {self._queue}: {same} requests of this tenant wait")
        self._warm.pop(request.chat, None)  # the prompt is newer
        self._waiting.append(Waiting(self._number(), request, tuple(request.tokens), now))
        return self._next_id

    def score(self, sequences: Sequence[Sequence[int]], given: int) -> int:
        """Queue a scoring; EngineFull when too many wait."""
        if len(self._scorings) >= self._queue:
            raise EngineFull(f"queue = {self._queue}: as many scorings wait")
        self._scorings.append(Scoring(self._number(), [list(each) for each in sequences], given))
        return self._next_id

    def warm(self, chat: Hashable, tokens: Sequence[int]) -> None:
        """Prefill a chat's context when nothing else is to do. Of too many, the oldest is lost."""
        if chat not in self._warm and len(self._warm) >= self._queue:
            del self._warm[next(iter(self._warm))]
        self._warm[chat] = list(tokens)

    def stop_warming(self) -> None:
        """Forget the contexts that were to be prefilled."""
        self._warm.clear()

    def cancel(self, identity: int, now: float) -> None:
        """End a request or a scoring; one that has ended already stays as it is."""
        self._end_all(lambda each: each.id == identity, "cancelled", now)
        for scoring in [each for each in self._scorings if each.id == identity]:
            self._scorings.remove(scoring)
            self._events.append(Scored(scoring.id, scoring.log_probs))

    def forget(self, chat: Hashable, now: float) -> None:
        """Leave nothing of a chat: its requests are cancelled, its slots are to be zeroed."""
        self._end_all(lambda each: each.request.chat == chat, "cancelled", now)
        self._warm.pop(chat, None)
        self._table.drop(chat)

    def take_events(self) -> list[Event]:
        """What has come out since the last call."""
        events, self._events = self._events, []
        return events

    def decide(self, now: float) -> Prefill | Score | Decode | None:
        """What to compute next; None when there is nothing."""
        self._end_all(lambda each: _late(each.request, now), "deadline", now)
        self._admit(now)
        self._steps += 1
        heavy = self._shares.heavy({run.request.owner for run in self._running}, now)
        if heavy and self._steps % PATIENCE:
            light = [run for run in self._running if run.request.owner not in heavy]
            return self._next(light, now)
        return self._next(self._running, now)

    def _next(self, runs: Sequence[Running], now: float) -> Prefill | Score | Decode | None:
        """The next step of these requests, or whatever else there is to compute."""
        ready = [each for run in runs for each in run.candidates if each.ready]
        if self._decoded_last or not ready:
            most = max(1, self._chunk // BESIDE) if ready else self._chunk
            step = self._chunk_of(runs, most, now)
            if step is not None:
                self._decoded_last = False
                return step
        if ready:
            self._decoded_last = True
            for each in ready:
                self._shares.charge(each.request.owner, len(each.rows), now)
            return _decode(ready)
        return self._next_warm()

    def prefilled(self, step: Prefill) -> None:
        """Record chunks."""
        for slot, tokens in step.chunks:
            slot.tokens += tokens

    def scored(self, step: Score, log_probs: Sequence[float]) -> None:
        """Record the scores of some sequences."""
        scoring = step.scoring
        scoring.log_probs += log_probs
        if len(scoring.log_probs) == len(scoring.sequences):
            self._scorings.remove(scoring)
            self._events.append(Scored(scoring.id, scoring.log_probs))

    def decoded(self, step: Decode, sampled: Sequence[Sampled], now: float) -> None:
        """Record the tokens of a decode."""
        given = {id(each): got for each, got in zip(step.candidates, sampled, strict=True)}
        for running in list(self._running):
            for candidate in running.candidates:
                if id(candidate) in given:
                    self._record(running, candidate, given[id(candidate)], now)
            if running.candidates[0].reason is not None and running.ended:
                self._end(running, "error", now)

    def _record(self, running: Running, candidate: Candidate, got: Sampled, now: float) -> None:
        for row in candidate.rows:
            row.slot.tokens += row.pending
        if running.first is None:
            running.first = now
        if running.request.peek:
            running.peeked, candidate.reason = got.peeked, "stop"
        if got.guarded:
            candidate.reason = "guard"
        elif got.token is None:
            candidate.reason = "error"
        elif candidate.reason is None:
            candidate.reason = candidate.take(got.token, got.log_prob)
            if running.request.stream and candidate.reason in (None, "length"):
                self._events.append(Piece(running.id, [got.token]))
        if candidate.reason is not None:
            self._give_back(running, candidate)

    def _number(self) -> int:
        self._next_id += 1
        return self._next_id

    def _admit(self, now: float) -> None:
        """Give slots to waiting requests; a chat's second request waits for its first."""
        for each in sorted(self._waiting, key=lambda each: self._turn(each, now)):
            held = self._table.of(each.request.chat)
            if held is not None and held.busy:
                continue
            if self._table.spares() < each.request.rows - 1:
                return
            slot = self._table.take(each.request.chat)
            if slot is None:
                return
            self._waiting.remove(each)
            self._running.append(start(each, slot, self._table, now))

    def _turn(self, waiting: Waiting, now: float) -> tuple[int, float, int]:
        """Whose turn it is: who has the least running, then who has lately had least."""
        owner = waiting.request.owner
        running = sum(each.request.owner == owner for each in self._running)
        return running, self._shares.of(owner, now), waiting.id

    def _chunk_of(
        self, runs: Sequence[Running], most: int, now: float
    ) -> Prefill | Decode | Score | None:
        """The next of the prompts and the scorings that wait: by turns where both do."""
        step = self._next_score(most) if self._filled_last else None
        prompts = None if step else self._next_prompts(runs, most, now)
        self._filled_last = prompts is not None
        return step or prompts or self._next_score(most)

    def _next_prompts(
        self, runs: Sequence[Running], most: int, now: float
    ) -> Prefill | Decode | None:
        """What can be finished, else a chunk, those first that need least.

        After something was finished for which others had to wait, a chunk of who waits longest.
        """
        missing = [run for run in runs if run.missing]
        if self._passed_over:
            self._passed_over = False
            return self._fill(missing, most, now)
        missing.sort(key=lambda run: run.missing)
        done = finishing(missing, most, ragged=self._ragged)
        self._passed_over = 0 < len(done) < len(missing)
        if not done:
            return self._fill(missing, most, now)
        for running in done:
            cost = running.missing + running.request.rows
            self._shares.charge(running.request.owner, cost, now)
        return _decode([each for running in done for each in running.candidates])

    def _fill(self, missing: Sequence[Running], most: int, now: float) -> Prefill | None:
        """The next chunks of these prompts."""
        found = chunks(missing, most)
        for running, chunk in found:
            self._shares.charge(running.request.owner, len(chunk), now)
        step = sorted(
            ((running.slot, chunk) for running, chunk in found), key=lambda each: each[0].index
        )
        return Prefill(step) if step else None

    def _next_score(self, most: int) -> Score | None:
        """The next sequences of the oldest scoring, padded to no more than `most` tokens or one."""
        if not self._scorings:
            return None
        scoring = self._scorings[0]
        sequences: list[list[int]] = []
        for sequence in scoring.sequences[len(scoring.log_probs) :]:
            longest = max(map(len, [*sequences, sequence]))
            if sequences and longest * (len(sequences) + 1) > most:
                break
            sequences.append(sequence)
        return Score(scoring, sequences)

    def _next_warm(self) -> Prefill | None:
        """A chunk of the context that has waited longest. Nothing is in flight."""
        while self._warm:
            chat, tokens = next(iter(self._warm.items()))
            slot = self._table.take(chat)
            assert slot is not None, chat
            start = slot.keep_prefix(tokens)
            if start < len(tokens):
                return Prefill([(slot, tokens[start : start + self._chunk])])
            del self._warm[chat]
        return None

    def _end_all(
        self, which: Callable[[Waiting | Running], bool], reason: Reason, now: float
    ) -> None:
        for running in [each for each in self._running if which(each)]:
            self._end(running, reason, now)
        for waiting in [each for each in self._waiting if which(each)]:
            self._waiting.remove(waiting)
            self._events.append(waiting.end(reason, now))

    def _end(self, running: Running, reason: Reason, now: float) -> None:
        for candidate in running.candidates:
            if candidate.reason is None:
                self._give_back(running, candidate)
        self._events.append(running.end(reason, now))
        self._running.remove(running)
        running.slot.busy = False
        self._table.touch(running.request.chat)
        if any(each.reason == "error" for each in running.candidates):
            self._table.drop(running.request.chat)  # its keys and values are no numbers either

    def _give_back(self, running: Running, candidate: Candidate) -> None:
        """The spare slots of a candidate are free."""
        for row in candidate.rows:
            if row.slot is not running.slot:
                self._table.give_back(row.slot)


def _decode(candidates: Sequence[Candidate]) -> Decode:
    return Decode(sorted(candidates, key=lambda each: each.row.slot.index))


def _late(request: Request, now: float) -> bool:
    return request.deadline is not None and now >= request.deadline
