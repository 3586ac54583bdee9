"""Forgetting a person while the bot serves: training, engine, contexts, disk, and the last word.

The request is in the store before this begins, so a crash at any point only delays it: erasing.py
goes on at the next start.
"""

from __future__ import annotations

import asyncio
import json
import logging

from bot.house import Buttons, House
from bot.privacy.erasing import erase, that_saw
from bot.scrubbing import insiders
from bot.wording import wording
from lm.checkpoints.blank import NOBODY
from storage import forgetting, outbox
from storage.forgetting import Forgetting
from storage.store import Db, StorageError

log = logging.getLogger(__name__)

LOOK_S = 0.1  # between looks at whether a training has ended
AGAIN_S = 30.0  # after a failure of the disk


async def resume(house: House) -> None:
    """Go on with every request that is not told as done."""
    for request in await house.store.read(lambda db: forgetting.unfinished(db, house.group.id)):
        key = ("forget", request.id)
        if not house.errands.busy(key):
            house.errands.start(key, carry_out(house, request))


async def carry_out(house: House, request: Forgetting) -> None:
    """Forget, and say so. A disk that fails is tried again."""
    while request.state == "open":
        try:
            await _forget(house, request)
            break
        except (StorageError, OSError) as error:
            log.error("forgetting waits for the disk: %s", type(error).__name__)
            await asyncio.sleep(AGAIN_S)
    if house.erase_elsewhere is not None and request.user is not None:
        house.erase_elsewhere(request.user)
    await _tell(house, request)


async def _forget(house: House, request: Forgetting) -> None:
    if request.speaker is None:  # nothing of theirs is learnt from
        await _erase(house, request)
        return
    while not house.retraining.reserve():  # nothing may learn from, or write, what goes
        house.retraining.cancel()
        await asyncio.sleep(LOOK_S)
    try:
        await house.current.follow_ledger()
        gone = await that_saw(house.store, house.current.versions, request)
        await house.current.withdraw(gone)
        await _erase(house, request)
    finally:
        house.retraining.release()


async def _erase(house: House, request: Forgetting) -> None:
    house.current.hush()  # what is being made up may repeat what goes
    house.offers.drop_all()
    await erase(house.store, house.group, house.paths, request)
    house.scrubber.know(await house.store.read(lambda db: insiders(db, house.group.id)))
    await house.current.forget()


async def _tell(house: House, request: Forgetting) -> None:
    text, buttons = _last_word(house, request)

    async def change(db: Db) -> None:
        await forgetting.move_on(db, request.id, "told")
        if request.chat is not None:
            await outbox.add(
                db,
                cause=f"forgotten:{request.id}",
                chat=request.chat,
                kind="answer",
                reply_to=request.reply_to,
                text=text,
                buttons=json.dumps(buttons) if buttons else "",
            )

    await house.store.write(change)
    if request.chat is not None:
        house.replies.wake(request.chat)


def _last_word(house: House, request: Forgetting) -> tuple[str, Buttons]:
    say = wording(request.language)
    lines = [
        say("Done: nothing that you wrote is left in what I keep, and no model learnt from it.")
    ]
    if request.messages:
        lines.append(
            say.many(
                "I had {n:,} message of yours to learn from.",
                "I had {n:,} messages of yours to learn from.",
                request.messages,
            )
        )
    serving = house.current.checkpoint.meta.version
    if serving == NOBODY:
        lines.append(
            say("Every version of me had seen them. I speak as nobody until an admin trains one.")
        )
    elif request.speaker is not None:
        line = say("I speak from version {version}, which has not seen them.", version=serving)
        lines.append(line)
    if request.speaker is None:
        return "\n".join(lines), ()
    return "\n".join(lines), (((say("Train a new version"), "relearn:"),),)
