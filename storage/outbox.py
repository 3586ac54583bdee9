"""The outbox: what the bot is about to say, so that a crash neither loses nor repeats it.

wanted -> ready (text generated and stored) -> sending -> sent, with the message id. A row found
`sending` after a crash may have been delivered, so it is never sent again. `cause` is unique:
one answer per trigger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from storage.schema import now
from storage.store import Db

# Kinds of rows. A command's answer is "answer", a scene's line "scene".
ASKED = "reply"  # a persona's, asked for by mention, reply or name: the newest is answered
UNASKED = "unasked"  # by chance, or of the persona's own accord
ONCE = "once"  # `/as NAME text`: each is answered
MORE = "more"  # the persona goes on after its own message


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One row. `text` is what is sent, `body` the persona's own words in it."""

    id: int
    cause: str
    chat: int
    kind: str
    persona: int | None
    reply_to: int | None
    text: str
    body: str
    buttons: str
    state: str
    created_at: int


_COLUMNS = "id, cause, chat, kind, persona, reply_to, text, body, buttons, state, created_at"
# Wanted or ready, said so that SQLite sees that the index of open rows has them all.
_OPEN = "state IN ('wanted', 'ready', 'sending') AND state != 'sending'"


async def add(
    db: Db,
    *,
    cause: str,
    chat: int,
    kind: str,
    persona: int | None = None,
    reply_to: int | None = None,
    text: str = "",
    buttons: str = "",
) -> None:
    """Want a reply (no text yet) or queue an answer (with text). A known cause changes nothing."""
    await db.execute(
        "INSERT OR IGNORE INTO outbox"
        " (cause, chat, kind, persona, reply_to, text, buttons, state, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (cause, chat, kind, persona, reply_to, text, buttons, "ready" if text else "wanted", now()),
    )


async def open_rows(db: Db, chat: int) -> list[Outgoing]:
    """A chat's rows still to be generated or sent, oldest first."""
    rows = await db.execute_fetchall(
        f"SELECT {_COLUMNS} FROM outbox"  # noqa: S608 (a constant of this module)
        f" WHERE chat = ? AND {_OPEN} ORDER BY id",
        (chat,),
    )
    return [Outgoing(*row) for row in rows]


async def open_chats(db: Db) -> list[int]:
    """Chats that have rows still to be generated or sent."""
    rows = await db.execute_fetchall(
        f"SELECT DISTINCT chat FROM outbox WHERE {_OPEN}"  # noqa: S608 (a constant of this module)
    )
    return [int(row[0]) for row in rows]


async def store_text(db: Db, row: Outgoing, parts: Sequence[str], body: str) -> None:
    """Keep a generated text before it is sent, so that a retry never samples a second one.

    `parts` are what is sent, one after the other; `body` is what the persona said in them.
    """
    kept = await db.execute(
        "UPDATE outbox SET state = 'ready', text = ?, body = ? WHERE id = ? AND state = 'wanted'",
        (parts[0], body, row.id),
    )
    if not kept.rowcount:  # ended while its words were made
        return
    for number, part in enumerate(parts[1:], start=1):
        await add(db, cause=f"{row.cause}:{number}", chat=row.chat, kind="answer", text=part)


async def begin(db: Db, row: int) -> bool:
    """A ready row is being sent from now on; False if it ended meanwhile."""
    begun = await db.execute(
        "UPDATE outbox SET state = 'sending' WHERE id = ? AND state = 'ready'", (row,)
    )
    return begun.rowcount > 0


async def retry(db: Db, row: int) -> None:
    """What did not get through waits for its next turn, unless the bot left that chat."""
    await db.execute(
        "UPDATE outbox SET state = 'ready' WHERE id = ? AND state = 'sending'"
        " AND chat IN (SELECT id FROM chats WHERE active)",
        (row,),
    )
    await db.execute(
        "UPDATE outbox SET state = 'expired', text = '', body = ''"
        " WHERE id = ? AND state = 'sending'",
        (row,),
    )


async def end(db: Db, row: Outgoing, state: str) -> None:
    """An open row and its further parts are not said any more, and lose their words."""
    await db.execute(
        "UPDATE outbox SET state = ?, text = '', body = ''"
        " WHERE id = ? AND state IN ('wanted', 'ready', 'sending')",
        (state, row.id),
    )
    await db.execute(
        "UPDATE outbox SET state = ?, text = '', body = ''"  # noqa: S608 (a constant of this module)
        f" WHERE chat = ? AND cause GLOB ? AND {_OPEN}",
        (state, row.chat, f"{row.cause}:*"),
    )


async def unsay(db: Db, chat: int) -> None:
    """What personas were about to say in a chat is not said: its talk is forgotten."""
    await db.execute(
        "UPDATE outbox SET state = 'expired', text = '', body = '' WHERE chat = ?"
        " AND persona IS NOT NULL AND state IN ('wanted', 'ready', 'approval')",
        (chat,),
    )


async def withdraw(db: Db, chat: int) -> None:
    """What a persona wanted to say unasked, and has no words for yet, is not said."""
    await db.execute(
        "UPDATE outbox SET state = 'superseded' WHERE chat = ? AND kind = ? AND state = 'wanted'",
        (chat, UNASKED),
    )


async def mark_sent(db: Db, row: int, message_id: int) -> None:
    """The row was delivered as `message_id`."""
    await db.execute(
        "UPDATE outbox SET state = 'sent', message_id = ?, text = '', body = '' WHERE id = ?",
        (message_id, row),
    )


async def recover(db: Db, reply_age_s: int, answer_age_s: int) -> None:
    """After a crash: what was being sent stays unsent for good, what is stale is not said."""
    await db.execute(
        "UPDATE outbox SET state = 'unknown', text = '', body = '' WHERE state = 'sending'"
    )
    await db.execute(
        "UPDATE outbox SET state = 'expired', text = '', body = ''"
        " WHERE state IN ('wanted', 'ready')"
        " AND created_at < CASE kind WHEN 'answer' THEN ? ELSE ? END",
        (now() - answer_age_s, now() - reply_age_s),
    )


async def prune(db: Db, keep_s: int) -> None:
    """Forget ended rows whose trigger can no longer be delivered again."""
    await db.execute(
        "DELETE FROM outbox WHERE state NOT IN ('wanted', 'ready', 'sending') AND created_at < ?",
        (now() - keep_s,),
    )


async def counts(db: Db) -> dict[str, int]:
    """How many rows are in each state."""
    rows = await db.execute_fetchall("SELECT state, count(*) FROM outbox GROUP BY state")
    return {str(row[0]): int(row[1]) for row in rows}
