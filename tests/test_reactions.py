"""Reactions to what personas said: storage/reactions.py and what /status tells of them."""

from __future__ import annotations

from pathlib import Path

from bot.config import Config, RepliesConfig, SamplingConfig
from playground.server import Member, Playground, PlaygroundConfig
from storage import chats, groups, outbox, reactions
from storage.store import Db, Store
from tests import small_group
from tests.backstage import serving
from tests.stagehand import TOKEN, Stagehand

QUICK = Config(sampling=SamplingConfig(max_tokens=6), replies=RepliesConfig(typing_seconds=0))


async def test_reactions_are_replaced_and_counted_by_persona(tmp_path: Path) -> None:
    """Telegram tells what an account's reactions are now; only personas' messages count."""

    async def job(db: Db) -> None:
        group = (await groups.ensure_group(db, "us")).id
        alice = await groups.ensure_speaker(db, group, "Alice")
        chat = (await chats.ensure(db, -100, 0, group)).id
        await outbox.add(db, cause="reply:1", chat=chat, kind="reply", persona=alice)
        await outbox.mark_sent(db, 1, 50)
        await outbox.add(db, cause="answer:2:0", chat=chat, kind="answer", text="hello")
        await outbox.mark_sent(db, 2, 51)
        await reactions.replace(db, -100, 50, 7, ["👍", "🔥"])
        await reactions.replace(db, -100, 50, 8, ["👍"])
        await reactions.replace(db, -100, 51, 8, ["👍"])
        await reactions.replace(db, -100, 49, 8, ["👍"])
        await reactions.replace(db, -200, 50, 8, ["👍"])

    async with Store(tmp_path / "db") as store:
        await store.write(job)
        assert await store.read(lambda db: reactions.counts(db, 1)) == {1: {"👍": 2, "🔥": 1}}
        await store.write(lambda db: reactions.replace(db, -100, 50, 7, ["🔥"]))
        await store.write(lambda db: outbox.prune(db, -10))
        await store.write(lambda db: reactions.replace(db, -100, 50, 8, []))
        assert await store.read(lambda db: reactions.counts(db, 1)) == {1: {"🔥": 1}}
        await store.write(lambda db: reactions.forget(db, 7))
        assert await store.read(lambda db: reactions.counts(db, 1)) == {}


async def react(hand: Stagehand, name: str, emoji: str, to: int) -> None:
    """A member reacts to a message."""
    await hand.post("/api/react", **{"as": name}, message_id=to, emoji=emoji)


async def test_status_tells_of_reactions_and_of_what_they_need(tmp_path: Path) -> None:
    """Set, changed and taken back on the page; a bot that is no admin says that it sees none."""
    await small_group.make(tmp_path / "data")
    members = tuple(Member(name, 100 + n) for n, name in enumerate(small_group.NAMES))
    for is_admin in (True, False):
        config = PlaygroundConfig(
            token=TOKEN, members=members, port=0, title="us", bot_is_admin=is_admin
        )
        async with Playground(config) as playground:
            hand = Stagehand(playground.url)
            async with serving(tmp_path / "data", playground, QUICK):
                reply = await hand.reply_to(await hand.write("Bob", "/as alice how are you"))

                said = reply["message_id"]
                for name, emoji in (("Bob", "🔥"), ("Bob", "👍"), ("Uncle Theo", "👍")):
                    await react(hand, name, emoji, said)
                for _ in range(2):  # the second takes the first back
                    await react(hand, "Alice", "👏", said)
                status = await hand.ask("Bob", "/status")
                if is_admin:
                    assert "Reactions: Alice 👍 2\n" in f"{status}\n"
                    assert "admin" not in status
                    own = await hand.write("Bob", "nobody's persona")
                    await react(hand, "Alice", "🔥", own["message_id"])
                    assert "🔥" not in await hand.ask("Bob", "/status")
                else:
                    assert "only if I am an admin" in status
            await hand.close()
