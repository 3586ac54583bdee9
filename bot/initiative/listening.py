"""Listening: in mode auto, after each message and after a silence, decide whether to speak unasked.

One task per chat; each message starts it afresh, so that a burst is heard to its end first. What
it decides on is in auto.py, what it knows in customs.py; what it wants goes into the outbox.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from bot.config import RepliesConfig
from bot.initiative.auto import Auto, likely_next
from bot.initiative.customs import Customs
from bot.memory.context import Context
from bot.memory.current import Current
from bot.speaking.quiet_hours import is_quiet
from bot.speaking.sending.pace import lull
from bot.speaking.sending.replies import Replies
from bot.updates.incoming import Incoming
from storage import outbox
from storage.chats import BOT
from storage.outbox import ASKED, UNASKED, Outgoing
from storage.store import Db, Store

log = logging.getLogger(__name__)

LEAST_SILENCE_S = 20.0  # after which nobody else seems to answer


class Listening:
    """Decides for every chat. `heard` after each message of a person, `said` after each reply."""

    def __init__(
        self,
        store: Store,
        current: Current,
        customs: Customs,
        replies: Replies,
        config: RepliesConfig,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._current, self._customs = store, current, customs
        self._replies, self._config, self._clock = replies, config, clock
        replies.saying.told = self.said
        replies.may_say = self.may_say
        self._states: dict[tuple[int, int], Auto] = {}  # by chat and persona
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def heard(self, context: Context, heard: Incoming, *, called: bool) -> None:
        """A person wrote; `called` the persona, which then answers anyway."""
        chat = context.chat
        self._customs.follow()
        self.cancel(chat.id)
        if chat.mode != "auto" or chat.persona is None or _speaker(context) == chat.persona:
            return
        friend = self._customs.friend(chat.persona)
        if friend is None:
            return
        state = self._state(chat.id, chat.persona)
        state.heard(heard.user, self._clock(), friend, chat.slider, called=called)
        if not called:
            self._start(chat.id, self._attend(context, heard.message_id))

    def said(self, context: Context, row: Outgoing, to: int | None) -> None:
        """A persona's message went out; `to` is the account that it answers."""
        if row.persona is not None and context.chat.mode == "auto":
            state = self._state(context.chat.id, row.persona)
            state.said(self._clock(), unasked_to=(to or 0) if row.kind == UNASKED else None)

    def may_say(self, context: Context, row: Outgoing) -> bool:
        """Whether an unasked reply may be said yet: another may have been, since it was wanted."""
        persona = self._current.cast.persona(row.persona)
        if persona is None or persona.asks or context.chat.mode != "auto":
            return True
        return self._state(context.chat.id, persona.id).may(self._clock())

    def reacted(self, chat_id: int) -> None:
        """Somebody put an emoji to a message of the bot in a Telegram chat."""
        ours = {
            each.chat.id for each in self._current.contexts.loaded() if each.chat.chat_id == chat_id
        }
        for (chat, _), state in self._states.items():
            if chat in ours:
                state.reacted()

    async def stop(self) -> None:
        """Decide nothing any more."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _state(self, chat: int, persona: int) -> Auto:
        config = self._config
        fresh = Auto(config.cooldown_seconds, config.most_per_hour)
        return self._states.setdefault((chat, persona), fresh)

    def cancel(self, chat: int) -> None:
        """Decide nothing more on what was last said in a chat."""
        if (task := self._tasks.get(chat)) is not None:
            task.cancel()

    def _start(self, chat: int, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine, name=f"listening to chat {chat}")
        self._tasks[chat] = task
        task.add_done_callback(lambda done: self._ended(chat, done))

    def _ended(self, chat: int, done: asyncio.Task[None]) -> None:
        if self._tasks.get(chat) is done:
            del self._tasks[chat]
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("chat %d: nothing was decided: %s", chat, type(error).__name__)

    async def _attend(self, context: Context, message_id: int) -> None:
        """Decide when a burst seems to be over, and once more when nobody answers it."""
        if not context.chat.instant:
            longest = self._config.lull_seconds
            await asyncio.sleep(lull(self._customs.habits, _speaker(context), longest))
        if not await self._decide(context, message_id, 0.0):
            await self._withdraw(context)
            silence = self._customs.habits.silence(LEAST_SILENCE_S)
            await asyncio.sleep(silence)
            await self._decide(context, message_id, silence)

    async def _decide(self, context: Context, message_id: int, silence: float) -> bool:
        """Whether the persona speaks now; then that is wanted. `silence`: seconds since a word."""
        chat = context.chat
        persona = self._current.cast.persona(chat.persona)
        newest = context.entries[-1].row if context.entries else None
        if (
            persona is None
            or newest is None
            or newest.user == BOT
            or chat.mode != "auto"
            or is_quiet(chat.quiet_from, chat.quiet_to, chat.zone, time.time())
        ):
            return False
        chances = await self._customs.chances(context)
        friend = self._customs.friend(persona.id)
        if friend is None or persona.id not in chances:
            return False
        people = list(chances)
        waits = [
            1.0 if each is None else self._customs.habits.waits(each, silence) for each in people
        ]
        chance = likely_next(list(chances.values()), people.index(persona.id), waits)
        state = self._state(chat.id, persona.id)
        if not state.wants(chance, self._clock(), friend, chat.slider):
            return False
        wanted = await self._want(context, persona.id, message_id)
        if wanted and persona.asks:  # to ask its owner is what it may do so often, too
            state.said(self._clock(), unasked_to=newest.user or 0)
        return wanted

    async def _want(self, context: Context, persona: int, message_id: int) -> bool:
        """Want a reply to a message, unless one that was asked for is under way."""
        chat = context.chat.id

        async def job(db: Db) -> bool:
            open_rows = await outbox.open_rows(db, chat)
            if any(row.kind == ASKED for row in open_rows):
                return False
            await outbox.add(
                db,
                cause=f"auto:{chat}:{message_id}",
                chat=chat,
                kind=UNASKED,
                persona=persona,
                reply_to=message_id,
            )
            return True

        wanted = await self._store.write(job)
        if wanted:
            self._replies.wake(chat)
        return wanted

    async def _withdraw(self, context: Context) -> None:
        await self._store.write(lambda db: outbox.withdraw(db, context.chat.id))


def _speaker(context: Context) -> int | None:
    """Who spoke last in a chat; None for nobody that the group knows."""
    return context.entries[-1].row.speaker if context.entries else None
