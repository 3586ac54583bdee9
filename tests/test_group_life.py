"""The real bot, in its own process, against a real playground: a group's first evening."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.paths import Paths
from playground.chats import Chat
from playground.journal import Journal
from playground.server import Fault, Member, Playground, PlaygroundConfig
from playground.state import JOURNAL
from storage import chats
from storage.store import Store
from tests import small_group
from tests.backstage import until
from tests.chat_admin import rows
from tests.stagehand import TOKEN, Process, Stagehand, running

SETTINGS = """
[telegram]
base_url = "{url}"
messages_per_minute = 0
[sampling]
max_tokens = 12
[model]
preset = "tiny"
[train]
max_minutes = 0.2
threads = 1
"""


@pytest.fixture
async def playground() -> AsyncIterator[Playground]:
    """A group of three, of whom Alice is the owner."""
    members = tuple(Member(name, 100 + n) for n, name in enumerate(small_group.NAMES))
    config = PlaygroundConfig(token=TOKEN, members=members, port=0, title="us")
    async with Playground(config) as opened:
        yield opened


@pytest.fixture
async def hand(playground: Playground) -> AsyncIterator[Stagehand]:
    hand = Stagehand(playground.url)
    yield hand
    await hand.close()


@pytest.fixture
async def bot(playground: Playground, tmp_path: Path) -> AsyncIterator[Process]:
    """The bot serving that group, which was on the page first, with a small untrained model."""
    data = tmp_path / "data"
    await small_group.make(data)
    await play(data, -1_001_000_000_009)
    settings = tmp_path / "config.toml"
    settings.write_text(SETTINGS.format(url=playground.url))
    arguments = ["bot.main", "run", "--data", str(data), "--config", str(settings)]
    async with running(arguments, tmp_path / "log", TELEGRAM_BOT_TOKEN=TOKEN) as process:
        await process.says("serves us")
        yield process


async def play(data: Path, chat: int) -> None:
    """What is left of the group's chat in the playground: Telegram's is no stranger for it."""
    async with Store(Paths(data).database) as store:
        await store.write(lambda db: chats.ensure(db, chat, 0, 1))
    journal = Journal(Paths(data).playground(1) / JOURNAL)
    journal.start([Chat(chat, "us").to_record()])
    journal.close()


async def test_a_persona_answers_when_called(bot: Process, hand: Stagehand) -> None:
    """/as puts a friend on stage; mention, reply and name are answered, other talk is not."""
    assert "I am Alice now" in await hand.ask("Bob", "/as alice")
    mention = await hand.write("Bob", "@understudy_bot hi")
    first = await hand.reply_to(mention)
    assert first["text"].startswith("🎭 Alice: ")
    again = await hand.write("Uncle Theo", "really?", reply_to=first["message_id"])
    assert (await hand.reply_to(again))["text"].startswith("🎭 Alice: ")
    called = await hand.write("Bob", "what does Alice think")
    assert (await hand.reply_to(called))["text"].startswith("🎭 Alice: ")
    ignored = await hand.write("Bob", "malice is another word")
    last = await hand.write("Bob", "alice?")
    await hand.reply_to(last)
    answered = [m["reply_to"] for m in await hand.messages() if m["from"]["is_bot"]]
    assert ignored["message_id"] not in answered


async def test_once_buttons_modes_and_the_rest(bot: Process, hand: Stagehand) -> None:
    """Every command of a member, by word and by button."""
    once = await hand.ask("Bob", "/as uncle theo how are you")
    assert once.startswith("🎭 Uncle Theo: ")
    asked = await hand.reply_to(await hand.write("Bob", "/as"))
    buttons = [b for row in asked["reply_markup"]["inline_keyboard"] for b in row]
    assert sorted(b["text"] for b in buttons) == sorted(small_group.NAMES)
    bob = next(b for b in buttons if b["text"] == "Bob")
    await hand.post(
        "/api/press", **{"as": "Alice"}, message_id=asked["message_id"], data=bob["callback_data"]
    )
    await hand.wait(
        lambda m: m["message_id"] == asked["message_id"] and "I am Bob now" in m["text"]
    )
    assert "nobody as “zebedee”" in await hand.ask("Bob", "/as zebedee")
    assert "I am Bob here" in await hand.ask("Bob", "/who")
    assert "100 %" in await hand.ask("Bob", "/mode chance 100")
    chatter = await hand.write("Alice", "soup again")
    await hand.reply_to(chatter)
    assert "keep quiet" in await hand.ask("Bob", "/mode quiet")
    silent = await hand.write("Alice", "@understudy_bot still there?")
    assert "I know these" in await hand.ask("Bob", "/mode loud")
    assert "machine" in await hand.ask("Bob", "/privacy")
    assert "/retrain" in await hand.ask("Bob", "/help")
    status = await hand.ask("Bob", "/status")
    assert "version 1" in status
    assert "tokens" in status
    assert "forgotten" in await hand.ask("Bob", "/reset")
    assert "0 messages in mind" in await hand.ask("Bob", "/status")
    assert "▶ version 1" in await hand.ask("Bob", "/models")
    assert "Only admins" in await hand.ask("Bob", "/rollback")
    answered = [m["reply_to"] for m in await hand.messages() if m["from"]["is_bot"]]
    assert silent["message_id"] not in answered


async def test_retrain_to_its_end_while_chatting_goes_on(bot: Process, hand: Stagehand) -> None:
    """Only an admin may; the status is edited, the better version serves, the curve is shown."""
    assert "Only admins" in await hand.ask("Bob", "/retrain")
    await hand.ask("Alice", "/as Bob")
    await hand.write("Alice", "/retrain")
    await hand.wait(lambda m: "Learning" in m.get("text", ""), what="the status message")
    talk = await hand.write("Alice", "@understudy_bot still there?")
    assert (await hand.reply_to(talk))["text"].startswith("🎭 Bob: ")
    photo = await hand.wait(lambda m: "photo" in m, 90, "the loss curve")
    assert "Version 2 is better" in photo["caption"]
    await hand.wait(lambda m: "It is serving now" in m.get("text", ""))
    assert "▶ version 2" in await hand.ask("Bob", "/models")
    assert (await hand.ask("Alice", "@understudy_bot hello")).startswith("🎭 Bob: ")
    assert "Version 1 is serving again" in await hand.ask("Alice", "/rollback")
    assert "▶ version 1" in await hand.ask("Bob", "/models")


async def test_retrain_is_cancelled(bot: Process, hand: Stagehand) -> None:
    """/retrain cancel ends it, the old version serves on, and a second one may start."""
    await hand.write("Alice", "/retrain")
    await hand.wait(lambda m: "Learning" in m.get("text", ""))
    assert "already" in await hand.ask("Alice", "/retrain")
    await hand.ask("Alice", "/retrain cancel")
    await hand.wait(lambda m: "Learning ended: cancelled" in m.get("text", ""), 30)
    assert "▶ version 1" in await hand.ask("Bob", "/models")
    assert "not learning" in await hand.ask("Alice", "/retrain cancel")


async def test_a_training_that_a_kill_cut_off_is_told_of(
    bot: Process, hand: Stagehand, tmp_path: Path
) -> None:
    """The message that shows its progress says so after the restart; another one may begin."""
    await hand.write("Alice", "/retrain")
    shown = await hand.wait(lambda m: "Learning" in m.get("text", ""), what="the status message")

    async def is_known() -> bool:
        found = await rows(tmp_path / "data", "SELECT message_id FROM retrains")
        return found == [(shown["message_id"],)]

    await until(is_known)
    await bot.end(signal.SIGKILL)
    await bot.start()
    told = await hand.wait(lambda m: "cut off by a restart" in m.get("text", ""), 60)
    assert told["message_id"] == shown["message_id"]
    assert "not learning" in await hand.ask("Alice", "/retrain cancel")
    assert "▶ version 1" in await hand.ask("Bob", "/models")


async def test_edited_commands_and_bots_are_not_obeyed(bot: Process, hand: Stagehand) -> None:
    """An edit changes what is remembered; it never commands and never makes the bot speak."""
    message = await hand.write("Bob", "hello alice")
    await hand.post(
        f"/api/messages/{message['message_id']}/edit", **{"as": "Bob"}, text="/as Alice"
    )
    assert "Nobody is on stage" in await hand.ask("Bob", "/who")


async def test_the_context_survives_kill_minus_nine(
    bot: Process, hand: Stagehand, tmp_path: Path
) -> None:
    """After a kill in the middle of a conversation the next start holds the same token ids."""
    await hand.ask("Bob", "/as Uncle Theo")
    for number in range(30):
        last = await hand.write("Alice", f"soup {number}")
    await hand.ask("Alice", "uncle theo?")
    chat = last["chat"]["id"]
    before = await show_context(tmp_path, chat)
    assert len(before["messages"]) > 3
    assert before["persona"] == "Uncle Theo"
    await bot.end(signal.SIGKILL)
    await bot.start()
    await hand.ask("Bob", "/who")
    after = await show_context(tmp_path, chat)
    assert after == before
    assert all(message["token_ids"] for message in after["messages"])


async def show_context(tmp_path: Path, chat: int) -> dict[str, Any]:
    """What `understudy context --json` prints beside the running bot."""
    out = tmp_path / "context.json"
    out.unlink(missing_ok=True)
    arguments = ["bot.main", "context", str(chat), "--json", "--data", str(tmp_path / "data")]
    arguments += ["--config", str(tmp_path / "config.toml")]
    async with running(arguments, out) as process:
        assert await process.process.wait() == 0, process.output()
        return dict(json.loads(process.output()))


async def test_sigterm_ends_it_quickly_and_cleanly(bot: Process, hand: Stagehand) -> None:
    """Exit status 0 within seconds, and nothing secret or private was logged."""
    await hand.ask("Bob", "/as Alice")
    await hand.ask("Bob", "alice, canary-word-4711")
    assert await bot.end() == 0
    log = bot.output()
    assert TOKEN.partition(":")[2] not in log
    assert "canary-word" not in log


async def test_a_token_revoked_while_it_runs_ends_the_process(
    bot: Process, playground: Playground, hand: Stagehand
) -> None:
    """No deaf zombie: one line that says what to do, and a non-zero exit status."""
    playground.faults.next("getUpdates", Fault.failure(401, "Unauthorized"))
    await hand.write("Bob", "wake up")  # ends the poll that is waiting
    assert await asyncio.wait_for(bot.process.wait(), 30) == 1
    lines = [line for line in bot.output().splitlines() if line.startswith("understudy: ")]
    assert len(lines) == 1
    assert "BotFather" in lines[0]
    assert "Traceback" not in bot.output()


async def test_privacy_mode_is_told_at_start(tmp_path: Path) -> None:
    """A bot that Telegram hides the group's messages from says so, and what to do."""
    await small_group.make(tmp_path / "data")
    config = PlaygroundConfig(token=TOKEN, members=("Alice",), port=0, privacy_mode=True)
    async with Playground(config) as playground:
        settings = tmp_path / "config.toml"
        settings.write_text(SETTINGS.format(url=playground.url))
        arguments = ["bot.main", "run", "--data", str(tmp_path / "data")]
        arguments += ["--config", str(settings)]
        async with running(arguments, tmp_path / "log", TELEGRAM_BOT_TOKEN=TOKEN) as process:
            assert "/setprivacy" in await process.says("privacy mode hides")
