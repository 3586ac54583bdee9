"""Our engine, as the bot drives it: requests in, steps until all have ended.

Replies are sampled (temperature 1), where the other contenders take the likeliest token: greedy
replies of random weights go round in circles, and the engine ends those.
"""

from __future__ import annotations

import time
from pathlib import Path

import torch

from benchmarks.speaking.asking import Answer, Ask
from benchmarks.speaking.models import served
from benchmarks.speaking.weights import CHECKPOINT
from lm.checkpoints import checkpoint
from lm.engine.engine import Engine
from lm.engine.request import Finished, Request
from lm.engine.sampling import Sampling


class Contender:
    """variant: one of models.VARIANTS."""

    def __init__(self, folder: Path, variant: str, most: Ask, threads: int, device: str) -> None:
        torch.set_num_threads(threads)
        where = torch.device(device)
        self._engine = Engine(
            served(checkpoint.read(folder / CHECKPOINT, where).gpt, variant, where),
            slots=most.streams,
            spare=0,
            span=most.prompt + most.new,
            device=where,
            queue=4 * most.streams,  # a burst is taken in whole
        )

    def describe(self) -> str:
        """One line."""
        return f"torch {torch.__version__}, {torch.get_num_threads()} threads"

    def decode(self, ask: Ask) -> Answer:
        """Once with new prompts, then with the same ones, which are warm."""
        requests = [
            Request(
                chat=number,
                tokens=prompt,
                sampling=Sampling(temperature=1.0, max_tokens=ask.new, seed=number),
            )
            for number, prompt in enumerate(ask.prompts())
        ]
        cold, whole_s = self._timed(requests)
        warm, decode_s = self._timed(requests)
        for request in requests:
            self._engine.forget(request.chat)
        first = [each.stats.queued_s + each.stats.prefill_s for each in cold]
        return Answer(first, decode_s, sum(len(each.tokens) for each in warm), whole_s)

    def _timed(self, requests: list[Request]) -> tuple[list[Finished], float]:
        began = time.perf_counter()
        finished = self._engine.run(requests)
        seconds = time.perf_counter() - began
        reasons = {each.reason for each in finished}
        assert reasons == {"length"}, reasons
        return finished, seconds
