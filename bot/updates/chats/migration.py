"""Migration: a group becomes a supergroup and has another id; everything of it follows, once.

There are three signals, and any of them may come first: a notice in the old chat, one in the new
chat, and the refusal of a message to the old one. All end here, and repeating it changes nothing.
"""

from __future__ import annotations

from telegram import Message

from bot.house import House
from storage import presence


async def moved(house: House, old: int, new: int) -> None:
    """Bring contexts, settings and what is about to be said from chat `old` to chat `new`."""
    house.admission.moved(old, new)
    house.limiter.moved(old, new)
    await house.store.write(lambda db: presence.no_welcome(db, new))
    await house.current.contexts.migrate(old, new)
    await house.replies.wake_all()


async def noticed(house: House, message: Message) -> None:
    """One of the two notices came."""
    if message.migrate_to_chat_id is not None:
        await moved(house, message.chat_id, message.migrate_to_chat_id)
    elif message.migrate_from_chat_id is not None:
        await moved(house, message.migrate_from_chat_id, message.chat_id)


def found_moved(house: House, old: int, new: int) -> None:
    """Telegram refused a message to the old id."""
    key = ("migration", old)
    if not house.errands.busy(key):
        house.errands.start(key, moved(house, old, new))
