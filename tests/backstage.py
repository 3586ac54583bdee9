"""The bot's real parts, composed by hand in the test's own process against a real playground."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from telegram import Bot, User
from telegram.request import HTTPXRequest

from bot.config import Config, RepliesConfig, SamplingConfig
from bot.connection import Address
from bot.errands import Errands
from bot.initiative.customs import Customs
from bot.memory.current import Current
from bot.memory.engine_thread import EngineThread
from bot.paths import Paths
from bot.serving import serve
from bot.speaking.sending.replies import Replies
from lm.checkpoints.checkpoint import Checkpoint
from lm.checkpoints.versions import Versions
from lm.engine.engine import Engine
from playground.server import Playground, PlaygroundConfig
from storage import chats, groups, outbox
from storage.store import Db, Store
from tests import small_group
from tests.stagehand import TOKEN

CPU = torch.device("cpu")


@dataclass
class Backstage:
    """A store, an engine thread and `replies` that speak into `playground`."""

    playground: Playground
    store: Store
    bot: Bot
    current: Current
    thread: EngineThread
    customs: Customs
    replies: Replies
    speakers: dict[str, int]
    causes: int = field(default=0)

    @property
    def chat_id(self) -> int:
        """The playground's first group."""
        return next(iter(self.playground.world.chats))

    async def chat(self, chat_id: int = 0) -> int:
        """The store's id of a chat, made if it is new."""
        return (await self.current.contexts.at(chat_id or self.chat_id, 0)).chat.id

    async def want(self, chat: int, persona: str = "Alice", **more: Any) -> str:
        """Want a reply, or with `text` an answer; returns its cause. Nobody is woken."""
        self.causes += 1
        cause = f"cause {self.causes}"
        kind = "answer" if "text" in more else "reply"
        speaker = None if "text" in more else self.speakers[persona]
        given = {"kind": kind, "persona": speaker, **more}

        async def job(db: Db) -> None:
            await outbox.add(db, cause=cause, chat=chat, **given)

        await self.store.write(job)
        return cause

    async def states(self) -> dict[str, str]:
        """The state of every outbox row by its cause."""

        async def job(db: Db) -> dict[str, str]:
            found = await db.execute_fetchall("SELECT cause, state FROM outbox ORDER BY id")
            return {str(row[0]): str(row[1]) for row in found}

        return await self.store.read(job)

    async def ended(self, *causes: str, seconds: float = 10) -> list[str]:
        """The states of rows, once none of them is open any more."""

        async def settled() -> bool:
            states = await self.states()
            return not {"wanted", "ready", "sending"} & {states[cause] for cause in causes}

        await until(settled, seconds)
        states = await self.states()
        return [states[cause] for cause in causes]

    def said(self, chat_id: int = 0) -> list[str]:
        """What the bot said in a chat."""
        world = self.playground.world
        chat = world.chats[chat_id or self.chat_id]
        return [
            str(m.content.get("text", ""))
            for m in chat.messages.values()
            if m.sender == world.bot.id
        ]


def make_engine(checkpoint: Checkpoint) -> Engine:
    """An engine of a few slots on the processor."""
    return Engine(checkpoint.model, slots=4, span=checkpoint.meta.config.context, device=CPU)


@contextlib.asynccontextmanager
async def backstage(
    data: Path, *, fresh_seconds: int = 60, read_timeout: float = 5.0, **manner: float
) -> AsyncIterator[Backstage]:
    """Everything from store to replies, on a data directory that small_group.make has filled."""
    config = PlaygroundConfig(token=TOKEN, members=small_group.NAMES, port=0, title="us")
    async with Playground(config) as playground, Store(Paths(data).database) as store:
        group = (await store.read(groups.all_groups))[0]
        versions = Versions(Paths(data).models(group.id))
        request = HTTPXRequest(read_timeout=read_timeout)
        async with (
            EngineThread(make_engine) as thread,
            Bot(TOKEN, base_url=f"{playground.url}/bot", request=request) as bot,
        ):
            sampling = SamplingConfig(max_tokens=8)
            current = Current(versions.load(1, CPU), versions, thread, store, group.id, 8, {})
            await current.start()
            limits = RepliesConfig(fresh_seconds=fresh_seconds, typing_seconds=0)
            limits = limits.model_copy(update=manner)
            errands = Errands()
            customs = Customs(store, thread, current, group.id, errands)
            replies = Replies(bot, store, current, thread, customs, sampling, limits)
            speakers = {row.name: row.id for row in current.cast.speakers.values()}
            yield Backstage(playground, store, bot, current, thread, customs, replies, speakers)
            await replies.drain(1)
            await errands.stop()


async def until(
    condition: Callable[[], Awaitable[bool]], seconds: float = 10, what: str = "it"
) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        await asyncio.sleep(0.02)


async def context_rows(store: Store, chat: int) -> list[tuple[int, int | None, str]]:
    """(message id, speaker, text) of a chat's context on disk."""
    rows = await store.read(lambda db: chats.context(db, chat))
    return [(row.message_id, row.speaker, row.text) for row in rows]


@contextlib.asynccontextmanager
async def serving(
    data: Path, playground: Playground, config: Config | None = None, *, paced: bool = False
) -> AsyncIterator[asyncio.Task[None]]:
    """The whole bot as `understudy run` composes it, ended by SIGTERM as an operator would.

    paced: it keeps to Telegram's flood limits, which take time
    """
    is_ready = asyncio.Event()
    settings = config or Config()
    if not paced:
        telegram = settings.telegram.model_copy(update={"messages_per_minute": 0})
        settings = settings.model_copy(update={"telegram": telegram})

    async def ready(_: User) -> None:
        is_ready.set()

    async with Store(Paths(data).database) as store:
        group = (await store.read(groups.all_groups))[0]
        address = Address(playground.url, TOKEN, {})
        task = asyncio.create_task(serve(settings, Paths(data), store, group, address, ready))
        waiting = asyncio.create_task(is_ready.wait())
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED, timeout=20)
        assert is_ready.is_set(), "the bot did not start"
        try:
            yield task
        finally:
            if not task.done():
                os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(task, 20)
