"""An engine under load, by the clock: chats ask when it is their time, and latencies are noted.

A latency runs from the moment at which a chat was due to ask to the end of its reply: what a person
waits, without Telegram. One thread submits and steps, as the bot's engine thread does.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.speaking.chats import Chat
from benchmarks.speaking.subject import settle
from lm.engine.engine import Engine, EngineFull
from lm.engine.request import Finished, Request

Pace = Callable[[float, float], float]  # (when it was due, when it was answered) -> next due


@dataclass(slots=True)
class Asker:
    """A chat that asks again and again. first: seconds after the start; latencies: seconds."""

    chat: Chat
    pace: Pace
    first: float = 0.0
    latencies: list[float] = field(default_factory=list)
    refused: int = 0


class Flood:
    """Requests of one chat or group, as fast as the engine takes them."""

    def __init__(self, make: Callable[[], Request]) -> None:
        self._make, self._ids = make, set[int]()
        self.answered = 0

    def pour(self, engine: Engine) -> None:
        """Submit until the engine takes no more."""
        while True:
            try:
                self._ids.add(engine.submit(self._make()))
            except EngineFull:
                return

    def note(self, finished: Finished) -> None:
        """One has ended, perhaps one of these."""
        if finished.id in self._ids:
            self._ids.remove(finished.id)
            self.answered += finished.reason != "cancelled"

    def stop(self, engine: Engine) -> None:
        """Take back what has not been answered."""
        for identity in self._ids:
            engine.cancel(identity)


class Load:
    """Askers at an engine, and perhaps a flood beside them."""

    def __init__(self, engine: Engine, askers: Sequence[Asker], flood: Flood | None = None) -> None:
        self._engine, self._askers, self._flood = engine, askers, flood
        self._due: list[tuple[float, int]] = []  # heap of moments and places of askers
        self._asked: dict[int, tuple[float, int]] = {}  # by id: when it was due, place of the asker

    def run(self, seconds: float) -> float:
        """Let them ask for so long, then answer what was asked; returns the seconds taken."""
        began = time.perf_counter()
        end = began + seconds
        self._due = [(began + asker.first, place) for place, asker in enumerate(self._askers)]
        heapq.heapify(self._due)
        while (now := time.perf_counter()) < end:
            self._submit(now)
            if self._flood is not None:
                self._flood.pour(self._engine)
            if self._engine.busy:
                self._step()
            else:
                nearest = self._due[0][0] if self._due else end
                time.sleep(max(0.0, min(nearest, end) - now))
        if self._flood is not None:
            self._flood.stop(self._engine)
        while self._engine.busy:
            self._step()
        assert not self._asked
        return time.perf_counter() - began

    def _submit(self, now: float) -> None:
        while self._due and self._due[0][0] <= now:
            due, place = heapq.heappop(self._due)
            asker = self._askers[place]
            try:
                self._asked[self._engine.submit(asker.chat.ask())] = due, place
            except EngineFull:
                asker.refused += 1
                heapq.heappush(self._due, (asker.pace(due, now), place))

    def _step(self) -> None:
        for event in self._engine.step():
            if not isinstance(event, Finished):
                continue
            if self._flood is not None:
                self._flood.note(event)
            if event.id in self._asked:
                due, place = self._asked.pop(event.id)
                asker, now = self._askers[place], time.perf_counter()
                asker.latencies.append(now - due)
                asker.chat.add(event.tokens)
                heapq.heappush(self._due, (asker.pace(due, now), place))


def warm(engine: Engine, chats: Sequence[Chat]) -> None:
    """Have contexts computed before the clock starts."""
    for chat in chats:
        engine.warm(chat.name, chat.tokens)
        settle(engine)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that such a share of all does not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def latencies(askers: Sequence[Asker]) -> list[float]:
    """Those of all."""
    return [seconds for asker in askers for seconds in asker.latencies]
