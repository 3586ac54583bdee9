"""Whether a new version may serve: only while everybody whose words it has learnt agrees."""

from __future__ import annotations

import asyncio

from bot.learning.training import TrainingError
from lm.checkpoints.versions import Versions
from storage import groups
from storage.groups import Group
from storage.store import Store

WITHDRAWN = "somebody has withdrawn meanwhile"


async def ensure_agreed(store: Store, group: Group, versions: Versions, version: int) -> None:
    """Remove a version that learnt from somebody who has withdrawn since it began.

    Raises TrainingError then.
    """
    learned_from = (await asyncio.to_thread(versions.meta, version)).learned_from
    rows = await store.read(lambda db: groups.speakers(db, group.id))
    if not {row.id for row in rows if row.agreed}.issuperset(learned_from):
        await asyncio.to_thread(versions.remove, version)
        raise TrainingError(WITHDRAWN)
