"""The steps of the engine: what one computes, and what a decode gives. No tensors, no decisions.

The scheduler decides on a step, the runner computes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lm.engine.running import Candidate
from lm.engine.table import Slot


@dataclass(frozen=True, slots=True)
class Prefill:
    """Compute these tokens behind those in each slot."""

    chunks: list[tuple[Slot, list[int]]]


@dataclass(frozen=True, slots=True)
class Decode:
    """Sample the next token of each of these candidates; those in chats' slots are in order.

    What of a prompt is still to be computed is computed with it, for all candidates of a request.
    """

    candidates: list[Candidate]


@dataclass(slots=True)
class Scoring:
    """Sequences whose tokens behind the first `given` are to be scored."""

    id: int
    sequences: list[list[int]]
    given: int
    log_probs: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Score:
    """Score these sequences, which are some of a scoring's."""

    scoring: Scoring
    sequences: list[list[int]]


@dataclass(slots=True)  # a frozen one takes twice as long to make
class Sampled:
    """What a decode gives for a candidate. `token` is None where its numbers were none.

    Without a token that the copy guard lets through, `guarded`. `peeked` only where wanted.
    """

    token: int | None
    log_prob: float = 0.0
    guarded: bool = False
    peeked: list[float] = field(default_factory=list)
