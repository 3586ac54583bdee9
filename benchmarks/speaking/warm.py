"""How much sooner a warm chat answers: first token after one new message, warm and cold.

The warm one is compared with its message's prefill, by itself, and a decode step: whatever it takes
beside those is the engine's, and what it saves by computing both at once is too.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.speaking.asking import Ask
from benchmarks.speaking.chats import MESSAGE
from benchmarks.speaking.models import Timed
from benchmarks.speaking.rounds import paced, ratio
from benchmarks.speaking.subject import Subject
from lm.engine.engine import Engine
from lm.engine.request import Request
from lm.engine.sampling import Sampling

STEPS = 16  # tokens of a reply that a decode step is timed with
REPEATS = 5  # of each figure in a round, of which the median is taken


def warm(
    subject: Subject, contexts: Sequence[int], rounds: int, minutes: float = math.inf
) -> dict[str, Any]:
    """Figures by context in tokens; round 0 warms the machine up and is not counted."""
    model = subject.timed()
    engine = subject.engine(model, slots=3, span=max(contexts) + MESSAGE + STEPS)
    series: dict[int, list[dict[str, float]]] = {context: [] for context in contexts}
    for number in paced(rounds, minutes):
        for context, found in series.items():
            figures = _round(engine, model, context, seed=number)
            found += [figures] if number else []
    return {**subject.described(), "contexts": [_row(c, found) for c, found in series.items()]}


def _round(engine: Engine, model: Timed, context: int, seed: int) -> dict[str, float]:
    """Seconds: cold, warm, its prefill alone, and a decode step; medians of REPEATS."""
    repeats = [_once(engine, model, context, seed * REPEATS + r) for r in range(REPEATS)]
    return {key: statistics.median(each[key] for each in repeats) for key in repeats[0]}


def _once(engine: Engine, model: Timed, context: int, seed: int) -> dict[str, float]:
    ask = Ask(1, context + MESSAGE, 1, model.config.vocab_size, seed)
    (tokens,) = ask.prompts()
    engine.forget("cold")
    cold = _first(engine, "cold", tokens)
    for chat in ("read", "warm"):
        engine.forget(chat)
        _first(engine, chat, tokens[:context])
    model.reset()
    engine.warm("read", tokens)
    while engine.busy:
        engine.step()
    prefill = model.prefill_s
    first = _first(engine, "warm", tokens)
    began = time.perf_counter()
    sampling = Sampling(max_tokens=STEPS, seed=seed)
    (said,) = engine.run([Request("warm", tokens, sampling=sampling)])
    step = (time.perf_counter() - began) / len(said.tokens)
    return {"cold": cold, "warm": first, "prefill": prefill, "step": step}


def _first(engine: Engine, chat: str, tokens: list[int]) -> float:
    """Seconds to the first token."""
    began = time.perf_counter()
    engine.run([Request(chat, tokens, sampling=Sampling(max_tokens=1))])
    return time.perf_counter() - began


def _row(context: int, found: Sequence[dict[str, float]]) -> dict[str, Any]:
    column = {key: [each[key] for each in found] for key in found[0]}
    bound = [each["prefill"] + 1.5 * each["step"] for each in found]
    return {
        "context": context,
        "message": MESSAGE,
        **{f"{key}_s": statistics.median(values) for key, values in column.items()},
        "sooner": ratio(column["cold"], column["warm"]),
        "of_bound": ratio(column["warm"], bound),
    }
