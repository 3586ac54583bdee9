"""Deeds beyond writing: media, albums, forwards, posts for a chat, notices, rights, moves.

What members and admins do with a group on Telegram, so that a bot can be seen to cope with it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

from playground import rendering
from playground.botapi import content
from playground.botapi.parameters import clean
from playground.chats import Chat, Message
from playground.files import File
from playground.journal import Json
from playground.media import UnknownKindError, media
from playground.members import Members, RefusedError
from playground.people import User
from playground.world import World

Call = Mapping[str, Any]
# Telegram's own accounts, behind which chats post.
ANONYMOUS = User(1087968824, "Group", "GroupAnonymousBot", is_bot=True)
CHANNEL_BOT = User(136817688, "Channel", "Channel_Bot", is_bot=True)
TELEGRAM = User(777000, "Telegram")
CHANNEL: Json = {"id": -1_002_000_000_001, "type": "channel", "title": "News"}
LARGEST_ALBUM = 10


class Deeds:
    """The deeds of members and admins."""

    def __init__(self, world: World, members: Members) -> None:
        self._world, self._members = world, members

    def send(self, call: Call) -> list[Message]:
        """Media with a caption; with `items` an album of so many, the caption at one of them."""
        chat, sender = self._members.place(call)
        items = min(max(int(call.get("items") or 1), 1), LARGEST_ALBUM)
        album = {"media_group_id": str(secrets.randbits(60))} if items > 1 else {}
        captioned = int(call.get("captioned") or 0)
        more = self._where(chat, call)
        return [
            self._world.say(
                chat, sender, self._media(call, caption=number == captioned) | album, **more
            )
            for number in range(items)
        ]

    def forward(self, call: Call) -> Message:
        """Bring a message here from somewhere else: `from_name` hides who wrote it."""
        chat, sender = self._members.place(call)
        origin: Json = {"type": "hidden_user", "date": int(time.time()) - 60}
        origin["sender_user_name"] = clean(str(call.get("from_name") or "Somebody"))[:64]
        fields = content.written(clean(str(call.get("text") or "")))
        return self._world.say(chat, sender, fields | {"forward_origin": origin})

    def post(self, call: Call) -> Message:
        """Write as something else: `as_what` is anonymous, channel, linked, inline or bot."""
        chat, sender = self._members.place(call)
        fields = content.written(clean(str(call.get("text") or "")))
        here = rendering.chat(chat)
        helper = User(900_000_001, "Helper", "helper_bot", is_bot=True)
        known: dict[str, tuple[User, Json]] = {
            "anonymous": (ANONYMOUS, {"sender_chat": here}),
            "channel": (CHANNEL_BOT, {"sender_chat": CHANNEL}),
            "linked": (TELEGRAM, {"sender_chat": CHANNEL, "is_automatic_forward": True}),
            "inline": (self._world.users[sender], {"via_bot": helper.to_dict()}),
            "bot": (helper, {}),
        }
        if call.get("as_what") not in known:
            raise RefusedError(f"as_what: one of {', '.join(known)}")
        account, more = known[str(call["as_what"])]
        if account.id not in self._world.users:
            self._world.commit(account.to_record())
        if call["as_what"] == "linked":
            origin = {"type": "channel", "chat": CHANNEL, "message_id": 1, "date": 1}
            more |= {"forward_origin": origin}
        return self._world.say(chat, account.id, fields | more)

    def notice(self, call: Call) -> Message:
        """What Telegram itself writes into a chat: `field` and its `value` in the Bot API."""
        chat, sender = self._members.place(call)
        field = str(call.get("field", ""))
        if field not in ("new_chat_title", "pinned_message", "left_chat_member", "boost_added"):
            raise RefusedError(f"field: no notice {field[:32]!r}")
        return self._world.say(chat, sender, {field: call.get("value")})

    def rights(self, call: Call) -> Chat:
        """Set the bot's standing (`status`), slow mode (`slow_mode`), or close a `topic`."""
        chat = self._members.chat(call)
        if "status" in call:
            known = ("administrator", "member", "restricted", "left", "kicked")
            if call["status"] not in known:
                raise RefusedError(f"status: one of {', '.join(known)}")
            self._world.set_bot_status(chat, str(call["status"]))
        changes: Json = {}
        if "slow_mode" in call:
            changes["slow_mode"] = max(0, int(call["slow_mode"]))
        if "topic" in call:
            changes["closed"] = [*chat.closed, int(call["topic"])]
        self._world.commit(self._world.chats[chat.id].to_record() | changes)
        return self._world.chats[chat.id]

    def migrate(self, call: Call) -> Chat:
        """Make a group a supergroup, at another id."""
        chat = self._members.chat(call)
        if chat.type == "private" or chat.migrated_to:
            raise RefusedError("chat: only a group that is still there moves")
        return self._world.migrate(chat)

    def _media(self, call: Call, *, caption: bool) -> Json:
        try:
            fields = media(call, self._file)
        except UnknownKindError as error:
            raise RefusedError(str(error)) from None
        words = clean(str(call.get("caption") or "")).strip()
        return fields | (content.written(words, "caption") if words and caption else {})

    def _file(self, name: str, mime: str, folder: str) -> File:
        return self._world.store(b"nothing", name, mime, folder)

    def _where(self, chat: Chat, call: Call) -> Json:
        topic, replied = int(call.get("topic") or 0), int(call.get("reply_to") or 0)
        if (topic and topic not in chat.topics) or (replied and replied not in chat.messages):
            raise RefusedError("topic, reply_to: not there")
        return {"topic": topic, "reply_to": replied}
