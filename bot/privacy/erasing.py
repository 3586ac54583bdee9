"""Erasing a person from a data directory, while no version is being served from it.

Every step can be done again, so what a crash cut off is finished at the next start. A running bot
does the same in forgetting.py, where engine and contexts have to follow.
"""

from __future__ import annotations

import asyncio

from bot.paths import Paths
from lm.checkpoints.versions import Versions
from storage import forgetting, groups
from storage.forgetting import Forgetting
from storage.groups import Group
from storage.store import Store


async def finish(store: Store, group: Group, paths: Paths) -> None:
    """Erase everybody who asked for it and is not erased yet."""
    for request in await store.read(lambda db: forgetting.unfinished(db, group.id)):
        if request.state == "open":
            await _withdraw(store, Versions(paths.models(group.id)), request)
            await erase(store, group, paths, request)


async def erase(store: Store, group: Group, paths: Paths, request: Forgetting) -> None:
    """Everything but the versions: rows, a training's words, and what deleted rows leave."""
    await store.write(lambda db: forgetting.erase(db, group.id, request))
    if request.speaker is not None:
        paths.transcript(group.id).unlink(missing_ok=True)
    await store.compact()
    await store.write(lambda db: forgetting.move_on(db, request.id, "erased"))


async def that_saw(store: Store, versions: Versions, request: Forgetting) -> list[int]:
    """The versions that may have learnt from whoever is to be forgotten, by any of their ids."""
    if request.speaker is None:
        return []
    speaker, unknown = request.speaker, request.messages > 0
    ids = await store.read(lambda db: groups.ids(db, speaker))
    return await asyncio.to_thread(versions.that_saw, ids, unknown=unknown)


async def _withdraw(store: Store, versions: Versions, request: Forgetting) -> None:
    if request.speaker is None:
        return
    gone = await that_saw(store, versions, request)
    serving = next(iter(versions.without(gone)), None)
    await asyncio.to_thread(versions.withdraw, gone, serving)
