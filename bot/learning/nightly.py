"""Nightly: the model goes on learning by itself, at a time of day that an admin chose.

`next_time` decides, the rest waits for it. A night that was slept through is not made up for, and
one with too little that is new passes without a word.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from bot.learning.retraining import Order, Retraining
from bot.learning.training import transcript
from bot.memory.current import Current
from bot.wording import wording
from lm.corpus.transcript import Transcript
from lm.learning.material import divide
from lm.learning.origin import LEAST_NEW
from storage import chats, retrains, schedules
from storage.groups import Group
from storage.schedules import Schedule
from storage.store import Db, Store

log = logging.getLogger(__name__)

LOOK_EVERY_S = 30.0  # the clock may be set, or the machine may have slept
LATEST_S = 900.0  # past its time by more than this, a night is missed
APART_S = 12 * 3600.0  # between the beginnings of two nights' trainings


class Nightly:
    """Keeps a group's schedule. `run()` for as long as the bot serves."""

    def __init__(
        self,
        store: Store,
        group: Group,
        current: Current,
        retraining: Retraining,
        clock: Callable[[], float] = time.time,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        """clock: seconds since 1970"""
        self._store, self._group, self._current = store, group, current
        self._retraining, self._clock, self._look_every_s = retraining, clock, look_every_s

    async def run(self) -> None:
        """Begin a training whenever it is time, until cancelled."""
        before = self._clock()
        while True:
            await asyncio.sleep(self._look_every_s)
            now = self._clock()
            try:
                schedule = await self._store.read(lambda db: schedules.get(db, self._group.id))
                if schedule is not None and await self._is_time(schedule, before, now):
                    await self._night(schedule)
            except Exception as error:  # whatever it is: the next night is another chance
                log.exception("the nightly training did not begin: %s", type(error).__name__)
            before = now

    async def next(self, schedule: Schedule) -> datetime:
        """When it learns next, by the clock of the chat that the schedule was made in."""
        zone = await self._zone(schedule)
        at = next_time(self._clock(), schedule.minute, schedule.ran_at, zone)
        return datetime.fromtimestamp(at).astimezone(zone)

    async def _is_time(self, schedule: Schedule, before: float, now: float) -> bool:
        zone = await self._zone(schedule)
        due = next_time(before, schedule.minute, schedule.ran_at, zone)
        return due <= now <= due + LATEST_S

    async def _zone(self, schedule: Schedule) -> tzinfo | None:
        """None is this machine's."""
        chat = await self._store.read(lambda db: chats.get(db, schedule.chat))
        return ZoneInfo(chat.zone) if chat.zone else None

    async def _night(self, schedule: Schedule) -> None:
        if not self._retraining.reserve():
            return  # somebody is at it already
        try:
            learnable = await self._store.read(lambda db: transcript(db, self._group))
            seen = self._current.checkpoint.meta.messages
            new = await asyncio.to_thread(count_new, learnable, seen)
            chat = await self._store.read(lambda db: chats.get(db, schedule.chat))
            begun = await self._store.write(lambda db: self._begin(db, schedule, new))
        finally:
            self._retraining.release()
        if begun is not None:
            say = wording(schedule.language)
            self._retraining.start(Order(begun, chat, "continue", say, quiet=True))

    async def _begin(self, db: Db, schedule: Schedule, new: int) -> int | None:
        """This night's turn is taken, in one transaction with the training if there is one."""
        await schedules.ran(db, self._group.id, int(self._clock()))
        if 0 <= new < LEAST_NEW:
            log.info("no nightly training: %d new messages, %d are needed", new, LEAST_NEW)
            return None
        return await retrains.begin(db, schedule.chat, schedule.language, quiet=True)


def next_time(now: float, minute: int, ran_at: float | None, zone: tzinfo | None = None) -> float:
    """The first moment after `now`, both in seconds since 1970, when a clock shows that minute.

    minute: after midnight, 0 to 1439
    ran_at: no moment within 12 hours of this counts, so that a time which was moved, or a
    clock which was set back, does not make two of one night
    """
    today = datetime.fromtimestamp(now, zone)
    for days in range(4):
        day = today.date() + timedelta(days=days)
        at = datetime(day.year, day.month, day.day, *divmod(minute, 60), tzinfo=zone).timestamp()
        if at > now and (ran_at is None or abs(at - ran_at) >= APART_S):
            return at
    raise AssertionError(f"no {minute} minutes after midnight in four days from {now}")


def count_new(words: Transcript, seen: int) -> int:
    """Messages that a training would learn beyond the first `seen`; 0 where it would refuse.

    Below 0 where some have gone: then going on is refused, of which the admins should hear.
    """
    try:
        return sum(len(session) for session in divide(words).learned) - seen
    except ValueError:
        return 0
