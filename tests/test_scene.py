"""Scenes: bot/speaking/scene.py, bot/commands/play/scene.py and storage/scenes.py."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.commands.play.scene import CastError, read_cast
from bot.config import Config, RepliesConfig, SamplingConfig
from bot.memory.cast import Cast
from bot.paths import Paths
from bot.speaking.scene import IN_A_ROW, next_speaker, pause
from bot.wording import wording
from playground.server import Member, Playground, PlaygroundConfig
from storage import chats, groups, outbox, scenes
from storage.groups import SpeakerRow
from storage.store import Db, Store
from tests import small_group
from tests.backstage import serving
from tests.stagehand import TOKEN, Message, Stagehand

QUICK = Config(
    sampling=SamplingConfig(max_tokens=6), replies=RepliesConfig(typing_seconds=0, fresh_seconds=60)
)
CAST = Cast(
    [SpeakerRow(n, name, None, True) for n, name in enumerate(("Alice", "Bob", "Uncle Theo"))],
    [0, 1, 2],
)


@pytest.fixture
async def hand(tmp_path: Path) -> AsyncIterator[Stagehand]:
    """The whole bot beside a playground, in this process."""
    await small_group.make(tmp_path / "data")
    members = tuple(Member(name, 100 + n) for n, name in enumerate(small_group.NAMES))
    config = PlaygroundConfig(token=TOKEN, members=members, port=0, title="us")
    async with Playground(config) as playground, serving(tmp_path / "data", playground, QUICK):
        hand = Stagehand(playground.url)
        yield hand
        await hand.close()


def test_the_cast_is_read_as_people_write_it() -> None:
    """Names of several words, commas, and the number of lines at the end, kept within limits."""
    say = wording("en")

    def read(words: str) -> tuple[list[str], int]:
        personas, lines = read_cast(CAST, words, say)
        return [each.name for each in personas], lines

    assert read("Alice Bob 8") == (["Alice", "Bob"], 8)
    assert read("uncle theo, alice") == (["Uncle Theo", "Alice"], 8)
    assert read("uncle alice & bob 3") == (
        ["Uncle Theo", "Alice", "Bob"],
        3,
    )
    assert read("al bo 999999999999")[1] == 20
    assert read("al bo 0")[1] == 1
    for words in ("", "Alice", "Alice Alice", "Alice Zebedee 4", "8", "😀 😀", "stop it"):
        with pytest.raises(CastError):
            read(words)


def test_whoever_approves_each_reply_is_in_no_scene() -> None:
    """A scene cannot wait for them; those who are muted are nobody that it knows."""
    rules = (groups.FREE, groups.ASK, groups.MUTED)
    rows = [SpeakerRow(n, f"P{n}", None, True, rule=rule) for n, rule in enumerate(rules)]
    cast = Cast(rows, [0, 1, 2])
    with pytest.raises(CastError, match="P1 approves each reply"):
        read_cast(cast, "P0 P1", wording("en"))
    with pytest.raises(CastError, match="nobody as “P2”"):
        read_cast(cast, "P0 P2", wording("en"))


def test_the_model_says_who_goes_on_within_the_rules() -> None:
    """The likelier one speaks more; nobody rambles, and nobody is left out for two rounds."""
    said: list[int] = []
    for turn in range(400):
        said.append(next_speaker([1, 2, 3], said, [0.9, 0.1, 0.0], (turn * 0.618) % 1))
    counts = Counter(said)
    assert counts[1] > counts[2] >= counts[3] > 0
    rows = range(len(said) - IN_A_ROW)
    assert all(len(set(said[i : i + IN_A_ROW + 1])) > 1 for i in rows)
    assert all(set(said[i : i + 7]) == {1, 2, 3} for i in range(len(said) - 7))
    assert next_speaker([1, 2], [1], [0.0, 0.0], 0.99) == 2


def test_a_line_comes_at_the_pace_of_who_says_it() -> None:
    """Their friend's pause, else what reading takes; within [replies], which may be nothing."""
    assert pause(3.0, "x" * 1000, 6.0) == 3.0
    assert pause(90.0, "", 6.0) == 6.0
    assert pause(0.0, "x" * 100, 6.0) == pytest.approx(4.0)
    assert pause(0.0, "x" * 1000, 6.0) == 6.0
    assert pause(0.2, "", 6.0) == pause(0.0, "", 6.0) == 1.0
    assert pause(3.0, "", 0.0) == 0.0


