"""getChat and its kin, getFile, leaveChat: what the bot may know of where it is."""

from __future__ import annotations

from typing import Any

from playground import rendering
from playground.botapi.api import API
from playground.botapi.errors import bad_request
from playground.botapi.parameters import Parameters
from playground.files import LARGEST_DOWNLOAD


async def get_chat(api: API, parameters: Parameters) -> Any:
    """The chat itself."""
    return rendering.chat(api.chat(parameters), full=True)


async def get_chat_member(api: API, parameters: Parameters) -> Any:
    """One account's standing in the chat."""
    chat = api.chat(parameters)
    user = api.world.users.get(parameters.integer("user_id"))
    if user is None:
        raise bad_request("invalid user_id specified")
    return rendering.membership(api.world, chat, user)


async def get_chat_administrators(api: API, parameters: Parameters) -> Any:
    """Everybody who administers the group."""
    chat = api.chat(parameters)
    if chat.type == "private":
        raise bad_request("there are no administrators in the private chat")
    people = [rendering.membership(api.world, chat, user) for user in api.world.present(chat)]
    return [each for each in people if each["status"] in ("creator", "administrator")]


async def get_chat_member_count(api: API, parameters: Parameters) -> Any:
    """How many are in the chat, the bot included."""
    return len(api.world.present(api.chat(parameters)))


async def get_file(api: API, parameters: Parameters) -> Any:
    """Where a file can be downloaded."""
    file = api.world.files.known.get(parameters.text("file_id"))
    if file is None:
        raise bad_request("invalid file_id")
    if file.size > LARGEST_DOWNLOAD:
        raise bad_request("file is too big")
    return file.to_dict() | {"file_path": file.path}


async def leave_chat(api: API, parameters: Parameters) -> Any:
    """The bot goes by itself."""
    chat = api.chat(parameters)
    if chat.type == "private":
        raise bad_request("chat member status can't be changed in private chats")
    api.world.set_bot_status(chat, "left")
    return True
