"""What users get: replies of 20 tokens to messages of 15, by preset and number of active chats.

Two ways to be active: `again` asks a second or so after every answer (a chat that is alone sooner,
which nobody notices); `poisson` asks five seconds apart in the mean, answered or not. Nothing stops
a reply before its 20 tokens. Slots, guidance and candidates are those of the bot's configuration,
so with more chats than slots contexts are read again; one plain candidate is measured beside.
"""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.speaking.chats import Chat, Manner, Source, configured, made_up
from benchmarks.speaking.load import Asker, Load, Pace, latencies, percentile, warm
from benchmarks.speaking.models import served
from benchmarks.speaking.rounds import paced, tell
from benchmarks.speaking.weights import gpt, preset
from lm.engine.engine import Engine
from lm.engine.runner import Guard, Model

THINK_S = 0.5, 1.5  # after an answer, evenly drawn
ALONE_S = 0.05, 0.15
GAP_S = 5.0  # mean of Poisson arrivals of a chat
PRESETS = ("tiny", "small", "base", "large")
VOCABULARY = 4096
QUEUE = 256  # the engine's default


@dataclass(frozen=True, slots=True)
class Served:
    """What answers: a model, and the tokens that it is spoken to with."""

    name: str
    model: Model
    source: Source
    guard: Guard | None = None


def presets(names: Sequence[str], variant: str, device: torch.device) -> list[Served]:
    """Random weights in the presets' shapes."""
    found = []
    for name in names:
        config = preset(name, VOCABULARY).config
        found.append(Served(name, served(gpt(config), variant, device), made_up(VOCABULARY)))
    return found


def again(draw: random.Random, chats: int) -> Pace:
    """A while after the answer."""
    think = THINK_S if chats > 1 else ALONE_S
    return lambda due, now: now + draw.uniform(*think)


def poisson(draw: random.Random, chats: int) -> Pace:
    """Whenever it is, answered or not."""
    return lambda due, now: due + draw.expovariate(1 / GAP_S)


PACES: dict[str, Callable[[random.Random, int], Pace]] = {"again": again, "poisson": poisson}
MANNERS = {"as configured": Manner.configured, "one candidate": Manner}
FIRST_S = {"again": THINK_S[1], "poisson": GAP_S}  # all have asked by then


def users(
    everyone: Sequence[Served],
    chats: Sequence[int],
    *,
    slots: int,
    rounds: int,
    seconds: float,
    device: torch.device,
    paces: Sequence[str] = tuple(PACES),
    minutes: float = math.inf,
) -> dict[str, Any]:
    """Latencies by model, way to answer, number of chats and way to be active, all by turns."""
    cells = list(itertools.product(everyone, MANNERS, chats, paces))
    found: dict[tuple[str, str, int, str], list[Asker]] = {}
    for number in paced(rounds, minutes, first=1):
        for each, manner, count, pace in cells:
            askers = _askers(each, count, pace, MANNERS[manner](), seed=number)
            engine = Engine(
                each.model,
                slots=slots,
                span=each.model.config.context,
                device=device,
                queue=QUEUE,
                guard=each.guard,
            )
            warm(engine, [asker.chat for asker in askers[-slots:]])
            Load(engine, askers).run(seconds)
            found.setdefault((each.name, manner, count, pace), []).extend(askers)
            tell(f"{each.name}, {manner}, {count} chats, {pace}: round {number} of {rounds}")
    return {
        "slots": slots,
        "threads": torch.get_num_threads(),
        "seconds": seconds,
        "rows": [_row(*cell, askers) for cell, askers in found.items()],
    }


def _askers(each: Served, count: int, pace: str, manner: Manner, seed: int) -> list[Asker]:
    draw = random.Random(seed)
    sampling = configured()
    window = each.model.config.context
    return [
        Asker(
            Chat(number, each.source, window, sampling, number, manner),
            PACES[pace](draw, count),
            first=draw.uniform(0, FIRST_S[pace]) if count > 1 else 0.0,
        )
        for number in range(count)
    ]


def _row(name: str, manner: str, chats: int, pace: str, askers: Sequence[Asker]) -> dict[str, Any]:
    every = latencies(askers)
    return {
        "model": name,
        "manner": manner,
        "chats": chats,
        "pace": pace,
        "replies": len(every),
        "refused": sum(asker.refused for asker in askers),
        "median_s": statistics.median(every) if every else None,
        "p95_s": percentile(every, 0.95) if every else None,
    }
