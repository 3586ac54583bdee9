"""What talking better costs: copy guard, guidance and the best of four, each alone.

Cost is time per token of the reply that is said, over the same without the trick, by turns.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.speaking.asking import Ask
from benchmarks.speaking.chats import configured
from benchmarks.speaking.rounds import paced, ratio
from benchmarks.speaking.subject import Subject, settle
from lm.corpus.rarity import LENGTH, RareSequences
from lm.engine.copy_guard import CopyGuard
from lm.engine.engine import Engine
from lm.engine.request import Request

RARE = 1_000_000  # sequences that the guard knows: of about as many tokens of training text


@dataclass(frozen=True, slots=True)
class Trick:
    """A way to ask. rows: of the batch, per reply."""

    name: str
    rows: int = 1
    guarded: bool = False
    guidance: float = 0.0
    best_of: int = 1


PLAIN = Trick("none")
TRICKS = (
    PLAIN,
    Trick("copy guard", guarded=True),
    Trick("guidance 0.5", rows=2, guidance=0.5),
    Trick("best of 4", rows=4, best_of=4),
)


def guard(vocabulary: int, seed: int = 1) -> CopyGuard:
    """Knows random sequences: as slow as real ones, and hardly ever met."""
    draw = np.random.default_rng(seed)
    keys = draw.integers(0, 2**64, vocabulary, dtype=np.uint64)
    hashes = np.unique(draw.integers(0, 2**64, RARE, dtype=np.uint64))
    return CopyGuard(RareSequences(keys, hashes, LENGTH["bpe"]))


def tricks(
    subject: Subject,
    streams: Sequence[int],
    prompt: int,
    new: int,
    rounds: int,
    minutes: float = math.inf,
) -> dict[str, Any]:
    """Figures by number of streams and trick; round 0 warms up and is not counted."""
    model, most = subject.model(), max(streams)
    vocabulary = subject.shape.config.vocab_size
    known = guard(vocabulary)
    engines = {
        trick: subject.engine(
            model, most, prompt + new, (trick.rows - 1) * most, known if trick.guarded else None
        )
        for trick in TRICKS
    }
    found: dict[tuple[int, Trick], list[float]] = {(n, t): [] for n in streams for t in TRICKS}
    for number in paced(rounds, minutes):
        for (count, trick), seconds in found.items():
            ask = Ask(count, prompt, new, vocabulary, seed=number)
            per_token = _per_token(engines[trick], trick, ask)
            seconds += [per_token] if number else []
    rows = [_row(n, trick, seconds, found[n, PLAIN]) for (n, trick), seconds in found.items()]
    return {**subject.described(), "prompt": prompt, "new": new, "rows": rows}


def _per_token(engine: Engine, trick: Trick, ask: Ask) -> float:
    """Seconds per token that is said, prompts being warm."""
    rules = configured(ask.new)
    asked = [
        Request(
            chat=chat,
            tokens=tokens,
            sampling=replace(rules, seed=chat * trick.best_of),
            guidance=trick.guidance,
            neutral=tokens[0] if trick.guidance else None,
            best_of=trick.best_of,
        )
        for chat, tokens in enumerate(ask.prompts())
    ]
    for request in asked:
        engine.warm(request.chat, request.tokens)
    settle(engine)
    began = time.perf_counter()
    finished = engine.run(asked)
    seconds = time.perf_counter() - began
    for request in asked:
        engine.forget(request.chat)
    return seconds / sum(len(each.tokens) for each in finished)


def _row(
    streams: int, trick: Trick, seconds: Sequence[float], plain: Sequence[float]
) -> dict[str, Any]:
    return {
        "streams": streams,
        "trick": trick.name,
        "per_token_s": statistics.median(seconds),
        "ratio": ratio(seconds, plain),
    }
