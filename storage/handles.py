"""Handles: the @names of accounts that write in a group's chats, so that they are no outsiders'.

One of each account, the newest; in what is learnt an outsider's becomes a placeholder.
"""

from __future__ import annotations

from storage.store import Db


async def heard(db: Db, group: int, user: int, handle: str) -> None:
    """An account of the group's chats has this @name, without the @."""
    await db.execute(
        "INSERT INTO handles (group_id, telegram_user, handle) VALUES (?, ?, ?)"
        " ON CONFLICT (group_id, telegram_user) DO UPDATE SET handle = excluded.handle"
        " WHERE handle != excluded.handle",
        (group, user, handle),
    )


async def known(db: Db, group: int) -> list[str]:
    """The @names of a group's accounts."""
    rows = await db.execute_fetchall(
        "SELECT handle FROM handles WHERE group_id = ? ORDER BY telegram_user", (group,)
    )
    return [str(row[0]) for row in rows]


async def forget(db: Db, user: int) -> None:
    """An account's rows go."""
    await db.execute("DELETE FROM handles WHERE telegram_user = ?", (user,))
