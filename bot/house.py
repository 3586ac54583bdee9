"""The house: everything a handler works with, and the one transaction in which it answers.

An update is applied exactly once: its inbox row, what it changes and what it makes the bot say
are one commit. An update that was applied before changes nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from telegram import Bot, User

from bot.config import Config
from bot.errands import Errands
from bot.importing.offers import Offers
from bot.initiative.customs import Customs
from bot.initiative.listening import Listening
from bot.learning.nightly import Nightly
from bot.learning.retraining import Retraining
from bot.memory.context import Context
from bot.memory.current import Current
from bot.memory.engine_thread import EngineThread
from bot.paths import Paths
from bot.speaking.scene import Scenes
from bot.speaking.sending.replies import Replies
from bot.speaking.sending.timings import Timings
from bot.speaking.voice.speech import split
from bot.updates.chats.admins import is_admin
from bot.updates.chats.admission import Admission
from bot.updates.incoming import Incoming
from bot.updates.intake import Intake
from bot.updates.limits.limiter import Limiter
from lm.privacy.scrubber import Scrubber
from storage import chats, inbox, outbox
from storage.groups import Group
from storage.store import Db, Store

Buttons = Sequence[Sequence[tuple[str, str]]]
Change = Callable[[Db], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a message shows after one of its buttons was pressed: words, and buttons if any."""

    text: str
    buttons: Buttons = ()


@dataclass(frozen=True, slots=True)
class Toast:
    """What only whoever pressed a button sees, for a moment; the message stays as it is."""

    text: str
    alert: bool = False  # shown until it is closed


class AppliedBeforeError(Exception):
    """The update was applied already; its transaction is taken back."""


@dataclass(frozen=True, slots=True)
class House:
    """The collaborators, composed by hand in serving.py."""

    config: Config
    group: Group
    paths: Paths
    erase_elsewhere: Callable[[int], None] | None
    bot: Bot
    me: User
    store: Store
    thread: EngineThread
    current: Current
    replies: Replies
    customs: Customs
    listening: Listening
    retraining: Retraining
    scenes: Scenes
    errands: Errands
    nightly: Nightly
    offers: Offers
    timings: Timings
    intake: Intake
    limiter: Limiter
    admission: Admission
    scrubber: Scrubber
    started: float

    async def context(self, heard: Incoming) -> Context:
        """The context of the chat that a message came from."""
        return await self.current.contexts.at(heard.chat_id, heard.topic)

    def fresh(self, heard: Incoming) -> bool:
        """Whether a message is recent enough to be answered."""
        return time.time() - heard.sent_at <= self.config.replies.fresh_seconds

    async def obeys(self, heard: Incoming) -> bool:
        """Whether an admin says so, asked of Telegram afresh; no answer is a no."""
        known = await self.store.read(lambda db: chats.served(db, self.group.id))
        served = [chat_id for chat_id in known if self.admission.serves(chat_id)]
        return await is_admin(self.bot, heard, self.config.telegram.admins, served)

    async def apply(self, update_id: int, *changes: Change) -> bool:
        """Apply an update: all changes and its inbox row, or nothing. False when done before."""

        async def job(db: Db) -> None:
            if not await inbox.apply(db, update_id):
                raise AppliedBeforeError(update_id)
            for change in changes:
                await change(db)

        try:
            await self.store.write(job)
        except AppliedBeforeError:
            return False
        return True

    async def answer(
        self, heard: Incoming, text: str, buttons: Buttons = (), change: Change | None = None
    ) -> None:
        """Apply a command and queue its answer."""
        chat = (await self.context(heard)).chat.id
        queue = say(heard.update_id, chat, text, buttons, heard.message_id)
        changes = [queue] if change is None else [change, queue]
        await self.apply(heard.update_id, *changes)
        self.replies.wake(chat)


def say(
    update_id: int, chat: int, text: str, buttons: Buttons = (), reply_to: int | None = None
) -> Change:
    """The change that queues an answer to an update, in as many parts as Telegram wants."""
    parts = split(text)

    async def queue(db: Db) -> None:
        for number, part in enumerate(parts):
            last = number == len(parts) - 1
            await outbox.add(
                db,
                cause=f"answer:{update_id}:{number}",
                chat=chat,
                kind="answer",
                reply_to=reply_to,
                text=part,
                buttons=json.dumps(buttons) if buttons and last else "",
            )

    return queue
