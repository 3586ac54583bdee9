"""A group's own version as the bot would serve it, spoken to with what its people have said."""

from __future__ import annotations

import asyncio
from pathlib import Path

import torch

from benchmarks.speaking.chats import excerpts
from benchmarks.speaking.models import served
from benchmarks.speaking.users import Served
from bot.cli.choosing import choose
from bot.learning.training import transcript
from bot.memory.current import load_current
from bot.paths import Paths
from lm.checkpoints.versions import Versions
from lm.corpus.batches import session_ids
from lm.corpus.transcript import Transcript
from storage import groups
from storage.groups import Group
from storage.store import reading


def trained(data: Path, name: str, variant: str, device: torch.device) -> Served:
    """The current version of a group in a data directory, which may be serving.

    Raises UsageError for a group that is not there, CheckpointError where nothing was trained.
    """
    paths = Paths(data)
    group, words = asyncio.run(_read(paths, name))
    checkpoint = load_current(Versions(paths.models(group.id)), device)
    stream = [
        token
        for session in words.sessions()
        for token in session_ids(checkpoint.tokenizer, session).tolist()
    ]
    label = f"{group.name}, version {checkpoint.meta.version} ({checkpoint.meta.preset})"
    model = served(checkpoint.model, variant, device)
    return Served(label, model, excerpts(stream), checkpoint.guard)


async def _read(paths: Paths, name: str) -> tuple[Group, Transcript]:
    async with reading(paths.database) as db:
        group = choose(await groups.all_groups(db), name)
        return group, await transcript(db, group)
