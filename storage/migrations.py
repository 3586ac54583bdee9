"""Migrations: the steps of the schema that a database has not had yet, each of them once.

A step and the record that it ran (PRAGMA user_version) are one transaction. A database from a
newer program is refused, because an older one cannot know what it would break.
"""

from __future__ import annotations

import aiosqlite

from storage.schema import STEPS


class SchemaError(Exception):
    """The database was written by a newer program."""


async def applied(db: aiosqlite.Connection) -> int:
    """How many steps a database has had."""
    async with db.execute("PRAGMA user_version") as cursor:
        row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def migrate(db: aiosqlite.Connection) -> None:
    """Bring the database to the newest schema. Raises SchemaError for a newer one."""
    version = await applied(db)
    if version > len(STEPS):
        raise SchemaError(
            f"the database has schema {version}, this program knows up to {len(STEPS)}: "
            "start the newer understudy that wrote it"
        )
    for number, statements in enumerate(STEPS[version:], start=version + 1):
        await db.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                await db.execute(statement)
            await db.execute(f"PRAGMA user_version = {number}")
        except BaseException:
            await db.rollback()
            raise
        await db.commit()
