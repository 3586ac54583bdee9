"""Holdings: everything that the database keeps of one person, as plain values for their own eyes.

By speaker and by Telegram account. Other people's words are never among it.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from storage import traces
from storage.groups import SpeakerRow
from storage.store import Db

Json = dict[str, Any]


async def of(db: Db, group: int, row: SpeakerRow | None, user: int) -> Json:
    """All of it. `row` is the person's speaker, None where none is theirs."""
    accounts = {user, *(row.accounts if row else ())}
    speaker = row.id if row else None
    return {
        "speaker": await _speaker(db, group, row),
        "telegram_accounts": sorted(accounts),
        "usernames": await _of_accounts(
            db, "SELECT handle FROM handles WHERE telegram_user = ?", accounts
        ),
        "languages": await _of_accounts(
            db, "SELECT tag FROM languages WHERE telegram_user = ?", accounts
        ),
        "messages": await _rows(
            db,
            "SELECT text, sent_at, conversation, origin, reply_to FROM messages"
            " WHERE group_id = ? AND speaker = ? ORDER BY coalesce(sent_at, 0), id",
            (group, speaker),
        ),
        "contexts": await _context(db, speaker, accounts),
        "said_as_them": await _rows(
            db,
            "SELECT state, kind, body, created_at FROM outbox WHERE persona = ? ORDER BY id",
            (speaker,),
        ),
        "raw_updates": await _inbox(db, accounts),
        "guesses": await _of_accounts(
            db,
            "SELECT round, number, name, says_real, at FROM guesses WHERE telegram_user = ?",
            accounts,
        ),
        "lines_in_guesses": await _rows(
            db, "SELECT round, number, text, is_real FROM guess_lines WHERE speaker = ?", (speaker,)
        ),
        "reactions": await _of_accounts(
            db, "SELECT message_id, emoji, at FROM reactions WHERE telegram_user = ?", accounts
        ),
        "requests_to_be_forgotten": await _of_accounts(
            db, "SELECT state, asked_at FROM forgettings WHERE telegram_user = ?", accounts
        ),
    }


async def _speaker(db: Db, group: int, row: SpeakerRow | None) -> Json | None:
    if row is None:
        return None
    consents = await _rows(
        db,
        "SELECT agreed, attested_by, at FROM consents WHERE speaker = ? ORDER BY id",
        (row.id,),
    )
    return {
        "name": row.name,
        "aliases": list(row.aliases),
        "agreed": row.agreed,
        "rule": row.rule,
        "consents": consents,
    }


async def _context(db: Db, speaker: int | None, accounts: Collection[int]) -> list[Json]:
    """Their own messages, and those that the bot made up as them, marked so."""
    rows = await _rows(
        db,
        "SELECT c.chat_id, c.topic, x.message_id, x.speaker, x.name, x.text, x.telegram_user,"
        " x.sent_at"
        " FROM context x JOIN chats c ON c.id = x.chat ORDER BY x.id",
        (),
    )
    theirs = []
    for each in rows:
        account, whose = each.pop("telegram_user"), each.pop("speaker")
        if account in accounts or (speaker is not None and whose == speaker):
            theirs.append(each | {"made_up": account == 0})
    return theirs


async def _inbox(db: Db, accounts: Collection[int]) -> list[Json]:
    """Updates of theirs that have not lost their words yet."""
    rows = await db.execute_fetchall("SELECT raw FROM inbox WHERE raw != '' ORDER BY update_id")
    updates = [json.loads(row[0]) for row in rows]
    return [update for update in updates if traces.is_of(update, accounts)]


async def _of_accounts(db: Db, query: str, accounts: Collection[int]) -> list[Json]:
    return [row for account in sorted(accounts) for row in await _rows(db, query, (account,))]


async def _rows(db: Db, query: str, values: tuple[Any, ...]) -> list[Json]:
    async with db.execute(query, values) as cursor:
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) async for row in cursor]
