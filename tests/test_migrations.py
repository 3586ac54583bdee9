"""storage/migrations.py: steps run once, in order, and a newer database is refused."""

from __future__ import annotations

from pathlib import Path

import aiosqlite
import pytest

from storage import chats, groups, messages, migrations
from storage.groups import SpeakerRow
from storage.messages import MessageRow
from storage.migrations import SchemaError
from storage.schema import STEPS
from storage.store import DatabaseError, Store, reading


async def test_a_fresh_database_gets_every_step_once(tmp_path: Path) -> None:
    """Opening twice migrates once."""
    path = tmp_path / "db"
    for _ in range(2):
        async with Store(path) as store:
            rows = await store.read(lambda db: db.execute_fetchall("PRAGMA user_version"))
            assert next(iter(rows))[0] == len(STEPS)


async def test_a_database_from_a_newer_program_is_refused(tmp_path: Path) -> None:
    """It is left as it was, with a line that says what to do."""
    path = tmp_path / "db"
    async with aiosqlite.connect(path) as db:
        await db.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    with pytest.raises(SchemaError, match="newer"):
        async with Store(path):
            pass


async def test_a_step_that_fails_half_way_leaves_the_old_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step and the record that it ran are one transaction."""
    path = tmp_path / "db"
    broken = (*STEPS, ("CREATE TABLE half (x)", "CREATE TABLE groups (again)"))
    async with Store(path):
        pass
    monkeypatch.setattr(migrations, "STEPS", broken)
    with pytest.raises(Exception, match="already exists"):
        async with Store(path):
            pass
    monkeypatch.undo()
    async with Store(path) as store:
        rows = await store.read(
            lambda db: db.execute_fetchall("SELECT name FROM sqlite_master WHERE name = 'half'")
        )
        assert list(rows) == []


async def test_what_an_older_program_left_is_read_after_its_migration(tmp_path: Path) -> None:
    """A command that only reads changes nothing; it says what does."""
    path = tmp_path / "db"
    async with aiosqlite.connect(path) as db:
        for statement in STEPS[0]:
            await db.execute(statement)
        await db.execute("PRAGMA user_version = 1")
    with pytest.raises(DatabaseError, match="older understudy wrote it: start the bot once"):
        async with reading(path) as db:
            await chats.find(db, 1, 0)
    async with Store(path):
        pass
    async with reading(path) as db:
        assert await chats.find(db, 1, 0) is None


async def test_what_the_first_schema_held_is_all_there_in_the_newest(tmp_path: Path) -> None:
    """Accounts, words and their order survive; every group gets a secret of its own."""
    path = tmp_path / "db"
    async with aiosqlite.connect(path) as db:
        for statement in STEPS[0]:
            await db.execute(statement)
        await db.executescript(
            """INSERT INTO groups VALUES (1, 'us', 5), (2, 'them', 6);
            INSERT INTO speakers VALUES (1, 1, 'Alice', 11, 1), (2, 1, 'Bob', NULL, 0);
            INSERT INTO aliases VALUES (1, 'Ali', 1);
            INSERT INTO consents VALUES (1, 1, 1, 'her word', 7);
            INSERT INTO messages VALUES
                (3, 1, 1, 'second', 9, 'c', 'o3', NULL), (2, 1, 1, 'first', 8, 'c', 'o2', 'o1');
            PRAGMA user_version = 1;"""
        )
    async with Store(path) as store:
        alice, bob = await store.read(lambda db: groups.speakers(db, 1))
        assert alice == SpeakerRow(1, "Alice", 11, True, ("Ali",))
        assert (bob.accounts, bob.agreed) == ((), False)
        learnt = await store.read(lambda db: messages.for_training(db, 1))
        assert [(row.text, row.reply_to) for row in learnt] == [("first", "o1"), ("second", None)]
        (entry,) = await store.read(lambda db: groups.ledger(db, 1))
        assert (entry.group, entry.speaker, entry.at) == ("us", "Alice", 7)
        one = await store.read(lambda db: groups.secret(db, 1))
        other = await store.read(lambda db: groups.secret(db, 2))
        assert len(one) == len(other) == 32
        assert one != other
        rows = [MessageRow(None, "", 10, "c", "turn"), MessageRow(1, "again", 8, "c", "o2")]
        assert await store.write(lambda db: messages.add(db, 1, rows)) == 1
