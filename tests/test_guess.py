"""/guess: bot/guessing/, bot/commands/play/guess.py and storage/guesses.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.config import Config, RepliesConfig, SamplingConfig
from bot.guessing.board import standing, wilson
from bot.guessing.lines import Spoken, TooFewError, folded, make
from bot.memory.cast import Persona
from bot.paths import Paths
from bot.wording import wording
from playground.server import Member, Playground, PlaygroundConfig
from storage import chats, groups, guesses
from storage.chats import ContextRow
from storage.guesses import Line, Tally
from storage.store import Db, Store
from tests import small_group
from tests.backstage import serving
from tests.stagehand import TOKEN, Message, Stagehand

QUICK = Config(sampling=SamplingConfig(max_tokens=24), replies=RepliesConfig(typing_seconds=0))


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


async def press(hand: Stagehand, name: str, message: Message, data: str) -> str:
    """Press a button; what the bot tells whoever pressed."""
    answered: dict[str, Any] = await hand.post(
        "/api/press", **{"as": name}, message_id=message["message_id"], data=data, wait=10
    )
    return str(answered["answer"]["text"])


def test_what_was_said_before_is_known_again() -> None:
    """Case, punctuation and what stands around six words hide no copy; short phrases may recur."""
    copy, part, new = "See you THERE!!", "well then I will bring the soup and more", "soup is blue"
    spoken = Spoken(folded(each) for each in (copy, part, new))
    spoken.meet(["see you there", "see you  there.", "tonight I will bring the soup and the bread"])
    assert spoken.copied == {folded(copy), folded(part)}
    assert spoken.times[folded(copy)] == 2
    spoken.meet(["soup is what I said: blue"])
    assert folded(new) not in spoken.copied
    assert folded("?!") == "?!"


async def test_a_round_has_five_real_and_five_new_lines_of_the_same_people(tmp_path: Path) -> None:
    """Real ones are in the store, made-up ones are not, though most replies are no line."""
    data = tmp_path / "data"
    group = await small_group.make(data, model=False)
    personas = [Persona(n, name, (name,)) for n, name in enumerate(small_group.NAMES, start=1)]
    calls = 0

    async def speak(before: Sequence[ContextRow], persona: Persona, at: int | None) -> str:
        nonlocal calls
        calls += 1
        assert all(row.name in small_group.NAMES for row in before)
        assert at is not None
        assert all(row.sent_at is not None and row.sent_at <= at for row in before)
        if calls % 4:
            return "Who is coming tonight?!" if calls % 4 == 1 else "too short"[: calls % 4]
        return f"something new\n{calls}"

    async with Store(Paths(data).database) as store:
        lines = await make(store, group.id, personas, speak)
        assert [line.number for line in lines] == list(range(1, 11))
        real = [line for line in lines if line.is_real]
        made = [line for line in lines if not line.is_real]
        assert sorted(line.speaker for line in real) == sorted(line.speaker for line in made)
        assert len(real) == 5
        said = {text for texts in small_group.LINES.values() for text in texts}
        assert all(any(line.text.startswith(each) for each in said) for line in real)
        assert all(line.text.startswith("something new ") for line in made)

        async def parrot(before: Sequence[ContextRow], persona: Persona, at: int | None) -> str:
            return "WHO is coming tonight"

        with pytest.raises(TooFewError):
            await make(store, group.id, personas, parrot)

        calls = 0

        async def late(before: Sequence[ContextRow], persona: Persona, at: int | None) -> str:
            nonlocal calls
            calls += 1
            return f"something new {calls}" if calls > 12 else await parrot(before, persona, at)

        lines = await make(store, group.id, personas, late)  # the first four people only copy
        assert sum(line.is_real for line in lines) == len(lines) - 5 == 5


def test_the_interval_is_wilsons() -> None:
    """Published example (Newcombe 1998, table I): 81 of 263 is 25.53 % to 36.62 %."""
    low, high = wilson(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert wilson(0, 10)[0] == 0
    assert wilson(10, 10)[1] == pytest.approx(1)
    say = wording("en")
    assert standing(Tally(0, 0, 0, 0), say) == "Nobody has guessed yet."
    assert "60% of 20 guesses right (95% interval 39% to 78%" in standing(Tally(10, 5, 10, 7), say)


async def test_a_game_from_its_start_to_its_score(hand: Stagehand, tmp_path: Path) -> None:
    """Blind until the end; the first guess counts; only who guessed all ends it; words go."""
    assert await hand.ask("Bob", "/guess score") == "Nobody has guessed yet."
    assert "nobody as" in await hand.ask("Bob", "/guess zebedee")
    asked = await hand.write("Bob", "/guess")
    round = await hand.reply_to(asked)
    assert len([line for line in round["text"].splitlines() if line[:1].isdecimal()]) == 10
    assert "✍️ " not in round["text"].partition("\n")[2]
    rows = round["reply_markup"]["inline_keyboard"]
    pairs = [cell["callback_data"] for row in rows[:-1] for cell in row]
    reveal = rows[-1][0]["callback_data"]
    assert len(pairs) == 20
    assert all(len(data) <= 64 for data in pairs)
    assert "open already" in await hand.ask("Alice", "/guess")

    assert await press(hand, "Bob", round, pairs[0]) == "Noted: 1 of 10."
    assert "already" in await press(hand, "Bob", round, pairs[0])
    assert "already" in await press(hand, "Bob", round, pairs[1])
    assert "Guess every line first" in await press(hand, "Alice", round, reveal)
    for data in pairs[2:18:2]:
        assert "Noted" in await press(hand, "Bob", round, data)
    assert "5 of 10 right!" in await press(hand, "Bob", round, pairs[18])
    await press(hand, "Alice", round, pairs[1])
    board = await hand.wait(
        lambda m: m["message_id"] == round["message_id"] and "Bob 10/10" in m["text"]
    )
    assert "Alice 1/10" in board["text"]
    assert board["reply_markup"] == round["reply_markup"]

    await hand.post(
        "/api/press", **{"as": "Bob"}, message_id=round["message_id"], data=reveal, wait=10
    )
    over = await hand.wait(
        lambda m: m["message_id"] == round["message_id"] and "reply_markup" not in m
    )
    assert "Bob: 5 of 10 right" in over["text"]
    marks = [line.split(" ")[0] for line in over["text"].splitlines()[2:12]]
    assert sorted(marks) == ["✍️"] * 5 + ["🎭"] * 5
    assert "11 guesses" in over["text"]
    assert "11 guesses" in await hand.ask("Bob", "/guess score")
    assert "11 guesses" in await hand.ask("Bob", "/status")
    await asyncio.sleep(0)
    async with Store(Paths(tmp_path / "data").database) as store:
        assert {line.text for line in await store.read(lambda db: guesses.lines(db, 1))} == {""}


async def test_the_tally_leaves_out_judges_of_their_own_lines(tmp_path: Path) -> None:
    """Whoever knows what they wrote is no judge; what a person said or guessed can be deleted."""

    async def job(db: Db) -> None:
        group = (await groups.ensure_group(db, "us")).id
        alice, bob = [await groups.ensure_speaker(db, group, name) for name in ("Alice", "Bob")]
        await groups.link(db, group, alice, 7)
        chat = (await chats.ensure(db, -1, 0, group)).id
        lines = [Line(1, alice, "real soup", True), Line(2, bob, "made-up soup", False)]
        id = await guesses.begin(db, chat, 1, lines)
        assert await guesses.guess(db, id, 1, 7, "Alice", True)
        assert await guesses.guess(db, id, 2, 7, "Alice", True)
        assert await guesses.guess(db, id, 1, 8, "Zoe", True)
        assert not await guesses.guess(db, id, 1, 8, "Zoe", False)

    async with Store(tmp_path / "db") as store:
        await store.write(job)
        tally = await store.read(lambda db: guesses.tally(db, 1))
        assert tally == Tally(real=1, real_right=1, made_up=1, made_up_right=0)
        players = await store.read(lambda db: guesses.players(db, 1))
        assert [(each.name, each.guessed, each.right) for each in players] == [
            ("Alice", 2, 1),
            ("Zoe", 1, 1),
        ]
        await store.write(lambda db: guesses.prune(db, -10))
        assert await store.read(lambda db: guesses.open_rounds(db, 1)) == []
        assert {line.text for line in await store.read(lambda db: guesses.lines(db, 1))} == {""}
        await store.write(lambda db: guesses.forget(db, 7, 1))
        assert await store.read(lambda db: guesses.players(db, 1)) == []
        assert [line.speaker for line in await store.read(lambda db: guesses.lines(db, 1))] == [2]
