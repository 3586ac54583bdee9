"""The inbox: every update as Telegram sent it, committed before Telegram is told it arrived.

Membership of update_id decides what is new (ids are random after a quiet week, so a watermark
would lie). An applied row keeps its id for the redelivery window and loses its words.
"""

from __future__ import annotations

from collections.abc import Sequence

from storage.schema import now
from storage.store import Db

KEEP_S = 48 * 3600  # Telegram redelivers for 24 h

PENDING, APPLIED, SET_ASIDE = 0, 1, 2


async def add(db: Db, updates: Sequence[tuple[int, str]]) -> None:
    """Keep (update_id, raw JSON) pairs; those already known change nothing."""
    await db.executemany(
        "INSERT OR IGNORE INTO inbox (update_id, raw, received_at) VALUES (?, ?, ?)",
        [(update_id, raw, now()) for update_id, raw in updates],
    )


async def pending(db: Db, limit: int) -> list[tuple[int, str]]:
    """The oldest updates not applied yet, as (update_id, raw JSON), in the order they came."""
    rows = await db.execute_fetchall(
        "SELECT update_id, raw FROM inbox WHERE state = 0 ORDER BY received_at, update_id LIMIT ?",
        (limit,),
    )
    return [(int(row[0]), str(row[1])) for row in rows]


async def apply(db: Db, update_id: int) -> bool:
    """Mark an update applied. False when it already was: then change nothing else either."""
    cursor = await db.execute(
        "UPDATE inbox SET state = 1, raw = '' WHERE update_id = ? AND state = 0", (update_id,)
    )
    return cursor.rowcount == 1


async def set_aside(db: Db, update_id: int, error: str) -> None:
    """Keep a poison update out of the way of those behind it."""
    await db.execute(
        "UPDATE inbox SET state = 2, error = ? WHERE update_id = ? AND state = 0",
        (error, update_id),
    )


async def heard(db: Db) -> int:
    """Telegram was heard just now; returns seconds since the time before, 0 where there is none."""
    rows = await db.execute_fetchall("SELECT at FROM heard")
    before = next((int(row[0]) for row in rows), now())
    await db.execute("INSERT OR REPLACE INTO heard (id, at) VALUES (1, ?)", (now(),))
    return now() - before


async def prune(db: Db) -> None:
    """Forget ids that Telegram can no longer send again."""
    await db.execute("DELETE FROM inbox WHERE state != 0 AND received_at < ?", (now() - KEEP_S,))


async def counts(db: Db) -> dict[str, int]:
    """How many updates are pending, applied and set aside."""
    rows = await db.execute_fetchall("SELECT state, count(*) FROM inbox GROUP BY state")
    found = {int(row[0]): int(row[1]) for row in rows}
    return {
        "pending": found.get(PENDING, 0),
        "applied": found.get(APPLIED, 0),
        "set_aside": found.get(SET_ASIDE, 0),
    }
