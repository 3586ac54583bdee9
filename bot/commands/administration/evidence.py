"""How a group takes its personas: reactions to what they said, and the blind test of /guess.

Lines for /status. Telegram tells of reactions only where the bot administers the group.
"""

from __future__ import annotations

import logging

from telegram import (
    MessageReactionUpdated,
    ReactionType,
    ReactionTypeCustomEmoji,
    ReactionTypeEmoji,
)
from telegram.constants import ChatMemberStatus
from telegram.error import TelegramError

from bot.guessing.board import standing
from bot.house import House
from bot.speaking.voice.speech import defuse
from bot.wording import Wording
from storage import guesses, reactions
from storage.store import Db

log = logging.getLogger(__name__)

ADMIN = (ChatMemberStatus.ADMINISTRATOR, ChatMemberStatus.OWNER)
SHOWN = 8  # personas and emoji of each
CUSTOM, PAID = "🧩", "⭐"  # instead of an emoji that only Telegram's own apps can draw


async def on_reaction(house: House, update_id: int, change: MessageReactionUpdated) -> None:
    """Somebody's reactions to a message changed. Those of anonymous admins are nobody's."""
    user = change.user

    async def record(db: Db) -> None:
        if user is not None and not user.is_bot:
            found = [_emoji(each) for each in change.new_reaction]
            await reactions.replace(db, change.chat.id, change.message_id, user.id, found)

    await house.apply(update_id, record)


def _emoji(kind: ReactionType) -> str:
    if isinstance(kind, ReactionTypeEmoji):
        return str(kind.emoji)
    return CUSTOM if isinstance(kind, ReactionTypeCustomEmoji) else PAID


async def evidence(house: House, say: Wording, *, admin: bool) -> list[str]:
    """What /status says of it: reactions by persona, and how the blind test stands.

    admin: whether the bot administers the group in which that is said
    """
    counts = await house.store.read(lambda db: reactions.counts(db, house.group.id))
    people = house.current.cast.speakers
    by_persona = [
        f"{defuse(people[each].name)} "
        + " ".join(f"{emoji} {n:,}" for emoji, n in list(found.items())[:SHOWN])
        for each, found in counts.items()
        if each in people
    ]
    lines = []
    if by_persona:
        lines.append(say("Reactions: {counts}", counts="; ".join(by_persona[:SHOWN])))
    if not admin:
        lines.append(say("I see reactions to what I say only if I am an admin of this group."))
    tally = await house.store.read(lambda db: guesses.tally(db, house.group.id))
    if tally.guesses:
        lines.append(standing(tally, say))
    return lines


async def administers(house: House, chat_id: int) -> bool:
    """Whether the bot administers a group; true where it cannot be told, to say nothing false."""
    try:
        member = await house.bot.get_chat_member(chat_id, house.me.id)
    except TelegramError as error:
        log.info("the bot's own rights are not known: %s", type(error).__name__)
        return True
    return member.status in ADMIN
