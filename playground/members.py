"""What a member can do: write, edit, press, react, send a file, open a topic.

Checks a member's call and turns it into a deed in the world. Knows nothing of HTTP.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from playground import rendering
from playground.botapi import content
from playground.botapi.api import API
from playground.botapi.editing import REACTIONS, reacted
from playground.botapi.entities import units
from playground.botapi.parameters import Upload, clean
from playground.botapi.sending import document, photo
from playground.chats import Chat, Message
from playground.files import picture_size
from playground.journal import Json

Call = Mapping[str, Any]


class RefusedError(Exception):
    """A member's call that makes no sense; the text says why."""


class Members:
    """The deeds of members."""

    def __init__(self, api: API) -> None:
        self._world = api.world
        self._presses = api.presses

    def member(self, who: object) -> int:
        """A member's id from an id or a name."""
        world = self._world
        for member in world.members:
            if str(who) in (str(member), world.users[member].name):
                return member
        raise RefusedError(f"as: no member {str(who)[:64]!r}")

    def chat(self, call: Call) -> Chat:
        """The chat of a call: the one named, else the first group."""
        given = str(call.get("chat") or "")
        if not given:
            return next(iter(self._world.chats.values()))
        digits = given.removeprefix("-")
        number = int(given) if digits.isdecimal() and len(digits) < 19 else 0
        if number in self._world.members:
            return self._world.private(number)
        if number not in self._world.chats:
            raise RefusedError(f"chat: no chat {given[:32]!r}")
        return self._world.chats[number]

    def write(self, call: Call) -> Message:
        """A member's text message."""
        chat, sender = self.place(call)
        text = _text(call.get("text"))
        replied = self._message(chat, call.get("reply_to")) if call.get("reply_to") else None
        if left := self._world.slow_mode_left(chat, sender):
            raise RefusedError(f"slow mode: wait {left} s")
        topic = int(call.get("topic") or (replied.topic if replied else 0))
        if topic and topic not in chat.topics:
            raise RefusedError(f"topic: no topic {topic}")
        return self._world.say(
            chat,
            sender,
            content.written(text),
            topic=topic,
            reply_to=replied.id if replied else 0,
        )

    def edit(self, call: Call, message_id: int) -> Message:
        """New words for a member's own message."""
        chat, sender = self.place(call)
        message = self._message(chat, message_id)
        if message.sender != sender:
            raise RefusedError("only one's own messages can be edited")
        key = "text" if "text" in message.content else "caption"
        kept = {
            k: v
            for k, v in message.content.items()
            if k not in (key, "entities", f"{key}_entities")
        }
        fields = kept | content.written(_text(call.get("text")), key)
        if fields == message.content:
            return message
        changed = replace(message, content=fields, edited=int(time.time()))
        return self._world.change(changed, "edited_message")

    def press(self, call: Call) -> str:
        """Press an inline button; the id of the query that the bot has to answer."""
        chat, sender = self.place(call)
        message = self._message(chat, call.get("message_id"))
        rows = (message.markup or {}).get("inline_keyboard", [])
        data = str(call.get("data", ""))
        if data not in [button.get("callback_data") for row in rows for button in row]:
            raise RefusedError("data: the message has no such button")
        query = self._presses.open()
        body = {
            "id": query,
            "from": self._world.users[sender].to_dict(),
            "message": rendering.message(self._world, message),
            "chat_instance": str(abs(chat.id)),
            "data": data,
        }
        self._world.tell(chat.id, "callback_query", body)
        return query

    def react(self, call: Call) -> Message:
        """Set a reaction, or take it back if it was there."""
        chat, sender = self.place(call)
        message = self._message(chat, call.get("message_id"))
        emoji = str(call.get("emoji", "")).replace("\ufe0f", "")
        if emoji not in REACTIONS:
            raise RefusedError("emoji: not one of Telegram's reactions")
        before = message.reactions.get(str(sender), [])
        after = [] if before == [emoji] else [emoji]
        changed = reacted(message, sender, after)
        changed = self._world.change(changed)
        if chat.bot_status == "administrator" or chat.type == "private":
            self._tell_reaction(changed, sender, before, after)
        return changed

    def upload(self, call: Call, file: Upload | None) -> Message:
        """A member's file or picture, with a caption."""
        chat, sender = self.place(call)
        if file is None or not file.data:
            raise RefusedError("file: is missing or empty")
        caption = clean(str(call.get("caption") or "")).strip()
        if units(caption) > content.LONGEST_CAPTION:
            raise RefusedError("caption: is longer than Telegram allows")
        shown = bool(call.get("photo")) and all(picture_size(file.data))
        folder = "photos" if shown else "documents"
        stored = self._world.store(file.data, clean(file.name), file.mime, folder)
        fields = photo(stored) if shown else document(stored)
        if caption:
            fields |= content.written(caption, "caption")
        return self._world.say(chat, sender, fields)

    def create_topic(self, call: Call) -> int:
        """Open a topic in a forum; its id is that of the message that says so."""
        chat, sender = self.place(call)
        name = clean(str(call.get("name") or "")).strip()[:128]
        if not chat.forum or not name:
            raise RefusedError("topics need a forum and a name")
        topic = chat.last_id + 1
        self._world.commit(chat.to_record() | {"topics": {**_named(chat), str(topic): name}})
        created = {"forum_topic_created": {"name": name, "icon_color": 7322096}}
        self._world.say(chat, sender, created, topic=topic)
        return topic

    def place(self, call: Call) -> tuple[Chat, int]:
        """The chat of a call and who writes there, if they may just now."""
        chat = self.chat(call)
        sender = self.member(call.get("as"))
        if chat.type == "private" and chat.id != sender:
            raise RefusedError("chat: somebody else's private chat")
        if chat.migrated_to:
            raise RefusedError("chat: this group moved to another id")
        return chat, sender

    def _message(self, chat: Chat, given: object) -> Message:
        message = chat.messages.get(given) if isinstance(given, int) else None
        if message is None:
            raise RefusedError("the message is not there")
        return message

    def _tell_reaction(
        self, message: Message, sender: int, before: list[str], after: list[str]
    ) -> None:
        body: Json = {
            "chat": rendering.chat(self._world.chats[message.chat]),
            "message_id": message.id,
            "user": self._world.users[sender].to_dict(),
            "date": int(time.time()),
            "old_reaction": rendering.reaction_types(before),
            "new_reaction": rendering.reaction_types(after),
        }
        self._world.tell(message.chat, "message_reaction", body)


def _text(given: object) -> str:
    text = clean(given).strip() if isinstance(given, str) else ""
    if not text:
        raise RefusedError("text: is empty")
    if units(text) > content.LONGEST_TEXT:
        raise RefusedError(f"text: is longer than {content.LONGEST_TEXT} characters")
    return text


def _named(chat: Chat) -> dict[str, str]:
    return {str(topic): name for topic, name in chat.topics.items()}
