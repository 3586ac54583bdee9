"""/iam, /mine and ask-me-first over the real bot: the friend behind a persona decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import housekeeping
from bot.paths import Paths
from storage import approvals, chats, groups, outbox
from storage.store import Db, Store, reading
from tests.backstage import until
from tests.people import account, in_group, member_presses
from tests.stagehand import Message, Stagehand


async def in_private(hand: Stagehand, name: str, text: str) -> Message:
    """A member writes to the bot alone; the bot's answer."""
    return await hand.reply_to(await hand.write(name, text, chat=account(name)))


async def shows(hand: Stagehand, message: Message, words: str) -> Message:
    """Wait until the bot has edited a message so that it says this."""
    return await hand.wait(
        lambda m: (
            m["message_id"] == message["message_id"]
            and m["chat"]["id"] == message["chat"]["id"]
            and words in m.get("text", "")
        ),
        what=words,
    )


async def test_an_admin_confirms_who_somebody_is(tmp_path: Path) -> None:
    """Only an admin's button links an account; then it owns the persona, and nobody else does."""
    async with in_group(tmp_path / "data", linked=("Bob",), more=("Ally",)) as hand:
        assert "which of my people" in await hand.ask("Ally", "/mine")
        assert "in the group" in (await in_private(hand, "Ally", "/iam Alice"))["text"]
        assert "nobody as “zebedee”" in await hand.ask("Ally", "/iam zebedee")
        assert "You are Bob here" in await hand.ask("Bob", "/iam Alice")
        claim = await hand.reply_to(await hand.write("Ally", "/iam alice"))
        assert "Ally says: I am Alice" in claim["text"]
        assert "Only admins" in await member_presses(hand, "Ally", claim, "Yes, that is Alice")
        assert "which of my people" in await hand.ask("Ally", "/mine")
        await member_presses(hand, "Bob", claim, "Yes, that is Alice")
        await shows(hand, claim, "That account is Alice's now")
        mine = await hand.reply_to(await hand.write("Ally", "/mine"))
        assert "I speak as Alice" in mine["text"]
        assert "Only whose persona" in await member_presses(hand, "Bob", mine, "muted")
        second = await hand.reply_to(await hand.write("Uncle Theo", "/iam Alice"))
        assert "Another account" in second["text"]
        await member_presses(hand, "Bob", second, "No")
        await shows(hand, second, "is not Alice's")


async def test_muted_and_withdrawn_are_silent(tmp_path: Path) -> None:
    """What the owner presses holds at once, and can be taken back."""
    async with in_group(tmp_path / "data") as hand:
        mine = await hand.reply_to(await hand.write("Alice", "/mine"))
        await hand.ask("Bob", "/as Alice")
        await member_presses(hand, "Alice", mine, "muted")
        await shows(hand, mine, "I do not speak as Alice")
        assert "Alice" not in await hand.ask("Bob", "/who")
        assert "Nobody is on stage" in await hand.ask("Bob", "@understudy_bot hello?")
        await member_presses(hand, "Alice", mine, "withdrawn")
        await shows(hand, mine, "nor learn from")
        await member_presses(hand, "Alice", mine, "speaking")
        await shows(hand, mine, "and learn from what you write")
        assert (await hand.ask("Bob", "@understudy_bot hello?")).startswith("🎭 Alice: ")


async def test_nothing_is_said_before_the_owner_agrees(tmp_path: Path) -> None:
    """The reply goes to the owner in private first; Send says it in the group, Drop does not."""
    async with in_group(tmp_path / "data") as hand:
        mine = await hand.reply_to(await hand.write("Alice", "/mine"))
        await member_presses(hand, "Alice", mine, "ask me first")
        unknown = await shows(hand, mine, "show to you first")
        assert "t.me/understudy_bot?start=mine" in unknown["text"]
        assert "I speak" not in (await in_private(hand, "Alice", "/start mine"))["text"]
        await hand.ask("Bob", "/as Alice")
        for label, ending in (("Send", "Sent:"), ("Drop", "Dropped")):
            trigger = await hand.write("Bob", f"alice? {label}")
            question = await hand.wait(
                lambda m: "Shall I say this" in m.get("text", ""), what="the question"
            )
            assert question["chat"]["id"] == account("Alice")
            words = question["text"].partition("\n\n")[2]
            assert words.startswith("🎭 Alice: ")
            assert await answers(hand, trigger) == []
            await member_presses(hand, "Alice", question, label)
            await shows(hand, question, ending)
            if label == "Send":
                assert (await hand.reply_to(trigger))["text"] == words
            else:
                await hand.ask("Bob", "/who")
                assert await answers(hand, trigger) == []
        await member_presses(hand, "Alice", mine, "speaking")
        await hand.ask("Bob", "alice again?")


async def answers(hand: Stagehand, trigger: Message) -> list[Message]:
    return [
        m
        for m in await hand.messages()
        if m["reply_to"] == trigger["message_id"] and m["chat"]["id"] == trigger["chat"]["id"]
    ]


async def test_a_reply_that_waited_too_long_is_dropped(tmp_path: Path) -> None:
    """Its words go; a late yes finds nothing; one in time makes it as fresh as that yes."""

    async def job(db: Db) -> None:
        group = (await groups.ensure_group(db, "us")).id
        alice = await groups.ensure_speaker(db, group, "Alice")
        await chats.ensure(db, -1, 0, group)
        for cause in ("old", "new"):
            await outbox.add(db, cause=cause, chat=1, kind="reply", persona=alice)
        for row in await outbox.open_rows(db, 1):
            await approvals.hold(db, row, f"🎭 Alice: {row.cause}", row.cause)
        await db.execute("UPDATE outbox SET created_at = 5 WHERE cause = 'old'")
        await approvals.expire(db, 600)

    async with Store(tmp_path / "db") as store:
        await store.write(job)
        assert await store.read(lambda db: outbox.open_rows(db, 1)) == []
        assert await store.read(lambda db: approvals.waiting(db, 1)) is None
        row = await store.read(lambda db: approvals.waiting(db, 2))
        assert row is not None
        await store.write(lambda db: approvals.release(db, row, [row.text]))
        (ready,) = await store.read(lambda db: outbox.open_rows(db, 1))
        assert (ready.state, ready.text, ready.body) == ("ready", "🎭 Alice: new", "new")
        await store.write(lambda db: approvals.drop(db, 2))
        assert await store.read(lambda db: outbox.open_rows(db, 1)) == [ready]


async def test_words_that_nobody_released_go_when_their_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while nothing else happens: not with the next reply, or the next hour's cleaning."""
    monkeypatch.setattr(housekeeping, "EXPIRE_EVERY_S", 0.05)
    monkeypatch.setattr(housekeeping, "FRESH_S", 1)
    data = tmp_path / "data"
    async with in_group(data) as hand:
        await in_private(hand, "Alice", "/start mine")
        mine = await hand.reply_to(await hand.write("Alice", "/mine"))
        await member_presses(hand, "Alice", mine, "ask me first")
        await hand.ask("Bob", "/mode instant")
        await hand.ask("Bob", "/as Alice")
        await hand.write("Bob", "alice?")
        question = await hand.wait(
            lambda m: "Shall I say this" in m.get("text", ""), what="the question"
        )

        async def gone() -> bool:
            async with reading(Paths(data).database) as db:
                return (
                    await db.execute_fetchall(
                        "SELECT 1 FROM outbox WHERE state = 'expired' AND text = '' AND body = ''"
                    )
                    != []
                )

        await until(gone)
        await member_presses(hand, "Alice", question, "Send")
        await shows(hand, question, "no longer works")
