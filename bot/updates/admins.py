"""Who may retrain: admins of the chat, asked afresh each time, and ids from the configuration.

It fails closed: no answer from Telegram is a no. Forwards, inline bots and channel posts are
never an admin's word, whoever they seem to come from.
"""

from __future__ import annotations

import logging

from telegram import Bot
from telegram.constants import ChatMemberStatus
from telegram.error import TelegramError

from bot.updates.incoming import Incoming

log = logging.getLogger(__name__)

ADMIN = (ChatMemberStatus.OWNER, ChatMemberStatus.ADMINISTRATOR)


async def is_admin(bot: Bot, heard: Incoming, configured: list[int]) -> bool:
    """Whether this command comes from an admin."""
    if heard.borrowed or heard.as_channel or heard.from_bot:
        return False
    if heard.anonymous_admin or heard.user in configured:
        return True
    try:
        member = await bot.get_chat_member(heard.chat_id, heard.user)
    except TelegramError as error:
        log.warning("an admin could not be checked (%s): refused", type(error).__name__)
        return False
    return member.status in ADMIN
