"""storage/migrations.py: steps run once, in order, and a newer database is refused."""

from __future__ import annotations

from pathlib import Path

import aiosqlite
import pytest

from storage import migrations
from storage.migrations import STEPS, SchemaError
from storage.store import Store


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
