"""bot/updates/alarm.py and storage/alarms.py: each kind of error once, to whom it concerns."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from telegram import Bot

from bot.paths import Paths
from bot.updates.alarm import AGAIN_S, LONGEST, Alarm
from playground.server import Fault, Member, Playground, PlaygroundConfig
from storage import alarms, chats, groups
from storage.store import Store
from tests.backstage import until
from tests.stagehand import TOKEN

OLGA, ADAM = 101, 102


@pytest.fixture
async def playground() -> AsyncIterator[Playground]:
    members = (Member("Olga", OLGA), Member("Adam", ADAM))
    async with Playground(PlaygroundConfig(token=TOKEN, members=members, port=0)) as opened:
        opened.world.private(OLGA)
        opened.world.private(ADAM)
        yield opened


@pytest.fixture
async def bot(playground: Playground) -> AsyncIterator[Bot]:
    async with Bot(TOKEN, base_url=f"{playground.url}/bot") as opened:
        yield opened


@pytest.fixture
async def store(playground: Playground, tmp_path: Path) -> AsyncIterator[Store]:
    """A group that is served in the playground's chat, which Olga owns."""
    chat = next(iter(playground.world.chats))
    async with Store(Paths(tmp_path).database) as opened:
        group = await opened.write(lambda db: groups.ensure_group(db, "us"))
        await opened.write(lambda db: chats.ensure(db, chat, 0, group.id))
        yield opened


def told(playground: Playground, user: int) -> list[str]:
    messages = playground.world.chats[user].messages.values()
    return [str(m.content.get("text")) for m in messages]


async def test_each_kind_once(playground: Playground, bot: Bot, store: Store) -> None:
    """Numbers make no other kind; after a restart it is still known; a week later it counts."""
    for number in range(3):
        await Alarm(bot, store, 1, []).tell(f"update {number} was set aside: KeyError")
    await Alarm(bot, store, 1, []).tell("update 9 was set aside: TypeError")
    first, second = told(playground, OLGA)
    assert first.startswith("⚠️ update 0 was set aside: KeyError\n")
    assert "TypeError" in second
    assert await store.read(lambda db: alarms.recent(db, AGAIN_S)) == [
        ("update # was set aside: KeyError", 3),
        ("update # was set aside: TypeError", 1),
    ]
    again = await store.write(lambda db: alarms.due(db, "update # was set aside: KeyError", 0))
    assert again


async def test_configured_admins_are_told_instead(
    playground: Playground, bot: Bot, store: Store
) -> None:
    """The owner of the chat is not; one who cannot be reached keeps nobody else from it."""
    await Alarm(bot, store, 1, [999, ADAM]).tell("the disk is full")
    assert len(told(playground, ADAM)) == 1
    assert told(playground, OLGA) == []


async def test_it_listens_to_the_programs_errors(
    playground: Playground, bot: Bot, store: Store
) -> None:
    """Of any thread, one bounded line each; not to warnings, libraries or what is told twice."""
    log = logging.getLogger("bot.somewhere")
    async with Alarm(bot, store, 1, []):
        log.warning("only a warning")
        logging.getLogger("httpx").error("a library's")
        logging.getLogger("bot.router").error("a handler failed")
        await asyncio.to_thread(log.error, "broken %s\nwith a traceback", "y" * 1_000)

        async def heard() -> bool:
            return bool(told(playground, OLGA))

        await until(heard)
    (line,) = told(playground, OLGA)
    assert line.startswith("⚠️ broken yyy")
    assert "traceback" not in line
    assert len(line) < LONGEST + 100
    log.error("nobody listens any more")
    await asyncio.sleep(0.05)
    assert len(told(playground, OLGA)) == 1


async def test_a_telegram_that_does_not_answer(
    playground: Playground, bot: Bot, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Costs a line in the log, and no alarm about the alarm."""
    playground.faults.next("getChatAdministrators", Fault.failure(500))
    await Alarm(bot, store, 1, []).tell("first")
    playground.faults.next("sendMessage", Fault.failure(403, "Forbidden: bot was blocked"))
    await Alarm(bot, store, 1, []).tell("second")
    assert told(playground, OLGA) == []
    assert all(record.levelno < logging.ERROR for record in caplog.records)
