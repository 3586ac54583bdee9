"""What is learnt of a live chat, over HTTP: words of those who agreed, never what was generated."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.learning.training import transcript
from bot.paths import Paths
from storage.groups import Group
from storage.store import reading
from tests.chat_admin import Desk, linked, rows
from tests.stagehand import Message

LIVE = "SELECT text FROM messages WHERE origin LIKE 'telegram:%'"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Alice and Bob have agreed, Uncle Theo has withdrawn."""
    async with linked(tmp_path / "data") as found:
        yield found


def forwarded(message: Message, **more: Any) -> dict[str, Any]:
    """Bob's update that carries somebody else's words, as Telegram writes one."""
    sender = {"id": 101, "is_bot": False, "first_name": "Bob"}
    body = {"message_id": 7_000 + message["message_id"], "date": message["date"], "from": sender}
    return body | {"chat": message["chat"], "text": message["text"], **more}


async def test_generated_words_are_never_learnt(desk: Desk, tmp_path: Path) -> None:
    """Nor what quotes, forwards or answers them: only what a member wrote with their own hands."""
    await desk.ask("Bob", "/as Alice")
    said = await desk.reply_to(await desk.write("Bob", "alice, what now?"))
    generated = said["text"].removeprefix("🎭 Alice: ")
    world, chat = desk.playground.world, said["chat"]["id"]
    bot = {"type": "user", "date": said["date"], "sender_user": said["from"]}
    world.tell(chat, "message", forwarded(said, forward_origin=bot))
    hidden = {"type": "hidden_user", "date": said["date"], "sender_user_name": "Understudy"}
    world.tell(chat, "message", forwarded({**said, "message_id": 50}, forward_origin=hidden))
    via = {"via_bot": said["from"]}
    world.tell(chat, "message", forwarded({**said, "message_id": 51}, **via))
    quote = {"text": generated, "position": 0, "is_manual": True}
    answer = {**said, "message_id": 52, "text": "mine, with a quote"}
    world.tell(chat, "message", forwarded(answer, reply_to_message=said, quote=quote))
    await desk.write("Bob", "mine, as a reply", reply_to=said["message_id"])
    await desk.write("Bob", "mine, the last")
    await desk.ask("Bob", "/who")
    learnt = {text for (text,) in await rows(tmp_path / "data", LIVE)}
    own = {"alice, what now?", "mine, with a quote", "mine, as a reply", "mine, the last"}
    assert learnt == own
    assert generated not in learnt


async def test_only_words_of_those_who_agreed(desk: Desk, tmp_path: Path) -> None:
    """Of others not a word, from the moment on when they withdraw; edits never bring one in."""
    await desk.write("Alice", "learn this")
    silent = await desk.write("Uncle Theo", "not this")
    path = f"/api/messages/{silent['message_id']}/edit"
    await desk.post(path, **{"as": "Uncle Theo"}, text="nor this")
    await desk.ask("Bob", "/who")
    assert await rows(tmp_path / "data", LIVE) == [("learn this",)]


async def test_what_is_learnt_reaches_the_next_training(desk: Desk, tmp_path: Path) -> None:
    """The transcript that the child is given holds the live words."""
    await desk.write("Alice", "canary of the day")
    await desk.ask("Bob", "/who")
    async with reading(Paths(tmp_path / "data").database) as db:
        words = await transcript(db, Group(1, "us"))
    assert words.messages[-1].text == "canary of the day"
