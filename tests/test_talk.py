"""bot/speaking/talk.py: what a group message sets in motion."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.house import House
from bot.speaking.talk import on_message
from storage.chats import ChatRow
from tests.test_incoming import ALICE, heard

THEO: dict[str, Any] = {"id": 300, "is_bot": False, "first_name": "Theo"}


class HeardError(Exception):
    """Ends a message's way where the pauses hear of it."""


class Pauses:
    """Says who they heard."""

    def heard(self, context: object, user: int, speaker: int | None) -> None:
        raise HeardError(user, speaker)


def house() -> House:
    """As much of one as a message meets on its way to the pauses; Alice is speaker 4."""

    async def context(_: object) -> object:
        return SimpleNamespace(chat=ChatRow(1, -1001, 0, 1, None, "mention", 0))

    people = SimpleNamespace(
        persona=lambda _: None, heard=lambda user, _: 4 if user == ALICE["id"] else None
    )
    return cast(
        House,
        SimpleNamespace(
            context=context,
            current=SimpleNamespace(cast=people),
            customs=SimpleNamespace(called=lambda persona: persona),
            fresh=lambda _: True,
            replies=SimpleNamespace(saying=SimpleNamespace(pauses=Pauses())),
        ),
    )


async def test_a_forward_is_a_line_of_who_forwards_it() -> None:
    """Whose words they are does not end the burst of whoever put them there."""
    origin = {"type": "user", "date": 1, "sender_user": THEO}
    forward = heard(forward_origin=origin, date=int(time.time()))
    assert (forward.user, forward.author) == (ALICE["id"], THEO["id"])
    with pytest.raises(HeardError) as told:
        await on_message(house(), forward)
    assert told.value.args == (ALICE["id"], 4)
