"""Delivery: a row's message, the signs of its being typed, and the buttons under it, to Telegram.

Raises what PTB raises; whoever calls decides what became of the message.
"""

from __future__ import annotations

import asyncio
import json
import logging

from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
)
from telegram.constants import ChatAction
from telegram.error import TelegramError

from bot.memory.context import Context
from storage.outbox import Outgoing

log = logging.getLogger(__name__)

TYPING_S = 5.0  # as long as Telegram shows that somebody is typing


class Delivery:
    """Speaks to Telegram for one bot."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._typing: dict[int, asyncio.Task[None]] = {}

    def type_in(self, context: Context) -> None:
        """Show that something is being typed in a chat, until `rest`."""
        chat = context.chat.id
        if chat not in self._typing:
            self._typing[chat] = asyncio.create_task(self._type(context), name=f"typing {chat}")

    def rest(self, chat: int) -> None:
        """Nothing is being typed in a chat any more."""
        task = self._typing.pop(chat, None)
        if task is not None:
            task.cancel()  # an action after the message would stay for seconds

    async def _type(self, context: Context) -> None:
        while True:
            try:
                await self._bot.send_chat_action(
                    context.chat.chat_id,
                    ChatAction.TYPING,
                    message_thread_id=context.chat.topic or None,
                )
            except TelegramError as error:  # nothing depends on it
                log.debug("no typing action: %s", type(error).__name__)
            await asyncio.sleep(TYPING_S)

    async def send(self, context: Context, row: Outgoing, *, threaded: bool) -> Message:
        """Send a row's text; returns the message. `threaded`: below what it answers."""
        reply = None
        if threaded and row.reply_to is not None:
            reply = ReplyParameters(row.reply_to, allow_sending_without_reply=True)
        return await self._bot.send_message(
            context.chat.chat_id,
            row.text,
            message_thread_id=context.chat.topic or None,
            reply_parameters=reply,
            reply_markup=keyboard(row.buttons),
            link_preview_options=LinkPreviewOptions(is_disabled=True),
        )


def keyboard(buttons: str) -> InlineKeyboardMarkup | None:
    """Buttons stored as JSON rows of [label, data] pairs; data that is a link opens it."""
    if not buttons:
        return None
    return InlineKeyboardMarkup(
        [[_button(label, data) for label, data in row] for row in json.loads(buttons)]
    )


def _button(label: str, data: str) -> InlineKeyboardButton:
    if data.startswith("https://"):
        return InlineKeyboardButton(label, url=data)
    return InlineKeyboardButton(label, callback_data=data)
