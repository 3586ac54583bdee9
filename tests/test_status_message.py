"""bot/learning/status_message.py over HTTP: few edits, and the outcome in any case."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from telegram import Bot
from telegram.request import HTTPXRequest

from bot.learning import status_message
from bot.learning.status_message import StatusMessage
from playground.server import Fault, Playground, PlaygroundConfig
from storage.chats import ChatRow
from tests.stagehand import TOKEN


@dataclass
class Desk:
    """A status message in the playground's group, which is slow to answer where a test says so."""

    playground: Playground
    status: StatusMessage

    @property
    def shown(self) -> list[str]:
        """What the bot's messages are now."""
        world = self.playground.world
        (chat, *_) = world.chats.values()
        return [str(m.content["text"]) for m in chat.messages.values() if m.sender == world.bot.id]


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # as connection.py sets it
    monkeypatch.setattr(status_message, "EDIT_EVERY_S", 0.3)
    monkeypatch.setattr(status_message, "AGAIN_S", 0.05)
    config = PlaygroundConfig(token=TOKEN, members=("Alice",), port=0)
    async with Playground(config) as playground:
        request = HTTPXRequest(read_timeout=1.0)
        async with Bot(TOKEN, base_url=f"{playground.url}/bot", request=request) as bot:
            chat = ChatRow(1, next(iter(playground.world.chats)), 0, 1, None, "mention", 0)
            yield Desk(playground, StatusMessage(bot, chat))


async def test_edits_are_few_and_only_of_what_changes(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """Of progress that comes faster only some is shown; the same words are not shown twice."""
    began = time.monotonic()
    await desk.status.begin("getting ready")
    seen = set()
    for number in range(50):
        await desk.status.show(f"step {number}")
        seen |= set(desk.shown)
        await asyncio.sleep(0.02)
    most = (time.monotonic() - began) / status_message.EDIT_EVERY_S + 1
    assert 2 <= len(seen) <= most
    (newest,) = desk.shown
    await asyncio.sleep(status_message.EDIT_EVERY_S)
    desk.playground.faults.next("editMessageText", Fault.failure(500))
    await desk.status.show(newest)
    assert caplog.text == ""
    await desk.status.show("something new")
    assert "was not edited" in caplog.text


@pytest.mark.parametrize(
    "fault",
    [Fault.flood(1), Fault.failure(502), Fault.stalled(1.5)],
    ids=["told to wait", "a bad gateway", "made, but the answer is lost"],
)
async def test_the_outcome_is_told_whatever_comes_between(desk: Desk, fault: Fault) -> None:
    """Edited again until Telegram has it; "message is not modified" means that it has."""
    await desk.status.begin("getting ready")
    desk.playground.faults.next("editMessageText", fault)
    await desk.status.end("done")
    assert desk.shown == ["done"]


async def test_where_the_message_is_gone_the_outcome_is_sent(desk: Desk) -> None:
    """Somebody deleted it; a pause that is asked for then is waited out, too."""
    message_id = await desk.status.begin("getting ready")
    world = desk.playground.world
    (chat, *_) = world.chats.values()
    assert message_id is not None
    world.delete(chat.messages[message_id])
    desk.playground.faults.next("sendMessage", Fault.flood(1))
    await desk.status.end("done")
    assert desk.shown == ["done"]


async def test_who_was_thrown_out_tells_nobody(desk: Desk) -> None:
    """It is tried as a message of its own once, and no more; nothing fails for it."""
    await desk.status.begin("getting ready")
    desk.playground.faults.next("editMessageText", Fault.kicked())
    desk.playground.faults.next("sendMessage", Fault.kicked())
    await desk.status.end("done")
    assert desk.shown == ["getting ready"]
