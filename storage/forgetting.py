"""Forgetting a person: the request, kept until nothing of them is left, and what it erases.

The request and the ledger's word come first, in one transaction; erasing can be done again after
a crash. What stays is a speaker without a name, whose accounts and keyed names tell later imports
and messages that this person is not to be learnt from.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Collection
from dataclasses import dataclass

from storage import groups, guesses, handles, languages, messages, reactions, traces
from storage.chats import BOT
from storage.schema import now
from storage.store import Db

ATTESTED = "forgotten at their own wish"


@dataclass(frozen=True, slots=True)
class Forgetting:
    """A request. `speaker` is None where none is theirs, `user` where they have no account.

    messages: how many of theirs there were to learn from, for what is said at the end
    """

    id: int
    speaker: int | None
    user: int | None
    chat: int | None
    reply_to: int | None
    language: str
    messages: int
    state: str  # open, erased (nothing is left on disk), told
    asked_at: int


_COLUMNS = "id, speaker, telegram_user, chat, reply_to, language, messages, state, asked_at"


def keyed(secret: bytes, name: str) -> str:
    """What stands for a forgotten person's name: it can be compared with names, not read."""
    folded = " ".join(name.split()).casefold()
    return "forgotten " + hmac.digest(secret, folded.encode(), "sha256").hex()[:32]


