"""Guesses: rounds of "real or understudy?" and the blind test that they add up to.

A round's lines have words while it is open; who guessed what of which line is kept as a tally.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from storage.schema import now
from storage.store import Db


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a round, numbered from 1: somebody's own, or made up in their name."""

    number: int
    speaker: int
    text: str
    is_real: bool


@dataclass(frozen=True, slots=True)
class Round:
    """A round in a chat, made with that version of the model."""

    id: int
    chat: int
    version: int
    is_open: bool
    started_at: int


@dataclass(frozen=True, slots=True)
class Player:
    """How far somebody is in a round, and how many of their guesses are right."""

    telegram_user: int
    name: str
    guessed: int
    right: int


@dataclass(frozen=True, slots=True)
class Tally:
    """All guesses of a group's rounds: how many there are and how many were right.

    Of `real` guesses about real lines `real_right` were right, and of `made_up` likewise.
    """

    real: int
    real_right: int
    made_up: int
    made_up_right: int

    @property
    def guesses(self) -> int:
        """All of them."""
        return self.real + self.made_up

    @property
    def right(self) -> int:
        """Those that told real from made up."""
        return self.real_right + self.made_up_right


_ROUND = "id, chat, version, state = 'open', started_at"


async def begin(db: Db, chat: int, version: int, lines: Sequence[Line]) -> int:
    """A round starts with these lines; returns its id. Older ones of the chat are over."""
    for each in await open_rounds(db, chat):
        await close(db, each.id)
    cursor = await db.execute(
        "INSERT INTO guess_rounds (chat, version, started_at) VALUES (?, ?, ?)",
        (chat, version, now()),
    )
    assert cursor.lastrowid is not None
    id = cursor.lastrowid
    await db.executemany(
        "INSERT INTO guess_lines (round, number, speaker, text, is_real) VALUES (?, ?, ?, ?, ?)",
        [(id, line.number, line.speaker, line.text, int(line.is_real)) for line in lines],
    )
    return id


async def find(db: Db, round: int) -> Round | None:
    """The round with that id."""
    rows = await db.execute_fetchall(
        f"SELECT {_ROUND} FROM guess_rounds WHERE id = ?",  # noqa: S608 (a constant)
        (round,),
    )
    return next((Round(row[0], row[1], row[2], bool(row[3]), row[4]) for row in rows), None)


async def open_rounds(db: Db, chat: int) -> list[Round]:
    """The rounds of a chat that are not over."""
    rows = await db.execute_fetchall(
        f"SELECT {_ROUND} FROM guess_rounds"  # noqa: S608 (a constant)
        " WHERE chat = ? AND state = 'open' ORDER BY id",
        (chat,),
    )
    return [Round(row[0], row[1], row[2], bool(row[3]), row[4]) for row in rows]


async def lines(db: Db, round: int) -> list[Line]:
    """A round's lines; without words when it is over."""
    rows = await db.execute_fetchall(
        "SELECT number, speaker, text, is_real FROM guess_lines WHERE round = ? ORDER BY number",
        (round,),
    )
    return [Line(row[0], row[1], row[2], bool(row[3])) for row in rows]


async def guess(
    db: Db, round: int, number: int, telegram_user: int, name: str, says_real: bool
) -> bool:
    """Somebody's guess about a line. False, and nothing changes, where they had made theirs."""
    cursor = await db.execute(
        "INSERT OR IGNORE INTO guesses (round, number, telegram_user, name, says_real, at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (round, number, telegram_user, name, int(says_real), now()),
    )
    return cursor.rowcount == 1


async def players(db: Db, round: int) -> list[Player]:
    """Who plays in a round, the most right ones first."""
    rows = await db.execute_fetchall(
        "SELECT g.telegram_user, max(g.name), count(*), sum(g.says_real = l.is_real) AS hits"
        " FROM guesses g JOIN guess_lines l ON l.round = g.round AND l.number = g.number"
        " WHERE g.round = ? GROUP BY g.telegram_user ORDER BY hits DESC, min(g.at)",
        (round,),
    )
    return [Player(int(row[0]), str(row[1]), int(row[2]), int(row[3])) for row in rows]


async def close(db: Db, round: int) -> bool:
    """A round is over and its words are deleted. False when it was over before."""
    cursor = await db.execute(
        "UPDATE guess_rounds SET state = 'over' WHERE id = ? AND state = 'open'", (round,)
    )
    await db.execute("UPDATE guess_lines SET text = '' WHERE round = ?", (round,))
    return cursor.rowcount == 1


async def tally(db: Db, group: int) -> Tally:
    """The blind test of a group so far. Nobody counts as a judge of lines in their own name."""
    rows = await db.execute_fetchall(
        "SELECT l.is_real, count(*), sum(g.says_real = l.is_real) FROM guesses g"
        " JOIN guess_lines l ON l.round = g.round AND l.number = g.number"
        " JOIN guess_rounds r ON r.id = g.round JOIN chats c ON c.id = r.chat"
        " LEFT JOIN accounts a ON a.group_id = c.group_id AND a.telegram_user = g.telegram_user"
        " WHERE c.group_id = ? AND a.speaker IS NOT l.speaker GROUP BY l.is_real",
        (group,),
    )
    found = {bool(row[0]): (int(row[1]), int(row[2])) for row in rows}
    return Tally(*found.get(True, (0, 0)), *found.get(False, (0, 0)))


async def prune(db: Db, keep_s: int) -> None:
    """Rounds that nobody ended are over after a while."""
    rows = await db.execute_fetchall(
        "SELECT id FROM guess_rounds WHERE state = 'open' AND started_at < ?", (now() - keep_s,)
    )
    for row in rows:
        await close(db, int(row[0]))


async def forget(db: Db, telegram_user: int | None, speaker: int | None) -> None:
    """Delete what an account guessed, and a speaker's lines with all guesses about them."""
    await db.execute("DELETE FROM guesses WHERE telegram_user = ?", (telegram_user,))
    await db.execute(
        "DELETE FROM guesses WHERE EXISTS (SELECT 1 FROM guess_lines l"
        " WHERE l.round = guesses.round AND l.number = guesses.number AND l.speaker = ?)",
        (speaker,),
    )
    await db.execute("DELETE FROM guess_lines WHERE speaker = ?", (speaker,))
