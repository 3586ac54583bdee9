"""The one message that tells of a training: edited at most every few seconds, when it changes.

Progress may get lost, the outcome is told again until Telegram has it. The training depends on
neither.
"""

from __future__ import annotations

import asyncio
import logging
import time

from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, Forbidden, RetryAfter, TelegramError

from bot.updates.limits.limiter import seconds
from storage.chats import ChatRow

log = logging.getLogger(__name__)

EDIT_EVERY_S = 5.0
TRIES = 5  # to tell the outcome
AGAIN_S = 2.0  # after a network's failure
LONGEST_PAUSE_S = 600.0  # between two of them, where Telegram asks for one
REFUSED = (BadRequest, Forbidden, ChatMigrated)  # the same would be refused again


class StatusMessage:
    """A message in a chat; `message_id` is that of one sent before a restart."""

    def __init__(self, bot: Bot, chat: ChatRow, message_id: int | None = None) -> None:
        self._bot, self._chat, self._message_id = bot, chat, message_id
        self._shown, self._edited = "", 0.0

    async def begin(self, text: str, *, silent: bool = False) -> int | None:
        """Send it; its message id, or None where Telegram took none.

        silent: no phone rings
        """
        try:
            await self._put(text, silent=silent)
        except TelegramError as error:
            log.warning("a status message was not sent: %s", type(error).__name__)
        return self._message_id

    async def show(self, text: str) -> None:
        """Show progress, unless the last change is too recent."""
        if text == self._shown or time.monotonic() - self._edited < EDIT_EVERY_S:
            return
        try:
            await self._put(text)
        except TelegramError as error:
            log.warning("a status message was not edited: %s", type(error).__name__)

    async def end(self, text: str) -> None:
        """Show the outcome, after the pause that edits keep; sent anew where its message is gone.

        An edit does no harm twice, and an outcome told twice less than one not told.
        """
        pause = EDIT_EVERY_S - (time.monotonic() - self._edited)
        if self._edited and pause > 0:
            await asyncio.sleep(pause)
        for _ in range(TRIES):
            again = await self._try(text)
            if again is None:
                return
            await asyncio.sleep(again)
        log.warning("the outcome of a training was not told")

    async def _try(self, text: str) -> float | None:
        """Show a text; seconds until it is worth another try, None where it is not."""
        try:
            await self._put(text)
        except RetryAfter as error:
            return min(seconds(error), LONGEST_PAUSE_S)
        except REFUSED as error:
            if self._message_id is None:
                log.warning("a status message was refused: %s", type(error).__name__)
                return None
            self._message_id = None
            return 0.0
        except TelegramError:
            return AGAIN_S
        return None

    async def _put(self, text: str, *, silent: bool = False) -> None:
        """Edit the message, or send one where there is none. Raises TelegramError."""
        self._edited = time.monotonic()
        chat = self._chat
        if self._message_id is None:
            message = await self._bot.send_message(
                chat.chat_id,
                text,
                message_thread_id=chat.topic or None,
                disable_notification=silent,
            )
            self._message_id = message.message_id
        else:
            await self._edit(text)
        self._shown = text

    async def _edit(self, text: str) -> None:
        try:
            await self._bot.edit_message_text(
                text, chat_id=self._chat.chat_id, message_id=self._message_id
            )
        except BadRequest as error:
            if "not modified" not in str(error).lower():
                raise
