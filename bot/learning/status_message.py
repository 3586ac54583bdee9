"""The one message that tells of a training: edited at most every few seconds, when it changes.

Nothing depends on it: what Telegram refuses is logged and the training goes on.
"""

from __future__ import annotations

import asyncio
import logging
import time

from telegram import Bot
from telegram.error import TelegramError

from storage.chats import ChatRow

log = logging.getLogger(__name__)

EDIT_EVERY_S = 5.0


class StatusMessage:
    """A message in a chat; `message_id` is that of one sent before a restart."""

    def __init__(self, bot: Bot, chat: ChatRow, message_id: int | None = None) -> None:
        self._bot, self._chat, self._message_id = bot, chat, message_id
        self._shown, self._edited = "", 0.0

    async def begin(self, text: str) -> int | None:
        """Send it; its message id, or None where Telegram took none."""
        await self._send(text)
        return self._message_id

    async def show(self, text: str) -> None:
        """Show progress, unless the last change is too recent."""
        if text != self._shown and time.monotonic() - self._edited >= EDIT_EVERY_S:
            await self._edit(text)

    async def end(self, text: str) -> None:
        """Show the outcome, after the pause that edits keep; sent anew where there is none."""
        pause = EDIT_EVERY_S - (time.monotonic() - self._edited)
        if self._edited and pause > 0:
            await asyncio.sleep(pause)
        if self._message_id is None or not await self._edit(text):
            await self._send(text)

    async def _send(self, text: str) -> None:
        try:
            message = await self._bot.send_message(
                self._chat.chat_id, text, message_thread_id=self._chat.topic or None
            )
        except TelegramError as error:
            log.warning("a status message was not sent: %s", type(error).__name__)
            return
        self._message_id, self._shown, self._edited = message.message_id, text, time.monotonic()

    async def _edit(self, text: str) -> bool:
        self._edited = time.monotonic()
        try:
            await self._bot.edit_message_text(
                text, chat_id=self._chat.chat_id, message_id=self._message_id
            )
        except TelegramError as error:
            if "not modified" not in str(error).lower():
                log.warning("a status message was not edited: %s", type(error).__name__)
                return False
        self._shown = text
        return True
