"""/as NAME YEAR: storage/eras.py, the past of a context, and what the chat sees of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.commands.persona import read_year
from bot.config import Config, RepliesConfig, SamplingConfig
from bot.memory.context import PAST_SHARE, Context, Voice
from bot.paths import Paths
from lm.corpus.tokenizer import Tokenizer
from playground.server import Member, Playground, PlaygroundConfig
from storage import eras, groups, messages
from storage.chats import ChatRow, ContextRow
from storage.messages import MessageRow
from storage.store import Db, Store
from tests import small_group
from tests.backstage import serving
from tests.stagehand import TOKEN, Stagehand

QUICK = Config(sampling=SamplingConfig(max_tokens=6), replies=RepliesConfig(typing_seconds=0))


def at(year: int, minute: int) -> int:
    """A time in a year."""
    return int(datetime(year, 6, 1, tzinfo=UTC).timestamp()) + 60 * minute


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Alice is dense in one stretch of 2019; Carol has never agreed."""

    async def job(db: Db) -> None:
        group = (await groups.ensure_group(db, "us")).id
        ids = [await groups.ensure_speaker(db, group, name) for name in ("Alice", "Bob", "Carol")]
        for each in ids[:2]:
            await groups.consent(db, each, True, "a test")
        rows = []
        for n in range(60):
            dense = 20 <= n < 30
            who = ids[0] if dense or n % 6 == 0 else ids[1 + n % 2]
            words = f"{'then' if dense else 'or'} {n}"
            rows.append(MessageRow(who, words, at(2019, n), "us", f"o{n}"))
        rows += [MessageRow(ids[0], f"now {n}", at(2021, n), "us", f"p{n}") for n in range(12)]
        rows += [MessageRow(ids[0], f"rare {n}", at(2020, n), "us", f"q{n}") for n in range(3)]
        await messages.add(db, group, rows)

    async with Store(tmp_path / "db") as opened:
        await opened.write(job)
        yield opened


async def test_the_years_are_those_with_something_to_hear(store: Store) -> None:
    """A year of three messages is no manner of speaking."""
    assert list(await store.read(lambda db: eras.years(db, 1, 1))) == [2019, 2021]


async def test_the_stretch_is_where_she_speaks_most(store: Store) -> None:
    """Consecutive messages of that year in order, of consenting people alone, as long as asked."""
    found = await store.read(lambda db: eras.stretch(db, 1, 1, 2019, 70))
    assert sum(row.name == "Alice" for row in found) == 10
    assert sum(len(row.text) for row in found) <= 70
    assert [row.message_id for row in found] == sorted(row.message_id for row in found)
    whole = await store.read(lambda db: eras.stretch(db, 1, 1, 2019, 10_000))
    assert {row.name for row in whole} == {"Alice", "Bob"}
    assert not any("now" in row.text for row in whole)
    assert await store.read(lambda db: eras.stretch(db, 1, 1, 1999, 70)) == []
    await store.write(lambda db: groups.consent(db, 1, False, "she"))
    assert "Alice" not in {
        row.name for row in await store.read(lambda db: eras.stretch(db, 1, 2, 2019, 10_000))
    }


def test_the_past_is_a_session_before_the_live_one_and_leaves_it_half_the_room() -> None:
    """BREAK, the past, BREAK, the chat; without a past the tokens are as they were."""
    tokenizer = Tokenizer.train(["hello there friend"] * 9, 300, [1, 2])
    context = Context(ChatRow(1, -1, 0, 1, 1, "mention", 0), Voice(1, tokenizer, 80, 8))
    for number in range(6):
        context.append(context.entry(ContextRow(number, 2, "B", f"hello {number}")))
    before = context.tokens
    past = [ContextRow(-n, 1, "A", "there friend") for n in range(50)]
    left = context.recall(past)
    second = context.tokens.index(tokenizer.break_, 1)
    assert context.tokens[0] == tokenizer.break_
    assert context.tokens[1:second].count(tokenizer.speaker(1)) >= 3
    assert second <= 80 * PAST_SHARE
    assert len(context.tokens) - 1 <= 80
    assert left == [n for n in range(6) if not context.holds(n)]
    context.recall([])
    assert before[-len(context.tokens) + 1 :] == context.tokens[1:]


def test_a_year_is_four_digits_and_nothing_else() -> None:
    """Whatever else follows a name is said to them."""
    assert read_year("2019") == 2019
    assert [read_year(w) for w in ("", "2019 was good", "20١٩", "1066", "19", "now")] == [None] * 6


async def test_as_of_a_year_in_the_chat(tmp_path: Path) -> None:
    """Set by /as NAME YEAR, told by /who, kept over a restart, gone with the next /as."""
    data = tmp_path / "data"
    await small_group.make(data)
    members = tuple(Member(name, 100 + n) for n, name in enumerate(small_group.NAMES))
    config = PlaygroundConfig(token=TOKEN, members=members, port=0, title="us")
    async with Playground(config) as playground:
        hand = Stagehand(playground.url)
        async with serving(data, playground, QUICK):
            refused = await hand.ask("Bob", "/as Alice 2019")
            assert refused == "Too little is left of Alice in 2019. I can be Alice of: 2023."
            assert "I am Alice of 2023 now" in await hand.ask("Bob", "/as alice 2023")
            assert (await hand.ask("Bob", "alice?")).startswith("🎭 Alice: ")
        async with serving(data, playground, QUICK):
            assert "I am Alice of 2023 here" in await hand.ask("Bob", "/who")
            assert (await hand.ask("Bob", "alice?")).startswith("🎭 Alice: ")
            async with Store(Paths(data).database) as store:
                await store.write(lambda db: groups.consent(db, 2, False, "he himself"))
            assert (await hand.ask("Bob", "alice?")).startswith("🎭 Alice: ")
            assert "I am Alice now" in await hand.ask("Bob", "/as Alice")
            assert "I am Alice here" in await hand.ask("Bob", "/who")
        await hand.close()
