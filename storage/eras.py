"""Eras: the years that a group's messages reach back to, and how one of them sounded.

Only words of people who agree today are ever read. Years are those of UTC, as messages are kept.
"""

from __future__ import annotations

from datetime import UTC, datetime

from storage.chats import ContextRow
from storage.store import Db

LEAST = 10  # messages in a year, below which nobody's manner can be heard
CONSIDERED = 50_000  # newest messages of a year among which a stretch is looked for
MOST = 500  # messages of a stretch: far more than a context holds

_OF_YEAR = (
    " FROM messages m JOIN speakers s ON s.id = m.speaker AND s.agreed = 1"
    " WHERE m.group_id = ? AND m.sent_at >= ? AND m.sent_at < ?"
)


async def years(db: Db, group: int, speaker: int) -> dict[int, int]:
    """Messages of a speaker by year, oldest first; years with hardly any are left out."""
    rows = await db.execute_fetchall(
        "SELECT CAST(strftime('%Y', sent_at, 'unixepoch') AS INTEGER), count(*) FROM messages"
        " WHERE group_id = ? AND speaker = ? AND sent_at IS NOT NULL"
        " GROUP BY 1 HAVING count(*) >= ? ORDER BY 1",
        (group, speaker, LEAST),
    )
    return {int(row[0]): int(row[1]) for row in rows}


async def stretch(db: Db, group: int, speaker: int, year: int, characters: int) -> list[ContextRow]:
    """The stretch of a year's conversation, so many characters long, with most of the speaker.

    The newest of equals; empty where they said nothing. The same messages give the same stretch.
    """
    start, end = (int(datetime(y, 1, 1, tzinfo=UTC).timestamp()) for y in (year, year + 1))
    found = await db.execute_fetchall(
        f"SELECT m.id, m.speaker = ?, length(m.text){_OF_YEAR}"
        " ORDER BY m.sent_at DESC, m.id DESC LIMIT ?",
        (speaker, group, start, end, CONSIDERED),
    )
    newest_first = [(int(row[0]), bool(row[1]), int(row[2])) for row in found]
    chosen = _densest(newest_first, characters)
    if not chosen:
        return []
    marks = ", ".join("?" for _ in chosen)
    rows = await db.execute_fetchall(
        "SELECT m.id, m.speaker, s.name, m.text, NULL, m.sent_at FROM messages m"  # noqa: S608 (question marks)
        f" JOIN speakers s ON s.id = m.speaker WHERE m.id IN ({marks})"
        " ORDER BY m.sent_at, m.id",
        chosen,
    )
    return [ContextRow(*row) for row in rows]


def _densest(messages: list[tuple[int, bool, int]], characters: int) -> list[int]:
    """Ids of the run of (id, theirs, length), with room for its lengths, that has most of theirs.

    The first such run, given newest first. Two ends go over the messages once.
    """
    best, found, start, size, theirs = 0, slice(0), 0, 0, 0
    for end, (_, own, length) in enumerate(messages):
        size, theirs = size + length, theirs + own
        while size > characters:
            size, theirs = size - messages[start][2], theirs - messages[start][1]
            start += 1
        if theirs > best:
            best, found = theirs, slice(start, end + 1)
    return [id for id, _, _ in messages[found]][:MOST]
