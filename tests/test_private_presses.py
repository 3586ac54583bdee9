"""Buttons in a private chat: what strangers forge is not obeyed, and nobody is imitated there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from telegram import Update

from bot import router
from bot.updates.presses import Press


def pressed(chat: dict[str, Any]) -> Update:
    message = {"message_id": 5, "date": 1, "chat": chat, "text": "buttons"}
    who = {"id": 7, "is_bot": False, "first_name": "Mallory"}
    query = {"id": "1", "from": who, "chat_instance": "1", "data": "once:1:3", "message": message}
    update = Update.de_json({"update_id": 1, "callback_query": query}, None)
    assert update is not None
    return update


@pytest.mark.parametrize(
    ("chat", "some", "none"),
    [
        ({"id": 7, "type": "private", "first_name": "M"}, "forget", "once as mode scene guess"),
        ({"id": -7, "type": "supergroup", "title": "us"}, "forget once as mode scene guess", ""),
    ],
)
async def test_a_private_chat_has_its_own_buttons_only(
    monkeypatch: pytest.MonkeyPatch, chat: dict[str, Any], some: str, none: str
) -> None:
    """Telegram lets anybody send any data; what makes a persona speak works in groups alone."""
    tables: list[dict[str, Press]] = []

    async def note(house: object, query: object, heard: object, table: dict[str, Press]) -> None:
        tables.append(table)

    async def nothing(*_: object) -> None:
        pass

    monkeypatch.setattr("bot.router.presses.pressed", note)
    me = SimpleNamespace(id=1, username="bot", is_bot=True, name="@bot")
    house: Any = SimpleNamespace(
        me=me, current=SimpleNamespace(follow_ledger=nothing), store=SimpleNamespace(write=nothing)
    )
    await router._on_press(house, pressed(chat))
    (table,) = tables
    assert set(some.split()) <= set(table)
    assert not set(none.split()) & set(table)
