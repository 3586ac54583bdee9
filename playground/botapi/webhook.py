"""Delivery of updates to a webhook: in order within a chat, chats side by side, retried.

An update that is refused holds back its chat, never another; the wait between tries doubles. Knows
the queue of updates and one HTTP client.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import httpx

from playground.journal import Json
from playground.updates import Update, Updates

LONGEST_DELAY = 60.0  # seconds between two tries
TIMEOUT = 30.0


class Webhook:
    """The webhook, if one is set, and the tasks that feed it."""

    def __init__(self, updates: Updates, delivered: Callable[[int], None], delay: float) -> None:
        self.settings: Json = {}
        self.last_error: tuple[int, str] | None = None
        self._updates = updates
        self._delivered = delivered  # told the id of each update that was taken
        self._delay = delay
        self._feeding: asyncio.Task[None] | None = None

    @property
    def active(self) -> bool:
        """Whether updates go to a webhook rather than to getUpdates."""
        return bool(self.settings.get("url"))

    async def set(self, settings: Json) -> None:
        """Deliver to `settings["url"]` from now on; empty settings end delivery."""
        await self.close()
        self.settings = settings
        self.last_error = None
        if self.active:
            self._feeding = asyncio.create_task(self._feed())

    async def close(self) -> None:
        """End delivery; what is not taken stays pending."""
        if self._feeding:
            self._feeding.cancel()
            await asyncio.wait([self._feeding])
            self._feeding = None

    async def _feed(self) -> None:
        chats: dict[int, asyncio.Task[None]] = {}
        slots = asyncio.Semaphore(int(self.settings.get("max_connections", 40)))
        async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False) as client:
            try:
                while True:
                    self._updates.arrived.clear()
                    for chat in {update.chat for update in self._updates}:
                        if chat not in chats or chats[chat].done():
                            chats[chat] = asyncio.create_task(self._serve(chat, client, slots))
                    await self._updates.arrived.wait()
            finally:
                for task in chats.values():
                    task.cancel()
                if chats:
                    await asyncio.wait(chats.values())

    async def _serve(self, chat: int, client: httpx.AsyncClient, slots: asyncio.Semaphore) -> None:
        delay = self._delay
        while update := next((u for u in self._updates if u.chat == chat), None):
            async with slots:
                wait = await self._post(update, client)
            if wait is None:
                self._delivered(update.id)
                delay = self._delay
            else:
                await asyncio.sleep(wait or delay)
                delay = min(delay * 2, LONGEST_DELAY)

    async def _post(self, update: Update, client: httpx.AsyncClient) -> float | None:
        # None: taken. Otherwise the seconds that the receiver asks to wait, 0 if it says nothing.
        headers = {}
        if secret := self.settings.get("secret_token"):
            headers["X-Telegram-Bot-Api-Secret-Token"] = str(secret)
        try:
            answer = await client.post(self.settings["url"], json=update.to_dict(), headers=headers)
        except httpx.HTTPError as error:
            self.last_error = (int(time.time()), str(error) or type(error).__name__)
            return 0.0
        if answer.is_success:
            return None
        reason = f"Wrong response from the webhook: {answer.status_code} {answer.reason_phrase}"
        self.last_error = (int(time.time()), reason)
        seconds = answer.headers.get("retry-after", "")
        return min(float(seconds), 3600.0) if seconds.isdecimal() else 0.0
