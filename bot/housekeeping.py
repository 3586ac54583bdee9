"""Housekeeping: what is over leaves the database while the bot serves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from bot.speaking.approval import FRESH_S
from storage import approvals, guesses, inbox, outbox, presence
from storage.store import Db, StorageError, Store

log = logging.getLogger(__name__)

PRUNE_EVERY_S = 3600.0
EXPIRE_EVERY_S = 15.0


async def prune(store: Store) -> None:
    """Delete what nobody can come back to, every hour until cancelled."""
    while True:
        await _write(store, _prune)
        await asyncio.sleep(PRUNE_EVERY_S)


async def expire(store: Store) -> None:
    """Take the words out of what a persona's owner was asked and did not answer in time."""
    while True:
        await _write(store, partial(approvals.expire, age_s=FRESH_S))
        await asyncio.sleep(EXPIRE_EVERY_S)


async def _prune(db: Db) -> None:
    await inbox.prune(db)
    await outbox.prune(db, inbox.KEEP_S)
    await guesses.prune(db, inbox.KEEP_S)
    await presence.prune(db, inbox.KEEP_S)


async def _write(store: Store, job: Callable[[Db], Awaitable[None]]) -> None:
    try:
        await store.write(job)
    except StorageError as error:
        log.error("old rows could not be deleted: %s", error)
