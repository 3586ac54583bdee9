"""Alarms: what the admin was told of, so that a crash loop does not tell it again and again."""

from __future__ import annotations

from storage.schema import now
from storage.store import Db


async def due(db: Db, kind: str, again_s: int) -> bool:
    """Count an occurrence; whether to tell of it: the first one, and then after `again_s`.

    again_s: seconds after which a kind that was told of is told of once more
    """
    cursor = await db.execute(
        "INSERT INTO alarms (kind, told_at, count) VALUES (?1, ?2, 1)"
        " ON CONFLICT (kind) DO UPDATE SET told_at = ?2, count = 1 WHERE told_at <= ?2 - ?3",
        (kind, now(), again_s),
    )
    if cursor.rowcount == 1:
        return True
    await db.execute("UPDATE alarms SET count = count + 1 WHERE kind = ?", (kind,))
    return False


async def recent(db: Db, since_s: int) -> list[tuple[str, int]]:
    """(kind, occurrences) of what was told of in the last `since_s` seconds, newest first."""
    rows = await db.execute_fetchall(
        "SELECT kind, count FROM alarms WHERE told_at > ? ORDER BY told_at DESC, kind",
        (now() - since_s,),
    )
    return [(str(row[0]), int(row[1])) for row in rows]
