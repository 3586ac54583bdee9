"""Retrains: which chat asked, and the status message to go on editing after a restart."""

from __future__ import annotations

from dataclasses import dataclass

from storage.schema import now
from storage.store import Db


@dataclass(frozen=True, slots=True)
class Retrain:
    """A training that was begun. `message_id` is its status message, None for one without.

    0: one was to be sent, and perhaps was when a crash came.
    """

    id: int
    chat: int
    message_id: int | None
    language: str


async def begin(db: Db, chat: int, language: str = "", *, quiet: bool = False) -> int:
    """A training started on this chat's word; returns its id. A quiet one shows no message."""
    cursor = await db.execute(
        "INSERT INTO retrains (chat, message_id, state, started_at, language)"
        " VALUES (?, ?, 'running', ?, ?)",
        (chat, None if quiet else 0, now(), language),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


async def set_message(db: Db, retrain: int, message_id: int) -> None:
    """The status message, stored before its first edit."""
    await db.execute("UPDATE retrains SET message_id = ? WHERE id = ?", (message_id, retrain))


async def end(db: Db, retrain: int, state: str) -> None:
    """It ended: done, failed, cancelled or interrupted."""
    await db.execute("UPDATE retrains SET state = ? WHERE id = ?", (state, retrain))


async def running(db: Db) -> list[Retrain]:
    """Trainings that a crash cut off."""
    rows = await db.execute_fetchall(
        "SELECT id, chat, message_id, language FROM retrains WHERE state = 'running' ORDER BY id"
    )
    return [Retrain(*row) for row in rows]
