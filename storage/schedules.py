"""Schedules: when a group's model learns by itself, and when it last did."""

from __future__ import annotations

from dataclasses import dataclass

from storage.store import Db


@dataclass(frozen=True, slots=True)
class Schedule:
    """Every night at `minute` (after midnight, 0 to 1439), told of in `chat` and `language`.

    ran_at: when it last began, None before the first time
    """

    chat: int
    minute: int
    language: str
    ran_at: int | None = None


async def put(db: Db, group: int, schedule: Schedule) -> None:
    """Set a group's schedule; when it last ran stays known."""
    await db.execute(
        "INSERT INTO schedules (group_id, chat, minute, language) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (group_id) DO UPDATE SET chat = excluded.chat, minute = excluded.minute,"
        " language = excluded.language",
        (group, schedule.chat, schedule.minute, schedule.language),
    )


async def get(db: Db, group: int) -> Schedule | None:
    """A group's schedule, if it has one."""
    rows = await db.execute_fetchall(
        "SELECT chat, minute, language, ran_at FROM schedules WHERE group_id = ?", (group,)
    )
    return next((Schedule(*row) for row in rows), None)


async def remove(db: Db, group: int) -> None:
    """No longer learn by itself."""
    await db.execute("DELETE FROM schedules WHERE group_id = ?", (group,))


async def ran(db: Db, group: int, at: int) -> None:
    """It begins at that time: whatever comes of it, this night's turn is over."""
    await db.execute("UPDATE schedules SET ran_at = ? WHERE group_id = ?", (at, group))
