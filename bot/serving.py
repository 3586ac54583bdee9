"""Serving a group: composes everything by hand and keeps it alive until it is told to stop.

One nested `async with` is the whole life: store, engine thread, application. If any part of it
dies, the process ends non-zero rather than stay as a deaf zombie.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import torch
from telegram import User

from bot import housekeeping
from bot.config import Config
from bot.connection import Address, build, connect
from bot.errands import Errands
from bot.house import House
from bot.importing.offers import Offers
from bot.initiative.customs import Customs
from bot.initiative.listening import Listening
from bot.learning.nightly import Nightly
from bot.learning.retraining import Retraining
from bot.memory.current import Current, load_first, pick_device
from bot.memory.engine_thread import EngineThread
from bot.paths import Paths
from bot.privacy import forgetting
from bot.router import COMMANDS, add_handlers
from bot.scrubbing import group_scrubber
from bot.speaking.scene import Scenes
from bot.speaking.sending.replies import Replies
from bot.speaking.sending.timings import Timings
from bot.updates.alarm import Alarm
from bot.updates.chats.admission import Admission
from bot.updates.chats.membership import refused
from bot.updates.chats.migration import found_moved
from bot.updates.dispatch import Dispatch
from bot.updates.intake import Intake
from bot.updates.limits.limiter import Limiter
from bot.updates.menus import set_menus
from lm.checkpoints.checkpoint import Checkpoint
from lm.checkpoints.versions import Versions
from lm.engine.engine import Engine
from lm.engine.served import served
from storage import chats
from storage.groups import Group
from storage.store import Store

AT_ONCE = {"longest_pause_seconds": 0.0, "lull_seconds": 0.0}
DRAIN_S = 8.0  # what is being said at the end may still be said


async def serve(
    config: Config,
    paths: Paths,
    store: Store,
    group: Group,
    address: Address,
    ready: Callable[[User], Awaitable[None]],
) -> None:
    """Serve until SIGTERM or SIGINT. Raises TokenError when Telegram refuses the token."""
    device = pick_device(config.engine.device)
    torch.set_num_threads(config.engine.threads or max(1, (os.cpu_count() or 1) // 2))
    versions = Versions(paths.models(group.id))
    checkpoint = await asyncio.to_thread(load_first, versions, device)

    def make_engine(serving: Checkpoint) -> Engine:
        return Engine(
            served(serving.model, device),
            slots=config.engine.slots,
            shelf=config.engine.shelf,
            span=serving.meta.config.context,
            device=device,
            guard=serving.guard,
        )

    limiter = Limiter(0 if address.everywhere else config.telegram.messages_per_minute)
    application = build(address, limiter)
    async with EngineThread(make_engine) as thread:
        me = await connect(application)
        longest = config.sampling.max_tokens
        current = Current(checkpoint, versions, thread, store, group.id, longest, address.links)
        await current.start()
        errands, timings = Errands(), Timings()
        customs = Customs(store, thread, current, group.id, errands)
        # On the page everybody is in a hurry to see what the bot can do.
        manner = config.replies.model_copy(update=AT_ONCE if address.everywhere else {})
        replies = Replies(
            application.bot,
            store,
            current,
            thread,
            customs,
            config.sampling,
            manner,
            limiter.pause,
            timings.record,
        )
        listening = Listening(store, current, customs, replies, manner)
        scenes = Scenes(
            application.bot,
            store,
            current,
            thread,
            replies,
            errands,
            lambda: customs.habits,
            config.replies,  # on the page, too, a scene is watched
        )
        retraining = Retraining(application.bot, store, current, group, paths, config)
        nightly = Nightly(store, group, current, retraining)
        dispatch = Dispatch(store, application)
        url = f"{address.base_url}/bot{address.token}"
        intake = Intake(url, store, dispatch.arrived)
        known = await store.read(partial(chats.served, group=group.id))
        known = {chat: old for chat, old in known.items() if chat not in address.elsewhere}
        scrubber = await store.read(lambda db: group_scrubber(db, config.privacy, group.id))
        admins = config.telegram.admins
        admission = Admission(
            config.telegram.allowed_chats,
            known,
            admins,
            everywhere=address.everywhere,
        )
        house = House(
            config=config,
            group=group,
            paths=paths,
            erase_elsewhere=address.erase,
            bot=application.bot,
            me=me,
            store=store,
            thread=thread,
            current=current,
            replies=replies,
            customs=customs,
            listening=listening,
            retraining=retraining,
            nightly=nightly,
            offers=Offers(application.bot, store, group.name, config.privacy, paths.arrivals),
            timings=timings,
            scenes=scenes,
            errands=errands,
            intake=intake,
            limiter=limiter,
            admission=admission,
            scrubber=scrubber,
            started=time.monotonic(),
        )
        limiter.refused = partial(refused, house)
        limiter.found_moved = partial(found_moved, house)
        add_handlers(application, house, dispatch)
        try:
            await replies.recover()
            await retraining.recover()
            await scenes.recover()
            await forgetting.resume(house)
            errands.start("menus", set_menus(application.bot, COMMANDS))
            customs.follow()
            await ready(me)
            async with Alarm(application.bot, store, group.id, admins):
                await _until_stopped(
                    *(intake, dispatch, nightly, store),
                    *(thread.failure, replies.failure, store.writer),
                )
        finally:
            await listening.stop()
            await errands.stop()
            await retraining.stop()
            await replies.drain(DRAIN_S)
            await application.shutdown()


async def _until_stopped(
    intake: Intake,
    dispatch: Dispatch,
    nightly: Nightly,
    store: Store,
    *failures: asyncio.Future[Any],
) -> None:
    """Run intake, dispatch and housekeeping until a signal, or until one of them fails."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    stopped = asyncio.create_task(stop.wait())
    work = [
        asyncio.create_task(intake.run(), name="intake"),
        asyncio.create_task(dispatch.run(), name="dispatch"),
        asyncio.create_task(nightly.run(), name="nightly"),
        asyncio.create_task(housekeeping.prune(store), name="prune"),
        asyncio.create_task(housekeeping.expire(store), name="expire"),
    ]
    watched: list[asyncio.Future[Any]] = [stopped, *work, *failures]
    await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
    for task in (stopped, *work):
        task.cancel()
    ended = await asyncio.gather(*work, return_exceptions=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(number)
    for outcome in (*ended, *(f.exception() for f in failures if f.done() and not f.cancelled())):
        if isinstance(outcome, Exception):
            raise outcome
