"""Scenes: which personas play for a chat, how long, and whether they still do.

The lines themselves are rows of the outbox, whose causes begin with the scene's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from storage.schema import now
from storage.store import Db


@dataclass(frozen=True, slots=True)
class SceneRow:
    """A scene. `title` is the cause of the outbox row that announced it, with its button."""

    id: int
    chat: int
    personas: tuple[int, ...]
    lines: int
    title: str
    state: str  # playing, ended, stopped
    started_at: int


_COLUMNS = "id, chat, personas, lines, title, state, started_at"


async def begin(db: Db, chat: int, personas: Sequence[int], lines: int, title: str) -> int:
    """A scene starts; returns its id."""
    cursor = await db.execute(
        "INSERT INTO scenes (chat, personas, lines, title, started_at) VALUES (?, ?, ?, ?, ?)",
        (chat, ",".join(map(str, personas)), lines, title, now()),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


async def playing(db: Db, chat: int | None = None) -> list[SceneRow]:
    """Scenes that are not over, of one chat or of all."""
    rows = await db.execute_fetchall(
        f"SELECT {_COLUMNS} FROM scenes"  # noqa: S608 (a constant of this module)
        " WHERE state = 'playing' AND (?1 IS NULL OR chat = ?1) ORDER BY id",
        (chat,),
    )
    return [SceneRow(row[0], row[1], tuple(map(int, row[2].split(","))), *row[3:]) for row in rows]


async def want_line(db: Db, scene: int, number: int, persona: int) -> bool:
    """Want a scene's next line from a persona. False when the scene is over."""
    cursor = await db.execute(
        "INSERT OR IGNORE INTO outbox (cause, chat, kind, persona, state, created_at)"
        " SELECT ?, chat, 'scene', ?, 'wanted', ? FROM scenes WHERE id = ? AND state = 'playing'",
        (f"scene:{scene}:{number}", persona, now(), scene),
    )
    return cursor.rowcount == 1


async def lines(db: Db, scene: int) -> list[tuple[int, str]]:
    """(persona, state) of a scene's lines so far, in their order."""
    rows = await db.execute_fetchall(
        "SELECT persona, state FROM outbox WHERE kind = 'scene' AND cause GLOB ? ORDER BY id",
        (f"scene:{scene}:*",),
    )
    return [(int(row[0]), str(row[1])) for row in rows]


async def end(db: Db, scene: int, state: str) -> bool:
    """A scene is over: ended or stopped, what it has not said yet is not said. False if it was."""
    cursor = await db.execute(
        "UPDATE scenes SET state = ? WHERE id = ? AND state = 'playing'", (state, scene)
    )
    await db.execute(
        "UPDATE outbox SET state = 'superseded', text = '', body = ''"
        " WHERE kind = 'scene' AND cause GLOB ? AND state IN ('wanted', 'ready')",
        (f"scene:{scene}:*",),
    )
    return cursor.rowcount == 1


async def title(db: Db, scene: int) -> int | None:
    """The message id of a scene's announcement, once it was sent."""
    rows = await db.execute_fetchall(
        "SELECT o.message_id FROM scenes s JOIN outbox o ON o.cause = s.title WHERE s.id = ?",
        (scene,),
    )
    return next((row[0] for row in rows), None)
