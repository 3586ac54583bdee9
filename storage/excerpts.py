"""Excerpts: a group's messages in pieces, for what looks at many of them: a profile, a round.

Every read is short, so that others come in between; words are of people who agree today only.
"""

from __future__ import annotations

from collections.abc import Sequence

from storage.chats import ContextRow
from storage.store import Db

BEFORE = 16  # messages before one that it is shown with
REACH = 80  # messages among which those are looked for

Row = tuple[int, int, str, int | None]  # id, speaker, text, sent_at

_AGREED = (
    " FROM messages m JOIN speakers s ON s.id = m.speaker AND s.agreed = 1 WHERE m.group_id = ?"
)


async def bounds(db: Db, group: int) -> tuple[int, int]:
    """The first and the last id of a group's messages; (0, -1) where there are none."""
    rows = await db.execute_fetchall(
        "SELECT min(id), max(id) FROM messages WHERE group_id = ?", (group,)
    )
    first, last = next(iter(rows))
    return (0, -1) if first is None else (int(first), int(last))


async def span(db: Db, group: int, first: int, last: int, speaker: int | None = None) -> list[Row]:
    """Messages with ids from `first` to `last`, of one speaker or of all, the newest first."""
    rows = await db.execute_fetchall(
        f"SELECT m.id, m.speaker, m.text, m.sent_at{_AGREED}"
        " AND m.id BETWEEN ? AND ? AND (?4 IS NULL OR m.speaker = ?4) ORDER BY m.id DESC",
        (group, first, last, speaker),
    )
    return [(int(row[0]), int(row[1]), str(row[2]), row[3]) for row in rows]


async def some(
    db: Db, group: int, speaker: int, lengths: tuple[int, int], places: Sequence[float]
) -> list[Row]:
    """Messages of a speaker whose lengths lie between two, one behind each place in [0, 1)."""
    first, last = await bounds(db, group)
    found: dict[int, Row] = {}
    for place in places:
        start = first + int(place * (last - first + 1))
        for low, high in ((start, last), (first, start)):  # around the end, where none follows
            rows = await db.execute_fetchall(
                f"SELECT m.id, m.speaker, m.text, m.sent_at{_AGREED} AND m.speaker = ?"
                " AND m.id BETWEEN ? AND ? AND length(m.text) BETWEEN ? AND ?"
                " ORDER BY m.id LIMIT 1",
                (group, speaker, low, high, *lengths),
            )
            if row := next(iter(rows), None):
                found.setdefault(int(row[0]), (int(row[0]), int(row[1]), str(row[2]), row[3]))
                break
    return list(found.values())


async def before(db: Db, message: int) -> list[ContextRow]:
    """What people who agreed said before a message in its conversation, oldest first."""
    rows = await db.execute_fetchall(
        "SELECT m.id, m.speaker, s.name, m.text, NULL, m.sent_at FROM messages m"
        " JOIN speakers s ON s.id = m.speaker AND s.agreed = 1"
        " JOIN messages at ON at.id = ?1 AND at.group_id = m.group_id"
        " AND at.conversation = m.conversation"
        " WHERE m.id BETWEEN ?1 - ?2 AND ?1 - 1 ORDER BY m.id DESC LIMIT ?3",
        (message, REACH, BEFORE),
    )
    return [ContextRow(*row) for row in reversed(list(rows))]
