"""Ask me first: a persona's reply goes to its owner in private, and to the group on their word.

Nothing is sent while the owner is silent; what has waited too long is dropped, because the talk
has moved on.
"""

from __future__ import annotations

import json

from bot.memory.current import Current
from bot.speaking.voice.speech import split
from bot.wording import wording
from storage import approvals, languages, outbox
from storage.outbox import Outgoing
from storage.store import Db, Store

FRESH_S = 600  # a reply may wait so long for its owner


async def submit(store: Store, current: Current, row: Outgoing, text: str, body: str) -> int | None:
    """Keep a reply of a persona whose owner wants to be asked, and ask them.

    Returns the chat in which they are asked; None where nobody can be, and the reply is dropped.
    """
    assert row.persona is not None, row.id
    owner = current.cast.speakers[row.persona].telegram_user
    if owner is None:
        await store.write(lambda db: outbox.end(db, row, "failed"))
        return None
    context = await current.contexts.at(owner, 0)
    say = wording(await store.read(lambda db: languages.of(db, owner)))
    question = say("Shall I say this in the group?\n\n{text}", text=text)
    buttons = ((say("Send"), f"send:{row.id}"), (say("Drop"), f"refuse:{row.id}"))

    async def job(db: Db) -> bool:
        await approvals.expire(db, FRESH_S)
        if not await approvals.hold(db, row, text, body):
            return False
        await outbox.add(
            db,
            cause=f"approval:{row.id}",
            chat=context.chat.id,
            kind="answer",
            text=split(question)[0],
            buttons=json.dumps((buttons,)),
        )
        return True

    return context.chat.id if await store.write(job) else None
