"""Killing the real bot under load, again and again: nothing lost, applied twice or said twice."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from playground.server import Member, Playground, PlaygroundConfig
from storage import groups, inbox
from storage.store import Store, reading
from tests import small_group
from tests.stagehand import TOKEN, Process, Stagehand, running

KILLS = 20
CHATS = 3
SETTINGS = """
[telegram]
base_url = "{url}"
admins = [{admin}]
messages_per_minute = 0
[replies]
longest_pause_seconds = 0
lull_seconds = 0
[sampling]
max_tokens = 8
"""


@pytest.mark.timeout(400)
async def test_twenty_kills_under_load(tmp_path: Path) -> None:
    """Every message is learnt once, whatever was killed when, and no trigger is answered twice."""
    data = tmp_path / "data"
    group = await small_group.make(data)
    ids = await link_everybody(data, group.id)
    members = tuple(Member(name, account) for name, account in ids.items())
    config = PlaygroundConfig(token=TOKEN, members=members, port=0, title="us")
    async with Playground(config) as playground:
        settings = tmp_path / "config.toml"
        settings.write_text(SETTINGS.format(url=playground.url, admin=ids["Alice"]))
        arguments = ["bot.main", "run", "--data", str(data), "--config", str(settings)]
        hand = Stagehand(playground.url)
        log = tmp_path / "log"
        async with running(arguments, log, TELEGRAM_BOT_TOKEN=TOKEN) as bot:
            await bot.says("serves us")
            chats = [m["id"] for m in (await hand._client.get("/api/state")).json()["chats"]]
            for number in range(CHATS - 1):
                made = await hand.post("/api/chats", title=f"us {number}")
                chats.append(made["id"])
            for chat in chats:
                await hand.ask("Alice", "/as Bob", chat=chat)
            load = asyncio.create_task(talk(hand, chats))
            await kill_again_and_again(bot)
            load.cancel()
            await asyncio.gather(load, return_exceptions=True)
            await drained(data)
            await settle(hand)
            assert await bot.end() == 0
        said = [m for m in await every_message(playground) if not m["from"]["is_bot"]]
        replies = [m for m in await every_message(playground) if m["from"]["is_bot"]]
        await hand.close()
    await check(data, said, replies)


async def link_everybody(data: Path, group: int) -> dict[str, int]:
    """Give every speaker an account, so that what they write is learnt and can be counted."""
    async with Store(data / "understudy.db") as store:
        rows = await store.read(lambda db: groups.speakers(db, group))
        for row in rows:
            await store.write(
                lambda db, row=row: groups.link(db, group, row.id, 9000 + row.id)  # type: ignore[misc]  # mypy cannot infer a lambda's default
            )
    return {row.name: 9000 + row.id for row in rows}


async def talk(hand: Stagehand, chats: list[int]) -> None:
    """Everybody talks at once in every chat; every fourth message wants an answer."""
    dice = random.Random(1)
    number = 0
    while True:
        number += 1
        wants = "@understudy_bot " if number % 4 == 0 else ""
        name = dice.choice(small_group.NAMES)
        await hand.write(name, f"{wants}message {number}", chat=dice.choice(chats))
        await asyncio.sleep(dice.uniform(0, 0.03))


async def kill_again_and_again(bot: Process) -> None:
    """SIGKILL at random moments of a life: soon after its start, or in full work."""
    dice = random.Random(2)
    for life in range(KILLS):
        await asyncio.sleep(dice.uniform(0.05, 1.2))
        await bot.end(signal.SIGKILL)
        served = bot.output().count("serves us")
        await bot.start()
        deadline = time.monotonic() + 60
        while bot.output().count("serves us") == served:
            assert bot.process.returncode is None, bot.output()[-3000:]
            assert time.monotonic() < deadline, f"life {life}: {bot.output()[-3000:]}"
            await asyncio.sleep(0.02)


async def drained(data: Path) -> None:
    """Wait until every update that came is applied."""
    deadline = time.monotonic() + 60
    quiet = 0
    while quiet < 5:
        assert time.monotonic() < deadline, "the inbox was not drained"
        async with reading(data / "understudy.db") as db:
            quiet = quiet + 1 if (await inbox.counts(db))["pending"] == 0 else 0
        await asyncio.sleep(0.2)


async def settle(hand: Stagehand) -> None:
    """Wait until no more replies come."""
    before = -1
    while (count := len(await hand.messages())) != before:
        before = count
        await asyncio.sleep(1)


async def every_message(playground: Playground) -> list[dict[str, Any]]:
    """All messages of all chats, not only the newest that a page starts with."""
    return [
        {
            "chat": chat.id,
            "id": message.id,
            "from": playground.world.users[message.sender].to_dict(),
            "text": message.content.get("text", ""),
            "reply_to": message.reply_to,
        }
        for chat in playground.world.chats.values()
        for message in chat.messages.values()
    ]


async def check(data: Path, said: list[dict[str, Any]], replies: list[dict[str, Any]]) -> None:
    """Compare what was said in the group with what the bot knows and did."""
    spoken = {
        f"telegram:{m['chat']}:{m['id']}": m["text"]
        for m in said
        if m["text"] and not str(m["text"]).startswith("/")
    }
    async with reading(data / "understudy.db") as db:
        rows = await db.execute_fetchall(
            "SELECT origin FROM messages WHERE origin LIKE 'telegram:%'"
        )
        held = await db.execute_fetchall(
            "SELECT chat, message_id, count(*) FROM context GROUP BY 1, 2"
        )
        counts = await inbox.counts(db)
    learnt = Counter(str(row[0]) for row in rows)
    lost = set(spoken) - set(learnt)
    assert len(spoken) > 200, "the load was too light to prove anything"
    assert not lost, f"{len(lost)} of {len(spoken)} messages were lost"
    assert max(learnt.values()) == 1
    assert counts["pending"] == 0
    assert counts["set_aside"] == 0
    assert all(row[2] == 1 for row in held)
    answered = Counter((m["chat"], m["reply_to"]) for m in replies if m["reply_to"])
    assert max(answered.values()) == 1, "a trigger was answered twice"
    assert len(answered) > 20, "too few replies to prove anything"
