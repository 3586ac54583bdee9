"""Replies: takes each chat's outbox rows from wanted to sent, one task per chat, in order.

A wanted row is generated and its text stored; a ready row is committed as `sending`, sent once,
and recorded as `sent` together with the bot's own message in the context. Whatever may have been
delivered is never sent again. What is no longer due is not said at all.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

import httpx
from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, Forbidden, RetryAfter

from bot.config import RepliesConfig, SamplingConfig
from bot.initiative.customs import Customs
from bot.memory.context import Context
from bot.memory.current import Current
from bot.memory.engine_thread import EngineThread
from bot.speaking.sending.saying import Saying
from bot.speaking.standing import UNASKED_PATIENCE, is_overtaken, is_past
from bot.speaking.voice.speaker import Speaker
from bot.updates.limits.limiter import seconds
from lm.engine.request import Stats
from storage import outbox
from storage.outbox import UNASKED, Outgoing
from storage.store import StorageError, Store

log = logging.getLogger(__name__)

GENERATED_MEANWHILE_S = 1.0  # a pause as short as this passes while the words are made
LIMIT_LOOK_S = 5.0  # in a longer one the chat may move
LOOK_AGAIN_S = 0.2  # in a pause rows may be overtaken
ANSWER_AGE_S = 600  # a command's answer is still worth sending this long after a crash
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)  # it never left


class Replies:
    """Decides what is said next. `wake(chat)` after every commit that added an outbox row.

    pause: how many seconds a Telegram chat may not be written to yet
    timed: is given where each generation's time went
    `may_say` is asked of an unasked reply just before it is said; it may be set later.
    """

    def __init__(
        self,
        bot: Bot,
        store: Store,
        current: Current,
        thread: EngineThread,
        customs: Customs,
        sampling: SamplingConfig,
        replies: RepliesConfig,
        pause: Callable[[int], float] = lambda chat_id: 0.0,
        timed: Callable[[Stats], None] | None = None,
    ) -> None:
        self._store, self._current, self._config, self._limit = store, current, replies, pause
        speaker = Speaker(thread, timed)
        self.saying = Saying(bot, store, current, thread, customs, speaker, sampling, replies)
        self.saying.asked = self.wake
        self.may_say: Callable[[Context, Outgoing], bool] = lambda context, row: True
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._again: set[int] = set()
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def recover(self) -> None:
        """After a start: settle what a crash cut off, then go on with what is still fresh."""
        fresh = self._config.fresh_seconds
        await self._store.write(lambda db: outbox.recover(db, fresh, ANSWER_AGE_S))
        await self.wake_all()

    async def wake_all(self) -> None:
        """There may be something to do for any chat."""
        for chat in await self._store.read(outbox.open_chats):
            self.wake(chat)

    def wake(self, chat: int) -> None:
        """There is something to do for this chat."""
        if chat in self._tasks:
            self._again.add(chat)
            return
        task = asyncio.create_task(self._work(chat), name=f"replies of chat {chat}")
        self._tasks[chat] = task
        task.add_done_callback(lambda done: self._ended(chat, done))

    def _ended(self, chat: int, done: asyncio.Task[None]) -> None:
        del self._tasks[chat]
        self.saying.rest(chat)
        if done.cancelled():
            return
        error = done.exception()
        if error is not None and not self.failure.done():
            self.failure.set_exception(error)
        elif chat in self._again:
            self._again.discard(chat)
            self.wake(chat)

    async def drain(self, seconds: float) -> None:
        """Let what is being said be said, for so long at most."""
        tasks = list(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.failure.cancel()

    async def _work(self, chat: int) -> None:
        while True:
            try:
                if not await self._next(chat):
                    return
            except StorageError as error:
                log.error("chat %d: the storage fails: %s", chat, error)
                await asyncio.sleep(1.0)

    async def _next(self, chat: int) -> bool:
        """Bring one of a chat's open rows one step on; False when there is none."""
        rows = await self._store.read(lambda db: outbox.open_rows(db, chat))
        if not rows:
            self.saying.pauses.rest(chat)
            return False
        context = await self._current.contexts.of(chat)
        limit = self._limit(context.chat.chat_id)
        for row in rows:
            if ended := self._in_vain(row, rows, context, limit):
                await self.saying.end(row, ended)
                return True
        row, pause = self._first(rows, context)
        if limit > (0 if row.state == "ready" else GENERATED_MEANWHILE_S):
            await asyncio.sleep(min(limit, LIMIT_LOOK_S))
        elif pause > 0:
            await asyncio.sleep(min(pause, LOOK_AGAIN_S))
        elif row.state == "ready":
            await self._send(row, context)
        else:
            await self.saying.generate(row, context)
        return True

    def _first(self, rows: Sequence[Outgoing], context: Context) -> tuple[Outgoing, float]:
        """The row whose turn it is, and how long it waits yet.

        What waits for its pace lets answers to commands pass, but nothing that belongs to it.
        """
        first = rows[0]
        pause = self.saying.pauses.of(first, context)
        if pause > 0:
            for row in rows:
                if row.persona is None and not row.cause.startswith(f"{first.cause}:"):
                    return row, 0.0
        return first, pause

    def _in_vain(
        self, row: Outgoing, rows: Sequence[Outgoing], context: Context, limit: float
    ) -> str:
        """The state in which a row ends unsaid; "" while it is still worth saying."""
        open_yet = row.state == "wanted" or self.saying.pauses.may_yield(row)
        if open_yet and is_overtaken(row, rows):
            return "superseded"
        if (open_yet and is_past(row, context)) or self._stale(row, limit):
            return "expired"
        if row.kind == UNASKED and not self.may_say(context, row):
            return "expired"
        return ""

    def _stale(self, row: Outgoing, later: float = 0.0) -> bool:
        """Whether a row will be too old to be said so many seconds from now."""
        limit: float = ANSWER_AGE_S if row.kind == "answer" else self._config.fresh_seconds
        if row.kind == UNASKED:
            limit *= UNASKED_PATIENCE
        return time.time() + later - row.created_at > limit

    async def speak(self, context: Context, persona: int, at: int | None) -> str:
        """What the persona would say at that time; "" when it has no new words."""
        return await self.saying.speak(context, persona, at)

    async def _send(self, row: Outgoing, context: Context) -> None:
        if row.persona is not None and await self.saying.persona(row) is None:
            return
        if not await self._store.write(lambda db: outbox.begin(db, row.id)):
            return
        try:
            message = await self.saying.send(row, context)
        except Exception as error:  # PTB also raises others while it reads an answer
            await self._failed(row, context, error)
        else:
            await self.saying.sent(row, context, message)

    async def _failed(self, row: Outgoing, context: Context, error: Exception) -> None:
        """Decide what became of a message that Telegram did not acknowledge."""
        log.warning("chat %d: a message was not sent: %s", row.chat, type(error).__name__)
        if isinstance(error, RetryAfter):
            await self._retry(row)
            asked = seconds(error)
            if self._stale(row, asked):
                await self.saying.end(row, "expired")
            else:
                await asyncio.sleep(asked)
        elif isinstance(error, ChatMigrated):
            await self._retry(row)
            await self._current.contexts.migrate(context.chat.chat_id, error.new_chat_id)
            await self.wake_all()
        elif isinstance(error, BadRequest | Forbidden):
            await self.saying.end(row, "failed")
        elif isinstance(error.__cause__, UNSENT):
            await self._retry(row)
            await asyncio.sleep(1.0)
            if self._stale(row):
                await self.saying.end(row, "expired")
        else:
            await self.saying.end(row, "unknown")  # it may have arrived: a joke told twice is worse

    async def _retry(self, row: Outgoing) -> None:
        await self._store.write(lambda db: outbox.retry(db, row.id))
