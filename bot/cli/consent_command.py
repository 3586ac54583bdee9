"""`understudy consent`: the ledger, and what a person who agrees or withdraws changes in it.

Runs beside a serving bot, which looks at the ledger before it speaks as anybody.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime

from bot.cli.choosing import UsageError, choose
from bot.cli.import_command import attested_by
from bot.config import PrivacyConfig
from bot.counts import counted
from bot.importing.people import fold
from bot.paths import Paths
from bot.scrubbing import group_scrubber
from storage import groups, messages
from storage.groups import SpeakerRow
from storage.store import Store, reading


async def show_ledger(name: str, as_json: bool, paths: Paths) -> None:
    """Who agreed, in which group, on whose word, and when; then how everybody stands now."""
    async with reading(paths.database) as db:
        group = choose(await groups.all_groups(db), name)
        entries = await groups.ledger(db, group.id)
        rows = await groups.speakers(db, group.id)
    if as_json:
        print(json.dumps([asdict(entry) for entry in entries], ensure_ascii=False))
        return
    for entry in entries:
        when = datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        verb = "agreed" if entry.agreed else "withdrew"
        print(f"{when}  {entry.speaker}: {verb}, says {entry.attested_by}")
    agreed = [row.name for row in rows if row.agreed]
    others = [row.name for row in rows if not row.agreed]
    print(f"{group.name} learns from {', '.join(agreed) or 'nobody'}.")
    if others:
        print(f"Not from {', '.join(others[:20])}{', …' if len(others) > 20 else ''}.")


async def change_consent(
    name: str, give: str, withdraw: str, privacy: PrivacyConfig, paths: Paths
) -> None:
    """Record that somebody agrees or withdraws. Raises UsageError for nobody's name.

    privacy: with it a name that holds personal data is found by its placeholder
    """
    async with reading(paths.database) as db:
        group = choose(await groups.all_groups(db), name)
        rows = await groups.speakers(db, group.id)
        scrubber = await group_scrubber(db, privacy, group.id)
        counts = await messages.count_by_speaker(db, group.id)
    option = "--give" if give else "--withdraw"
    row = meant(rows, {give or withdraw, scrubber.scrub(give or withdraw)})
    if row is None:
        names = ", ".join(each.name for each in rows[:20])
        raise UsageError(f"{option} {give or withdraw}: say which of these: {names}")
    if row.agreed == bool(give):
        print(f"{row.name} {'has agreed' if give else 'has not agreed'} already.")
        return
    async with Store(paths.database) as store:
        await store.write(lambda db: groups.consent(db, row.id, bool(give), attested_by()))
    if not give:
        print(f"{row.name} is no persona from now on, and the next training leaves them out.")
    elif counts.get(row.id):
        held = counted(counts[row.id], "message")
        print(f"{row.name} has agreed: the next training learns from {held}.")
    else:
        print(f"{row.name} has agreed. Import the export again to take in what they said.")


def meant(rows: list[SpeakerRow], typed: set[str]) -> SpeakerRow | None:
    """The one speaker with such a name or alias; as it is typed first, then whatever its case."""
    for spelled in (str, fold):
        wanted = {spelled(each) for each in typed}
        found = [row for row in rows if wanted & {spelled(n) for n in (row.name, *row.aliases)}]
        if len(found) == 1:
            return found[0]
    return None
