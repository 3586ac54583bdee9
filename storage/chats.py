"""Chats: their settings, and the messages that each chat's rolling context holds.

The context's form on disk is its messages; tokens are made from them again at start, so a
context survives a change of tokenizer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from storage.store import Db


@dataclass(frozen=True, slots=True)
class ChatRow:
    """A Telegram chat with its topic (0 for none) and what it is set to."""

    id: int
    chat_id: int
    topic: int
    group_id: int
    persona: int | None
    mode: str  # mention, chance, auto or quiet
    chance: int  # percent, in mode chance
    year: int | None = None  # as which the persona speaks; None for today
    slider: float = 1.0  # in mode auto: so many times as often as the persona's friend
    instant: bool = False  # replies come at once, not at the friend's pace
    style: str = "normal"  # tame, normal or wild
    quiet_from: int | None = None  # minutes after midnight, by the clock of `zone`
    quiet_to: int | None = None
    zone: str = ""  # an IANA name; "" is this machine's


@dataclass(frozen=True, slots=True)
class ContextRow:
    """One message of a context. `speaker` is None for someone the group does not know.

    `user` is the account that wrote it: BOT for the bot's own, None where that is not known.
    `sent_at` is in seconds since 1970, None where it is not known.
    """

    message_id: int
    speaker: int | None
    name: str
    text: str
    user: int | None = None
    sent_at: int | None = None


BOT = 0  # the account of what the bot itself said, in a context

_SETTINGS = "persona, mode, chance, year, slider, instant, style, quiet_from, quiet_to, zone"
_COLUMNS = f"id, chat_id, topic, group_id, {_SETTINGS}"
_UNSET = (
    "persona = NULL, mode = 'mention', chance = 0, year = NULL, slider = 1.0, instant = 0,"
    " style = 'normal', quiet_from = NULL, quiet_to = NULL, zone = ''"
)


async def ensure(db: Db, chat_id: int, topic: int, group: int) -> ChatRow:
    """The chat's row. A chat last served for another group starts afresh: groups never mix."""
    await db.execute(
        "INSERT OR IGNORE INTO chats (chat_id, topic, group_id) VALUES (?, ?, ?)",
        (chat_id, topic, group),
    )
    row = await find(db, chat_id, topic)
    assert row is not None
    if row.group_id != group:
        await clear_context(db, row.id)
        await db.execute(
            f"UPDATE chats SET group_id = ?, {_UNSET} WHERE id = ?",  # noqa: S608 (constant)
            (group, row.id),
        )
        row = ChatRow(row.id, chat_id, topic, group, None, "mention", 0)
    return row


async def find(db: Db, chat_id: int, topic: int) -> ChatRow | None:
    """The chat's row, if it has one."""
    rows = await db.execute_fetchall(
        f"SELECT {_COLUMNS} FROM chats WHERE chat_id = ? AND topic = ?",  # noqa: S608 (constant)
        (chat_id, topic),
    )
    return next((ChatRow(*row) for row in rows), None)


async def get(db: Db, chat: int) -> ChatRow:
    """The row with that internal id."""
    rows = await db.execute_fetchall(
        f"SELECT {_COLUMNS} FROM chats WHERE id = ?",  # noqa: S608 (constant)
        (chat,),
    )
    return next(ChatRow(*row) for row in rows)


async def all_chats(db: Db, group: int) -> list[ChatRow]:
    """Every chat of a group."""
    rows = await db.execute_fetchall(
        f"SELECT {_COLUMNS} FROM chats WHERE group_id = ? ORDER BY id",  # noqa: S608 (constant)
        (group,),
    )
    return [ChatRow(*row) for row in rows]


async def served(db: Db, group: int) -> dict[int, int | None]:
    """The Telegram groups of a group, each with the id that it had before it was a supergroup."""
    rows = await db.execute_fetchall(
        "SELECT chat_id, max(moved_from) FROM chats WHERE group_id = ? AND chat_id < 0"
        " GROUP BY chat_id ORDER BY chat_id DESC",
        (group,),
    )
    return {int(row[0]): row[1] for row in rows}


async def zone(db: Db, group: int) -> str:
    """The time zone that the first of a group's chats to have one was given; "" for none."""
    rows = await db.execute_fetchall(
        "SELECT zone FROM chats WHERE group_id = ? AND zone != '' ORDER BY id LIMIT 1", (group,)
    )
    return next((str(row[0]) for row in rows), "")


async def set_persona(db: Db, chat: int, persona: int | None, year: int | None = None) -> None:
    """Who the bot speaks as in this chat, and as of which year; None for the silent default."""
    await db.execute("UPDATE chats SET persona = ?, year = ? WHERE id = ?", (persona, year, chat))


async def set_mode(db: Db, chat: int, mode: str, chance: int = 0) -> None:
    """When the bot speaks unasked in this chat."""
    await settle(db, chat, {"mode": mode, "chance": chance})


