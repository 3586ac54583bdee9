"""Groups, their speakers, aliases, accounts and the consent ledger.

`speakers.agreed` is the ledger's last word on a speaker, kept beside the name so that every
query for training data can ask for it. The ledger itself is only ever appended to.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from storage.schema import now
from storage.store import Db

# What the bot may say as a speaker: anything, what they approve, nothing. Who was forgotten has no
# name left.
FREE, ASK, MUTED, FORGOTTEN = "free", "ask", "muted", "forgotten"


@dataclass(frozen=True, slots=True)
class Group:
    """A friend group."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class SpeakerRow:
    """A speaker as the database keeps one. `telegram_user` is the first account linked to it."""

    id: int
    name: str
    telegram_user: int | None
    agreed: bool
    aliases: tuple[str, ...] = ()
    more_accounts: tuple[int, ...] = ()
    rule: str = FREE

    @property
    def accounts(self) -> tuple[int, ...]:
        """Every Telegram account of this person."""
        return () if self.telegram_user is None else (self.telegram_user, *self.more_accounts)


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One line of the ledger: who (in which group) agreed or withdrew, on whose word, and when."""

    group: str
    speaker: str
    agreed: bool
    attested_by: str
    at: int


async def all_groups(db: Db) -> list[Group]:
    """Every group, oldest first."""
    rows = await db.execute_fetchall("SELECT id, name FROM groups ORDER BY id")
    return [Group(int(row[0]), str(row[1])) for row in rows]


async def named(db: Db, name: str) -> Group | None:
    """The group of that name, in any case of any alphabet: SQLite folds ASCII only."""
    folded = name.casefold()
    return next((each for each in await all_groups(db) if each.name.casefold() == folded), None)


async def ensure_group(db: Db, name: str, secret: bytes = b"") -> Group:
    """The group of that name (case does not matter), made if there is none.

    secret: what a new group's placeholders are made with; drawn here if it is not given
    """
    if (group := await named(db, name)) is not None:
        return group
    cursor = await db.execute(
        "INSERT INTO groups (name, created_at, secret) VALUES (?, ?, ?)",
        (name, now(), secret or new_secret()),
    )
    assert cursor.lastrowid is not None
    return Group(cursor.lastrowid, name)


def new_secret() -> bytes:
    """A secret for a group that is about to be made."""
    return secrets.token_bytes(32)


async def secret(db: Db, group: int) -> bytes:
    """What the group's placeholders are made with."""
    rows = await db.execute_fetchall("SELECT secret FROM groups WHERE id = ?", (group,))
    return next(bytes(row[0]) for row in rows)


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
    cursor = await db.execute(  # an id that somebody had is never another's
        "INSERT INTO speakers (id, group_id, name) SELECT 1 + coalesce(max(id), 0), ?, ? FROM"
        " (SELECT id FROM speakers UNION ALL SELECT id FROM merged)",
        (group, name),
    )
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
        "INSERT OR REPLACE INTO accounts (group_id, telegram_user, speaker) VALUES (?, ?, ?)",
        (group, telegram_user, speaker),
    )


async def speakers(db: Db, group: int) -> list[SpeakerRow]:
    """Every speaker of a group with aliases and accounts, in the order they came."""
    names: dict[int, list[str]] = {}
    for speaker, alias in await db.execute_fetchall(
        "SELECT speaker, alias FROM aliases WHERE group_id = ? ORDER BY alias", (group,)
    ):
        names.setdefault(int(speaker), []).append(str(alias))
    accounts: dict[int, list[int]] = {}
    for speaker, account in await db.execute_fetchall(
        "SELECT speaker, telegram_user FROM accounts WHERE group_id = ? ORDER BY rowid", (group,)
    ):
        accounts.setdefault(int(speaker), []).append(int(account))
    rows = await db.execute_fetchall(
        "SELECT id, name, agreed, rule FROM speakers WHERE group_id = ? ORDER BY id", (group,)
    )
    found = []
    for id, name, agreed, rule in rows:
        linked = accounts.get(int(id), [])
        first = linked[0] if linked else None
        known_as = tuple(names.get(int(id), ()))
        more = tuple(linked[1:])
        row = SpeakerRow(int(id), str(name), first, bool(agreed), known_as, more, str(rule))
        found.append(row)
    return found


