"""Engine overhead: what a step takes beside the model's forward, as a share of the step.

Deciding, batching, sampling and recording are overhead; the model's arithmetic is not.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from benchmarks.speaking.asking import Ask
from benchmarks.speaking.chats import configured
from benchmarks.speaking.models import Timed
from benchmarks.speaking.rounds import paced
from benchmarks.speaking.subject import Subject, settle
from lm.engine.engine import Engine
from lm.engine.request import Request
from lm.engine.sampling import Sampling

SETTINGS: dict[str, Callable[[], Sampling]] = {  # how replies are drawn
    "plain": Sampling,
    "as configured": configured,
}
EDGE = 2  # steps at both ends of a reply that are not counted: replies join and leave


def overhead(
    subject: Subject,
    streams: Sequence[int],
    prompt: int,
    new: int,
    rounds: int,
    minutes: float = math.inf,
) -> dict[str, Any]:
    """Figures by number of streams and sampling; round 0 warms up and is not counted."""
    model = subject.timed()
    engine = subject.engine(model, slots=max(streams), span=prompt + new)
    cells = [(count, name) for count in streams for name in SETTINGS]
    steps: dict[tuple[int, str], list[tuple[float, float]]] = {cell: [] for cell in cells}
    for number in paced(rounds, minutes):
        for count, name in cells:
            ask = Ask(count, prompt, new, subject.shape.config.vocab_size, seed=number)
            found = _steps(engine, model, ask, name)
            steps[count, name] += found if number else []
    return {**subject.described(), "rows": [_row(*cell, steps[cell]) for cell in cells]}


def _steps(engine: Engine, model: Timed, ask: Ask, name: str) -> list[tuple[float, float]]:
    """Seconds of each decode step, and of the forward in it, with all streams decoding."""
    prompts = ask.prompts()
    for chat, tokens in enumerate(prompts):
        engine.warm(chat, tokens)
    settle(engine)
    for chat, tokens in enumerate(prompts):
        rules = replace(SETTINGS[name](), max_tokens=ask.new, seed=chat)
        engine.submit(Request(chat, tokens, sampling=rules))
    found = []
    while engine.busy:
        model.reset()
        began = time.perf_counter()
        engine.step()
        found.append((time.perf_counter() - began, model.forward_s))
    for chat in range(ask.streams):
        engine.forget(chat)
    return found[EDGE:-EDGE]


def _row(streams: int, name: str, steps: Sequence[tuple[float, float]]) -> dict[str, Any]:
    return {
        "streams": streams,
        "sampling": name,
        "step_s": statistics.median(step for step, _ in steps),
        "forward_s": statistics.median(forward for _, forward in steps),
        "overhead_s": statistics.median(step - forward for step, forward in steps),
        "share": statistics.median(1 - forward / step for step, forward in steps),
    }
