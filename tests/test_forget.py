"""/forget over the real bot and playground: afterwards no file holds a byte of what they wrote."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.paths import Paths
from lm.checkpoints.versions import Versions
from lm.corpus.message import Speaker
from playground.server import Member, Playground, PlaygroundConfig
from storage import groups
from storage.store import Db, Store, reading
from tests import small_group
from tests.stagehand import TOKEN, Message, Stagehand, running
from tests.test_forgetting import WORDS, left_behind

SETTINGS = """
[telegram]
base_url = "{url}"
messages_per_minute = 0
[sampling]
max_tokens = 6
[replies]
typing_seconds = 0
[model]
preset = "tiny"
[train]
max_minutes = 1
threads = 1
"""
SAID = ("xylophone", "zürich—süß 😀 überall", 'a "quoted" back\\slash')
ACCOUNTS = {name: 900 + n for n, name in enumerate(small_group.NAMES)}
OWNER = "Bob"


@pytest.fixture
async def playground() -> AsyncIterator[Playground]:
    """Bob owns the group. What Telegram itself keeps lies outside of the data folder."""
    names = (OWNER, *(name for name in small_group.NAMES if name != OWNER))
    members = tuple(Member(name, ACCOUNTS[name]) for name in names)
    async with Playground(
        PlaygroundConfig(token=TOKEN, members=members, port=0, title="us")
    ) as opened:
        yield opened


@pytest.fixture
async def hand(playground: Playground) -> AsyncIterator[Stagehand]:
    hand = Stagehand(playground.url)
    yield hand
    await hand.close()


async def prepared(data: Path, *saw: tuple[str, ...]) -> None:
    """The small group with its accounts, and a version for each set of people it learnt from."""
    await small_group.make(data, model=False)
    async with Store(Paths(data).database) as store:

        async def link(db: Db) -> dict[str, int]:
            rows = {row.name: row.id for row in await groups.speakers(db, 1)}
            for name, id in rows.items():
                await groups.link(db, 1, id, ACCOUNTS[name])
            return rows

        known = await store.write(link)
    versions = Versions(Paths(data).models(1))
    for names in saw:
        learned_from = tuple(known[name] for name in names)
        speakers = [Speaker(known[name], name) for name in names]
        versions.promote(small_group.write_version(versions, speakers, learned_from=learned_from))


def command(data: Path, url: str) -> list[str]:
    """The command line of a bot that serves that playground."""
    settings = data.parent / "config.toml"
    settings.write_text(SETTINGS.format(url=url))
    return ["bot.main", "run", "--data", str(data), "--config", str(settings)]


async def press(hand: Stagehand, name: str, message: Message, label: str) -> None:
    """A member presses the button that is called so."""
    rows = message["reply_markup"]["inline_keyboard"]
    data = next(b["callback_data"] for row in rows for b in row if b["text"] == label)
    call = {"as": name, "message_id": message["message_id"], "data": data}
    await hand.post("/api/press", chat=message["chat"]["id"], **call)


async def ask_to_forget(hand: Stagehand, name: str) -> Message:
    """Say /forget and confirm it; the bot's question."""
    question = await hand.reply_to(await hand.write(name, "/forget"))
    assert "cannot be undone" in question["text"]
    await press(hand, name, question, "Forget me")
    return question


async def done(hand: Stagehand, seconds: float = 60) -> Message:
    return await hand.wait(
        lambda m: m["from"]["is_bot"] and m.get("text", "").startswith("Done: nothing"),
        seconds,
        "the end of forgetting",
    )


async def rows(data: Path, query: str) -> list[Any]:
    async with reading(Paths(data).database) as db:
        return list(await db.execute_fetchall(query))


async def test_nothing_is_left_while_a_training_runs(
    playground: Playground, hand: Stagehand, tmp_path: Path
) -> None:
    """Words of an export and of the chat, in rows, versions, a training's files and the log."""
    data = tmp_path / "data"
    await prepared(data, ("Bob", "Uncle Theo"), small_group.NAMES)
    log = data / "bot.log"
    async with running(command(data, playground.url), log, TELEGRAM_BOT_TOKEN=TOKEN) as bot:
        await bot.says("serves us")
        await hand.ask("Bob", "/as Alice")
        for words in SAID:
            theirs = await hand.write("Alice", words)
        await hand.write("Uncle Theo", "I answer that", reply_to=theirs["message_id"])
        await hand.ask("Bob", "alice?")
        await hand.write("Bob", "/retrain")
        await hand.wait(lambda m: "Learning" in m.get("text", ""), what="a training")
        assert left_behind(data, *SAID)
        assert left_behind(data, *WORDS)
        question = await ask_to_forget(hand, "Alice")
        ending = await done(hand)
        assert left_behind(data, *SAID, *WORDS, "Alice") == []
        assert ending["reply_to"] == question["message_id"]
        assert "version 1, which has not seen them" in ending["text"]
        assert "I had 83 messages of yours" in ending["text"]
        await hand.wait(lambda m: "Learning ended: cancelled" in m.get("text", ""), 30)
        assert "I answer that" in str(await rows(data, "SELECT text FROM context"))
        assert ": 2 messages in mind" in await hand.ask("Bob", "/status")
        who = await hand.ask("Bob", "/who")
        assert "Alice" not in who
        assert "Bob" in who
        await hand.ask("Bob", "/as Bob")
        later = await hand.write("Alice", "yesterday is gone")
        await hand.ask("Uncle Theo", "bob?")
        assert await rows(data, "SELECT text FROM messages WHERE text LIKE 'yesterday%'") == []
        assert (later["message_id"], 900) in await rows(
            data, "SELECT message_id, telegram_user FROM context"
        )
        assert await bot.end() == 0
    assert left_behind(data, *SAID, *WORDS) == []
    assert Versions(Paths(data).models(1)).all() == [1]


