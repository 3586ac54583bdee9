"""Groups, their speakers, aliases and the consent ledger.

`speakers.agreed` is the ledger's last word on a speaker, kept beside the name so that every
query for training data can ask for it. The ledger itself is only ever appended to.
"""

from __future__ import annotations

from dataclasses import dataclass

from storage.migrations import now
from storage.store import Db


@dataclass(frozen=True, slots=True)
class Group:
    """A friend group."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class SpeakerRow:
    """A speaker as the database keeps one."""

    id: int
    name: str
    telegram_user: int | None
    agreed: bool
    aliases: tuple[str, ...] = ()


async def all_groups(db: Db) -> list[Group]:
    """Every group, oldest first."""
    rows = await db.execute_fetchall("SELECT id, name FROM groups ORDER BY id")
    return [Group(int(row[0]), str(row[1])) for row in rows]


async def ensure_group(db: Db, name: str) -> Group:
    """The group of that name (case does not matter), made if there is none."""
    await db.execute("INSERT OR IGNORE INTO groups (name, created_at) VALUES (?, ?)", (name, now()))
    rows = await db.execute_fetchall("SELECT id, name FROM groups WHERE name = ?", (name,))
    row = next(iter(rows))
    return Group(int(row[0]), str(row[1]))


async def ensure_speaker(db: Db, group: int, name: str) -> int:
    """The id of the speaker with that name or alias, made if there is none."""
    rows = list(
        await db.execute_fetchall(
            "SELECT id FROM speakers WHERE group_id = ? AND name = ?"
            " UNION ALL SELECT speaker FROM aliases WHERE group_id = ? AND alias = ?",
            (group, name, group, name),
        )
    )
    if rows:
        return int(rows[0][0])
    cursor = await db.execute("INSERT INTO speakers (group_id, name) VALUES (?, ?)", (group, name))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


async def add_alias(db: Db, group: int, alias: str, speaker: int) -> None:
    """Let `alias` mean `speaker` from now on."""
    await db.execute(
        "INSERT OR REPLACE INTO aliases (group_id, alias, speaker) VALUES (?, ?, ?)",
        (group, alias, speaker),
    )


async def link(db: Db, group: int, speaker: int, telegram_user: int) -> None:
    """A Telegram account is this speaker's from now on, and nobody else's in the group."""
    await db.execute(
        "UPDATE speakers SET telegram_user = NULL WHERE group_id = ? AND telegram_user = ?",
        (group, telegram_user),
    )
    await db.execute(
        "UPDATE speakers SET telegram_user = ? WHERE id = ? AND group_id = ?",
        (telegram_user, speaker, group),
    )


async def speakers(db: Db, group: int) -> list[SpeakerRow]:
    """Every speaker of a group with aliases, in the order they came."""
    names: dict[int, list[str]] = {}
    for speaker, alias in await db.execute_fetchall(
        "SELECT speaker, alias FROM aliases WHERE group_id = ? ORDER BY alias", (group,)
    ):
        names.setdefault(int(speaker), []).append(str(alias))
    rows = await db.execute_fetchall(
        "SELECT id, name, telegram_user, agreed FROM speakers WHERE group_id = ? ORDER BY id",
        (group,),
    )
    return [
        SpeakerRow(int(r[0]), str(r[1]), r[2], bool(r[3]), tuple(names.get(int(r[0]), ())))
        for r in rows
    ]


async def consent(db: Db, speaker: int, agreed: bool, attested_by: str) -> None:
    """Record that a speaker agreed or withdrew, and on whose word."""
    await db.execute(
        "INSERT INTO consents (speaker, agreed, attested_by, at) VALUES (?, ?, ?, ?)",
        (speaker, int(agreed), attested_by, now()),
    )
    await db.execute("UPDATE speakers SET agreed = ? WHERE id = ?", (int(agreed), speaker))


async def ledger(db: Db, group: int) -> list[tuple[str, bool, str, int]]:
    """(name, agreed, attested by, when) in the order it was recorded."""
    rows = await db.execute_fetchall(
        "SELECT s.name, c.agreed, c.attested_by, c.at FROM consents c"
        " JOIN speakers s ON s.id = c.speaker WHERE s.group_id = ? ORDER BY c.id",
        (group,),
    )
    return [(str(r[0]), bool(r[1]), str(r[2]), int(r[3])) for r in rows]
