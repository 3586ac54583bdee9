"""Replies: takes each chat's outbox rows from wanted to sent, one task per chat, in order.

A wanted row is generated and its text stored; a ready row is committed as `sending`, sent once,
and recorded as `sent` together with the bot's own message in the context. Whatever may have been
delivered is never sent again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable

import httpx
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    ReplyParameters,
)
from telegram.constants import ChatAction
from telegram.error import BadRequest, ChatMigrated, Forbidden, RetryAfter, TelegramError

from bot.config import RepliesConfig, SamplingConfig
from bot.memory.context import Context
from bot.memory.current import Current
from bot.memory.engine_thread import EngineThread
from bot.speaking.approval import submit
from bot.speaking.speaker import Speaker
from bot.speaking.speech import signed, split
from bot.updates.limiter import seconds
from lm.engine.engine import EngineFull
from storage import chats, outbox
from storage.chats import BOT, ContextRow
from storage.outbox import Outgoing
from storage.store import Db, StorageError, Store

log = logging.getLogger(__name__)

GENERATED_MEANWHILE_S = 1.0  # a pause as short as this passes while the words are made
LOOK_AGAIN_S = 5.0  # in a longer one rows may be overtaken, or the chat may move
ANSWER_AGE_S = 600  # a command's answer is still worth sending this long after a crash
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)  # it never left


class Replies:
    """Generates and sends. `wake(chat)` after every commit that added an outbox row."""

    def __init__(
        self,
        bot: Bot,
        store: Store,
        current: Current,
        thread: EngineThread,
        sampling: SamplingConfig,
        replies: RepliesConfig,
        pause: Callable[[int], float] = lambda chat_id: 0.0,
    ) -> None:
        self._bot, self._store, self._current, self._thread = bot, store, current, thread
        self._speaker = Speaker(thread)
        self._sampling, self._fresh_s = sampling, replies.fresh_seconds
        self._pause = pause  # seconds until a Telegram chat may be written to
        self._typing_s = replies.typing_seconds
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._again: set[int] = set()
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def recover(self) -> None:
        """After a start: settle what a crash cut off, then go on with what is still fresh."""
        await self._store.write(lambda db: outbox.recover(db, self._fresh_s, ANSWER_AGE_S))
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
        """Bring a chat's oldest open row one step on; False when there is none."""
        rows = await self._store.read(lambda db: outbox.open_rows(db, chat))
        if rows:
            row = rows[0]
            pause = self._pause((await self._current.contexts.of(chat)).chat.chat_id)
            if (
                row.state == "wanted"
                and row.kind == "reply"
                and any(later.kind == "reply" and later.state == "wanted" for later in rows[1:])
            ):
                await self._mark(row, "superseded")  # the newest trigger gets the answer
            elif self._stale(row, pause):
                await self._mark(row, "expired")
            elif pause > (0 if row.state == "ready" else GENERATED_MEANWHILE_S):
                await asyncio.sleep(min(pause, LOOK_AGAIN_S))
            elif row.state == "ready":
                await self._send(row)
            else:
                await self._generate(row)
        return bool(rows)

    def _stale(self, row: Outgoing, later: float = 0.0) -> bool:
        """Whether a row will be too old to be said so many seconds from now."""
        limit = ANSWER_AGE_S if row.kind == "answer" else self._fresh_s
        return time.time() + later - row.created_at > limit

    async def _generate(self, row: Outgoing) -> None:
        """Make the text of a wanted row and store it."""
        await self._current.follow_ledger()
        persona = self._current.cast.persona(row.persona)
        if persona is None:  # withdrawn since
            await self._mark(row, "failed")
            return
        context = await self._current.contexts.of(row.chat)
        began = time.monotonic()
        typing = asyncio.create_task(self._typing(context)) if self._typing_s else None
        try:
            body = await self.speak(context, persona.id)
        except EngineFull:
            await asyncio.sleep(0.2)  # more chats wait than the queue holds: stay in line
            return
        except ValueError as error:
            log.error("chat %d: the engine refuses a prompt: %s", row.chat, error)
            await self._mark(row, "failed")
            return
        if not body:
            await self._mark(row, "failed")
            return
        if persona.asks:
            asked = await submit(self._store, self._current, row, signed(persona.name, body), body)
            if asked is not None:
                self.wake(asked)
            return
        parts = split(signed(persona.name, body))
        await self._store.write(lambda db: outbox.store_text(db, row, parts, body))
        if typing is not None:
            await asyncio.sleep(max(0.0, self._typing_s - (time.monotonic() - began)))
            typing.cancel()  # shown after the message it would stay for seconds

    async def speak(self, context: Context, persona: int) -> str:
        """What the persona says next in this context; "" when the model has no words."""
        return await self._speaker.say(context, persona, self._sampling)

    async def _typing(self, context: Context) -> None:
        """Show that an answer is coming. Nothing depends on it."""
        try:
            await self._bot.send_chat_action(
                context.chat.chat_id,
                ChatAction.TYPING,
                message_thread_id=context.chat.topic or None,
            )
        except TelegramError as error:
            log.debug("no typing action: %s", type(error).__name__)

    async def _send(self, row: Outgoing) -> None:
        context = await self._current.contexts.of(row.chat)
        await self._mark(row, "sending")
        reply = None
        if row.reply_to is not None:
            reply = ReplyParameters(row.reply_to, allow_sending_without_reply=True)
        try:
            message = await self._bot.send_message(
                context.chat.chat_id,
                row.text,
                message_thread_id=context.chat.topic or None,
                reply_parameters=reply,
                reply_markup=keyboard(row.buttons),
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )
        except Exception as error:  # PTB also raises others while it reads an answer
            await self._failed(row, context, error)
            return
        await self._sent(row, context, message.message_id)

    async def _sent(self, row: Outgoing, context: Context, message_id: int) -> None:
        """Record a delivered row; a persona's words join the context as their turn."""
        if row.persona is None or not row.body:
            await self._store.write(lambda db: outbox.mark_sent(db, row.id, message_id))
            return
        async with context.lock:
            persona = self._current.cast.speakers[row.persona]
            entry = context.entry(ContextRow(message_id, persona.id, persona.name, row.body, BOT))
            leaving = context.room_for(entry)

            async def job(db: Db) -> None:
                await outbox.mark_sent(db, row.id, message_id)
                await chats.append_context(db, row.chat, entry.row, leaving)

            await self._store.write(job)
            context.append(entry)
        self._thread.warm(context.voice.version, context.chat.id, context.tokens)

    async def _failed(self, row: Outgoing, context: Context, error: Exception) -> None:
        """Decide what became of a message that Telegram did not acknowledge."""
        log.warning("chat %d: a message was not sent: %s", row.chat, type(error).__name__)
        if isinstance(error, RetryAfter):
            await self._mark(row, "ready")
            asked = seconds(error)
            if self._stale(row, asked):
                await self._mark(row, "expired")
            else:
                await asyncio.sleep(asked)
        elif isinstance(error, ChatMigrated):
            await self._mark(row, "ready")
            await self._current.contexts.migrate(context.chat.chat_id, error.new_chat_id)
            await self.wake_all()
        elif isinstance(error, BadRequest | Forbidden):
            await self._mark(row, "failed")
        elif isinstance(error.__cause__, UNSENT):
            await self._mark(row, "ready")
            await asyncio.sleep(1.0)
            if self._stale(row):
                await self._mark(row, "expired")
        else:
            await self._mark(row, "unknown")  # it may have arrived: a joke told twice is worse

    async def _mark(self, row: Outgoing, state: str) -> None:
        await self._store.write(lambda db: outbox.mark(db, row.id, state))


def keyboard(buttons: str) -> InlineKeyboardMarkup | None:
    """Buttons stored as JSON rows of [label, data] pairs; data that is a link opens it."""
    if not buttons:
        return None
    return InlineKeyboardMarkup(
        [[_button(label, data) for label, data in row] for row in json.loads(buttons)]
    )


def _button(label: str, data: str) -> InlineKeyboardButton:
    if data.startswith("https://"):
        return InlineKeyboardButton(label, url=data)
    return InlineKeyboardButton(label, callback_data=data)
