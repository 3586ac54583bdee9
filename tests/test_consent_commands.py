"""/consent and /privacy over the real bot: everybody speaks for themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.paths import Paths
from storage import groups
from storage.store import reading
from tests.backstage import until
from tests.people import account, in_group, member_presses
from tests.stagehand import Stagehand


async def ledger(data: Path) -> list[tuple[str, bool, str]]:
    async with reading(Paths(data).database) as db:
        return [(e.speaker, e.agreed, e.attested_by) for e in await groups.ledger(db, 1)]


async def learnt(data: Path, words: str) -> int:
    async with reading(Paths(data).database) as db:
        query = "SELECT count(*) FROM messages WHERE text = ?"
        return int(next(iter(await db.execute_fetchall(query, (words,))))[0])


async def agreed(hand: Stagehand, wanted: str) -> dict[str, Any]:
    return await hand.wait(lambda m: f"Agreed so far: {wanted}" in m.get("text", ""))


async def test_everybody_presses_for_themselves(tmp_path: Path) -> None:
    """One message for all: a friend withdraws, a newcomer agrees; what counts is who pressed."""
    data = tmp_path / "data"
    async with in_group(data, more=("Zoë",)) as hand:
        asked = await hand.reply_to(await hand.write("Bob", "/consent"))
        assert "Agreed so far: Alice, Bob, Uncle Theo" in asked["text"]
        await member_presses(hand, "Alice", asked, "I do not")
        await agreed(hand, "Bob, Uncle Theo")
        assert (await ledger(data))[-1] == (
            "Alice",
            False,
            "themselves, by a button in Telegram",
        )
        assert "Alice" not in await hand.ask("Bob", "/who")
        await hand.write("Zoë", "before")
        await member_presses(hand, "Zoë", asked, "I agree")
        await agreed(hand, "Bob, Uncle Theo, Zoë")
        await member_presses(hand, "Zoë", asked, "I agree")
        await hand.write("Zoë", "after")
        await hand.write("Alice", "not learnt")
        await hand.ask("Bob", "/who")
        await until(lambda: _is(data, "after", 1))
        assert [await learnt(data, words) for words in ("before", "not learnt")] == [0, 0]
        assert [entry[0] for entry in await ledger(data)].count("Zoë") == 1
        await member_presses(hand, "Alice", asked, "I agree")
        await agreed(hand, "Alice, Bob, Uncle Theo, Zoë")
        assert "/mydata" in await hand.ask("Zoë", "/privacy")


async def _is(data: Path, words: str, count: int) -> bool:
    return await learnt(data, words) == count


async def test_a_name_is_not_taken_by_a_button(tmp_path: Path) -> None:
    """Who is called like somebody in the export has to claim it; strangers in private are none."""
    data = tmp_path / "data"
    async with in_group(data, linked=("Bob", "Uncle Theo"), more=("Mallory",)) as hand:
        asked = await hand.reply_to(await hand.write("Alice", "/consent"))
        before = await ledger(data)
        assert "/iam Alice" in await member_presses(hand, "Alice", asked, "I agree")
        private = await hand.reply_to(
            await hand.write("Mallory", "/consent", chat=account("Mallory"))
        )
        assert "in your group" in await member_presses(hand, "Mallory", private, "I agree")
        assert "/iam NAME" in await member_presses(hand, "Alice", asked, "I do not")
        assert await ledger(data) == before


async def test_strangers_are_not_told_who_agreed(tmp_path: Path) -> None:
    """Who finds the bot and asks it in private hears no name; who belongs there does."""
    async with in_group(tmp_path / "data", more=("Mallory",)) as hand:
        told = await hand.reply_to(await hand.write("Mallory", "/consent", chat=account("Mallory")))
        assert "Agreed so far: –" in told["text"]
        known = await hand.reply_to(await hand.write("Bob", "/consent", chat=account("Bob")))
        assert "Agreed so far: Alice, Bob, Uncle Theo" in known["text"]
