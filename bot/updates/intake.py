"""Intake: our own getUpdates loop. An update is committed to the inbox before the next call
tells Telegram that it arrived, so a crash loses nothing.

It parses no update: raw JSON goes in, and a poison update cannot hold up those behind it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import Callable
from typing import Any

import httpx

from lm.failure import Failure
from storage import inbox
from storage.store import Db, StorageError, Store

log = logging.getLogger(__name__)

ALLOWED_UPDATES = [
    *("message", "edited_message", "callback_query", "my_chat_member", "chat_member"),
    "message_reaction",  # told only to admins of a chat
]
LONG_POLL_S = 30
LONGEST_PAUSE_S = 30.0
NOTE_EVERY_S = 60.0
KEPT_S = 86400  # Telegram deletes updates that nobody fetches for so long


class TokenError(Failure):
    """Telegram does not know the token (any more)."""


class Intake:
    """Polls a Bot API server. `url` is its address with the token: never log it."""

    def __init__(self, url: str, store: Store, arrived: Callable[[], None]) -> None:
        self._url, self._store, self._arrived = url, store, arrived
        self._noted = -math.inf  # when it was last written down that Telegram was heard
        self._offset = 0  # 0: from the oldest update that was never confirmed
        self.last_success = self.last_update = time.monotonic()

    async def run(self) -> None:
        """Poll until cancelled. Raises TokenError when the token stops being valid."""
        pause = 1.0
        async with httpx.AsyncClient(timeout=httpx.Timeout(10.0, read=LONG_POLL_S + 15)) as client:
            while True:
                problem = await self._poll(client)
                if problem is None:
                    pause = 1.0
                    continue
                # Somebody has to act on a second program: the alarm tells admins of errors.
                level = logging.ERROR if "(409)" in problem else logging.WARNING
                log.log(level, "%s; trying again in %.0f s", problem, pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _poll(self, client: httpx.AsyncClient) -> str | None:
        """One getUpdates; None when it went well, else what is wrong and what to do."""
        try:
            response = await client.post(
                f"{self._url}/getUpdates",
                json={
                    "offset": self._offset,
                    "timeout": LONG_POLL_S,
                    "allowed_updates": ALLOWED_UPDATES,
                },
            )
            if response.status_code in (401, 404):
                raise TokenError("Telegram refuses the bot's token: get a new one from @BotFather")
            if response.status_code == 409:
                return (
                    "another program uses this bot's token (409): stop it, or revoke the token "
                    f"with @BotFather. Telegram says: {response.json().get('description')}"
                )
            updates = response.json()["result"] if response.status_code == 200 else None
        except httpx.HTTPError as error:
            return f"no answer from the Bot API server ({type(error).__name__})"
        except (ValueError, KeyError, TypeError):
            updates = None
        if not isinstance(updates, list):
            return f"the Bot API server answers with status {response.status_code}"
        return await self._keep(updates)

    async def _keep(self, updates: list[Any]) -> str | None:
        rows = [  # escaped to ASCII, so that lone surrogates reach the disk
            (update["update_id"], json.dumps(update))
            for update in updates
            if isinstance(update, dict) and isinstance(update.get("update_id"), int)
        ]
        if rows:

            async def keep(db: Db) -> None:
                await inbox.add(db, rows)

            try:
                await self._store.write(keep)
            except Exception as error:
                return f"updates could not be stored ({error}): they stay with Telegram"
            self._offset = rows[-1][0] + 1
            self.last_update = time.monotonic()
            self._arrived()
        self.last_success = time.monotonic()
        return await self._note()

    async def _note(self) -> str | None:
        """Write down now and then that Telegram was heard; tell of messages that it forgot."""
        if self.last_success < self._noted + NOTE_EVERY_S:
            return None
        try:
            silent = await self._store.write(inbox.heard)
        except StorageError as error:
            return f"the storage fails ({error})"
        self._noted = self.last_success
        if silent > KEPT_S:
            log.error(
                "nothing was heard from Telegram for %d hours: what was said before the last 24 is"
                " lost to the bot; importing an export of the chat brings it back",
                silent // 3600,
            )
        return None
