"""The engine's own thread: requests go in through a queue, futures come out.

The event loop never waits on torch. The thread drives one engine per checkpoint: after a swap the
new one takes every new request and the old one finishes what it has, so no reply is dropped and
no two vocabularies meet.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from lm.checkpoints.checkpoint import Checkpoint
from lm.engine.engine import Engine
from lm.engine.request import Event, Finished, Piece, Request, Scored
from lm.failure import Failure

T = TypeVar("T")

log = logging.getLogger(__name__)


class StaleVersionError(Exception):
    """The request was encoded for a version that is no longer served: encode it again."""


class EngineDiedError(Failure):
    """The engine thread ended by an error; the message is one line."""


@dataclass(slots=True)
class _Serving:
    """One checkpoint's engine and who waits for it."""

    version: int
    engine: Engine
    waiting: dict[int, asyncio.Future[Any]]


class EngineThread:
    """Runs engines. `async with EngineThread(make_engine) as thread`."""

    def __init__(self, make_engine: Callable[[Checkpoint], Engine]) -> None:
        self._make_engine = make_engine
        self._inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._serving: _Serving | None = None
        self._draining: list[_Serving] = []
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self.failure: asyncio.Future[None] = self._loop.create_future()
        self._thread.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._inbox.put(None)
        await asyncio.to_thread(self._thread.join)
        self.failure.cancel()

    async def swap(self, checkpoint: Checkpoint) -> None:
        """Serve this checkpoint from the next request on."""

        def act() -> None:
            before = self._serving
            self._serving = _Serving(checkpoint.meta.version, self._make_engine(checkpoint), {})
            if before is not None:
                before.engine.stop_warming()
                if before.engine.busy:  # else it would stay until the next step
                    self._draining.append(before)

        await self._call(act)

    async def generate(self, version: int, request: Request) -> Finished:
        """The replies to a request that was encoded for `version`.

        Raises StaleVersionError after a swap, EngineFull, or ValueError for a prompt that does
        not fit.
        """
        finished: Finished = await self._ask(version, lambda engine: engine.submit(request))
        return finished

    async def next_tokens(
        self,
        version: int,
        chat: Hashable,
        tokens: Sequence[int],
        ids: Sequence[int],
        tenant: Hashable = None,
    ) -> list[float]:
        """The probabilities of `ids` behind a chat's tokens, which stay warm. As `generate`.

        Empty when the model's numbers are none. tenant: as Request says
        """
        asked = Request(chat, tokens, peek=tuple(ids), tenant=tenant)
        finished = await self.generate(version, asked)
        return finished.peeked

    async def score(
        self, version: int, sequences: Sequence[Sequence[int]], given: int
    ) -> list[float]:
        """ln p of each sequence's tokens behind the first `given`. As `generate`."""
        scored: Scored = await self._ask(version, lambda engine: engine.score(sequences, given))
        return scored.log_probs

    async def _ask(self, version: int, submit: Callable[[Engine], int]) -> Any:
        done: asyncio.Future[Event] = self._loop.create_future()
        asked: list[tuple[Engine, int]] = []

        def act() -> None:
            if self._serving is None or self._serving.version != version:
                raise StaleVersionError(f"version {version}")
            identity = submit(self._serving.engine)
            self._serving.waiting[identity] = done
            asked.append((self._serving.engine, identity))

        try:
            await self._call(act)
            return await done
        except asyncio.CancelledError:  # nobody waits for it any more: leave the engine to others
            self._inbox.put(lambda: _cancel(asked))
            raise

    @property
    def load(self) -> int:
        """How many requests run or wait."""
        return sum(len(each.waiting) for each in (*self._draining, self._serving) if each)

    def warm(self, version: int, chat: Hashable, tokens: Sequence[int]) -> None:
        """Prefill a chat's context while nobody waits for it."""

        def act() -> None:
            if self._serving is None or self._serving.version != version:
                return
            try:
                self._serving.engine.warm(chat, tokens)
            except ValueError as error:  # it only costs time: the reply will prefill for itself
                log.error("chat %s could not be warmed: %s", chat, error)

        self._inbox.put(act)

    def forget(self, chat: Hashable) -> None:
        """Keep nothing of a chat, of whatever version; what it still asks for ends as cancelled."""

        def act() -> None:
            for each in (*self._draining, self._serving):
                if each is not None:
                    each.engine.forget(chat)

        self._inbox.put(act)

    async def _call(self, act: Callable[[], None]) -> None:
        """Run `act` in the thread between two steps; its exception is raised here."""
        done: asyncio.Future[None] = self._loop.create_future()

        def run() -> None:
            try:
                act()
            except Exception as error:
                self._tell(done, None, error)
            else:
                self._tell(done, None, None)

        self._inbox.put(run)
        await done

    def _tell(self, future: asyncio.Future[T], result: T, error: Exception | None) -> None:
        def settle() -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        self._loop.call_soon_threadsafe(settle)

    def _run(self) -> None:
        try:
            while self._take_orders():
                self._step()
        except BaseException as error:
            log.critical("the engine thread died: %s", type(error).__name__)
            failure = EngineDiedError(f"the engine thread died: {type(error).__name__}: {error}")
            self._tell(self.failure, None, failure)

    def _take_orders(self) -> bool:
        """Do what was asked since the last step; waits while no engine has work."""
        while True:
            try:
                order = self._inbox.get(block=not self._busy())
            except queue.Empty:
                return True
            if order is None:
                return False
            order()

    def _busy(self) -> bool:
        serving = [] if self._serving is None else [self._serving]
        return any(each.engine.busy for each in (*self._draining, *serving))

    def _step(self) -> None:
        for each in (*self._draining, self._serving):
            if each is None or not each.engine.busy:
                continue
            for event in each.engine.step():
                if isinstance(event, Piece):  # nobody here asks for them
                    continue
                future = each.waiting.pop(event.id, None)
                if future is not None:
                    self._tell(future, event, None)
        self._draining = [each for each in self._draining if each.engine.busy]


def _cancel(asked: Sequence[tuple[Engine, int]]) -> None:
    for engine, identity in asked:
        engine.cancel(identity)
