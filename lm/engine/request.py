"""What goes into the engine and what comes out of it: plain records, no tensors.

A request is token ids and rules for its reply; the engine never sees text. A finished request
says how it ended and where its time went.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lm.engine.sampling import Sampling

Reason = Literal["stop", "length", "deadline", "cancelled", "error"]


@dataclass(frozen=True, slots=True)
class Request:
    """A prompt and the rules for its reply.

    `chat` owns the slot that keeps the prompt's keys and values. `tokens` is the whole prompt.
    A reply ends before a token of `stop`; a token of `banned` is never sampled. `deadline` is in
    seconds of time.monotonic().
    """

    chat: Hashable
    tokens: Sequence[int]
    stop: frozenset[int] = frozenset()
    banned: frozenset[int] = frozenset()
    sampling: Sampling = field(default_factory=Sampling)
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Stats:
    """Where a request's time went, in seconds and tokens.

    `prefill_s` runs from getting a slot to the first sampled token, `decode_s` from there to the
    end. `cached_tokens` of the prompt's tokens needed no computation.
    """

    queued_s: float
    prefill_s: float
    decode_s: float
    prompt_tokens: int
    cached_tokens: int
    new_tokens: int


@dataclass(frozen=True, slots=True)
class Finished:
    """A request that has ended. `tokens` are the sampled ones, without the stop token."""

    id: int
    tokens: list[int]
    reason: Reason
    stats: Stats
