"""Reactions of people to what personas said, counted per persona.

Telegram names chat, message and account, not the topic; whose words the message was is looked up
in the outbox, which knows its messages for two days. Later reactions are not counted.
"""

from __future__ import annotations

from collections.abc import Sequence

from storage.schema import now
from storage.store import Db


async def replace(
    db: Db, chat_id: int, message_id: int, telegram_user: int, emoji: Sequence[str]
) -> None:
    """An account's reactions to a message (Telegram's ids) are these from now on.

    What is no persona's message, as far as the outbox remembers, changes nothing.
    """
    rows = await db.execute_fetchall(
        "SELECT o.chat, o.persona FROM outbox o JOIN chats c ON c.id = o.chat"
        " WHERE c.chat_id = ? AND o.message_id = ? AND o.persona IS NOT NULL"
        " UNION SELECT r.chat, r.persona FROM reactions r JOIN chats c ON c.id = r.chat"
        " WHERE c.chat_id = ? AND r.message_id = ?",
        (chat_id, message_id, chat_id, message_id),
    )
    for chat, persona in rows:
        await db.execute(
            "DELETE FROM reactions WHERE chat = ? AND message_id = ? AND telegram_user = ?",
            (chat, message_id, telegram_user),
        )
        await db.executemany(
            "INSERT OR IGNORE INTO reactions (chat, message_id, telegram_user, emoji, persona, at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [(chat, message_id, telegram_user, each, persona, now()) for each in emoji],
        )


async def counts(db: Db, group: int) -> dict[int, dict[str, int]]:
    """Reactions by persona and emoji in all chats of a group, the most frequent first."""
    rows = await db.execute_fetchall(
        "SELECT r.persona, r.emoji, count(*) FROM reactions r JOIN chats c ON c.id = r.chat"
        " WHERE c.group_id = ? GROUP BY r.persona, r.emoji ORDER BY count(*) DESC, r.emoji",
        (group,),
    )
    found: dict[int, dict[str, int]] = {}
    for persona, emoji, count in rows:
        found.setdefault(int(persona), {})[str(emoji)] = int(count)
    return found


async def forget(db: Db, telegram_user: int) -> None:
    """Delete an account's reactions."""
    await db.execute("DELETE FROM reactions WHERE telegram_user = ?", (telegram_user,))
