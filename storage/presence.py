"""Presence: in which chats the bot is, and which message stands for an album."""

from __future__ import annotations

from storage.schema import now
from storage.store import Db


async def leave(db: Db, chat_id: int) -> None:
    """The bot is no longer in a Telegram chat: what it was about to say there is not said."""
    await db.execute("UPDATE chats SET active = 0 WHERE chat_id = ?", (chat_id,))
    await db.execute(
        "UPDATE outbox SET state = 'expired', text = '', body = ''"
        " WHERE state IN ('wanted', 'ready', 'approval')"
        " AND chat IN (SELECT id FROM chats WHERE chat_id = ?)",
        (chat_id,),
    )


async def enter(db: Db, chat_id: int) -> None:
    """The bot is in a Telegram chat, perhaps again."""
    await db.execute("UPDATE chats SET active = 1 WHERE chat_id = ?", (chat_id,))


async def no_welcome(db: Db, chat_id: int) -> None:
    """A chat turns out to be a known one at a new id: it is not welcomed."""
    await db.execute(
        "UPDATE outbox SET state = 'superseded', text = '' WHERE cause LIKE 'welcome:%'"
        " AND state IN ('wanted', 'ready') AND chat IN (SELECT id FROM chats WHERE chat_id = ?)",
        (chat_id,),
    )


async def first_of_album(
    db: Db, chat_id: int, album: str, message_id: int, has_words: bool
) -> tuple[int, bool]:
    """The message that stands for an album, and whether it has words; this one if it is new.

    Where this one is the first with words, it stands for the album from now on.
    """
    await db.execute(
        "INSERT OR IGNORE INTO albums (chat_id, album, message_id, has_words, at)"
        " VALUES (?, ?, ?, ?, ?)",
        (chat_id, album, message_id, has_words, now()),
    )
    rows = await db.execute_fetchall(
        "SELECT message_id, has_words FROM albums WHERE chat_id = ? AND album = ?",
        (chat_id, album),
    )
    first, had_words = next(iter(rows))
    if has_words and not had_words:
        await db.execute(
            "UPDATE albums SET message_id = ?, has_words = 1 WHERE chat_id = ? AND album = ?",
            (message_id, chat_id, album),
        )
    return int(first), bool(had_words)


async def prune(db: Db, keep_s: int) -> None:
    """Forget albums that nothing is added to any more."""
    await db.execute("DELETE FROM albums WHERE at < ?", (now() - keep_s,))
