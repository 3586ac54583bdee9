"""The journaled state of a playground: people, chats, messages, files, pending updates.

Every change is a list of records: written to the journal in one go, then applied here, the same
way when it happens and at a restart. Whatever changes is published to the open pages. What may
happen in a group, and what the bot hears of it, is `world`'s business.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

from playground import rendering
from playground.chats import Chat, Message
from playground.config import PlaygroundConfig
from playground.feed import Feed
from playground.files import File, Files
from playground.journal import Journal, Json
from playground.people import User
from playground.updates import Update, Updates

JOURNAL = "journal.jsonl"  # in a playground's folder


def kept_chats(folder: Path) -> frozenset[int]:
    """Ids of all chats that a playground has kept in that folder, which need not be there."""
    if not (folder / JOURNAL).exists():
        return frozenset()
    journal = Journal(folder / JOURNAL)
    try:
        return frozenset(record["id"] for record in journal.read() if record["kind"] == "chat")
    finally:
        journal.close()


class State:
    """Everything that a restart keeps, and the one way to change it."""

    def __init__(self, config: PlaygroundConfig) -> None:
        folder = config.folder
        self.config = config
        self.instance = secrets.token_hex(8)  # pages reload the state when it changes
        self.revision = 0
        self.users: dict[int, User] = {}
        self.members: list[int] = []
        self.chats: dict[int, Chat] = {}
        self.settings: dict[str, Json] = {}  # bot, webhook, allowed updates, commands by scope
        self.updates = Updates(lambda offset: self.commit({"kind": "confirmed", "below": offset}))
        self.files = Files(folder / "files" if folder else None)
        self.feed = Feed()
        self._journal = Journal(folder / JOURNAL if folder else None)

    def restore(self) -> None:
        """Read the journal and start it anew without what was replaced."""
        for record in self._journal.read():
            self._apply(record)
        self._journal.start(self._records())

    def compact(self) -> None:
        """Start the journal anew: it holds nothing any more that was deleted."""
        self._journal.start(self._records())

    def close(self) -> None:
        """End whoever waits and let go of the journal."""
        self.updates.close()
        self.feed.close()
        self._journal.close()

    def commit(self, *records: Json) -> None:
        """Make `records` true: in the journal first, wholly or not at all, then here."""
        self._journal.append(records)
        for record in records:
            self._apply(record)

    @property
    def bot(self) -> User:
        """The bot's account, the same at every start whatever the token."""
        return self.users[int(self.settings["bot"]["id"])]

    def status(self, chat: Chat, user: int) -> str:
        """A user's ChatMember status."""
        if user == self.bot.id:
            return chat.bot_status
        if user not in self.members:
            return "left"
        if user == self.members[0]:
            return "creator"
        return "administrator" if self.users[user].name in self.config.admins else "member"

    def present(self, chat: Chat) -> list[User]:
        """Everybody in a chat, the bot last."""
        people = [chat.id] if chat.type == "private" else self.members
        bots = [] if chat.bot_status in ("left", "kicked") else [self.bot]
        return [self.users[user] for user in people] + bots

    def _records(self) -> Iterator[Json]:
        # What a new journal starts with: everything that is still so.
        yield {"kind": "next", "update": self.updates.next_id}
        for name, value in self.settings.items():
            yield {"kind": "setting", "name": name, "value": value}
        yield from (user.to_record() for user in self.users.values())
        yield from (file.to_record() for file in self.files.known.values())
        for chat in self.chats.values():
            yield chat.to_record()
            yield from (message.to_record() for message in chat.messages.values())
        yield from (update.to_record() for update in self.updates)

    def _apply(self, record: Json) -> None:
        fields = dict(record)
        apply = {
            "message": self._apply_message,
            "update": self._apply_update,
            "confirmed": self._apply_confirmed,
            "deleted": self._apply_deleted,
            "chat": self._apply_chat,
            "user": self._apply_user,
            "file": self._apply_file,
            "setting": self._apply_setting,
            "next": self._apply_next,
        }[fields.pop("kind")]
        apply(fields)

    def _apply_message(self, fields: Json) -> None:
        self.revision += 1
        message = Message(**fields, revision=self.revision)
        self.chats[message.chat].put(message)
        if self.feed.watched:
            self.feed.publish({"kind": "message", "message": rendering.view(self, message)})

    def _apply_deleted(self, fields: Json) -> None:
        self.revision += 1
        chat = self.chats[fields["chat"]]
        chat.messages.pop(fields["id"], None)
        chat.deleted[fields["id"]] = self.revision
        self.feed.publish({"kind": "deleted", **fields, "revision": self.revision})

    def _apply_chat(self, fields: Json) -> None:
        topics = {int(topic): name for topic, name in fields.pop("topics").items()}
        chat = self.chats.setdefault(fields["id"], Chat(fields["id"], fields["title"]))
        for name, value in fields.items():
            setattr(chat, name, value)
        chat.topics = topics
        self.feed.publish({"kind": "people"})

    def _apply_update(self, fields: Json) -> None:
        self.updates.put(Update(**fields))

    def _apply_confirmed(self, fields: Json) -> None:
        if "below" in fields:
            self.updates.forget_below(fields["below"])
        else:
            self.updates.forget(fields["update"])

    def _apply_user(self, fields: Json) -> None:
        self.users[fields["id"]] = User(**fields)
        self.feed.publish({"kind": "people"})

    def _apply_file(self, fields: Json) -> None:
        self.files.put(File(**fields))

    def _apply_next(self, fields: Json) -> None:
        self.updates.next_id = fields["update"]

    def _apply_setting(self, fields: Json) -> None:
        self.settings[fields["name"]] = fields["value"]
        if fields["name"] == "allowed_updates":
            self.updates.allowed = frozenset(fields["value"]["kinds"])
        self.feed.publish({"kind": "people"})
