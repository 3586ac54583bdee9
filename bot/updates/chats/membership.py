"""Membership: the bot is added, removed, restricted, or given its rights back.

In a chat that removed it the bot has nothing to say, and nothing of it stays in memory; its
settings and context wait on disk for the bot to come back.
"""

from __future__ import annotations

import asyncio
import logging

from telegram import ChatMember, ChatMemberRestricted, ChatMemberUpdated
from telegram.constants import ChatType

from bot.house import House
from bot.updates.limits.refusal import Refusal
from bot.wording import wording
from storage import outbox, presence
from storage.store import Db

log = logging.getLogger(__name__)

GRACE_S = 2.0  # for news that a new chat is an old one at another id


async def changed(house: House, update_id: int, change: ChatMemberUpdated) -> None:
    """The bot's own standing in a chat changed."""
    chat_id, now = change.chat.id, change.new_chat_member
    if not _present(now):
        await _gone(house, chat_id)
        return
    await entered(house, chat_id)
    if isinstance(now, ChatMemberRestricted) and not now.can_send_messages:
        house.limiter.close(chat_id, "mute")
        _tell_muted(chat_id)
        return
    house.limiter.reopen(chat_id)
    in_group = change.chat.type in (ChatType.GROUP, ChatType.SUPERGROUP)
    is_new = not _present(change.old_chat_member) and not house.admission.is_moved(chat_id)
    if in_group and is_new:
        await _welcome(house, update_id, chat_id, change.from_user.language_code or "")
    else:
        await house.replies.wake_all()


def refused(house: House, chat_id: int, why: Refusal) -> None:
    """Telegram refused a message there: the bot missed what changed, or was never told."""
    if why == "mute":
        _tell_muted(chat_id)
    elif not house.errands.busy(("gone", chat_id)):
        house.errands.start(("gone", chat_id), _gone(house, chat_id))


def _present(member: ChatMember) -> bool:
    if isinstance(member, ChatMemberRestricted):
        return member.is_member
    return member.status not in (ChatMember.LEFT, ChatMember.BANNED)


async def entered(house: House, chat_id: int) -> None:
    """The bot is in a chat, whatever was known of that."""
    house.admission.present.add(chat_id)
    house.limiter.found(chat_id)
    await house.store.write(lambda db: presence.enter(db, chat_id))


async def _gone(house: House, chat_id: int) -> None:
    log.info("the bot is no longer in chat %d", chat_id)
    house.admission.present.discard(chat_id)
    await house.store.write(lambda db: presence.leave(db, chat_id))
    for context in house.current.contexts.loaded():
        if context.chat.chat_id == chat_id:
            house.listening.cancel(context.chat.id)
            for slot in (context.chat.id, -context.chat.id):  # a round of /guess has its own
                house.thread.forget(slot)
    await house.current.contexts.leave(chat_id)


def _tell_muted(chat_id: int) -> None:
    # The alarm tells the admins of errors in private: once, however often it happens.
    log.error("the bot may not write in chat %d: give it the right to send messages", chat_id)


async def _welcome(house: House, update_id: int, chat_id: int, language: str) -> None:
    """Say what the bot is, unless the chat turns out in a moment to be a known one that moved."""
    say = wording(language)
    text = say(
        "Hello. I am an understudy: /as NAME, and I answer the way NAME would.\n\n"
        "I remember what is said here for a while, on the machine that I run on and nowhere else,"
        " so that my answers fit; I learn only from people who agreed. /privacy says more, /help"
        " what I can do."
    )
    chat = (await house.current.contexts.at(chat_id, 0)).chat.id

    async def greet(db: Db) -> None:
        await outbox.add(db, cause=f"welcome:{update_id}", chat=chat, kind="answer", text=text)

    await house.apply(update_id, greet)

    async def soon() -> None:
        await asyncio.sleep(GRACE_S)
        house.replies.wake(chat)

    if not house.errands.busy(("welcome", chat)):
        house.errands.start(("welcome", chat), soon())
