"""What can happen in the group, and what the bot hears of it.

Turns a deed (somebody writes, edits, adds the bot) into records for the state below. Knows nothing
of HTTP, of pages or of Bot API methods.
"""

from __future__ import annotations

import json
import time

from playground import rendering
from playground.chats import Chat, Message
from playground.config import FIRST_MEMBER
from playground.files import File
from playground.journal import Json
from playground.people import User
from playground.state import State
from playground.updates import Update

FIRST_GROUP = -1_001_000_000_001  # supergroups count down from here
FIRST_BASIC_GROUP = -1_001  # and basic groups from here
AWAY = ("left", "kicked")


class World(State):
    """A playground's state and everything that can happen in it."""

    def open(self) -> None:
        """Bring back what the journal knows, then let people in who are new."""
        self.restore()
        self._seat()

    def _seat(self) -> None:
        config = self.config
        bot_id = self.settings.get("bot", {}).get("id", config.bot_id)
        bot = User(bot_id, config.bot_name, config.bot_username, is_bot=True)
        self.commit({"kind": "setting", "name": "bot", "value": {"id": bot_id}}, bot.to_record())
        by_name = {user.name: user.id for user in self.users.values() if not user.is_bot}
        for member in config.people():
            free = max([FIRST_MEMBER - 1, *self.users]) + 1
            account = member.id or by_name.get(member.name, free)
            user = User(account, member.name, member.username, language=member.language)
            if self.users.get(user.id) != user:
                self.commit(user.to_record())
            self.members.append(user.id)
        if not self.chats:
            self.create_group(config.title)

    def create_group(self, title: str, forum: bool = False, basic: bool = False) -> Chat:
        """A new group of all members, to which the creator adds the bot."""
        chat = self._found(title, forum, basic)
        self._joined(chat, "left")
        return chat

    def _found(self, title: str, forum: bool, basic: bool) -> Chat:
        first = FIRST_BASIC_GROUP if basic else FIRST_GROUP
        known = [chat.id for chat in self.chats.values() if basic == (chat.type == "group")]
        chat = Chat(min([first + 1, *known]) - 1, title, forum=forum)
        chat.type = "group" if basic else "supergroup"
        chat.bot_status = "administrator" if self.config.bot_is_admin else "member"
        self.commit(chat.to_record())
        return self.chats[chat.id]

    def private(self, user: int) -> Chat:
        """A member's private chat with the bot."""
        if user not in self.chats:
            name = self.users[user].name
            self.commit(Chat(user, name, "private", bot_status="member").to_record())
        return self.chats[user]

    def set_bot_status(self, chat: Chat, status: str) -> None:
        """The creator throws the bot out, lets it in, or takes its right to write."""
        before = chat.bot_status
        self.commit(chat.to_record() | {"bot_status": status})
        if before in AWAY and status not in AWAY:
            self._joined(self.chats[chat.id], before)
        else:
            self.commit(*self._membership(chat, before))

    def migrate(self, chat: Chat) -> Chat:
        """Move a group to a new id. As on Telegram the bot hears first that it joined there, then
        of the move in both chats (tdlib/telegram-bot-api #266).
        """
        new = self._found(chat.title, chat.forum, basic=False)
        creator = self.members[0]
        self.commit(*self._membership(new, "left"))
        self.say(chat, creator, {"migrate_to_chat_id": new.id})
        self.say(new, creator, {"migrate_from_chat_id": chat.id})
        self.commit(self.chats[chat.id].to_record() | {"migrated_to": new.id})
        return new

    def say(
        self,
        chat: Chat,
        sender: int,
        content: Json,
        *,
        topic: int = 0,
        reply_to: int = 0,
        markup: Json | None = None,
    ) -> Message:
        """A new message; the bot hears of it if it may."""
        message = Message(
            chat.id, chat.last_id + 1, sender, int(time.time()), content, 0, topic, reply_to, markup
        )
        return self.change(message, "message")

    def change(self, message: Message, tell: str = "") -> Message:
        """Put a message or its new form; `tell` is the update that the bot gets of it."""
        records = [message.to_record()]
        if tell and self._heard(message):
            body = rendering.message(self, message)
            if update := self._update(message.chat, tell, body):
                records.append(update)
        self.commit(*records)
        return self.chats[message.chat].messages[message.id]

    def delete(self, message: Message) -> None:
        """Take a message away. Bots are never told."""
        self.commit({"kind": "deleted", "chat": message.chat, "id": message.id})

    def slow_mode_left(self, chat: Chat, sender: int) -> int:
        """Seconds until slow mode lets somebody write again. Admins it never holds up."""
        if not chat.slow_mode or self.status(chat, sender) in ("creator", "administrator"):
            return 0
        own = [message.date for message in chat.messages.values() if message.sender == sender]
        return max(0, own[-1] + chat.slow_mode - int(time.time())) if own else 0

    def erase(self, user: int) -> None:
        """Take away what somebody wrote, from the disk too, with all that may repeat it: what the
        bot said, and every document.
        """
        for chat in self.chats.values():
            for message in list(chat.messages.values()):
                if message.sender in (user, self.bot.id) or "document" in message.content:
                    self.delete(message)
        for update in self.updates:
            if update.body.get("from", {}).get("id") == user:
                self.commit({"kind": "confirmed", "update": update.id})
        shown = json.dumps([m.content for c in self.chats.values() for m in c.messages.values()])
        for file in list(self.files.known.values()):
            if file.id not in shown:
                self.files.remove(file)
        self.compact()

    def tell(self, chat: int, kind: str, body: Json) -> None:
        """Queue an update that is not about a message's text."""
        if record := self._update(chat, kind, body):
            self.commit(record)

    def set(self, name: str, value: Json) -> None:
        """Remember a setting of the bot."""
        self.commit({"kind": "setting", "name": name, "value": value})

    def store(self, data: bytes, name: str, mime: str, folder: str) -> File:
        """Keep a file."""
        file = self.files.store(data, name, mime, folder)
        self.commit(file.to_record())
        return file

    def _joined(self, chat: Chat, before: str) -> None:
        self.commit(*self._membership(chat, before))
        self.say(chat, self.members[0], {"new_chat_members": [self.bot.to_dict()]})

    def _membership(self, chat: Chat, before: str) -> list[Json]:
        now = self.chats[chat.id]
        body = {
            "chat": rendering.chat(now),
            "from": self.users[self.members[0]].to_dict(),
            "date": int(time.time()),
            "old_chat_member": rendering.membership(self, now, self.bot, before),
            "new_chat_member": rendering.membership(self, now, self.bot),
        }
        record = self._update(chat.id, "my_chat_member", body)
        return [record] if record else []

    def _heard(self, message: Message) -> bool:
        chat = self.chats[message.chat]
        if message.sender == self.bot.id or chat.bot_status in AWAY:
            return False
        if not self.config.privacy_mode or chat.bot_status == "administrator":
            return True
        text = message.content.get("text", "") or message.content.get("caption", "")
        replied = chat.messages.get(message.reply_to)
        return (
            chat.type == "private"
            or not text
            or text.startswith("/")
            or f"@{self.bot.username}" in text
            or (replied is not None and replied.sender == self.bot.id)
        )

    def _update(self, chat: int, kind: str, body: Json) -> Json | None:
        if kind not in self.updates.allowed:
            return None
        date = int(time.time())
        return Update(self.updates.next_id, chat, kind, body, date).to_record()
