"""Erasing a person from a data directory, while no version is being served from it.

Every step can be done again, so what a crash cut off is finished at the next start. A running bot
does the same in forgetting.py, where engine and contexts have to follow.
"""

from __future__ import annotations

import asyncio

from bot.paths import Paths
from lm.checkpoints.versions import Versions
from storage import forgetting
from storage.forgetting import Forgetting
from storage.groups import Group
from storage.store import Store


async def finish(store: Store, group: Group, paths: Paths) -> None:
    """Erase everybody who asked for it and is not erased yet."""
    for request in await store.read(lambda db: forgetting.unfinished(db, group.id)):
        if request.state == "open":
            await asyncio.to_thread(_withdraw, Versions(paths.models(group.id)), request)
            await erase(store, group, paths, request)


async def erase(store: Store, group: Group, paths: Paths, request: Forgetting) -> None:
    """Everything but the versions: rows, a training's words, and what deleted rows leave."""
    await store.write(lambda db: forgetting.erase(db, group.id, request))
    paths.transcript(group.id).unlink(missing_ok=True)
    await store.compact()
    await store.write(lambda db: forgetting.move_on(db, request.id, "erased"))


def _withdraw(versions: Versions, request: Forgetting) -> None:
    if request.speaker is None:
        return
    gone = versions.that_saw(request.speaker, unknown=request.messages > 0)
    versions.withdraw(gone, next(iter(versions.without(gone)), None))
