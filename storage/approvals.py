"""Approvals: replies that lie in the outbox until the persona's owner says yes, no, or too late.

They are in state `approval`, which nobody sends from; an approved one is ready like any other.
"""

from __future__ import annotations

from collections.abc import Sequence

from storage import outbox
from storage.outbox import Outgoing
from storage.schema import now
from storage.store import Db

_COLUMNS = "id, cause, chat, kind, persona, reply_to, text, body, buttons, state, created_at"


async def hold(db: Db, row: Outgoing, text: str, body: str) -> bool:
    """Keep a generated reply for its owner's word; False if it ended while it was made."""
    held = await db.execute(
        "UPDATE outbox SET state = 'approval', text = ?, body = ?, created_at = ?"
        " WHERE id = ? AND state = 'wanted'",
        (text, body, now(), row.id),
    )
    return held.rowcount > 0


async def waiting(db: Db, row: int) -> Outgoing | None:
    """The reply with that id, if it still waits."""
    rows = await db.execute_fetchall(
        f"SELECT {_COLUMNS} FROM outbox"  # noqa: S608 (a constant of this module)
        " WHERE id = ? AND state = 'approval'",
        (row,),
    )
    return next((Outgoing(*each) for each in rows), None)


async def release(db: Db, row: Outgoing, parts: Sequence[str]) -> None:
    """The owner agrees: it is ready, in these parts, and as fresh as their word."""
    await db.execute(
        "UPDATE outbox SET state = 'wanted', created_at = ? WHERE id = ? AND state = 'approval'",
        (now(), row.id),
    )
    await outbox.store_text(db, row, parts, row.body)


async def drop(db: Db, row: int) -> None:
    """The owner does not agree."""
    await db.execute(
        "UPDATE outbox SET state = 'refused', text = '', body = ''"
        " WHERE id = ? AND state = 'approval'",
        (row,),
    )


async def expire(db: Db, age_s: int) -> None:
    """What has waited for longer is not said any more."""
    await db.execute(
        "UPDATE outbox SET state = 'expired', text = '', body = ''"
        " WHERE state = 'approval' AND created_at < ?",
        (now() - age_s,),
    )
