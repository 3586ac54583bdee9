"""Errands: what takes seconds and nobody waits for: a scene, a picture, a round of guessing.

One of each key at a time. What fails is logged without its words and hurts nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Hashable
from typing import Any

log = logging.getLogger(__name__)


class Errands:
    """Tasks beside the handlers, all ended with the bot."""

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}

    def busy(self, key: Hashable) -> bool:
        """Whether the errand of that key is under way."""
        return key in self._tasks

    def start(self, key: Hashable, errand: Coroutine[Any, Any, None]) -> None:
        """Run an errand. Its key must not be busy."""
        assert key not in self._tasks, key
        task = asyncio.create_task(errand, name=f"errand {key}")
        self._tasks[key] = task
        task.add_done_callback(lambda done: self._ended(key, done))

    def _ended(self, key: Hashable, done: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is done:
            del self._tasks[key]
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("errand %s failed: %s", key, type(error).__name__)

    def cancel(self, key: Hashable) -> None:
        """End the errand of that key, if there is one."""
        if key in self._tasks:
            self._tasks[key].cancel()

    async def stop(self) -> None:
        """End them all."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
