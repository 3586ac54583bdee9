"""The gate: which chats may become the bot's, whatever they send."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from telegram import Update
from telegram.ext import ApplicationHandlerStop

from bot.updates.chats.admission import Admission
from bot.updates.chats.gate import gate


def added(kind: str) -> Update:
    """The bot is made a member of a chat of that kind."""
    bot = {"id": 1, "is_bot": True, "first_name": "bot"}
    who = {"id": 7, "is_bot": False, "first_name": "Mallory"}
    changed = {
        "chat": {"id": -9, "type": kind, "title": "somewhere"},
        "from": who,
        "date": 1,
        "old_chat_member": {"user": bot, "status": "left"},
        "new_chat_member": {"user": bot, "status": "member"},
    }
    update = Update.de_json({"update_id": 1, "my_chat_member": changed}, None)
    assert update is not None
    return update


@pytest.mark.parametrize(("kind", "taken"), [("channel", False), ("supergroup", True)])
async def test_a_channel_is_no_group_of_friends(kind: str, taken: bool) -> None:
    """The first group that takes the bot in keeps it; a channel leaves that place free."""
    house: Any = SimpleNamespace(
        admission=Admission([], {}, []), errands=SimpleNamespace(busy=lambda _: True)
    )
    if taken:
        await gate(house, added(kind))
    else:
        with pytest.raises(ApplicationHandlerStop):
            await gate(house, added(kind))
    assert house.admission.serves(-9) is taken
