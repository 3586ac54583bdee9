"""/retrain, /models and /rollback: the versions of the group's model."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

from bot.house import House
from bot.updates.admins import is_admin
from bot.updates.incoming import Incoming
from lm.checkpoints.checkpoint import CheckpointError
from lm.learning.training import Start
from storage import retrains
from storage.store import Db

log = logging.getLogger(__name__)

REFUSED = "Only admins of this chat can do that."


async def retrain(house: House, heard: Incoming) -> None:
    """/retrain learns the newest messages, fresh from nothing; cancel ends it. Admins only."""
    if not await _allowed(house, heard):
        return
    wanted = heard.arguments.casefold()
    if wanted == "cancel":
        ended = house.retraining.cancel()
        await house.answer(heard, "Ending it…" if ended else "I am not learning just now.")
    elif wanted not in ("", "fresh"):
        await house.answer(heard, "I know these: /retrain, /retrain fresh and /retrain cancel.")
    elif not house.retraining.reserve():
        await house.answer(heard, "I am learning already. /retrain cancel ends it.")
    else:
        await _start(house, heard, "fresh" if wanted else "auto")


async def _start(house: House, heard: Incoming, start: Start) -> None:
    begun: list[int] = []
    try:
        context = await house.context(heard)

        async def begin(db: Db) -> None:
            begun.append(await retrains.begin(db, context.chat.id))

        await house.apply(heard.update_id, begin)
    finally:
        house.retraining.release()
    if begun:
        house.retraining.start(context.chat, begun[-1], start)


async def models(house: House, heard: Incoming) -> None:
    """/models: the versions on disk."""
    versions = house.current.versions
    serving = house.current.checkpoint.meta.version
    lines = []
    for number in reversed(versions.all()):
        try:
            meta = await asyncio.to_thread(versions.meta, number)
        except CheckpointError:
            lines.append(f"· version {number}: damaged")
            continue
        born = datetime.fromtimestamp(meta.created_at, UTC).strftime("%d %b %Y %H:%M")
        bpb = meta.metrics.get("bpb")
        lines.append(
            f"{'▶' if number == serving else '·'} version {number}, {born} UTC,"
            f" {meta.messages:,} messages"
            + ("" if bpb is None else f", {bpb:.3f} bits per byte held out")
        )
    await house.answer(heard, "\n".join(lines) or "There is no version yet.")


async def rollback(house: House, heard: Incoming) -> None:
    """/rollback: serve the version that was promoted before this one. Admins only."""
    if not await _allowed(house, heard):
        return
    before = house.current.before()
    if before is None:
        await house.answer(heard, "I cannot go back: no version was promoted before this one.")
        return
    # Said first and done then: an update that comes again after a crash must not go back twice.
    await house.answer(heard, f"Version {before} is serving again.")
    try:
        await house.current.rollback()
    except CheckpointError as error:
        log.error("no rollback: %s", error)
        await house.bot.send_message(heard.chat_id, f"I could not go back: {error}.")


async def _allowed(house: House, heard: Incoming) -> bool:
    if await is_admin(house.bot, heard, house.config.telegram.admins):
        return True
    await house.answer(heard, REFUSED)
    return False
