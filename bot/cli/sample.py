"""The sample group that ships with the program: five invented friends."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.cli.choosing import SAMPLE
from bot.importing.consent import Consent
from bot.importing.taking_in import import_export
from lm.doctor.report import Report
from lm.exports.reading import read_export
from storage.store import Store

FILE = Path(__file__).parents[2] / "examples" / "telegram" / "result.json"


async def import_sample(store: Store) -> Report:
    """Import it; everybody in it agreed, because nobody in it exists."""
    export = await asyncio.to_thread(read_export, FILE)
    return await import_export(
        store, SAMPLE, export, Consent(None, "this program: they are invented"), {}
    )
