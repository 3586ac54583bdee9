"""Saying: makes the words of a wanted reply, and sends what is ready, once.

A text is stored before it is sent, so that a retry never samples a second one; what was sent joins
the chat's context. It does not choose among rows.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable

from telegram import Bot, Message

from bot.config import RepliesConfig, SamplingConfig
from bot.initiative.customs import Customs
from bot.memory.cast import Persona
from bot.memory.context import Context
from bot.memory.current import Current
from bot.memory.engine_thread import EngineThread
from bot.speaking.approval import submit
from bot.speaking.sending.delivery import Delivery
from bot.speaking.sending.pauses import PACED, Pauses
from bot.speaking.standing import answered, needs_thread
from bot.speaking.voice.repeats import digest
from bot.speaking.voice.speaker import Speaker
from bot.speaking.voice.speech import signed, split
from bot.speaking.voice.style import styled
from lm.engine.engine import EngineFull
from storage import chats, outbox, said
from storage.chats import BOT, ContextRow
from storage.outbox import MORE, Outgoing
from storage.store import Db, StorageError, Store

log = logging.getLogger(__name__)

AGAIN_S = 1.0  # after a failure of the disk
MORE_MARK = "+"  # stands in a cause between that of the first message and the place in the burst

Told = Callable[[Context, Outgoing, int | None], None]


class Saying:
    """Generates and sends single rows.

    `told` hears of every persona's message that went out, with the account that it answers;
    `asked` of a chat in which an owner is asked first. Both may be set later.
    """

    def __init__(
        self,
        bot: Bot,
        store: Store,
        current: Current,
        thread: EngineThread,
        customs: Customs,
        speaker: Speaker,
        sampling: SamplingConfig,
        config: RepliesConfig,
    ) -> None:
        self._store, self._current, self._thread = store, current, thread
        self._speaker, self._delivery, self._customs = speaker, Delivery(bot), customs
        self._sampling, self._config = sampling, config
        self.pauses = Pauses(config, lambda: customs.habits)
        self.told: Told = lambda context, row, to: None
        self.asked: Callable[[int], None] = lambda chat: None

    async def generate(self, row: Outgoing, context: Context) -> None:
        """Make the text of a wanted row and store it."""
        persona = await self.persona(row)
        if persona is None:
            return
        if self._config.typing_seconds and not context.chat.instant:
            self._delivery.type_in(context)
        self.pauses.begin(row)
        try:
            body = await self.speak(context, persona.id, int(time.time()))
        except EngineFull:
            await asyncio.sleep(0.2)  # more chats wait than the queue holds: stay in line
            return
        except ValueError as error:
            log.error("chat %d: the engine refuses a prompt: %s", row.chat, error)
            body = ""
        if not body:
            await self.end(row, "failed")
        else:
            await self._keep(row, context, persona, body)

    async def persona(self, row: Outgoing) -> Persona | None:
        """Who says a row; None, and it ends, where they have withdrawn or are muted since."""
        await self._current.follow_ledger()
        persona = self._current.cast.persona(row.persona)
        if persona is None:
            await self.end(row, "failed")
        return persona

    async def speak(self, context: Context, persona: int, at: int | None) -> str:
        """What the persona says at that time; "" when it has no words, or no new ones."""
        recent = await self._store.read(lambda db: said.recent(db, context.chat.id))
        sampling = styled(self._sampling, context.chat.style)
        return await self._speaker.say(
            context, persona, sampling, lambda text: digest(text) in recent, at
        )

    async def _keep(self, row: Outgoing, context: Context, persona: Persona, body: str) -> None:
        """Store a generated text: to be sent, or to be shown to the persona's owner first."""
        text = signed(persona.name, body)
        if persona.asks:
            self._delivery.rest(row.chat)
            self.pauses.forget(row)
            asked = await submit(self._store, self._current, row, text, body)
            if asked is not None:
                self.asked(asked)
            return
        await self._store.write(lambda db: outbox.store_text(db, row, split(text), body))
        self.pauses.made(row, body, context)

    async def send(self, row: Outgoing, context: Context) -> Message:
        """Send a ready row; returns the message. Raises what PTB raises."""
        self.rest(row.chat)
        return await self._delivery.send(context, row, threaded=needs_thread(row, context))

    async def sent(self, row: Outgoing, context: Context, message: Message) -> None:
        """Record a delivered row; a persona may go on."""
        self.pauses.forget(row)
        if row.persona is None or not row.body:
            await self._write(lambda db: outbox.mark_sent(db, row.id, message.message_id))
            return
        await self._remember(row, context, row.persona, message)
        if row.kind in PACED:
            trigger = answered(row, context)
            self.told(context, row, None if trigger is None else trigger.user)
            await self._perhaps_more(row, context)
        self._thread.warm(context.voice.version, context.chat.id, context.tokens)

    async def _remember(
        self, row: Outgoing, context: Context, speaker: int, message: Message
    ) -> None:
        """Record a persona's words that were delivered: they join the context as its turn."""
        async with context.lock:
            name, at = self._current.cast.speakers[speaker].name, int(message.date.timestamp())
            entry = context.entry(ContextRow(message.message_id, speaker, name, row.body, BOT, at))
            leaving = context.room_for(entry)

            async def job(db: Db) -> None:
                await outbox.mark_sent(db, row.id, message.message_id)
                await chats.append_context(db, row.chat, entry.row, leaving)
                await said.add(db, row.chat, digest(row.body))

            await self._write(job)
            context.append(entry)

    async def _write(self, job: Callable[[Db], Awaitable[None]]) -> None:
        """Record what was delivered, however long the disk takes to be well again."""
        while True:
            try:
                await self._store.write(job)
            except StorageError as error:
                log.error("a reply that was sent waits to be recorded: %s", error)
                await asyncio.sleep(AGAIN_S)
            else:
                return

    async def _perhaps_more(self, row: Outgoing, context: Context) -> None:
        """Let a persona go on as its friend does, up to so many messages in a row."""
        first, _, place = row.cause.partition(MORE_MARK)
        number = int(place or 1)
        persona = self._current.cast.persona(row.persona)
        if number >= self._config.longest_burst or persona is None or persona.asks:
            return
        if random.random() >= await self._customs.goes_on(context):
            return
        cause = f"{first}{MORE_MARK}{number + 1}"

        async def job(db: Db) -> None:
            await outbox.add(db, cause=cause, chat=row.chat, kind=MORE, persona=persona.id)

        await self._store.write(job)

    async def end(self, row: Outgoing, state: str) -> None:
        """A row, and what belongs to it, is not said any more."""
        self.rest(row.chat)
        if state != "superseded":  # else the chat waits on, for the newer one
            self.pauses.forget(row)
        await self._store.write(lambda db: outbox.end(db, row, state))

    def rest(self, chat: int) -> None:
        """Nothing is being made in a chat."""
        self._delivery.rest(chat)
