"""What the bot logs, everything switched on: neither the token nor what anybody said."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import redaction
from bot.config import Config
from bot.paths import Paths
from playground.server import Fault, Playground, PlaygroundConfig
from storage import inbox
from storage.store import Store
from tests import small_group
from tests.backstage import serving, until
from tests.stagehand import TOKEN, Stagehand

CANARY = "canarywords"
COMMANDS = (
    *("/help", "/start", "/privacy", "/who", "/status", "/models", "/mode", "/mode quiet"),
    *("/mode chance 100", "/mode mention", "/rollback", "/retrain cancel", "/as Alice", "/as"),
)
CONFIG = Config.model_validate({"sampling": {"max_tokens": 8}})

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*retry_after.*:DeprecationWarning"  # PTB's own, at its reading of its own attribute
)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """All that goes to stderr, logged from DEBUG up as the program sets it up."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    redaction.configure(logging.DEBUG)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


async def test_no_token_and_no_words_at_any_level(log: io.StringIO, tmp_path: Path) -> None:
    """Every command, every fault of the server, poison and a failing save, all at DEBUG."""
    data = tmp_path / "data"
    await small_group.make(data)
    members = PlaygroundConfig(token=TOKEN, members=small_group.NAMES, port=0, title="us")
    async with Playground(members) as playground:
        hand = Stagehand(playground.url)
        async with Store(Paths(data).database) as store:
            raw = {"update_id": 1, "message": {"text": CANARY}}
            await store.write(lambda db: inbox.add(db, [(1, json.dumps(raw))]))
        async with serving(data, playground, CONFIG):
            await everybody_talks(hand)
            await everything_fails(hand, playground)
            await until(lambda: is_logged(log, "update 1 was set aside"))
        said = [m for m in await hand.messages() if m["from"]["is_bot"] and "text" in m]
        await hand.close()
    await check(log.getvalue(), [str(message["text"]) for message in said])


async def everybody_talks(hand: Stagehand) -> None:
    """Commands, talk that is answered and talk that is not, edits and buttons."""
    for command in COMMANDS:
        await hand.ask("Alice", command)
    await hand.ask("Bob", f"/as {CANARY}")
    await hand.ask("Bob", f"/mode {CANARY}")
    await hand.ask("Bob", f"/retrain {CANARY}")
    await hand.ask("Bob", f"/as Bob {CANARY}")
    message = await hand.write("Bob", f"{CANARY} {CANARY}")
    path = f"/api/messages/{message['message_id']}/edit"
    await hand.post(path, **{"as": "Bob"}, text=f"{CANARY} again")
    await hand.ask("Bob", f"@understudy_bot {CANARY}")
    await hand.ask("Bob", f"/reset {CANARY}")
    asked = await hand.reply_to(await hand.write("Bob", "/as"))
    button = asked["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
    await hand.post(
        "/api/press", **{"as": "Alice"}, message_id=asked["message_id"], data=button, wait=5
    )


async def everything_fails(hand: Stagehand, playground: Playground) -> None:
    """Each fault meets a message that is being sent, and the poll."""
    faults = (
        *(Fault.failure(500, CANARY), Fault.flood(1), Fault.kicked()),
        *(Fault(body=f"<html>{CANARY}"), Fault.failure(400, f"Bad Request: {CANARY}")),
    )
    for fault in faults:
        playground.faults.next("sendMessage", fault)
        await hand.write("Bob", f"/as {CANARY}")
        await asyncio.sleep(0.4)
    for method in ("sendChatAction", "getChatMember", "answerCallbackQuery"):
        playground.faults.next(method, Fault.failure(500, CANARY))
    await hand.write("Bob", "/retrain")
    playground.faults.next("getUpdates", Fault(body=f"<html>{CANARY}"))
    await hand.write("Bob", CANARY)
    playground.faults.next("getUpdates", Fault.failure(409, "Conflict: somebody else"))
    await hand.ask("Bob", f"/as {CANARY}")


async def is_logged(log: io.StringIO, words: str) -> bool:
    return words in log.getvalue()


async def check(logged: str, said: list[str]) -> None:
    """No line quotes anybody; enough was logged and said to prove it."""
    secret = TOKEN.partition(":")[2]
    assert "a message was not sent" in logged
    assert "DEBUG" in logged
    assert len(said) > 20
    for line in logged.splitlines():
        assert secret not in line
        assert CANARY not in line.lower()
        assert not any(words in line for words in said)
        assert "hello everybody" not in line  # imported words
