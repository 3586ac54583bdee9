"""Languages: in which one somebody spoke to the bot last, for what they are told unasked.

By Telegram account; who never spoke to the bot itself has no row.
"""

from __future__ import annotations

from storage.store import Db

LONGEST = 35  # characters of a tag (RFC 5646, section 4.4.1)


async def heard(db: Db, user: int, tag: str) -> None:
    """An account speaks to the bot; `tag` is an IETF language tag, "" where Telegram tells none."""
    if tag:
        await db.execute(
            "INSERT INTO languages (telegram_user, tag) VALUES (?, ?)"
            " ON CONFLICT (telegram_user) DO UPDATE SET tag = excluded.tag"
            " WHERE tag != excluded.tag",
            (user, tag[:LONGEST]),
        )


async def of(db: Db, user: int) -> str:
    """An account's language tag, "" where it is not known."""
    rows = await db.execute_fetchall("SELECT tag FROM languages WHERE telegram_user = ?", (user,))
    return next((str(row[0]) for row in rows), "")


async def forget(db: Db, user: int) -> None:
    """An account's row goes."""
    await db.execute("DELETE FROM languages WHERE telegram_user = ?", (user,))
