"""Fairness: what others wait while one asks as fast as it can, against what they wait without.

Others ask once a second and a half each, at their own moments, the same ones with and without the
flood. Floods are of one chat, and of one group with many chats; each of their prompts is new, so
each is read in full.
"""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Callable
from typing import Any

from benchmarks.speaking.chats import REPLY, Chat, configured, made_up
from benchmarks.speaking.load import Asker, Flood, Load, latencies, percentile, warm
from benchmarks.speaking.rounds import paced
from benchmarks.speaking.subject import Subject
from lm.engine.request import Request

QUIET = 8  # chats that do not flood
EVERY_S = 1.5  # seconds between two questions of each
GROUP = 16  # chats of the group that floods
FLOODS = {"none": 0, "one chat": 1, "one group": GROUP}  # chats of each


def flood(
    subject: Subject, window: int, rounds: int, seconds: float, minutes: float = math.inf
) -> dict[str, Any]:
    """Latencies of the others by kind of flood, kinds by turns."""
    model = subject.model()
    vocabulary = subject.shape.config.vocab_size
    found: dict[str, list[list[float]]] = {kind: [] for kind in FLOODS}
    answered = dict.fromkeys(FLOODS, 0)
    for number in paced(rounds, minutes):
        for kind, count in FLOODS.items():
            engine = subject.engine(model, slots=QUIET + GROUP, span=window)
            askers = quiet(vocabulary, window, seed=number)
            warm(engine, [asker.chat for asker in askers])
            pouring = Flood(requests(vocabulary, window, count, number)) if count else None
            Load(engine, askers, pouring).run(seconds if number else min(1.0, seconds))
            if number:
                found[kind].append(latencies(askers))
                answered[kind] += pouring.answered if pouring else 0
    return {
        **subject.described(),
        "window": window,
        "quiet": QUIET,
        "every_s": EVERY_S,
        "rows": [_row(kind, found, answered[kind]) for kind in FLOODS],
    }


def quiet(vocabulary: int, window: int, seed: int) -> list[Asker]:
    """Chats that ask at fixed moments, whatever they wait."""
    sampling = configured()
    draw = random.Random(seed)
    return [
        Asker(
            Chat(f"quiet {n}", made_up(vocabulary), window, sampling, seed=n),
            lambda due, now: due + EVERY_S,
            first=draw.uniform(0, EVERY_S),
        )
        for n in range(QUIET)
    ]


def requests(vocabulary: int, window: int, chats: int, seed: int) -> Callable[[], Request]:
    """Requests of `chats` chats of one group by turns, with nothing in common."""
    draw, turns = random.Random(seed), itertools.cycle(range(chats))
    source, sampling = made_up(vocabulary), configured()
    tenant = "flood"

    def make() -> Request:
        tokens = source(draw, window - REPLY)
        return Request(f"flood {next(turns)}", tokens, sampling=sampling, tenant=tenant)

    return make


def _row(kind: str, found: dict[str, list[list[float]]], answered: int) -> dict[str, Any]:
    def p95(values: list[float]) -> float:
        return percentile(values, 0.95)

    ratios = [p95(a) / p95(b) for a, b in zip(found[kind], found["none"], strict=True)]
    every = [value for values in found[kind] for value in values]
    return {
        "flood": kind,
        "replies": len(every),
        "flood_replies": answered,
        "median_s": statistics.median(every),
        "p95_s": statistics.median(map(p95, found[kind])),
        "ratio": statistics.median(ratios),
    }
