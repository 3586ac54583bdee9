"""What the bot said lately in each chat, as digests: enough to never say the same again soon."""

from __future__ import annotations

from storage.store import Db

KEPT = 20  # replies of a chat


async def recent(db: Db, chat: int) -> set[bytes]:
    """Digests of the last replies in a chat."""
    rows = await db.execute_fetchall("SELECT digest FROM said WHERE chat = ?", (chat,))
    return {bytes(row[0]) for row in rows}


async def add(db: Db, chat: int, digest: bytes) -> None:
    """A reply was said; the oldest of a chat is forgotten for it."""
    await db.execute("INSERT INTO said (chat, digest) VALUES (?, ?)", (chat, digest))
    await db.execute(
        "DELETE FROM said WHERE chat = ?1 AND id NOT IN"
        " (SELECT id FROM said WHERE chat = ?1 ORDER BY id DESC LIMIT ?2)",
        (chat, KEPT),
    )
