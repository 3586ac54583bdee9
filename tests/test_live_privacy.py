"""Live messages: personal data is gone before anything is kept, learnt or made into tokens."""

from __future__ import annotations

from pathlib import Path

from bot.config import Config, PrivacyConfig
from bot.paths import Paths
from bot.scrubbing import group_scrubber
from playground.server import Member, Playground, PlaygroundConfig
from storage import chats, groups, holdings, messages
from storage.store import Db, Store, reading
from tests import small_group
from tests.backstage import serving, until
from tests.people import member_presses
from tests.stagehand import TOKEN, Stagehand

NUMBER, ADDRESS = "+44 7700 900123", "bob@example.com"
CONFIG = Config.model_validate(
    {"sampling": {"max_tokens": 4}, "privacy": {"blocked_words": ["Voldemort"]}}
)


async def test_what_is_said_in_the_group_is_scrubbed_like_an_export(tmp_path: Path) -> None:
    """New and edited, in contexts and in what is learnt; the file on disk never holds it after."""
    data = tmp_path / "data"
    group = await small_group.make(data)
    members = tuple(Member(name, 100 + n) for n, name in enumerate(small_group.NAMES))

    async def link(db: Db) -> None:
        for row in await groups.speakers(db, group.id):
            await groups.link(db, group.id, row.id, 99 + row.id)

    async with Store(Paths(data).database) as store:
        await store.write(link)
        scrubber = await store.read(lambda db: group_scrubber(db, PrivacyConfig(), group.id))
    config = PlaygroundConfig(token=TOKEN, members=members, port=0, title="us")
    async with Playground(config) as playground:
        hand = Stagehand(playground.url)
        async with serving(data, playground, CONFIG):
            said = await hand.write("Alice", f"call me, {NUMBER}, not Voldemort")
            path = f"/api/messages/{(await hand.write('Bob', 'wait'))['message_id']}/edit"
            await hand.post(path, **{"as": "Bob"}, text=f"write to {ADDRESS}")
            await hand.ask("Alice", f"/as Bob is it {NUMBER}?")

            async def settled() -> bool:
                async with reading(Paths(data).database) as db:
                    return any("email" in row.text for row in await chats.context(db, 1))

            await until(settled)
        await hand.close()
    assert NUMBER in said["text"]
    async with reading(Paths(data).database) as db:
        held = [row.text for row in await chats.context(db, 1)]
        learnt = [row.text for row in await messages.for_training(db, group.id)]
        dump = "\n".join([line async for line in db.iterdump()])
    number, address = scrubber.scrub(NUMBER), scrubber.scrub(ADDRESS)
    assert any(text.startswith(f"call me, {number}, not [blocked ") for text in held)
    assert f"write to {address}" in held
    assert f"write to {address}" in learnt
    assert any(number in text for text in learnt)
    for original in ("900123", "example.com", "Voldemort"):
        assert original not in dump


async def remembered(data: Path, begin: str) -> str:
    """The message in the group's context that begins so, once it is there."""
    found: list[str] = []

    async def is_there() -> bool:
        async with reading(Paths(data).database) as db:
            rows = await db.execute_fetchall("SELECT text FROM context")
        found[:] = [str(row[0]) for row in rows if str(row[0]).startswith(begin)]
        return bool(found)

    await until(is_there, 20, begin)
    return found[0]


async def test_a_member_is_no_outsider_after_a_restart(tmp_path: Path) -> None:
    """Their @name stays in what others write, until they are forgotten; theirs is all it keeps."""
    data = tmp_path / "data"
    await small_group.make(data)
    names = [name for name in small_group.NAMES if name != "Bob"]
    bob = Member("Bob", 77, username="robert_99")
    members = (bob, *(Member(name, 100 + n) for n, name in enumerate(names)))
    config = PlaygroundConfig(token=TOKEN, members=members, port=0, title="us")
    async with Playground(config) as playground:
        hand = Stagehand(playground.url)
        async with serving(data, playground, CONFIG):
            await hand.write("Bob", "good evening")
            await remembered(data, "good evening")
        async with serving(data, playground, CONFIG):
            await hand.write("Alice", "ask @Robert_99, not @mallory_99")
            said = await remembered(data, "ask ")
            assert said.startswith("ask @Robert_99, not [handle ")
            async with reading(Paths(data).database) as db:
                assert (await holdings.of(db, 1, None, 77))["usernames"] == [
                    {"handle": "robert_99"}
                ]
                assert (await holdings.of(db, 1, None, 100))["usernames"] == []
            asked = await hand.reply_to(await hand.write("Bob", "/forget"))
            await member_presses(hand, "Bob", asked, "Forget me")
            await hand.wait(lambda m: m.get("text", "").startswith("Done: nothing"), 60)
            await hand.write("Bob", "still around")
            await remembered(data, "still around")
            await hand.write("Alice", "where is @robert_99")
            assert "robert_99" not in await remembered(data, "where is ")
            async with reading(Paths(data).database) as db:
                assert list(await db.execute_fetchall("SELECT * FROM handles")) == []
        await hand.close()
