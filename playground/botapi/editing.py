"""Edits, deletions and reactions: what becomes of a message after it was sent."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from playground import rendering
from playground.botapi import content
from playground.botapi.api import API
from playground.botapi.errors import NOT_MODIFIED, bad_request
from playground.botapi.keyboards import inline_keyboard
from playground.botapi.parameters import Parameters
from playground.chats import Message
from playground.journal import Json

_REACTIONS_TEXT = (
    "👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 "
    "💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 "
    "🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡"
)
REACTIONS = frozenset(_REACTIONS_TEXT.split())


async def edit_message_text(api: API, parameters: Parameters) -> Any:
    """New words, and a new keyboard or none."""
    message = api.own_message(parameters)
    fields = content.text(parameters)
    if "text" not in message.content:
        raise bad_request("there is no text in the message to edit")
    return _edit(api, message, fields, inline_keyboard(parameters))


async def edit_message_caption(api: API, parameters: Parameters) -> Any:
    """A new caption, and a new keyboard or none."""
    message = api.own_message(parameters)
    if "text" in message.content:
        raise bad_request("there is no caption in the message to edit")
    media = {k: v for k, v in message.content.items() if not k.startswith("caption")}
    return _edit(api, message, media | content.caption(parameters), inline_keyboard(parameters))


async def edit_message_reply_markup(api: API, parameters: Parameters) -> Any:
    """A new keyboard or none; the words stay."""
    message = api.own_message(parameters)
    return _edit(api, message, message.content, inline_keyboard(parameters))


async def delete_message(api: API, parameters: Parameters) -> Any:
    """Take a message away: one's own, or with the right to do so anybody's."""
    message = api.message(parameters, "delete")
    chat = api.world.chats[message.chat]
    if message.sender != api.world.bot.id and chat.bot_status != "administrator":
        raise bad_request("message can't be deleted")
    api.world.delete(message)
    return True


async def delete_messages(api: API, parameters: Parameters) -> Any:
    """Take several messages away; those that are gone already do not count."""
    chat = api.chat(parameters)
    wanted = parameters.parsed("message_ids", "message identifiers")
    if not isinstance(wanted, list) or not wanted:
        raise bad_request("message identifiers are not specified")
    for message_id in wanted[:100]:
        if message := chat.messages.get(message_id):
            api.world.delete(message)
    return True


async def set_message_reaction(api: API, parameters: Parameters) -> Any:
    """The bot's reaction to a message, or none."""
    message = api.message(parameters, "react")
    wanted = parameters.parsed("reaction", "reaction types") or []
    if not isinstance(wanted, list) or not all(isinstance(each, dict) for each in wanted):
        raise bad_request("expected an Array of ReactionType")
    emojis = [str(each.get("emoji", "")).replace("\ufe0f", "") for each in wanted]
    if not all(each in REACTIONS for each in emojis):
        raise bad_request("REACTION_INVALID")
    if len(emojis) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    api.world.change(reacted(message, api.world.bot.id, emojis))
    return True


def reacted(message: Message, user: int, emojis: list[str]) -> Message:
    """The message with `user`'s reactions replaced."""
    others = {who: what for who, what in message.reactions.items() if who != str(user)}
    return replace(message, reactions=others | ({str(user): emojis} if emojis else {}))


def _edit(api: API, message: Message, fields: Json, markup: Json | None) -> Json:
    if fields == message.content and markup == message.markup:
        raise bad_request(NOT_MODIFIED)
    edited = int(time.time())
    changed = replace(message, content=fields, markup=markup, edited=edited)
    api.world.change(changed)
    return rendering.message(api.world, changed)
