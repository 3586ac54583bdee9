"""A transcript so predictable that a training of seconds learns it: for tests of trainings."""

from __future__ import annotations

from dataclasses import replace

import torch

from lm.corpus.message import Message, Speaker
from lm.corpus.transcript import Transcript
from lm.learning.plan import Machine
from lm.learning.presets import PRESETS

CPU = torch.device("cpu")
MACHINE = Machine(CPU, torch.float32, peak=1e11, memory=8e9)
QUICK = replace(PRESETS["tiny"], epochs=1, min_steps=8, evaluations=2)
LINES = ("so it goes", "on and on we went", "haha no way", "see you at {} then", "ok")


def transcript(count: int = 200) -> Transcript:
    """Two people who say the same few things by turns, in sessions of ten."""
    messages = tuple(
        Message(1 + i % 2, LINES[i % len(LINES)].format(i % 7), 1_000 * i + 9_000 * (i // 10))
        for i in range(count)
    )
    return Transcript("friends", (Speaker(1, "Ann"), Speaker(2, "Bob")), messages)
