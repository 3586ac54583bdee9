"""The sample group that ships with the program: five invented friends."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.cli.choosing import SAMPLE, choose
from bot.importing.consent import Consent
from bot.importing.taking_in import import_export
from bot.paths import Paths
from lm.exports.reading import read_export
from storage import groups
from storage.groups import Group
from storage.store import Store

FILE = Path(__file__).parents[2] / "examples" / "telegram" / "result.json"


def expect_group(paths: Paths, name: str) -> None:
    """UsageError, before a data directory is made, where no group of that name can be in it."""
    if not paths.database.exists() and not _is_sample(name):
        choose([], name)


async def find_group(store: Store, name: str) -> Group:
    """The group of that name as `choose` finds it; the sample is imported when it is asked for.

    Everybody in the sample agreed, because nobody in it exists.
    """
    known = await store.read(groups.all_groups)
    if _is_sample(name) and not any(group.name == SAMPLE for group in known):
        export = await asyncio.to_thread(read_export, FILE)
        agreed = Consent(None, "this program: they are invented")
        await import_export(store, SAMPLE, export, agreed, {})
        known = await store.read(groups.all_groups)
    return choose(known, name)


def _is_sample(name: str) -> bool:
    return name.strip().casefold() == SAMPLE.casefold()
