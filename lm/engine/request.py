"""What goes into the engine and what comes out of it: plain records, no tensors.

A request is token ids and rules for its reply; the engine never sees text. What comes out says
how a request ended and where its time went.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lm.corpus.batches import Ids
from lm.engine.sampling import Sampling
from lm.models.recency import NOTHING

# loop: it would have said the same again and again. guard: only copied words were left to say.
Reason = Literal["stop", "length", "loop", "guard", "deadline", "cancelled", "error"]


@dataclass(frozen=True, slots=True)
class Request:
    """A prompt and the rules for its reply.

    chat:     owns the slot that keeps the prompt's keys and values
    tokens:   the whole prompt
    before:   what was said before that, for models that look back so far
    before:   what was said before it, as token ids: for models that look back so far
    stop:     a reply ends before one of these tokens
    banned:   these tokens are never sampled
    deadline: in seconds of time.monotonic()
    tenant:   who has a fair share of the engine; the chat itself where there is none
    best_of:  how many replies are sampled; they share the prompt's keys and values
    guidance: how far scores are pushed away from those behind `neutral` (arXiv 2306.17806:
              scores + guidance * (scores - neutral scores)); 0 is not at all
    neutral:  the token that replaces the prompt's last for that
    stream:   hand out tokens as they are sampled; for one reply only
    peek:     sample nothing: only the probabilities of these tokens after the prompt are wanted
    """

    chat: Hashable
    tokens: Sequence[int]
    stop: frozenset[int] = frozenset()
    banned: frozenset[int] = frozenset()
    sampling: Sampling = field(default_factory=Sampling)
    deadline: float | None = None
    tenant: Hashable = None
    best_of: int = 1
    guidance: float = 0.0
    neutral: int | None = None
    stream: bool = False
    peek: tuple[int, ...] = ()
    before: Ids = field(default_factory=lambda: NOTHING, compare=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be done (ValueError names key, value and what is allowed)."""
        if self.best_of < 1:
            raise ValueError(f"best_of = {self.best_of}: has to be at least 1")
        if self.guidance and self.neutral is None:
            raise ValueError(f"guidance = {self.guidance}: needs a neutral token")
        if self.stream and self.best_of > 1:
            raise ValueError(f"best_of = {self.best_of}: only one reply can be streamed")

    @property
    def rows(self) -> int:
        """How many rows of a batch it takes."""
        return self.best_of * (2 if self.guidance else 1)

    @property
    def owner(self) -> Hashable:
        """Whose share of the engine it takes."""
        return self.chat if self.tenant is None else self.tenant


@dataclass(frozen=True, slots=True)
class Stats:
    """Where a request's time went, in seconds and tokens.

    `prefill_s` runs from getting a slot to the first sampled token, `decode_s` from there to the
    end. `cached_tokens` of the prompt's tokens needed no computation; `new_tokens` are those of
    all its replies.
    """

    queued_s: float
    prefill_s: float
    decode_s: float
    prompt_tokens: int
    cached_tokens: int
    new_tokens: int


@dataclass(frozen=True, slots=True)
class Reply:
    """One of a request's replies: sampled tokens without the stop token, and why it ended.

    `log_prob` is ln p of them and of the stop token, by the model alone: without temperature,
    filters and guidance. 0 where only one reply was wanted.
    """

    tokens: list[int]
    reason: Reason
    log_prob: float


@dataclass(frozen=True, slots=True)
class Finished:
    """A request that has ended, with its replies in the order of their sampling.

    `peeked` are the probabilities that were asked for.
    """

    id: int
    replies: list[Reply]
    stats: Stats
    peeked: list[float] = field(default_factory=list)

    @property
    def tokens(self) -> list[int]:
        """The first reply's."""
        return self.replies[0].tokens

    @property
    def reason(self) -> Reason:
        """Why the first reply ended."""
        return self.replies[0].reason


@dataclass(frozen=True, slots=True)
class Piece:
    """Tokens of a reply that is streamed, since the piece before."""

    id: int
    tokens: list[int]


@dataclass(frozen=True, slots=True)
class Scored:
    """ln p of each sequence's tokens behind those that were given."""

    id: int
    log_probs: list[float]


Event = Finished | Piece | Scored
