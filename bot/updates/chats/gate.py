"""The gate: only chats that the bot serves get in; others are left with one polite line.

Whoever is turned away is left a moment later: a group that becomes a supergroup is met at its new
id before Telegram says that it is the old one.
"""

from __future__ import annotations

import asyncio
import logging

from telegram import Chat, ChatMember, Update
from telegram.constants import ChatType
from telegram.error import TelegramError
from telegram.ext import ApplicationHandlerStop

from bot.house import House
from bot.updates.chats import membership
from bot.wording import wording

log = logging.getLogger(__name__)


async def gate(house: House, update: Update) -> None:
    """Let an update pass; raises ApplicationHandlerStop where its chat is not served."""
    chat, user = update.effective_chat, update.effective_user
    if chat is None or chat.type == ChatType.PRIVATE:
        return
    message = update.message
    if message is not None and message.migrate_from_chat_id is not None:
        house.admission.moved(message.migrate_from_chat_id, chat.id)
    group = chat.type in (ChatType.GROUP, ChatType.SUPERGROUP)
    if group and house.admission.admits(chat.id, 0 if user is None else user.id):
        if message is not None and chat.id not in house.admission.present:
            await membership.entered(house, chat.id)  # who hears a chat is in it
        return
    leaving = ("leave", chat.id)
    if _is_there(update) and not house.errands.busy(leaving):
        language = "" if user is None else user.language_code or ""
        house.errands.start(leaving, _leave(house, chat, language))
    raise ApplicationHandlerStop


def _is_there(update: Update) -> bool:
    """Whether this shows that the bot is in the chat."""
    if update.my_chat_member is not None:
        status = update.my_chat_member.new_chat_member.status
        return status not in (ChatMember.LEFT, ChatMember.BANNED)
    return update.message is not None


async def _leave(house: House, chat: Chat, language: str) -> None:
    await asyncio.sleep(membership.GRACE_S)
    if house.admission.serves(chat.id):
        return
    say = wording(language)
    line = say(
        "I only serve the group that I was made for, so I am leaving. (This chat is {chat}.)",
        chat=chat.id,
    )
    for call in (house.bot.send_message(chat.id, line), house.bot.leave_chat(chat.id)):
        try:
            await call
        except TelegramError as error:
            log.info("leaving chat %d: %s", chat.id, type(error).__name__)