async def test_kills_in_the_middle_only_delay_it(
    playground: Playground, hand: Stagehand, tmp_path: Path
) -> None:
    """Killed again and again from the moment of the press on, it is finished all the same."""
    data = tmp_path / "data"
    await prepared(data, ("Bob", "Uncle Theo"), small_group.NAMES)
    arguments = command(data, playground.url)
    async with running(arguments, tmp_path / "log", TELEGRAM_BOT_TOKEN=TOKEN) as bot:
        await bot.says("serves us")
        await hand.write("Alice", SAID[0])
        await ask_to_forget(hand, "Alice")
        await asked(data)
        await bot.end(signal.SIGKILL)
        for pause in (1.5, 2.2):
            await bot.start()
            await asyncio.sleep(pause)
            await bot.end(signal.SIGKILL)
        await bot.start()
        await done(hand)
        assert left_behind(data, *SAID, *WORDS, "Alice") == []
        said = [m for m in await hand.messages() if m.get("text", "").startswith("Done:")]
        assert len(said) == 1
    assert Versions(Paths(data).models(1)).promoted() == [1]


async def test_the_local_page_keeps_nothing_either(tmp_path: Path) -> None:
    """Without a token the chat itself lies in the data folder, as the page's own record."""
    data = tmp_path / "data"
    await prepared(data, ("Bob", "Uncle Theo"))
    settings = tmp_path / "config.toml"
    settings.write_text("[playground]\nport = 0\n[sampling]\nmax_tokens = 6\n")
    arguments = ["bot.main", "run", "--data", str(data), "--config", str(settings)]
    async with running(arguments, tmp_path / "log") as bot:
        said = await bot.says("Ctrl-C ends it")
        hand = Stagehand(re.findall(r"http://[0-9.:]+", said)[0])
        await hand.write("Alice", SAID[0])
        await hand.write("Alice", "/mydata", chat=ACCOUNTS["Alice"])
        await hand.wait(lambda m: "document" in m, what="the file")
        await ask_to_forget(hand, "Alice")
        await done(hand)
        assert left_behind(data, *SAID, *WORDS) == []
        await hand.close()
        assert await bot.end() == 0
    assert left_behind(data, *SAID, *WORDS) == []


async def asked(data: Path) -> None:
    """Wait until the request is in the store."""
    while not await rows(data, "SELECT 1 FROM forgettings"):
        await asyncio.sleep(0.005)


async def test_nobody_is_spoken_as_when_every_version_saw_them(
    playground: Playground, hand: Stagehand, tmp_path: Path
) -> None:
    """A clear line instead, contexts go on, and an admin's button has a new version trained."""
    data = tmp_path / "data"
    await prepared(data, small_group.NAMES)
    arguments = command(data, playground.url)
    async with running(arguments, tmp_path / "log", TELEGRAM_BOT_TOKEN=TOKEN) as bot:
        await bot.says("serves us")
        await hand.write("Bob", "bob was here")
        asked_by = await hand.reply_to(await hand.write("Uncle Theo", "/forget"))
        await press(hand, "Bob", asked_by, "Forget me")
        await press(hand, "Uncle Theo", asked_by, "No")
        await hand.wait(lambda m: "Nothing has changed" in m.get("text", ""))
        await ask_to_forget(hand, "Alice")
        ending = await done(hand)
        assert "I speak as nobody" in ending["text"]
        assert left_behind(data, *WORDS, "Alice") == []
        assert "nobody here" in await hand.ask("Bob", "@understudy_bot hello")
        assert "bob was here" in str(await rows(data, "SELECT text FROM context"))
        await press(hand, "Alice", ending, "Train a new version")
        await press(hand, "Bob", ending, "Train a new version")
        await hand.wait(lambda m: "Learning" in m.get("text", ""), what="a training")
        await hand.ask("Bob", "/retrain cancel")
        assert await bot.end() == 0
    async with running(arguments, tmp_path / "again", TELEGRAM_BOT_TOKEN=TOKEN) as bot:
        await bot.says("serves us")  # at once: without an admin's word nothing is trained
        assert "nobody here" in await hand.ask("Bob", "@understudy_bot hello again")
        assert await bot.end() == 0
