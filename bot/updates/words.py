"""What a Telegram message says: its words without the bot's @name, or a placeholder for its media.

Agrees with Telegram Desktop's export (lm/exports/telegram): a caption is text, a poll its
question, a sticker its emoji, and other media without a caption are a placeholder.
"""

from __future__ import annotations

from dataclasses import dataclass

from telegram import Message, MessageEntity, User

from lm.corpus.media import PLACEHOLDERS
from lm.corpus.text import clean


@dataclass(frozen=True, slots=True)
class Words:
    """`text` is what somebody wrote, "" for nothing; `media` a placeholder where that is so."""

    text: str
    media: str
    mentions_bot: bool


def words(message: Message, me: User) -> Words:
    """Read a message."""
    text, mentioned = _written(message, me)
    if not text and message.poll is not None:
        text = clean(message.poll.question)
    if not text and message.sticker is not None:
        text = clean(message.sticker.emoji or "")
    return Words(text, "" if text else _placeholder(message), mentioned)


def _placeholder(message: Message) -> str:
    for field, placeholder in PLACEHOLDERS.items():
        if getattr(message, field, None):
            return placeholder
    return ""


def _written(message: Message, me: User) -> tuple[str, bool]:
    """Text or caption without the bot's @name, and whether that was there."""
    # PTB's own parsing of entities fails on half of a surrogate pair. Offsets are UTF-16 units.
    raw = (message.text or message.caption or "").encode("utf-16-le", "surrogatepass")
    entities = message.entities if message.text else message.caption_entities
    at_me = f"@{me.username}".casefold()
    mentioned = False
    for entity in sorted(entities, key=lambda each: -each.offset):
        start, end = 2 * entity.offset, 2 * (entity.offset + entity.length)
        named = raw[start:end].decode("utf-16-le", "replace").casefold()
        by_name = entity.type == MessageEntity.MENTION and named == at_me
        if by_name or (entity.user is not None and entity.user.id == me.id):
            mentioned = True
            raw = raw[:start] + raw[end:]
    return clean(raw.decode("utf-16-le", "surrogatepass")), mentioned
