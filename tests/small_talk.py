"""A transcript so predictable that a training of seconds learns it: for tests of trainings."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from lm.corpus.batches import Batches, frequent_speakers
from lm.corpus.message import Message, Speaker
from lm.corpus.tokenizer import Tokenizer
from lm.corpus.transcript import Transcript
from lm.learning.events import Event
from lm.learning.learner import Learner
from lm.learning.plan import Machine
from lm.learning.presets import PRESETS, Preset
from lm.learning.snapshot import Snapshot
from lm.models.gpt import GPT

CPU = torch.device("cpu")
MACHINE = Machine(CPU, torch.float32, peak=1e11, memory=8e9)
QUICK = replace(PRESETS["tiny"], epochs=1, min_steps=8, evaluations=2)
WITH_DROPOUT = replace(QUICK, dropout=0.2, min_steps=12, evaluations=6, weight_decay_epochs=2.0)
LINES = ("so it goes", "on and on we went", "haha no way", "see you at {} then", "ok")


def transcript(count: int = 200) -> Transcript:
    """Two people who say the same few things by turns, in sessions of ten."""
    messages = tuple(
        Message(1 + i % 2, LINES[i % len(LINES)].format(i % 7), 1_000 * i + 9_000 * (i // 10))
        for i in range(count)
    )
    return Transcript("friends", (Speaker(1, "Ann"), Speaker(2, "Bob")), messages)


def learner(
    chosen: Preset,
    events: list[Event],
    seed: int = 1,
    seconds: float = math.inf,
    snapshot: Snapshot | None = None,
    kind: type[GPT] = GPT,
    device: torch.device = CPU,
) -> Learner:
    learned, held_out = transcript().split()
    tokenizer = Tokenizer.train(LINES, 300, frequent_speakers(learned))
    torch.manual_seed(seed)
    model = kind(chosen.config(tokenizer.vocab_size), chosen.dropout)
    batches = Batches(tokenizer, learned, chosen.rows, chosen.context)
    return Learner(
        model, tokenizer, batches, held_out, chosen, replace(MACHINE, device=device), events.append,
        seed=seed, seconds=seconds, snapshot=snapshot,
    )  # fmt: skip


def same(one: GPT, other: GPT) -> bool:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(torch.equal(found, expected) for found, expected in pairs)
