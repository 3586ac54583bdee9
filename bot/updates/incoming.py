"""A group message as the bot looks at it: plain values read off a Telegram update once.

Handlers and the decision whether to reply work on this record and never on the update itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from telegram import Message, MessageOriginUser, Update, User
from telegram.constants import ChatType

from bot.updates.words import words
from bot.wording import Wording, wording
from lm.corpus.text import clean

ANONYMOUS_ADMIN = 1087968824  # the one account behind which every anonymous admin posts
LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message. Times are seconds since 1970; `text` has the bot's @name taken out."""

    update_id: int
    chat_id: int
    topic: int
    message_id: int
    user: int
    name: str
    text: str
    arguments: str
    sent_at: int
    in_group: bool
    from_bot: bool
    as_channel: bool
    anonymous_admin: bool
    borrowed: bool  # forwarded, or sent through an inline bot: not the sender's own words
    mentions_bot: bool
    replies_to_bot: bool
    edited: bool = False  # a message's new words: they command nothing
    username: str = ""  # the sender's, without the @; "" for none
    language: str = ""  # the sender's, as an IETF tag; "" where unknown
    media: str = ""  # a placeholder where there is no text
    album: str = ""  # the same in every message of an album
    author: int = 0  # whose words these are: of a forward the first sender, where that is told

    @property
    def words(self) -> str:
        """What a context remembers: the text, else what stands for media."""
        return self.text or self.media

    @property
    def wording(self) -> Wording:
        """What the bot says to the sender, in their language."""
        return wording(self.language)

    @property
    def origin(self) -> str:
        """The same name for this message as in a Telegram Desktop export of the chat."""
        return f"telegram:{self.chat_id}:{self.message_id}"


def read(update: Update, me: User) -> Incoming | None:
    """The message of an update, new or edited, or with the button that was pressed.

    `user` and `name` are whose doing it is: the sender, or who pressed. None without a message.
    """
    message, sender = update.effective_message, update.effective_user
    if not isinstance(message, Message) or sender is None:
        return None
    chat = message.chat
    as_chat = message.sender_chat
    said = words(message, me)
    replied, first = message.reply_to_message, message.forward_origin
    return Incoming(
        update_id=update.update_id,
        chat_id=chat.id,
        topic=(message.message_thread_id or 0) if message.is_topic_message else 0,
        message_id=message.message_id,
        user=sender.id,
        name=clean(sender.full_name)[:LONGEST_NAME] or "?",
        text=said.text,
        arguments=_arguments(said.text),
        sent_at=int((message.edit_date or message.date).timestamp()),
        in_group=chat.type in (ChatType.GROUP, ChatType.SUPERGROUP),
        from_bot=sender.is_bot and as_chat is None,  # chats post behind bots of Telegram's own
        as_channel=as_chat is not None and as_chat.id != chat.id,
        anonymous_admin=as_chat is not None
        and as_chat.id == chat.id
        and sender.id == ANONYMOUS_ADMIN,
        borrowed=message.forward_origin is not None or message.via_bot is not None,
        mentions_bot=said.mentions_bot,
        replies_to_bot=replied is not None
        and replied.from_user is not None
        and replied.from_user.id == me.id
        and not (message.is_topic_message and replied.message_id == message.message_thread_id),
        edited=update.edited_message is not None,
        username=sender.username or "" if as_chat is None else "",
        language=sender.language_code or "",
        media=said.media,
        album=message.media_group_id or "",
        author=first.sender_user.id if isinstance(first, MessageOriginUser) else sender.id,
    )


def _arguments(text: str) -> str:
    """What stands after a command's own word."""
    parts = text.split(maxsplit=1)
    return parts[1].strip() if len(parts) > 1 else ""
