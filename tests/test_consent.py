"""`understudy consent`: what the ledger's last word changes, at once and at the next training."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.cli.choosing import UsageError
from bot.cli.consent_command import change_consent, show_ledger
from bot.config import PrivacyConfig
from bot.learning.training import transcript
from bot.paths import Paths
from bot.scrubbing import group_scrubber
from storage import chats, groups
from storage.groups import Group
from storage.store import Db, Store, reading
from tests import small_group
from tests.backstage import Backstage, backstage

PRIVACY = PrivacyConfig()


@pytest.fixture
async def paths(tmp_path: Path) -> Paths:
    await small_group.make(tmp_path / "data", model=False)
    return Paths(tmp_path / "data")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Backstage]:
    await small_group.make(tmp_path / "data")
    async with backstage(tmp_path / "data") as opened:
        yield opened


async def test_the_ledger_says_who_where_when_and_on_whose_word(
    paths: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    """As JSON for scripts and as lines for people, with how everybody stands now."""
    await change_consent("us", "", "uncle  THEO", PRIVACY, paths)
    await show_ledger("us", True, paths)
    lines = capsys.readouterr().out.splitlines()
    entries = json.loads(lines[-1])
    assert set(entries[0]) == {"group", "speaker", "agreed", "attested_by", "at"}
    assert [(e["group"], e["speaker"], e["agreed"]) for e in entries[-2:]] == [
        ("us", "Uncle Theo", True),
        ("us", "Uncle Theo", False),
    ]
    assert "operator" in entries[-1]["attested_by"]
    await show_ledger("", False, paths)
    said = capsys.readouterr().out
    assert "Uncle Theo: withdrew, says the operator" in said
    assert "us learns from Alice, Bob." in said
    assert "Not from Uncle Theo." in said


async def test_nobody_is_guessed(paths: Paths) -> None:
    """A name that is nobody's is refused with the names that there are."""
    with pytest.raises(UsageError, match="--withdraw Ali: say which of these: Alice, Bob, Uncle"):
        await change_consent("us", "", "Ali", PRIVACY, paths)


async def test_a_name_is_found_as_it_is_kept(paths: Paths) -> None:
    """A word that the operator blocks is a placeholder in names, too; they are typed as ever."""
    privacy = PrivacyConfig(blocked_words=["Theo"])
    async with Store(paths.database) as store:
        scrubber = await store.read(lambda db: group_scrubber(db, privacy, 1))
        kept = scrubber.scrub("Uncle Theo")
        await store.write(lambda db: groups.rename(db, 3, kept, groups.FREE))
    await change_consent("us", "", "uncle theo", privacy, paths)
    async with reading(paths.database) as db:
        entry = (await groups.ledger(db, 1))[-1]
    assert (entry.speaker, entry.agreed) == (kept, False)
    assert "Theo" not in kept


async def test_saying_it_twice_changes_nothing(paths: Paths) -> None:
    """The ledger holds changes, not repetitions."""
    await change_consent("us", "alice", "", PRIVACY, paths)
    async with reading(paths.database) as db:
        assert len(await groups.ledger(db, 1)) == 3


async def test_the_next_training_leaves_out_who_withdrew(paths: Paths) -> None:
    """No word of theirs and no name; that somebody spoke there stays. Giving it brings all back."""
    group = Group(1, "us")
    await change_consent("us", "", "Alice", PRIVACY, paths)
    async with reading(paths.database) as db:
        words = await transcript(db, group)
    assert [speaker.name for speaker in words.speakers] == ["Bob", "Uncle Theo"]
    assert {m.text for m in words.messages if m.speaker is None} == {""}
    assert not any("soup tonight" in m.text for m in words.messages)
    await change_consent("us", "Alice", "", PRIVACY, paths)
    async with reading(paths.database) as db:
        assert len((await transcript(db, group)).messages) == 240


async def test_a_persona_ends_at_once_beside_a_running_bot(
    stage: Backstage, tmp_path: Path
) -> None:
    """Another process withdraws; the reply that is wanted already is not generated."""
    chat = await stage.chat()
    first = await stage.want(chat)
    stage.replies.wake(chat)
    assert await stage.ended(first) == ["sent"]
    await change_consent("us", "", "Alice", PRIVACY, Paths(tmp_path / "data"))
    second, third = await stage.want(chat), await stage.want(chat, "Bob")
    stage.replies.wake(chat)
    assert (await stage.ended(second, third))[1] == "sent"
    assert [each.name for each in stage.current.cast.personas] == ["Bob", "Uncle Theo"]
    assert not any("Alice" in text for text in stage.said()[1:])


async def test_merging_takes_what_was_said_last(tmp_path: Path) -> None:
    """Two speakers become one: words, accounts, contexts and chats follow, consent by its date."""
    async with Store(tmp_path / "db") as store:

        async def job(db):  # type: ignore[no-untyped-def]  # a job of this test only
            group = (await groups.ensure_group(db, "us")).id
            one = await groups.ensure_speaker(db, group, "Ali")
            two = await groups.ensure_speaker(db, group, "Alice")
            await groups.link(db, group, one, 7)
            await groups.consent(db, two, True, "x")
            await groups.consent(db, one, False, "Ali")
            await groups.merge(db, group, one, two)
            return await groups.speakers(db, group)

        (row,) = await store.write(job)
        assert (row.name, row.aliases, row.accounts, row.agreed) == ("Alice", ("Ali",), (7,), False)


async def test_nothing_refers_to_who_was_merged(tmp_path: Path) -> None:
    """Reactions and lines of guesses follow as words do: whatever column names a speaker."""
    async with Store(tmp_path / "db") as store:

        async def job(db: Db) -> None:
            group = (await groups.ensure_group(db, "us")).id
            one = await groups.ensure_speaker(db, group, "Ali")
            two = await groups.ensure_speaker(db, group, "Alice")
            await chats.ensure(db, -1, 0, group)
            await chats.set_persona(db, 1, one)
            await db.execute("INSERT INTO reactions VALUES (1, 5, 7, 'x', ?, 0)", (one,))
            await db.execute(
                "INSERT INTO guess_rounds (chat, version, started_at) VALUES (1, 1, 0)"
            )
            await db.execute("INSERT INTO guess_lines VALUES (1, 0, ?, 'hello', 1)", (one,))
            await db.execute("INSERT INTO guess_lines VALUES (1, 1, ?, 'you', 0)", (two,))
            await groups.merge(db, group, one, two)
            assert (await chats.get(db, 1)).persona == two
            found = [await values(db, *each) for each in await columns(db)]
            assert {two} == set().union(*found)

        await store.write(job)


async def columns(db: Db) -> list[tuple[str, str]]:
    """Every (table, column) that refers to a speaker by the schema."""
    tables = await db.execute_fetchall("SELECT name FROM sqlite_schema WHERE type = 'table'")
    found = []
    for (table,) in tables:
        keys = await db.execute_fetchall("SELECT * FROM pragma_foreign_key_list(?)", (table,))
        found += [(str(table), str(key[3])) for key in keys if key[2] == "speakers"]
    assert len(found) > 8
    return found


async def values(db: Db, table: str, column: str) -> set[int]:
    """What a column holds beside NULL."""
    rows = await db.execute_fetchall(f"SELECT DISTINCT {column} FROM {table}")
    return {int(row[0]) for row in rows if row[0] is not None}
