"""What Telegram's refusal of a message says about the chat: a pure reading of an error.

The words are the official server's (tdlib/telegram-bot-api, Client.cpp, check_chat_access and
fail_query_with_error) and TDLib's; PTB lower-cases most of them.
"""

from __future__ import annotations

from typing import Literal

from telegram.error import BadRequest, Forbidden, TelegramError

Refusal = Literal["gone", "mute"]

_GONE = (
    "bot was kicked",
    "bot is not a member",
    "chat was deleted",
    "bot was blocked by the user",
    "user is deactivated",
)
_MUTE = (
    "not enough rights to send text messages",
    "have no rights to send a message",
    "no write access to the chat",
    "chat_write_forbidden",
    "chat_send_plain_forbidden",
    "chat_restricted",
)


def refusal(error: TelegramError) -> Refusal | None:
    """gone: the bot is not in the chat. mute: it is and may not write. None: neither is said.

    A photo or a closed topic that is refused says nothing of the chat's other messages.
    """
    said = str(error).lower()
    if isinstance(error, Forbidden | BadRequest):
        if any(words in said for words in _GONE):
            return "gone"
        if any(words in said for words in _MUTE):
            return "mute"
    return None