def lines_of(messages: list[Message]) -> list[str]:
    """Who said the personas' lines."""
    texts = [m["text"] for m in messages if m["from"]["is_bot"] and m.get("text")]
    return [text.split(":")[0].removeprefix("🎭 ") for text in texts if text.startswith("🎭 ")]


async def test_a_scene_is_played_line_by_line_and_joins_the_context(
    hand: Stagehand, tmp_path: Path
) -> None:
    """So many messages of the named ones alone, remembered as theirs; then the button goes."""
    title = await hand.reply_to(await hand.write("Bob", "/scene alice, uncle theo 6"))
    assert title["text"] == "🎬 Alice, Uncle Theo: 6 lines."
    ended = await hand.wait(
        lambda m: m["message_id"] == title["message_id"] and "reply_markup" not in m
    )
    assert ended["text"] == title["text"]
    spoke = lines_of(await hand.messages())
    assert len(spoke) == 6
    assert set(spoke) == {"Alice", "Uncle Theo"}
    assert spoke[0] == "Alice"
    async with Store(Paths(tmp_path / "data").database) as store:
        chat = (await store.read(lambda db: chats.all_chats(db, 1)))[0]
        kept = await store.read(lambda db: chats.context(db, chat.id))
    assert [row.name for row in kept][-3:] == spoke[-3:]
    assert len(spoke) == len(lines_of(await hand.messages()))


async def test_a_scene_is_stopped_by_command_and_by_button(hand: Stagehand) -> None:
    """One at a time; after a stop nothing more of it is said, and another one may start."""
    asked = await hand.write("Bob", "/scene alice bob 20")
    title = await hand.reply_to(asked)
    assert "playing here already" in await hand.ask("Alice", "/scene alice bob")
    button = title["reply_markup"]["inline_keyboard"][0][0]
    await hand.post(
        "/api/press",
        **{"as": "Alice"},
        message_id=title["message_id"],
        data=button["callback_data"],
    )
    await hand.wait(lambda m: m.get("text") == "🎬 Stopped." and "reply_markup" not in m)
    await asyncio.sleep(0.5)
    before = len(lines_of(await hand.messages()))
    assert before < 20
    assert "No scene" in await hand.ask("Alice", "/scene stop")
    await hand.reply_to(await hand.write("Bob", "/scene alice bob 20"))
    assert "Stopped" in await hand.ask("Alice", "/scene stop")
    await asyncio.sleep(0.5)
    after = len(lines_of(await hand.messages()))
    await asyncio.sleep(0.5)
    assert len(lines_of(await hand.messages())) == after
    assert "needs two" in await hand.ask("Alice", "/scene bob")
    assert "nobody as “zebedee”" in await hand.ask("Alice", "/scene zebedee bob")


async def test_a_scene_that_a_restart_cut_off_is_over(tmp_path: Path) -> None:
    """It says nothing more, and its chat may have another."""
    async with Store(tmp_path / "db") as store:

        async def job(db: Db) -> int:
            group = await groups.ensure_group(db, "us")
            ids = [await groups.ensure_speaker(db, group.id, name) for name in "AB"]
            chat = await chats.ensure(db, -1, 0, group.id)
            scene = await scenes.begin(db, chat.id, ids, 4, "answer:1:0")
            assert await scenes.want_line(db, scene, 0, ids[0])
            assert not await scenes.want_line(db, scene, 0, ids[0])
            return scene

        scene = await store.write(job)
        assert [row.id for row in await store.read(scenes.playing)] == [scene]
        assert await store.write(lambda db: scenes.end(db, scene, "stopped"))
        assert not await store.write(lambda db: scenes.end(db, scene, "ended"))
        assert not await store.write(lambda db: scenes.want_line(db, scene, 1, 1))
        assert await store.read(outbox.open_chats) == []
        assert await store.read(lambda db: scenes.lines(db, scene)) == [(1, "superseded")]
