"""Who may retrain: admins of the chat, asked afresh each time, and ids from the configuration.

It fails closed: no answer from Telegram is a no. Forwards, edits, inline bots and channel posts
are never an admin's word, whoever they seem to come from.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable

from telegram import Bot, User
from telegram.constants import ChatMemberStatus
from telegram.error import TelegramError

from bot.updates.incoming import ANONYMOUS_ADMIN, Incoming

log = logging.getLogger(__name__)

ADMIN = (ChatMemberStatus.OWNER, ChatMemberStatus.ADMINISTRATOR)
MOST_CHATS = 20  # asked about one person


async def is_admin(
    bot: Bot, heard: Incoming, configured: Collection[int], served: Iterable[int] = ()
) -> bool:
    """Whether this command, or press of a button, comes from an admin.

    In a group that is an admin of this very chat; in a private chat an admin of any served one.
    """
    if heard.borrowed or heard.edited or heard.as_channel or heard.from_bot:
        return False
    if heard.anonymous_admin:
        return heard.in_group
    if heard.user == ANONYMOUS_ADMIN:  # without the group behind it: everybody's, so nobody's
        return False
    if heard.user in configured:
        return True
    where = [heard.chat_id] if heard.in_group else list(served)[:MOST_CHATS]
    for chat_id in where:
        if await _administers(bot, chat_id, heard.user):
            return True
    return False


async def _administers(bot: Bot, chat_id: int, user: int) -> bool:
    try:
        member = await bot.get_chat_member(chat_id, user)
    except TelegramError as error:
        log.warning("an admin could not be checked (%s): refused", type(error).__name__)
        return False
    return member.status in ADMIN


async def owners(bot: Bot, served: Iterable[int]) -> list[User]:
    """The owners of these chats, as far as Telegram tells."""
    found: dict[int, User] = {}
    for chat_id in list(served)[:MOST_CHATS]:
        try:
            members = await bot.get_chat_administrators(chat_id)
        except TelegramError as error:
            log.info("chat %d does not tell its owner: %s", chat_id, type(error).__name__)
            continue
        found |= {m.user.id: m.user for m in members if m.status == ChatMemberStatus.OWNER}
    return list(found.values())
