"""Chats and their messages, as the group has them.

Structure only: who said what in reply to what. How a message looks in the Bot API or on the page
is `rendering`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from playground.journal import Json

KEPT = 20_000  # newest messages a chat keeps; older ones scroll out of reach


@dataclass(slots=True)
class Message:
    """One message. `content` holds the Bot API fields that differ by kind (text, photo, ...)."""

    chat: int
    id: int
    sender: int
    date: int
    content: Json
    edited: int = 0
    topic: int = 0
    reply_to: int = 0
    markup: Json | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)  # user id -> emoji
    revision: int = 0  # of the world when it last changed; not kept

    def to_record(self) -> Json:
        """The journal's line, which replaces an earlier one of the same message."""
        record: Json = {"kind": "message", "chat": self.chat, "id": self.id, "sender": self.sender}
        record |= {"date": self.date, "content": self.content}
        for name in ("edited", "topic", "reply_to", "markup", "reactions"):
            if value := getattr(self, name):
                record[name] = value
        return record


@dataclass(slots=True)
class Chat:
    """A supergroup, a basic group, or a member's private chat with the bot.

    bot_status: as in ChatMember; "restricted" is a bot that may read and not write
    slow_mode: seconds between two messages of whoever does not administer the group
    closed: topics in which only administrators write
    """

    id: int
    title: str
    type: str = "supergroup"
    bot_status: str = "administrator"
    migrated_to: int = 0
    last_id: int = 0  # message ids are never used twice, deleted or not
    forum: bool = False
    slow_mode: int = 0
    closed: list[int] = field(default_factory=list)
    topics: dict[int, str] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    deleted: dict[int, int] = field(default_factory=dict)  # message id -> revision

    def to_record(self) -> Json:
        """The journal's line for the chat itself."""
        names = ("id", "title", "type", "bot_status", "migrated_to", "last_id", "forum")
        record: Json = {"kind": "chat", "slow_mode": self.slow_mode, "closed": self.closed}
        record |= {name: getattr(self, name) for name in names}
        return record | {"topics": {str(topic): name for topic, name in self.topics.items()}}

    def put(self, message: Message) -> None:
        """Add a message or replace it by its new form."""
        self.messages[message.id] = message
        self.last_id = max(self.last_id, message.id)
        if len(self.messages) > KEPT:
            del self.messages[next(iter(self.messages))]
