"""Whether what is about to be said should still be said: pure functions of rows and context.

What was asked for comes before what was not; of several triggers the newest is answered; when the
talk has moved on, nobody wants the answer any more.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.memory.context import Context
from storage.chats import BOT, ContextRow
from storage.outbox import ASKED, MORE, UNASKED, Outgoing

MOVED_ON = 20  # messages of others after the one that asked
MOVED_ON_UNASKED = 3
UNASKED_PATIENCE = 1 / 3  # of the time that an answer which was asked for stays wanted


def is_overtaken(row: Outgoing, rows: Sequence[Outgoing]) -> bool:
    """Whether another of a chat's open rows, oldest first, takes the place of this one."""
    others = [each for each in rows if each.id != row.id]
    if row.kind == ASKED:
        return any(each.kind == ASKED and each.id > row.id for each in others)
    if row.kind == UNASKED:
        return any(
            each.kind == ASKED or (each.kind == UNASKED and each.id > row.id) for each in others
        )
    return row.kind == MORE and any(each.kind in (ASKED, UNASKED) for each in others)


def is_past(row: Outgoing, context: Context) -> bool:
    """Whether the talk has moved on since a persona's reply was wanted."""
    if row.kind == MORE:
        return bool(context.entries) and context.entries[-1].row.user != BOT
    since = [each for each in _since(row, context) if each.user != BOT]
    if row.kind == UNASKED:
        return len(since) >= MOVED_ON_UNASKED
    return row.kind == ASKED and len(since) >= MOVED_ON


def needs_thread(row: Outgoing, context: Context) -> bool:
    """Whether it would not be seen what a reply answers: somebody else has spoken since.

    Answers to commands always show it.
    """
    if row.persona is None:
        return True
    trigger = answered(row, context)
    if trigger is None:
        return True
    return any(
        (each.user, each.name) != (trigger.user, trigger.name) for each in _since(row, context)
    )


def answered(row: Outgoing, context: Context) -> ContextRow | None:
    """The message that a reply answers, while it is in the context."""
    messages = (entry.row for entry in context.entries)
    return next((each for each in messages if each.message_id == row.reply_to), None)


def _since(row: Outgoing, context: Context) -> list[ContextRow]:
    """What was said after the message that a reply answers; nothing where that is not known."""
    messages = [entry.row for entry in context.entries]
    for place, each in enumerate(messages):
        if each.message_id == row.reply_to:
            return messages[place + 1 :]
    return []