async def settle(db: Db, chat: int, settings: Mapping[str, object]) -> None:
    """Change some of a chat's settings, which are fields of ChatRow."""
    assert settings.keys() <= set(_SETTINGS.split(", ")), settings.keys()
    columns = ", ".join(f"{key} = ?" for key in settings)
    await db.execute(
        f"UPDATE chats SET {columns} WHERE id = ?",  # noqa: S608 (names of columns)
        (*settings.values(), chat),
    )


async def migrate_chat(db: Db, old: int, new: int) -> None:
    """A group became a supergroup: everything follows the new id. Repeating it changes nothing.

    Message ids start over in the new chat, so those of the old one step aside as negative ids.
    Where the new chat was met before this was known, the old one joins it.
    """
    await db.execute(
        "UPDATE OR IGNORE context SET message_id = -message_id WHERE message_id > 0"
        " AND chat IN (SELECT id FROM chats WHERE chat_id = ?)",
        (old,),
    )
    await db.execute(
        "UPDATE OR IGNORE reactions SET message_id = -message_id WHERE message_id > 0"
        " AND chat IN (SELECT id FROM chats WHERE chat_id = ?)",
        (old,),
    )
    await db.execute(
        "UPDATE outbox SET reply_to = NULL WHERE state IN ('wanted', 'ready')"
        " AND chat IN (SELECT id FROM chats WHERE chat_id = ?)",
        (old,),
    )
    await db.execute(
        "UPDATE OR IGNORE chats SET chat_id = ?, active = 1 WHERE chat_id = ?", (new, old)
    )
    both = await db.execute_fetchall(
        "SELECT a.id, b.id FROM chats a JOIN chats b ON b.topic = a.topic AND b.chat_id = ?"
        " WHERE a.chat_id = ?",
        (new, old),
    )
    for before, after in both:
        await _join(db, int(before), int(after))
    await db.execute("UPDATE chats SET moved_from = ? WHERE chat_id = ?", (old, new))


async def _join(db: Db, before: int, after: int) -> None:
    """Settings, context and open replies of one chat go to another. The emptied row stays:
    a reply that is being sent at this moment still refers to it.
    """
    await db.execute(
        f"UPDATE chats SET ({_SETTINGS}) ="  # noqa: S608 (constant)
        f" (SELECT {_SETTINGS} FROM chats WHERE id = ?1) WHERE id = ?2 AND EXISTS"
        " (SELECT 1 FROM chats WHERE id = ?1 AND (persona IS NOT NULL OR mode != 'mention'))",
        (before, after),
    )
    await db.execute(
        f"UPDATE chats SET {_UNSET} WHERE id = ?",  # noqa: S608 (constant)
        (before,),
    )
    await db.execute("UPDATE OR IGNORE context SET chat = ? WHERE chat = ?", (after, before))
    for table in ("scenes", "said", "reactions", "retrains", "schedules", "forgettings"):
        await db.execute(
            f"UPDATE OR IGNORE {table} SET chat = ? WHERE chat = ?",  # noqa: S608 (constants)
            (after, before),
        )
    await db.execute(
        "UPDATE outbox SET chat = ? WHERE chat = ? AND state IN ('wanted', 'ready')",
        (after, before),
    )


async def context(db: Db, chat: int) -> list[ContextRow]:
    """The messages of a chat's context, oldest first."""
    rows = await db.execute_fetchall(
        "SELECT message_id, speaker, name, text, telegram_user, sent_at FROM context"
        " WHERE chat = ? ORDER BY id",
        (chat,),
    )
    return [ContextRow(*row) for row in rows]


async def append_context(
    db: Db, chat: int, row: ContextRow, rolled_out: Sequence[int] = ()
) -> None:
    """Add a message and delete those that rolled out (by message id) to make room for it."""
    await db.execute(
        "INSERT OR IGNORE INTO context"
        " (chat, message_id, speaker, name, text, telegram_user, sent_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (chat, row.message_id, row.speaker, row.name, row.text, row.user, row.sent_at),
    )
    await roll_out(db, chat, rolled_out)


async def roll_out(db: Db, chat: int, message_ids: Sequence[int]) -> None:
    """Delete messages that left the context."""
    await db.executemany(
        "DELETE FROM context WHERE chat = ? AND message_id = ?",
        [(chat, message_id) for message_id in message_ids],
    )


async def edit_context(db: Db, chat: int, message_id: int, text: str) -> None:
    """A message in the context was edited."""
    await db.execute(
        "UPDATE context SET text = ? WHERE chat = ? AND message_id = ?", (text, chat, message_id)
    )


async def clear_context(db: Db, chat: int) -> None:
    """Forget what was said in this chat."""
    await db.execute("DELETE FROM context WHERE chat = ?", (chat,))
