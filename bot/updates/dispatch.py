"""Dispatch: takes stored updates to their handlers, each chat's in order, chats side by side.

What PTB cannot parse, or a handler fails on, is set aside in the inbox and logged without its
words; those behind it flow on.
"""

from __future__ import annotations

import asyncio
import json
import logging
from functools import partial
from typing import Any

from telegram import Update
from telegram.ext import Application

from storage import inbox
from storage.store import StorageError, Store

log = logging.getLogger(__name__)

App = Application[Any, Any, Any, Any, Any, Any]

RETRY_S = 1.0
WINDOW = 500  # updates taken from the inbox at a time


class Dispatch:
    """Feeds an application from the inbox. `arrived()` tells it that there is something new."""

    def __init__(
        self, store: Store, application: Application[Any, Any, Any, Any, Any, Any]
    ) -> None:
        self._store, self._application = store, application
        self._new = asyncio.Event()
        self._last: dict[int, asyncio.Task[bool]] = {}  # chat id -> its newest update's task
        self._in_flight: set[int] = set()
        self._errors: dict[int, Exception] = {}

    def arrived(self) -> None:
        """The inbox has grown."""
        self._new.set()

    async def run(self) -> None:
        """Dispatch until cancelled; then those being handled are finished first."""
        self._new.set()
        try:
            while True:
                await self._new.wait()
                self._new.clear()
                try:
                    await self._window()
                except StorageError as error:
                    log.error("the inbox cannot be read: %s", error)
                    await asyncio.sleep(RETRY_S)
                    self._new.set()
        finally:
            await asyncio.gather(*self._last.values(), return_exceptions=True)

    async def _window(self) -> None:
        """Start what is pending. After a quiet week ids start anywhere: no watermark is kept."""
        while True:
            started = set(self._in_flight)  # one that ends during the read is in its result too
            rows = await self._store.read(partial(inbox.pending, limit=WINDOW + len(started)))
            rows = [row for row in rows if row[0] not in started]
            for update_id, raw in rows:
                self._start(update_id, json.loads(raw))
            if not rows:
                return
            if len(self._in_flight) >= WINDOW:  # a flood: let it drain before taking in more
                await asyncio.wait(list(self._last.values()))

    def _start(self, update_id: int, raw: dict[str, Any]) -> None:
        chat = chat_of(raw)
        before = self._last.get(chat)
        task = asyncio.create_task(self._after(before, update_id, raw), name=f"update {update_id}")
        self._in_flight.add(update_id)
        self._last[chat] = task

        def ended(done: asyncio.Task[bool]) -> None:
            self._in_flight.discard(update_id)
            if not done.cancelled() and done.exception() is None and not done.result():
                self._new.set()  # it is pending still
            if self._last.get(chat) is done:
                del self._last[chat]

        task.add_done_callback(ended)

    async def _after(
        self, before: asyncio.Task[bool] | None, update_id: int, raw: dict[str, Any]
    ) -> bool:
        """Handle an update when its chat's earlier one is done; False if it has to be again."""
        if before is not None:
            await asyncio.wait([before])
        try:
            await self._handle(update_id, raw)
        except StorageError as error:  # locked, full: the update stays pending
            log.error("update %d waits for the storage: %s", update_id, error)
            await asyncio.sleep(RETRY_S)
            return False
        return True

    async def _handle(self, update_id: int, raw: dict[str, Any]) -> None:
        try:
            update = Update.de_json(raw, self._application.bot)
            await self._application.process_update(update)
        except Exception as error:
            self.failed(update_id, error)
        failure = self._errors.pop(update_id, None)
        if isinstance(failure, StorageError):
            raise failure
        if failure is None:  # whatever no handler wanted is done with as well
            await self._store.write(lambda db: inbox.apply(db, update_id))
            return
        kind = type(failure).__name__
        log.error("update %d was set aside: %s", update_id, kind)
        await self._store.write(lambda db: inbox.set_aside(db, update_id, kind))

    def failed(self, update_id: int, error: Exception) -> None:
        """A handler failed on an update; its words are not logged."""
        self._errors[update_id] = error


def chat_of(raw: dict[str, Any]) -> int:
    """The chat an update belongs to, 0 where it names none. `raw` is any JSON object."""
    for value in raw.values():
        if not isinstance(value, dict):
            continue
        message = value.get("message")  # a callback query holds its message
        holder = message if isinstance(message, dict) else value
        chat = holder.get("chat")
        if isinstance(chat, dict) and isinstance(chat.get("id"), int):
            return int(chat["id"])
    return 0
