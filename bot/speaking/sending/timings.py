"""Where the time of the last replies went, as medians that /status shows.

Takes the engine's figures of each request as they come. It knows no chats and no words.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median

from lm.engine.request import Stats

KEPT = 100  # replies


@dataclass(frozen=True, slots=True)
class Medians:
    """Of `replies` replies: seconds in line, until the first token, and for the rest.

    `cached` is the share of the prompt's tokens that needed no computation, from 0 to 1; `tokens`
    are those of a reply.
    """

    replies: int
    queued_s: float
    prefill_s: float
    decode_s: float
    tokens: float
    cached: float


class Timings:
    """The last replies' figures."""

    def __init__(self) -> None:
        self._kept: deque[Stats] = deque(maxlen=KEPT)

    def record(self, stats: Stats) -> None:
        """A reply was generated."""
        self._kept.append(stats)

    def medians(self) -> Medians | None:
        """The medians over the last hundred replies, None before the first."""
        if not self._kept:
            return None
        kept = list(self._kept)
        return Medians(
            replies=len(kept),
            queued_s=median(s.queued_s for s in kept),
            prefill_s=median(s.prefill_s for s in kept),
            decode_s=median(s.decode_s for s in kept),
            tokens=median(s.new_tokens for s in kept),
            cached=median(s.cached_tokens / max(1, s.prompt_tokens) for s in kept),
        )
