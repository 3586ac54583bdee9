"""A data directory with a small group in it: imported words and a tiny model, made in seconds.

Shared by the tests that run the real bot. The model has random weights unless it is trained.
"""

from __future__ import annotations

import time
from pathlib import Path

import torch

from bot.importing.consent import Consent
from bot.importing.taking_in import import_export
from bot.paths import Paths
from lm.checkpoints.meta import Meta
from lm.checkpoints.versions import Versions
from lm.corpus.message import Speaker
from lm.corpus.tokenizer import Tokenizer
from lm.exports.export import Export, ExportedMessage, Messages
from lm.models.gpt import GPT, ModelConfig
from storage import groups
from storage.groups import Group
from storage.store import Store

NAMES = ("Alice", "Bob", "Uncle Theo")
LINES = {
    "Alice": ("hello everybody", "who is coming tonight", "I have made soup", "see you there"),
    "Bob": ("no", "maybe later", "what soup", "fine by me", "ha ha"),
    "Uncle Theo": ("Good evening, dear all; I shall come.", "Soup is excellent.", "Indeed!"),
}


def export(count: int = 240) -> Export:
    """A conversation of `count` messages, one a minute, with a night after every twenty."""
    messages = []
    for number in range(count):
        name = NAMES[(number * 7 + number // 3) % 3]
        text = LINES[name][number % len(LINES[name])]
        if number % 5 == 0:
            text = f"{text} {number}"
        messages.append(
            ExportedMessage(
                speaker=name,
                key="",
                text=text,
                sent_at=1_700_000_000 + number * 60 + (number // 20) * 8 * 3600,
                conversation="us",
                origin=f"test:{number}",
                reply_to=None,
            )
        )
    return Export("jsonl", "", "us", Messages.of("jsonl", messages), {})


async def make(data: Path, *, model: bool = True) -> Group:
    """Import the group into a data directory, and give it a version with random weights."""
    paths = Paths(data)
    async with Store(paths.database) as store:
        await import_export(store, "us", export(), Consent(None, "a test"), {})
        group = (await store.read(groups.all_groups))[0]
        rows = await store.read(lambda db: groups.speakers(db, group.id))
    if model:
        versions = Versions(paths.models(group.id))
        versions.promote(write_version(versions, [Speaker(row.id, row.name) for row in rows]))
    return group


def write_version(
    versions: Versions, speakers: list[Speaker], seed: int = 0, learned_from: tuple[int, ...] = ()
) -> int:
    """A version with random weights. Without `learned_from` it does not say from whom it learnt."""
    texts = [line for lines in LINES.values() for line in lines] * 3
    tokenizer = Tokenizer.train(texts, 320, [speaker.id for speaker in speakers])
    config = ModelConfig(
        vocab_size=tokenizer.vocab_size,
        n_layers=1,
        d_model=64,
        n_heads=1,
        n_kv_heads=1,
        head_dim=64,
        d_ff=64,
        context=128,
    )
    torch.manual_seed(seed)
    meta = Meta(
        version=0,
        parent=None,
        config=config,
        speakers=tuple(speakers),
        metrics={"bpb": 8.0},
        cut_off=None,
        messages=0,
        preset="tiny",
        seconds=0.0,
        created_at=int(time.time()),
        curve=((1, 5.0, 8.0), (2, 4.0, 7.5)),
        learned_from=learned_from,
    )
    return versions.write(GPT(config), tokenizer, meta)
