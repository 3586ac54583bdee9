"""Messages of people who agreed: the training data of a group, imported and live.

`origin` identifies a message across re-imports and between an export and the live chat, so the
same words are never learnt twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from storage.store import Db


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message as the database keeps one; `speaker` is a speaker's id."""

    speaker: int
    text: str
    sent_at: int | None
    conversation: str
    origin: str
    reply_to: str | None = None


async def add(db: Db, group: int, rows: Iterable[MessageRow]) -> int:
    """Add messages; those whose origin is known change nothing. Returns how many were new."""
    before = db.total_changes
    await db.executemany(
        "INSERT OR IGNORE INTO messages"
        " (group_id, speaker, text, sent_at, conversation, origin, reply_to)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(group, r.speaker, r.text, r.sent_at, r.conversation, r.origin, r.reply_to) for r in rows],
    )
    return db.total_changes - before


async def edit(db: Db, group: int, origin: str, text: str) -> None:
    """The message was edited: its new text is what is learnt; without one it is forgotten."""
    if text:
        await db.execute(
            "UPDATE messages SET text = ? WHERE group_id = ? AND origin = ?", (text, group, origin)
        )
    else:
        await db.execute("DELETE FROM messages WHERE group_id = ? AND origin = ?", (group, origin))


async def for_training(db: Db, group: int) -> list[MessageRow]:
    """Every message of the group whose speaker agrees today, oldest first."""
    rows = await db.execute_fetchall(
        "SELECT m.speaker, m.text, m.sent_at, m.conversation, m.origin, m.reply_to"
        " FROM messages m JOIN speakers s ON s.id = m.speaker"
        " WHERE m.group_id = ? AND s.agreed = 1 ORDER BY coalesce(m.sent_at, 0), m.id",
        (group,),
    )
    return [MessageRow(*row) for row in rows]


async def count_by_speaker(db: Db, group: int) -> dict[int, int]:
    """Messages of each speaker of the group."""
    rows = await db.execute_fetchall(
        "SELECT speaker, count(*) FROM messages WHERE group_id = ? GROUP BY speaker", (group,)
    )
    return {int(row[0]): int(row[1]) for row in rows}
