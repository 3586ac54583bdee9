"""storage/store.py: one writer, group commit, savepoints; a reader that blocks nobody."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from storage import groups, inbox
from storage.store import Db, Store, reading


async def test_concurrent_writers_are_serialised(tmp_path: Path) -> None:
    """200 coroutines that write at once all succeed, and every row is there."""
    async with Store(tmp_path / "db") as store:

        async def write(number: int) -> None:
            async def job(db: Db) -> None:
                await inbox.add(db, [(number, "{}")])
                await asyncio.sleep(0)  # lets others in, were there no single writer

            await store.write(job)

        await asyncio.gather(*(write(number) for number in range(200)))
        assert (await store.read(inbox.counts))["pending"] == 200


async def test_a_failing_job_takes_back_only_its_own_work(tmp_path: Path) -> None:
    """Jobs that share a commit do not share a failure."""
    async with Store(tmp_path / "db") as store:

        async def good(db: Db) -> None:
            await inbox.add(db, [(1, "{}")])

        async def bad(db: Db) -> None:
            await inbox.add(db, [(2, "{}")])
            raise ValueError("no")

        outcomes = await asyncio.gather(
            store.write(good), store.write(bad), store.write(good), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [type(None), ValueError, type(None)]
        assert await store.read(lambda db: inbox.pending(db, 10)) == [(1, "{}")]


async def test_what_was_written_is_on_disk_before_write_returns(tmp_path: Path) -> None:
    """Another connection sees a row as soon as write() has returned."""
    path = tmp_path / "db"
    async with Store(path) as store:
        await store.write(lambda db: inbox.add(db, [(7, "{}")]))
        async with reading(path) as other:
            assert await inbox.pending(other, 10) == [(7, "{}")]


async def test_read_only_commands_cannot_write(tmp_path: Path) -> None:
    """`reading` opens the database so that a stray write fails."""
    path = tmp_path / "db"
    async with Store(path), reading(path) as db:
        with pytest.raises(Exception, match="readonly"):
            await groups.ensure_group(db, "x")


async def test_a_directory_that_nobody_can_write_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies on a read-only disk can be read, but not past a log that is still to be applied."""
    path = tmp_path / "db"
    async with Store(path) as store:
        await store.write(lambda db: groups.ensure_group(db, "us"))
        monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
        async with reading(path) as db:
            (log,) = await db.execute_fetchall("PRAGMA journal_mode")
            assert log[0] == "wal"
    tmp_path.chmod(0o500)
    async with reading(path) as db:
        assert [group.name for group in await groups.all_groups(db)] == ["us"]
    assert list(tmp_path.iterdir()) == [path]


async def test_the_database_is_the_owners_alone(tmp_path: Path) -> None:
    """People's words are readable by nobody else on the machine."""
    path = tmp_path / "deep" / "db"
    async with Store(path):
        assert path.stat().st_mode & 0o077 == 0


async def test_deleted_words_leave_no_bytes(tmp_path: Path) -> None:
    """An applied update's words are overwritten in the file, not only unlinked."""
    path = tmp_path / "db"
    async with Store(path) as store:
        await store.write(lambda db: inbox.add(db, [(1, "canary-4711" * 50)]))
        assert await store.write(lambda db: inbox.apply(db, 1))
    held = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    assert b"canary-4711" not in held
