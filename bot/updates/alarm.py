"""The alarm: tells the admins in private what went wrong, once for each kind of error.

It listens to the program's own log, which holds no words of messages. Nothing depends on whether
what it says arrives: Telegram lets a bot write only to people who have started it.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence

from telegram import Bot
from telegram.error import TelegramError

from bot.redaction import redact
from bot.updates.chats.admins import owners
from bot.wording import Wording, wording
from storage import alarms, chats, languages
from storage.store import Db, StorageError, Store

log = logging.getLogger(__name__)

AGAIN_S = 7 * 86400  # a kind that goes on is told of once a week
MOST_TOLD = 10  # people
LONGEST = 300  # characters of what is told
ECHOES = ("bot.router",)  # what it logs, the dispatch tells again in short
_NUMBERS = re.compile(r"[0-9]+")


class Alarm(logging.Handler):
    """Tells those of [telegram] admins, or where there are none the owners of the served chats.

    `async with alarm:` lets it listen to everything that is logged as an error.
    """

    def __init__(self, bot: Bot, store: Store, group: int, admins: Sequence[int]) -> None:
        super().__init__(logging.ERROR)
        self._bot, self._store, self._group, self._admins = bot, store, group, admins
        self._telling: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()

    async def __aenter__(self) -> Alarm:
        logging.getLogger().addHandler(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)
        await asyncio.gather(*self._telling, return_exceptions=True)

    def emit(self, record: logging.LogRecord) -> None:
        """Tell of an error soon, whichever thread it comes from. Waits for nothing."""
        if record.name in ECHOES or not record.name.startswith("bot."):
            return
        what = redact(record.getMessage().partition("\n")[0])[:LONGEST]
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._start, what)

    def _start(self, what: str) -> None:
        task = asyncio.create_task(self.tell(what), name="alarm")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def tell(self, what: str) -> None:
        """Tell of it, if its kind was not told of lately: numbers make no other kind."""
        kind = _NUMBERS.sub("#", what)
        try:
            if not await self._store.write(lambda db: alarms.due(db, kind, AGAIN_S)):
                return
            people = await self._people()
        except StorageError as error:
            log.warning("an alarm could not be counted: %s", error)
            return
        for user, say in people[:MOST_TOLD]:
            await self._send(user, say, what)

    async def _people(self) -> list[tuple[int, Wording]]:
        """Whom to tell, each in their language where it is known."""
        people = list(self._admins)
        if not people:
            served = await self._store.read(lambda db: chats.served(db, self._group))
            people = [user.id for user in await owners(self._bot, served)]
        tags = await self._store.read(lambda db: _languages(db, people))
        return [(user, wording(tag)) for user, tag in zip(people, tags, strict=True)]

    async def _send(self, user: int, say: Wording, what: str) -> None:
        text = say(
            "⚠️ {what}\nI tell each kind of error once a week; the log has every one.", what=what
        )
        try:
            await self._bot.send_message(user, text)
        except TelegramError as error:
            log.warning("an admin could not be told: %s", type(error).__name__)


async def _languages(db: Db, people: Sequence[int]) -> list[str]:
    return [await languages.of(db, user) for user in people]
