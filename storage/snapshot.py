"""Snapshots of a database: taken while others write to it, and judged before one is used.

SQLite's own backup copies pages in small portions, and starts again where somebody wrote; a copy
of the file by itself would miss what still lies in its log.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiosqlite

from storage import forgetting, groups
from storage.migrations import applied
from storage.schema import STEPS
from storage.store import DatabaseError, Db, Store, reading

PAGES = 2_000  # copied at a time; writers go first in between


async def take(source: Path, target: Path) -> None:
    """Copy the database as it is at one moment; `target` must not exist."""
    assert not await asyncio.to_thread(target.exists), target
    async with reading(source) as db, aiosqlite.connect(target) as copy:
        await db.backup(copy, pages=PAGES)
        await copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
    await check(target)


async def check(path: Path) -> None:
    """Raises DatabaseError unless it is a sound database that this program can open."""
    try:
        async with reading(path) as db:
            ((verdict,),) = await _rows(db, "PRAGMA quick_check(1)")
            version = await applied(db)
    except aiosqlite.DatabaseError as error:
        raise DatabaseError(f"{path.name}: the database is damaged: {error}") from error
    if verdict != "ok":
        raise DatabaseError(f"{path.name}: the database is damaged")
    if not version:
        raise DatabaseError(f"{path.name}: this is no database of understudy, or an empty one")
    if not 0 < version <= len(STEPS):
        raise DatabaseError(
            f"{path.name}: schema {version}, this program knows 1 to {len(STEPS)}: a newer "
            "understudy wrote it"
        )


async def carry_forgettings(before: Path, restored: Path) -> int:
    """Ask again, in a restored database, for whoever asked to be forgotten in the one before it.

    Groups are matched by their secrets. Nothing of these people is learnt from now on; erasing
    what is back is up to whoever restores. Returns how many they are.
    """
    async with reading(before) as db:
        asked = await _asked(db)
    async with Store(restored) as store:

        async def carry(db: Db) -> int:
            known = set(await _asked(db))
            count = 0
            for request in asked:
                if request not in known:  # by its time, too: people can ask more than once
                    secret, speaker, user, language, _ = request
                    count += await _ask_again(db, secret, speaker, user, language)
            return count

        return await store.write(carry)


async def carry_refusals(before: Path, restored: Path) -> int:
    """Repeat, in a restored ledger, every no that was said after the backup was made.

    Speakers are matched by their group's secret, their id and their name. Returns how many they
    are; a yes is not carried over, as it would let more be learnt and not less.
    """
    async with reading(before) as db:
        refused = await _refused(db)
    async with Store(restored) as store:

        async def carry(db: Db) -> int:
            agreeing = await _rows(
                db,
                "SELECT s.id, g.secret, s.name FROM speakers s JOIN groups g ON g.id = s.group_id"
                " WHERE s.agreed = 1",
            )
            known = [
                (int(str(id)), refused.get((secret, id, name))) for id, secret, name in agreeing
            ]
            found = [(id, attested_by) for id, attested_by in known if attested_by is not None]
            for id, attested_by in found:
                await groups.consent(db, id, False, attested_by)
            return len(found)

        return await store.write(carry)


async def _refused(db: Db) -> dict[tuple[object, ...], str]:
    """Who agreed once and does not any more: (secret, id, name) -> on whose word."""
    ((version,),) = await _rows(db, "PRAGMA user_version")
    if int(str(version)) < 2:  # groups had no secrets yet
        return {}
    rows = await _rows(
        db,
        "SELECT g.secret, s.id, s.name, c.attested_by FROM speakers s"
        " JOIN groups g ON g.id = s.group_id JOIN consents c ON c.speaker = s.id"
        " WHERE s.agreed = 0 AND c.agreed = 0 ORDER BY c.id",
    )
    return {(secret, id, name): str(by) for secret, id, name, by in rows}


async def _asked(db: Db) -> list[tuple[bytes, int | None, int | None, str, int]]:
    """(a group's secret, speaker, account, language, time) of every request to be forgotten."""
    tables = await _rows(db, "SELECT name FROM sqlite_schema WHERE name = 'forgettings'")
    if not tables:  # a schema from before there were any
        return []
    found = await db.execute_fetchall(
        "SELECT g.secret, f.speaker, f.telegram_user, f.language, f.asked_at"
        " FROM forgettings f JOIN groups g ON g.id = f.group_id ORDER BY f.id"
    )
    return [(bytes(row[0]), row[1], row[2], str(row[3]), int(row[4])) for row in found]


async def _ask_again(
    db: Db, secret: bytes, speaker: int | None, user: int | None, language: str
) -> bool:
    """False where the restored database knows neither the group nor the person."""
    found = await _rows(db, "SELECT id FROM groups WHERE secret = ?", secret)
    if not found:
        return False
    group = int(str(found[0][0]))
    there = {row.id for row in await groups.speakers(db, group)}
    theirs = speaker if speaker in there else None
    if theirs is None and user is None:
        return False
    await forgetting.begin(db, group, theirs, user, language=language)
    return True


async def _rows(db: Db, query: str, *values: object) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await db.execute_fetchall(query, values)]
