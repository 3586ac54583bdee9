"""The commands that the bot's menu shows, by scope, and answers to pressed buttons."""

from __future__ import annotations

import re
from typing import Any

from playground.botapi.api import API
from playground.botapi.errors import QUERY_TOO_OLD, bad_request
from playground.botapi.parameters import Parameters
from playground.chats import Chat
from playground.journal import Json
from playground.world import World

_NAME = re.compile(r"[a-z0-9_]{1,32}")
_LANGUAGE = re.compile(r"[a-z]{2}")
_SCOPES_TEXT = (
    "default all_private_chats all_group_chats all_chat_administrators chat "
    "chat_administrators chat_member"
)
_SCOPES = _SCOPES_TEXT.split()


async def set_my_commands(api: API, parameters: Parameters) -> Any:
    """Replace the commands of a scope."""
    given = parameters.parsed("commands", "commands")
    if not isinstance(given, list):
        raise bad_request("expected an Array of BotCommand")
    if len(given) > 100:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    api.world.set(_key(parameters), {"commands": [_command(each) for each in given]})
    return True


async def get_my_commands(api: API, parameters: Parameters) -> Any:
    """The commands of a scope, none if it has none of its own."""
    return api.world.settings.get(_key(parameters), {}).get("commands", [])


async def delete_my_commands(api: API, parameters: Parameters) -> Any:
    """Let a scope show what the wider one shows."""
    api.world.set(_key(parameters), {})
    return True


async def answer_callback_query(api: API, parameters: Parameters) -> Any:
    """End the waiting of whoever pressed a button."""
    text = parameters.text("text")
    if len(text) > 200:
        raise bad_request("MESSAGE_TOO_LONG")
    answer = {"text": text, "show_alert": parameters.boolean("show_alert")}
    if not api.presses.answer(parameters.text("callback_query_id"), answer):
        raise bad_request(QUERY_TOO_OLD)
    return True


def shown(world: World, chat: Chat, user: int) -> list[Json]:
    """The commands that `user`'s menu shows in `chat`: those of the narrowest scope that has any.

    Within a scope those in the user's language go before those for everybody.
    """
    admin = world.status(chat, user) in ("creator", "administrator")
    scopes = [f"chat_member {chat.id} {user}"]
    if chat.type == "private":
        scopes += [f"chat {chat.id} 0", "all_private_chats 0 0"]
    else:
        scopes += [f"chat_administrators {chat.id} 0"] * admin + [f"chat {chat.id} 0"]
        scopes += ["all_chat_administrators 0 0"] * admin + ["all_group_chats 0 0"]
    language = world.users[user].language.partition("-")[0]
    for scope in [*scopes, "default 0 0"]:
        for key in (f"commands {scope} {language}", f"commands {scope}"):
            if found := world.settings.get(key, {}).get("commands"):
                return list(found)
    return []


def _key(parameters: Parameters) -> str:
    scope = parameters.parsed("scope", "scope") or {}
    if not isinstance(scope, dict):
        raise bad_request("BotCommandScope must be an Object")
    kind = scope.get("type", "default")
    if kind not in _SCOPES:
        raise bad_request("BotCommandScope has unsupported type")
    within = Parameters(scope, {})
    key = f"commands {kind} {within.integer('chat_id')} {within.integer('user_id')}"
    language = parameters.text("language_code")
    if language and not _LANGUAGE.fullmatch(language):
        raise bad_request("BOT_LANGUAGE_CODE_INVALID")
    return f"{key} {language}" if language else key


def _command(given: object) -> Json:
    if not isinstance(given, dict):
        raise bad_request("expected an Array of BotCommand")
    name = str(given.get("command", "")).removeprefix("/").lower()
    description = str(given.get("description", "")).strip()
    if not _NAME.fullmatch(name):
        raise bad_request("BOT_COMMAND_INVALID")
    if not 1 <= len(description) <= 256:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": name, "description": description}
