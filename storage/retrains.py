"""Retrains: which chat asked, and the status message to go on editing after a restart."""

from __future__ import annotations

from storage.migrations import now
from storage.store import Db


async def begin(db: Db, chat: int) -> int:
    """A training started on this chat's word; returns its id."""
    cursor = await db.execute(
        "INSERT INTO retrains (chat, state, started_at) VALUES (?, 'running', ?)", (chat, now())
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


async def set_message(db: Db, retrain: int, message_id: int) -> None:
    """The status message, stored before its first edit."""
    await db.execute("UPDATE retrains SET message_id = ? WHERE id = ?", (message_id, retrain))


async def end(db: Db, retrain: int, state: str) -> None:
    """It ended: done, failed, cancelled or interrupted."""
    await db.execute("UPDATE retrains SET state = ? WHERE id = ?", (state, retrain))


async def running(db: Db) -> list[tuple[int, int, int | None]]:
    """(id, chat, status message) of trainings that a crash cut off."""
    rows = await db.execute_fetchall(
        "SELECT id, chat, message_id FROM retrains WHERE state = 'running'"
    )
    return [(int(r[0]), int(r[1]), r[2]) for r in rows]