async def rename(db: Db, speaker: int, name: str, rule: str) -> None:
    """A speaker is called so from now on, and this is what the bot may say as them."""
    await db.execute(
        "UPDATE speakers SET name = ?, rule = ?, telegram_user = NULL WHERE id = ?",
        (name, rule, speaker),
    )


async def set_rule(db: Db, speaker: int, rule: str) -> None:
    """What the bot may say as a speaker."""
    await db.execute("UPDATE speakers SET rule = ? WHERE id = ?", (rule, speaker))


async def merge(db: Db, group: int, speaker: int, into: int) -> None:
    """Two speakers turn out to be one person: everything of `speaker` becomes that of `into`.

    Whether they agree is what was said last about either.
    """
    rows = await db.execute_fetchall("SELECT name FROM speakers WHERE id = ?", (speaker,))
    name = str(next(iter(rows))[0])
    for table, column in (
        *(("messages", "speaker"), ("aliases", "speaker"), ("accounts", "speaker")),
        *(("consents", "speaker"), ("context", "speaker")),
        *(("chats", "persona"), ("outbox", "persona")),
        *(("reactions", "persona"), ("guess_lines", "speaker")),
    ):
        await db.execute(
            f"UPDATE {table} SET {column} = ? WHERE {column} = ?",  # noqa: S608 (constants above)
            (into, speaker),
        )
    await db.execute(  # what an owner has restricted stays so
        "UPDATE speakers SET rule = (SELECT rule FROM speakers WHERE id = ?1)"
        " WHERE id = ?2 AND rule = ?3",
        (speaker, into, FREE),
    )
    await db.execute("UPDATE merged SET speaker = ? WHERE speaker = ?", (into, speaker))
    await db.execute("INSERT INTO merged (id, speaker) VALUES (?, ?)", (speaker, into))
    await db.execute("DELETE FROM speakers WHERE id = ?", (speaker,))
    await add_alias(db, group, name, into)
    await db.execute(
        "UPDATE speakers SET agreed = coalesce("
        "(SELECT agreed FROM consents WHERE speaker = ?1 ORDER BY id DESC LIMIT 1), 0)"
        " WHERE id = ?1",
        (into,),
    )


async def ids(db: Db, speaker: int) -> set[int]:
    """Every id under which versions may have learnt from a speaker: theirs, and those merged."""
    rows = await db.execute_fetchall("SELECT id FROM merged WHERE speaker = ?", (speaker,))
    return {speaker, *(int(row[0]) for row in rows)}


async def consent(db: Db, speaker: int, agreed: bool, attested_by: str) -> None:
    """Record that a speaker agreed or withdrew, and on whose word."""
    await db.execute(
        "INSERT INTO consents (speaker, agreed, attested_by, at) VALUES (?, ?, ?, ?)",
        (speaker, int(agreed), attested_by, now()),
    )
    await db.execute("UPDATE speakers SET agreed = ? WHERE id = ?", (int(agreed), speaker))


async def ledger(db: Db, group: int) -> list[LedgerEntry]:
    """The ledger of a group in the order it was recorded."""
    rows = await db.execute_fetchall(
        "SELECT g.name, s.name, c.agreed, c.attested_by, c.at FROM consents c"
        " JOIN speakers s ON s.id = c.speaker JOIN groups g ON g.id = s.group_id"
        " WHERE s.group_id = ? ORDER BY c.id",
        (group,),
    )
    return [LedgerEntry(str(r[0]), str(r[1]), bool(r[2]), str(r[3]), int(r[4])) for r in rows]


async def newest_entry(db: Db, group: int) -> int:
    """A number that grows whenever the ledger does, 0 for an empty one."""
    rows = await db.execute_fetchall(
        "SELECT max(c.id) FROM consents c JOIN speakers s ON s.id = c.speaker WHERE s.group_id = ?",
        (group,),
    )
    return int(next(iter(rows))[0] or 0)


async def agrees(db: Db, speaker: int) -> bool:
    """Whether that speaker agrees at this moment."""
    rows = await db.execute_fetchall("SELECT agreed FROM speakers WHERE id = ?", (speaker,))
    return any(row[0] for row in rows)


async def withdrawn(db: Db, group: int) -> set[int]:
    """Speakers who agreed once and then said no: only they themselves bring them back."""
    rows = await db.execute_fetchall(
        "SELECT DISTINCT s.id FROM speakers s JOIN consents c ON c.speaker = s.id"
        " WHERE s.group_id = ? AND s.agreed = 0",
        (group,),
    )
    return {int(row[0]) for row in rows}
