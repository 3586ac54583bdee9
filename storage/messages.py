"""Messages of people who agreed: the training data of a group, imported and live.

`origin` identifies a message across re-imports and between an export and the live chat, so the
same words are never learnt twice. Of people who did not agree there are turns without words.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass

from storage.store import Db
from storage.turns import Turn

PAGE = 1_000  # rows in memory at a time
SOMEONE = "someone:"  # origins of turns without words begin so


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message as the database keeps one; `speaker` is a speaker's id.

    Without a speaker, `text` is empty: somebody who has not agreed spoke here.
    """

    speaker: int | None
    text: str
    sent_at: int | None
    conversation: str
    origin: str
    reply_to: str | None = None


def turn(secret: bytes, origin: str) -> str:
    """The origin of an empty turn: keyed, as a plain one could confirm a guess at the words."""
    return SOMEONE + hmac.digest(secret, origin.encode(), "sha256").hex()[:32]


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


async def remove(db: Db, group: int, origins: Iterable[str]) -> None:
    """Delete messages by their origins; those that are not there change nothing."""
    await db.executemany(
        "DELETE FROM messages WHERE group_id = ? AND origin = ?",
        [(group, origin) for origin in origins],
    )


async def edit(db: Db, group: int, origin: str, text: str) -> None:
    """The message was edited: its new text is what is learnt; without one it is forgotten.

    The new words of somebody who has withdrawn since are not kept.
    """
    if text:
        await db.execute(
            "UPDATE messages SET text = ? WHERE group_id = ? AND origin = ?"
            " AND speaker IN (SELECT id FROM speakers WHERE agreed = 1)",
            (text, group, origin),
        )
    else:
        await db.execute("DELETE FROM messages WHERE group_id = ? AND origin = ?", (group, origin))


async def for_training(db: Db, group: int) -> list[MessageRow]:
    """Every message of the group, oldest first, with words only of those who agree today.

    What the others said in a row is one turn without a speaker and without words.
    """
    rows = await db.execute_fetchall(
        "SELECT CASE WHEN s.agreed = 1 THEN m.speaker END,"
        " CASE WHEN s.agreed = 1 THEN m.text ELSE '' END,"
        " m.sent_at, m.conversation, m.origin, m.reply_to"
        " FROM messages m LEFT JOIN speakers s ON s.id = m.speaker"
        " WHERE m.group_id = ? ORDER BY coalesce(m.sent_at, 0), m.id",
        (group,),
    )
    found: list[MessageRow] = []
    for row in (MessageRow(*each) for each in rows):
        if not (found and goes_on(found[-1], row)):
            found.append(row)
    return found


def goes_on(before: MessageRow | Turn, row: MessageRow | Turn) -> bool:
    """Whether somebody without words speaks on in the same conversation."""
    same = before.conversation == row.conversation
    return same and before.speaker is None and row.speaker is None


async def kept(db: Db, group: int) -> AsyncIterator[tuple[int | None, str, int | None, str]]:
    """(speaker, text, sent_at, origin) of every message by origin, PAGE in memory at once."""
    last, more = "", True
    while more:
        rows = await db.execute_fetchall(  # the order of an index: any other is sorted each time
            "SELECT speaker, text, sent_at, origin FROM messages"
            " WHERE group_id = ? AND origin > ? ORDER BY origin LIMIT ?",
            (group, last, PAGE),
        )
        more = False
        for speaker, text, sent_at, origin in rows:
            last, more = str(origin), True
            yield speaker, str(text), sent_at, last


async def count_by_speaker(db: Db, group: int, but: Collection[str] = ()) -> dict[int, int]:
    """Messages of each speaker of the group; `but`: texts that do not count."""
    rows = await db.execute_fetchall(
        "SELECT speaker, count(*) FROM messages WHERE group_id = ? AND speaker IS NOT NULL"
        " AND text NOT IN (SELECT value FROM json_each(?)) GROUP BY speaker",
        (group, json.dumps(list(but))),
    )
    return {int(row[0]): int(row[1]) for row in rows}


async def characters_by_speaker(db: Db, group: int) -> dict[int, int]:
    """Characters that each speaker of the group has said."""
    rows = await db.execute_fetchall(
        "SELECT speaker, sum(length(text)) FROM messages"
        " WHERE group_id = ? AND speaker IS NOT NULL GROUP BY speaker",
        (group,),
    )
    return {int(row[0]): int(row[1]) for row in rows}
