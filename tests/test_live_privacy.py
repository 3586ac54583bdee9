"""Live messages: personal data is gone before anything is kept, learnt or made into tokens."""

from __future__ import annotations

from pathlib import Path

from bot.config import Config, PrivacyConfig
from bot.paths import Paths
from bot.scrubbing import group_scrubber
from playground.server import Member, Playground, PlaygroundConfig
from storage import chats, groups, messages
from storage.store import Db, Store, reading
from tests import small_group
from tests.backstage import serving, until
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
