"""Presses of inline buttons that wait for the bot's answer.

A press lives as long as Telegram keeps a callback query open; a later answer is too late. Presses
are in memory only: after a restart the member presses again.
"""

from __future__ import annotations

import asyncio
import secrets
import time

from playground.journal import Json

LIFETIME = 60.0  # seconds in which the bot may answer


class Presses:
    """Open callback queries by id."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[float, asyncio.Future[Json]]] = {}

    def open(self) -> str:
        """The id of a new query."""
        now = time.monotonic()
        for old in [key for key, (since, _) in self._open.items() if since < now - LIFETIME]:
            del self._open[old]
        query = str(secrets.randbits(62))
        self._open[query] = (now, asyncio.get_running_loop().create_future())
        return query

    def answer(self, query: str, answer: Json) -> bool:
        """Hand the bot's answer to whoever waits; False if there is no such open query."""
        since, waiting = self._open.pop(query, (0.0, None))
        if waiting is None or since < time.monotonic() - LIFETIME:
            return False
        waiting.set_result(answer)
        return True

    async def wait(self, query: str, seconds: float) -> Json | None:
        """The answer to a query just opened, None if it takes longer than `seconds`."""
        _, waiting = self._open[query]
        done, _ = await asyncio.wait([waiting], timeout=seconds)
        return waiting.result() if done else None
