"""`understudy forget`: erase a person who has no Telegram, or no bot to say it to.

Needs the data directory for itself: a bot that serves from it forgets by /forget.
"""

from __future__ import annotations

import shutil
from functools import partial

from bot.cli.choosing import UsageError, choose
from bot.cli.consent_command import meant
from bot.config import PrivacyConfig
from bot.paths import Paths
from bot.privacy.erasing import finish
from bot.scrubbing import group_scrubber
from lm.checkpoints.versions import Versions
from storage import forgetting, groups, messages
from storage.groups import FORGOTTEN, Group, SpeakerRow
from storage.store import Store, reading


async def who(name: str, typed: str, paths: Paths) -> tuple[Group, SpeakerRow, int]:
    """The group, whoever is called that, and how many messages of theirs there are.

    Raises UsageError for nobody's name.
    """
    async with reading(paths.database) as db:
        group = choose(await groups.all_groups(db), name)
        rows = [row for row in await groups.speakers(db, group.id) if row.rule != FORGOTTEN]
        scrubber = await group_scrubber(db, PrivacyConfig(), group.id)
        counts = await messages.count_by_speaker(db, group.id)
    row = meant(rows, {typed, scrubber.scrub(typed)})
    if row is None:
        names = ", ".join(each.name for each in rows[:20])
        raise UsageError(f"{typed}: say which of these: {names}")
    return group, row, counts.get(row.id, 0)


async def forget(group: Group, row: SpeakerRow, paths: Paths) -> None:
    """Erase them, and say what is left. What a crash cuts off is finished by the next run."""
    async with Store(paths.database) as store:
        await store.write(lambda db: forgetting.begin(db, group.id, row.id, None))
        await finish(store, group, paths)
        shutil.rmtree(paths.playground(group.id), ignore_errors=True)  # what was played with it
        for request in await store.read(lambda db: forgetting.unfinished(db, group.id)):
            if request.speaker == row.id:
                await store.write(partial(forgetting.move_on, request=request.id, state="told"))
    current = Versions(paths.models(group.id)).current()
    if current is None:
        print(f"{row.name} is forgotten. No version is left that has not seen their words: train.")
    else:
        print(f"{row.name} is forgotten. Version {current} serves, which has not seen their words.")
