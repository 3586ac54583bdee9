"""What every Bot API method is given: the world, the webhook, the open presses.

The look-ups that methods share live here too, each with the official server's error.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from playground.botapi.errors import bad_request, forbidden, migrated
from playground.botapi.floods import Floods
from playground.botapi.parameters import Parameters
from playground.botapi.webhook import Webhook
from playground.chats import Chat, Message
from playground.presses import Presses
from playground.world import World


@dataclass
class API:
    """The server's side of one bot."""

    world: World
    webhook: Webhook
    presses: Presses = field(default_factory=Presses)
    floods: Floods | None = None  # None: the bot may write as fast as it likes

    def chat(self, parameters: Parameters) -> Chat:
        """The chat of a call, if the bot may act in it."""
        if not parameters.has("chat_id"):
            raise bad_request("chat_id is empty")
        chat = self.world.chats.get(parameters.integer("chat_id"))
        if chat is None:
            raise bad_request("chat not found")
        if chat.migrated_to:
            raise migrated(chat.migrated_to)
        if chat.bot_status == "kicked":
            if chat.type == "private":
                raise forbidden("bot was blocked by the user")
            raise forbidden(f"bot was kicked from the {chat.type} chat")
        if chat.bot_status == "left":
            raise forbidden(f"bot is not a member of the {chat.type} chat")
        return chat

    def message(self, parameters: Parameters, purpose: str) -> Message:
        """The message of a call; `purpose` names it in the error."""
        chat = self.chat(parameters)
        if not parameters.has("message_id"):
            raise bad_request("message identifier is not specified")
        message = chat.messages.get(parameters.integer("message_id"))
        if message is None:
            raise bad_request(f"message to {purpose} not found")
        return message

    def own_message(self, parameters: Parameters) -> Message:
        """The bot's own message that a call wants to edit."""
        message = self.message(parameters, "edit")
        if message.sender != self.world.bot.id or "new_chat_members" in message.content:
            raise bad_request("message can't be edited")
        return message


Method = Callable[[API, Parameters], Awaitable[Any]]
