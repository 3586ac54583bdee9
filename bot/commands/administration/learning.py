"""/retrain and /rollback: when the group's model learns, and the way back. Admins only."""

from __future__ import annotations

import logging
import re

from bot.house import House, Toast
from bot.learning.retraining import Order
from bot.updates.incoming import Incoming
from bot.wording import Wording
from lm.checkpoints.checkpoint import CheckpointError
from lm.learning.training import Start
from storage import retrains, schedules
from storage.schedules import Schedule
from storage.store import Db

log = logging.getLogger(__name__)

NIGHT = 4 * 60  # minutes after midnight, when no time is given
_TIME = re.compile(r"([01]?[0-9]|2[0-3])[:.]([0-5][0-9])")


async def retrain(house: House, heard: Incoming) -> None:
    """/retrain [fresh|cancel|nightly [HH:MM]|nightly off]: learn the newest messages."""
    if not await allowed(house, heard):
        return
    say, words = heard.wording, heard.arguments.casefold().split()
    if words in (["nightly", "off"], ["off"]):
        await _never(house, heard)
    elif words[:1] == ["nightly"] and (minute := read_time(words[1:])) is not None:
        await _nightly(house, heard, minute)
    elif words == ["cancel"]:
        ended = house.retraining.cancel()
        text = say("Ending it…") if ended else say("I am not learning just now.")
        await house.answer(heard, text)
    elif words not in ([], ["fresh"]):
        await house.answer(heard, _usage(say))
    elif not await begin(house, heard, "fresh" if words else "auto"):
        await house.answer(heard, _busy(say))


def read_time(words: list[str]) -> int | None:
    """Minutes after midnight of nothing or HH:MM; None for anything else."""
    if not words:
        return NIGHT
    found = _TIME.fullmatch(words[0]) if len(words) == 1 else None
    return None if found is None else 60 * int(found[1]) + int(found[2])


async def begin(house: House, heard: Incoming, start: Start) -> bool:
    """Begin a training on a command's or a button's word. False where one is under way."""
    if not house.retraining.reserve():
        return False
    begun: list[int] = []
    try:
        context = await house.context(heard)

        async def change(db: Db) -> None:
            begun.append(await retrains.begin(db, context.chat.id, heard.language))

        await house.apply(heard.update_id, change)
    finally:
        house.retraining.release()
    if begun:
        house.retraining.start(Order(begun[-1], context.chat, start, heard.wording))
    return True


async def pressed_retrain(house: House, heard: Incoming, data: str) -> Toast:
    """The button that offers a training. Raises ValueError for anything but `auto`."""
    if data != "auto":
        raise ValueError(f"retrain {data}")
    if not await house.obeys(heard):
        return Toast(refusal(heard))
    if not await begin(house, heard, "auto"):
        return Toast(_busy(heard.wording))
    return Toast(heard.wording("🎓 I begin to learn."))


async def _nightly(house: House, heard: Incoming, minute: int) -> None:
    chat = (await house.context(heard)).chat.id
    schedule = Schedule(chat, minute, heard.language)

    async def change(db: Db) -> None:
        await schedules.put(db, house.group.id, schedule)

    before = await house.store.read(lambda db: schedules.get(db, house.group.id))
    ran_at = None if before is None else before.ran_at
    at = await house.nightly.next(Schedule(chat, minute, heard.language, ran_at))
    text = heard.wording(
        "From now on I learn every night at {time} ({zone}) what is new since, and say so here "
        "when it made me better. The next time is {date}. /retrain nightly off ends this.",
        time=f"{minute // 60:02}:{minute % 60:02}",
        zone=at.tzname(),
        date=f"{at:%Y-%m-%d %H:%M}",
    )
    await house.answer(heard, text, change=change)


async def _never(house: House, heard: Incoming) -> None:
    async def change(db: Db) -> None:
        await schedules.remove(db, house.group.id)

    text = heard.wording("I no longer learn by myself. /retrain still works.")
    await house.answer(heard, text, change=change)


async def rollback(house: House, heard: Incoming) -> None:
    """/rollback: serve the version that was promoted before this one."""
    if not await allowed(house, heard):
        return
    say, before = heard.wording, house.current.before()
    if before is None:
        await house.answer(heard, say("I cannot go back: no version was promoted before this one."))
        return
    # Said first and done then: an update that comes again after a crash must not go back twice.
    await house.answer(heard, say("Version {version} is serving again.", version=before))
    try:
        await house.current.rollback()
    except CheckpointError as error:
        log.error("no rollback: %s", error)
        text = say("I could not go back: {error}.", error=error)
        await house.bot.send_message(heard.chat_id, text)


async def allowed(house: House, heard: Incoming) -> bool:
    """Whether an admin says so; whoever does not is told."""
    if await house.obeys(heard):
        return True
    await house.answer(heard, refusal(heard))
    return False


def refusal(heard: Incoming) -> str:
    """What somebody who is no admin is told."""
    if heard.in_group:
        return heard.wording("Only admins of this chat can do that.")
    return heard.wording("Only admins of a group that I serve can do that.")


def _busy(say: Wording) -> str:
    return say("I am learning already. /retrain cancel ends it.")


def _usage(say: Wording) -> str:
    return say(
        "I know these: /retrain, /retrain fresh, /retrain cancel, /retrain nightly [HH:MM] and "
        "/retrain nightly off."
    )
