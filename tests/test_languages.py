"""storage/languages.py, and who is told things unasked in it: owners of personas, admins."""

from __future__ import annotations

from pathlib import Path

import pytest
from telegram import Bot

from bot.paths import Paths
from bot.updates.alarm import Alarm
from playground.server import Member, Playground, PlaygroundConfig
from storage import chats, forgetting, groups, holdings, languages
from storage.store import Db, Store, reading
from tests.people import account, in_group, member_presses
from tests.stagehand import TOKEN
from tests.test_ownership import in_private, shows


async def test_the_last_one_counts(tmp_path: Path) -> None:
    """A tag is bounded; none is no news; who never spoke to the bot has none."""

    async def job(db: Db) -> list[str]:
        for tag in ("de-AT", "es", "", "x" * 99):
            await languages.heard(db, 7, tag)
        await languages.heard(db, 8, "ru")
        await languages.heard(db, 9, "")
        return [await languages.of(db, user) for user in (7, 8, 9)]

    async with Store(tmp_path / "db") as store:
        assert await store.write(job) == ["x" * languages.LONGEST, "ru", ""]


async def test_it_is_shown_and_forgotten_with_its_person(tmp_path: Path) -> None:
    """/mydata lists it; /forget takes it, of each of their accounts."""

    async def job(db: Db) -> None:
        group = (await groups.ensure_group(db, "us")).id
        alice = await groups.ensure_speaker(db, group, "Alice")
        for user in (7, 8):
            await groups.link(db, group, alice, user)
            await languages.heard(db, user, "de")
        await languages.heard(db, 9, "es")
        (row,) = await groups.speakers(db, group)
        held = await holdings.of(db, group, row, 7)
        assert held["languages"] == [{"tag": "de"}, {"tag": "de"}]
        await forgetting.begin(db, group, alice, 7)
        (request,) = await forgetting.unfinished(db, group)
        await forgetting.erase(db, group, request)
        assert [await languages.of(db, user) for user in (7, 8, 9)] == ["", "", "es"]

    async with Store(tmp_path / "db") as store:
        await store.write(job)


async def tags(data: Path) -> dict[int, str]:
    async with reading(Paths(data).database) as db:
        return {int(r[0]): str(r[1]) for r in await db.execute_fetchall("SELECT * FROM languages")}


async def test_an_owner_is_asked_in_their_language(tmp_path: Path) -> None:
    """Whoever it was that asked in the group; idle talk there tells the bot no language."""
    data, tongues = tmp_path / "data", {"Alice": "de", "Bob": "es"}
    async with in_group(data, languages=tongues) as hand:
        await in_private(hand, "Alice", "/start mine")
        mine = await hand.reply_to(await hand.write("Alice", "/mine"))
        await member_presses(hand, "Alice", mine, "erst mich fragen")
        await shows(hand, mine, "zeige ich")
        await hand.write("Uncle Theo", "just talking")
        await hand.ask("Bob", "/mode instant")
        await hand.ask("Bob", "/as Alice")
        await hand.write("Bob", "alice?")
        question = await hand.wait(
            lambda m: m["chat"]["id"] == account("Alice") and "Gruppe sagen" in m.get("text", ""),
            what="the question",
        )
        labels = [each["text"] for each in question["reply_markup"]["inline_keyboard"][0]]
        assert labels[0] == "Senden"
        assert await tags(data) == {account("Alice"): "de", account("Bob"): "es"}


@pytest.mark.parametrize("configured", [True, False])
async def test_an_admin_hears_of_errors_in_their_language(tmp_path: Path, configured: bool) -> None:
    """A configured one, and else the owner of a served chat."""
    members = (Member("Olga", 101),)
    async with (
        Playground(PlaygroundConfig(token=TOKEN, members=members, port=0)) as playground,
        Bot(TOKEN, base_url=f"{playground.url}/bot") as bot,
        Store(Paths(tmp_path).database) as store,
    ):
        served = next(iter(playground.world.chats))
        playground.world.private(101)

        async def job(db: Db) -> None:
            group = (await groups.ensure_group(db, "us")).id
            await chats.ensure(db, served, 0, group)
            await languages.heard(db, 101, "ru")

        await store.write(job)
        await Alarm(bot, store, 1, [101] if configured else []).tell("the disk is full")
        (told,) = playground.world.chats[101].messages.values()
        text = str(told.content["text"])
        assert "the disk is full" in text
        assert "журнал" in text