async def begin(
    db: Db,
    group: int,
    speaker: int | None,
    user: int | None,
    chat: int | None = None,
    reply_to: int | None = None,
    language: str = "",
) -> int:
    """Keep the request; from now on nothing of the person is learnt. Returns its id."""
    count = 0
    if speaker is not None:
        count = (await messages.count_by_speaker(db, group)).get(speaker, 0)
        if user is not None:
            await groups.link(db, group, speaker, user)
        await groups.consent(db, speaker, False, ATTESTED)
    elif user is not None:  # so that an export does not bring them in
        nobody = await groups.ensure_speaker(db, group, f"(forgotten account {user})")
        await groups.rename(db, nobody, f"(forgotten {nobody})", groups.FORGOTTEN)
        await groups.link(db, group, nobody, user)
        await groups.consent(db, nobody, False, ATTESTED)
    cursor = await db.execute(
        "INSERT INTO forgettings"
        " (group_id, speaker, telegram_user, chat, reply_to, language, messages, asked_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (group, speaker, user, chat, reply_to, language, count, now()),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


async def unfinished(db: Db, group: int) -> list[Forgetting]:
    """Requests of a group that are not told as done yet, oldest first."""
    rows = await db.execute_fetchall(
        f"SELECT {_COLUMNS} FROM forgettings"  # noqa: S608 (a constant of this module)
        " WHERE group_id = ? AND state != 'told' ORDER BY id",
        (group,),
    )
    return [Forgetting(*row) for row in rows]


async def move_on(db: Db, request: int, state: str) -> None:
    """A request is erased, or told."""
    await db.execute("UPDATE forgettings SET state = ? WHERE id = ?", (state, request))


async def erase(db: Db, group: int, request: Forgetting) -> None:
    """Delete a person's words, and what the bot made up that may hold some. Can be repeated."""
    accounts = set() if request.user is None else {request.user}
    if request.speaker is not None:
        (row,) = [r for r in await groups.speakers(db, group) if r.id == request.speaker]
        accounts |= set(row.accounts)
        secret = await groups.secret(db, group)
        await _erase_messages(db, group, secret, row.id)
        await _erase_name(db, group, secret, row)
    for account in accounts:
        await reactions.forget(db, account)
        await languages.forget(db, account)
        await handles.forget(db, account)
    await _erase_guesses(db, request.speaker, accounts)
    await _erase_contexts(db, request.speaker, accounts)
    await _erase_inbox(db, accounts, request.asked_at)
    await _erase_outbox(db, request)


async def _erase_messages(db: Db, group: int, secret: bytes, speaker: int) -> None:
    """Turns without words remain, as of everybody who has not agreed, one for each run."""
    await db.execute(
        "UPDATE messages SET reply_to = NULL WHERE group_id = ?1 AND reply_to IN"
        " (SELECT origin FROM messages WHERE group_id = ?1 AND speaker = ?2)",
        (group, speaker),
    )
    rows = await db.execute_fetchall(
        "SELECT origin, id FROM messages WHERE group_id = ? AND speaker = ?", (group, speaker)
    )
    await db.executemany(
        "UPDATE OR REPLACE messages SET speaker = NULL, text = '', reply_to = NULL, origin = ?"
        " WHERE id = ?",
        [(messages.turn(secret, str(origin)), id) for origin, id in rows],
    )
    await db.execute(
        "DELETE FROM messages WHERE id IN (SELECT id FROM (SELECT id, speaker,"
        " lag(coalesce(speaker, 0), 1, -1) OVER (PARTITION BY conversation"
        " ORDER BY coalesce(sent_at, 0), id) AS before FROM messages WHERE group_id = ?)"
        " WHERE speaker IS NULL AND before = 0)",
        (group,),
    )


async def _erase_name(db: Db, group: int, secret: bytes, row: groups.SpeakerRow) -> None:
    """Keyed names take the place of names; the ledger keeps its last word only."""
    if row.rule != groups.FORGOTTEN:
        await db.execute("DELETE FROM aliases WHERE speaker = ?", (row.id,))
        for name in (row.name, *row.aliases):
            await groups.add_alias(db, group, keyed(secret, name), row.id)
        await groups.rename(db, row.id, f"(forgotten {row.id})", groups.FORGOTTEN)
    await db.execute(
        "DELETE FROM consents WHERE speaker = ?1"
        " AND id < (SELECT max(id) FROM consents WHERE speaker = ?1)",
        (row.id,),
    )
    await db.execute("UPDATE chats SET persona = NULL, year = NULL WHERE persona = ?", (row.id,))


async def _erase_guesses(db: Db, speaker: int | None, accounts: Collection[int]) -> None:
    """Open rounds are over: lines that the model made up are among them."""
    rows = await db.execute_fetchall("SELECT id FROM guess_rounds WHERE state = 'open'")
    for row in rows:
        await guesses.close(db, int(row[0]))
    for account in accounts or (None,):
        await guesses.forget(db, account, speaker)


async def _erase_contexts(db: Db, speaker: int | None, accounts: Collection[int]) -> None:
    """Their messages, and the bot's own, which may repeat them.

    Of what was kept before accounts were, everything that nobody is known to have written goes.
    """
    await db.execute(
        "DELETE FROM context WHERE speaker = ?1 OR telegram_user = ?2"
        " OR speaker IS NULL AND telegram_user IS NULL"
        " OR EXISTS (SELECT 1 FROM outbox o WHERE o.chat = context.chat"
        " AND o.message_id = context.message_id)",
        (speaker, BOT),
    )
    await db.executemany(
        "DELETE FROM context WHERE telegram_user = ?", [(account,) for account in accounts]
    )


async def _erase_inbox(db: Db, accounts: Collection[int], asked_at: int) -> None:
    """Their updates from before they asked, and their words in what others replied to."""
    rows = await db.execute_fetchall(
        "SELECT update_id, raw FROM inbox WHERE raw != '' AND (state != 0 OR received_at <= ?)",
        (asked_at,),
    )
    for update_id, raw in rows:
        update = json.loads(raw)
        left = traces.without_quotes(update, accounts)
        if traces.is_of(update, accounts):
            await db.execute(
                "UPDATE inbox SET raw = '', state = max(state, 1) WHERE update_id = ?",
                (update_id,),
            )
        elif left != update:
            await db.execute(
                "UPDATE inbox SET raw = ? WHERE update_id = ?", (json.dumps(left), update_id)
            )


async def _erase_outbox(db: Db, request: Forgetting) -> None:
    """What waits to be said as them, made up by a model, or from before they asked.

    Buttons show names; of what is over nobody needs them.
    """
    await db.execute(
        "UPDATE outbox SET text = '', body = '', state = CASE state WHEN 'sending'"
        " THEN 'sending' ELSE 'failed' END"
        " WHERE text != '' AND (created_at < ? OR persona IS NOT NULL)",
        (request.asked_at,),
    )
    await db.execute(
        "UPDATE outbox SET state = 'failed' WHERE state = 'wanted' AND persona = ?",
        (request.speaker,),
    )
    await db.execute("UPDATE outbox SET buttons = '' WHERE state NOT IN ('wanted', 'ready')")
    await db.execute("DELETE FROM said")  # digests, with which a guess at words could be checked
