"""The current version of the group's model: loaded aside, then swapped into the running engine.

A swap changes weights, tokenizer, contexts and cast together, between two requests.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

import torch

from bot.memory.cast import Cast
from bot.memory.context import Voice
from bot.memory.contexts import Contexts
from bot.memory.engine_thread import EngineThread
from lm.checkpoints.blank import NOBODY, blank
from lm.checkpoints.checkpoint import Checkpoint, CheckpointError
from lm.checkpoints.versions import Versions
from lm.device import default_device
from lm.failure import Failure
from storage import groups
from storage.store import Store

log = logging.getLogger(__name__)


class DeviceError(Failure):
    """The device that the settings name is not there; the message is one line."""


def pick_device(wanted: str) -> torch.device:
    """The device that computes replies. Raises DeviceError for a GPU that is not there."""
    device = default_device()
    if wanted == "cuda" and device.type != "cuda":
        raise DeviceError('engine.device = "cuda": there is no GPU that torch can use')
    return device if wanted == "auto" else torch.device(wanted)


def load_current(versions: Versions, device: torch.device) -> Checkpoint:
    """The promoted checkpoint; where it is damaged, the one that was promoted before it.

    Raises CheckpointError when none can be loaded.
    """
    failure = CheckpointError("there is no trained model yet: understudy train")
    for number in versions.promoted():
        try:
            return versions.load(number, device)
        except CheckpointError as error:
            log.error("version %d cannot be served: %s", number, error)
            failure = error
    raise failure


def load_first(versions: Versions, device: torch.device) -> Checkpoint:
    """What a bot that starts serves: the current version, or nobody where all were withdrawn.

    Raises CheckpointError when there never was one, or none can be loaded.
    """
    if versions.withdrawn() and versions.current() is None:
        return blank(device)
    return load_current(versions, device)


class Current:
    """What is being served: `checkpoint`, and the cast that it can speak as."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        versions: Versions,
        thread: EngineThread,
        store: Store,
        group: int,
        longest_reply: int,
        links: Mapping[int, int],
    ) -> None:
        self.checkpoint, self.versions, self._links = checkpoint, versions, links
        self._thread, self._store, self._group = thread, store, group
        self._longest_reply = longest_reply
        self._device = checkpoint.gpt.embed_tokens.weight.device
        self._swapping, self._following = asyncio.Lock(), asyncio.Lock()
        self._ledger = 0  # the newest entry of the consent ledger that the cast knows
        self.contexts = Contexts(store, group, Voice.of(checkpoint, longest_reply))

    async def start(self) -> None:
        """Serve the checkpoint that this was made with."""
        await self._thread.swap(self.checkpoint)
        await self.refresh_cast()

    async def follow_ledger(self) -> None:
        """Know of consent that was given or withdrawn since, whoever wrote it down."""
        async with self._following:  # nobody goes on before it is known
            newest = await self._store.read(lambda db: groups.newest_entry(db, self._group))
            if newest != self._ledger:
                await self.refresh_cast()
                await self.contexts.recall_all()
                self._ledger = newest

    async def refresh_cast(self) -> None:
        """Read the group's speakers again."""
        rows = await self._store.read(lambda db: groups.speakers(db, self._group))
        self.cast = Cast(rows, self.checkpoint.tokenizer.speakers, self._links)

    async def promote(self, version: int) -> None:
        """Promote a version on disk and serve it. Raises CheckpointError and changes nothing."""
        async with self._swapping:
            await self._swap(version, lambda: self.versions.promote(version))

    def before(self) -> int | None:
        """The version that a rollback would serve."""
        return next(iter(self.versions.promoted()[1:]), None)

    async def rollback(self) -> int:
        """Serve the version promoted before the current one; returns its number."""
        async with self._swapping:
            promoted = await asyncio.to_thread(self.versions.promoted)
            if len(promoted) < 2:
                raise CheckpointError("no version was promoted before this one")
            await self._swap(promoted[1], self.versions.rollback)
            return promoted[1]

    async def withdraw(self, gone: Collection[int]) -> None:
        """Serve none of these versions any more, and delete them. No training may run.

        Where none is left the bot speaks as nobody until the next promotion.
        """
        async with self._swapping:
            left = await asyncio.to_thread(self.versions.without, gone)
            serving = self.checkpoint.meta.version
            loaded = self.checkpoint
            if serving in gone or serving == NOBODY:
                loaded = await asyncio.to_thread(self._first, left)
            version = loaded.meta.version
            choose = partial(self.versions.withdraw, gone, version if version in left else None)
            await self._serve(loaded, choose)

    def _first(self, versions: Sequence[int]) -> Checkpoint:
        """The first of these that can be loaded, else one that has learnt from nobody."""
        for number in versions:
            try:
                return self.versions.load(number, self._device)
            except CheckpointError as error:
                log.error("version %d cannot be served: %s", number, error)
        return blank(self._device)

    async def forget(self) -> None:
        """The store has forgotten: contexts follow it, and no slot keeps their old tokens."""
        async with self._following:
            self._ledger = 0
        await self.follow_ledger()
        await self.contexts.reload()
        self.hush()
        async with self._swapping:
            await self._thread.swap(self.checkpoint)
        for context in self.contexts.loaded():
            self._thread.warm(context.voice.version, context.chat.id, context.tokens)

    def hush(self) -> None:
        """What is being said in any chat ends unsaid, whatever version says it."""
        for context in self.contexts.loaded():
            self._thread.forget(context.chat.id)

    async def _swap(self, version: int, choose: Callable[[], object]) -> None:
        """Load, serve, then choose on disk; whatever fails, both stay as they were."""
        loaded = await asyncio.to_thread(self.versions.load, version, self._device)
        await self._serve(loaded, choose)

    async def _serve(self, loaded: Checkpoint, choose: Callable[[], object]) -> None:
        await self._thread.swap(loaded)
        try:
            await asyncio.to_thread(choose)
        except BaseException:
            await self._thread.swap(self.checkpoint)
            raise
        self.checkpoint = loaded
        await self.contexts.retokenize(Voice.of(loaded, self._longest_reply))
        await self.refresh_cast()
