"""Turns: who of a group spoke when, newest first cut off, to learn how its people take turns.

Words are only those of people who agree today; of others there is the turn without them.
"""

from __future__ import annotations

from dataclasses import dataclass

from storage.store import Db


@dataclass(frozen=True, slots=True)
class Turn:
    """One message: whose (None for somebody who does not agree), what, and when in seconds.

    origin: which one it is, as MessageRow says
    """

    speaker: int | None
    text: str
    sent_at: int | None
    conversation: str
    origin: str = ""


async def newest(db: Db, group: int, limit: int) -> list[Turn]:
    """The newest messages of a group, oldest first."""
    rows = await db.execute_fetchall(
        "SELECT CASE WHEN s.agreed = 1 THEN m.speaker END,"
        " CASE WHEN s.agreed = 1 THEN m.text ELSE '' END, m.sent_at, m.conversation, m.origin"
        " FROM messages m LEFT JOIN speakers s ON s.id = m.speaker WHERE m.group_id = ?"
        " ORDER BY coalesce(m.sent_at, 0) DESC, m.id DESC LIMIT ?",
        (group, limit),
    )
    return [Turn(*row) for row in rows][::-1]
