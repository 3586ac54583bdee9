"""Live events for the pages that are open, each in its own bounded queue.

A page that reads too slowly loses its queue and is told to load the state again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from playground.journal import Json

LONGEST = 1000  # events a page may lag behind


class Subscription:
    """One open page's queue; None in it means: nothing more will come."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Json | None] = asyncio.Queue(LONGEST)

    def put(self, event: Json | None) -> None:
        """Add an event, or end the subscription if the reader is too far behind."""
        if self._queue.full():
            while not self._queue.empty():
                self._queue.get_nowait()
            event = None
        self._queue.put_nowait(event)

    async def get(self, seconds: float) -> Json | None:
        """The next event, an empty one if none comes in time, None at the end."""
        try:
            async with asyncio.timeout(seconds):
                return await self._queue.get()
        except TimeoutError:
            return {}


class Feed:
    """Hands every event to every open page."""

    def __init__(self) -> None:
        self._open: set[Subscription] = set()
        self._closed = False

    @property
    def watched(self) -> bool:
        """Whether anybody looks: rendering for nobody would cost half of a send."""
        return bool(self._open)

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        """A queue of everything published from now on."""
        subscription = Subscription()
        self._open.add(subscription)
        if self._closed:
            subscription.put(None)
        try:
            yield subscription
        finally:
            self._open.discard(subscription)

    def publish(self, event: Json) -> None:
        """Tell every open page."""
        for subscription in self._open:
            subscription.put(event)

    def close(self) -> None:
        """End every subscription."""
        self._closed = True
        for subscription in self._open:
            subscription.put(None)
