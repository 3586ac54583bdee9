"""Chats as the engine sees them: contexts that roll as the bot's do, of made-up or real tokens.

Whole messages leave in one larger cut, so that the prefix which the engine keeps warm survives most
messages (bot/memory/context.py). Speakers and ends are left out: they are tokens like others.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Self

from bot.config import SamplingConfig
from lm.engine.request import Request
from lm.engine.sampling import Sampling

MESSAGE = 15  # tokens of what somebody says
REPLY = 20  # tokens of what the bot says
KEEP = 0.6  # of a full context is left after a cut, as in bot/memory/context.py

Source = Callable[[random.Random, int], list[int]]


def configured(max_tokens: int = REPLY) -> Sampling:
    """How the bot draws replies unless it is told otherwise."""
    told = SamplingConfig()
    return Sampling(told.temperature, told.top_k, told.top_p, told.min_p, max_tokens)


@dataclass(frozen=True, slots=True)
class Manner:
    """How many candidates a reply is chosen from, and how far each is guided."""

    best_of: int = 1
    guidance: float = 0.0

    @classmethod
    def configured(cls) -> Self:
        """As the bot does unless it is told otherwise."""
        told = SamplingConfig()
        return cls(told.best_of, told.guidance)


def made_up(vocabulary: int) -> Source:
    """Tokens drawn at random."""
    return lambda draw, count: draw.choices(range(vocabulary), k=count)


def excerpts(stream: Sequence[int]) -> Source:
    """Tokens in a row of what people have said, from a random place on."""

    def take(draw: random.Random, count: int) -> list[int]:
        at = draw.randrange(max(1, len(stream) - count))
        return list(stream[at : at + count])

    return take


class Chat:
    """One chat: what has been said in it, as messages of tokens."""

    def __init__(
        self,
        name: Hashable,
        source: Source,
        window: int,
        sampling: Sampling,
        seed: int,
        manner: Manner = Manner(),
    ) -> None:
        """Full from the start. window: tokens of context and reply; sampling: of its replies."""
        self._manner = manner
        self.name, self._source, self._sampling = name, source, sampling
        self._draw = random.Random(seed)
        self._room = window - sampling.max_tokens
        self._messages: list[list[int]] = []
        while self._size() + MESSAGE <= self._room:
            self._messages.append(self._source(self._draw, MESSAGE))

    @property
    def tokens(self) -> list[int]:
        """Its context."""
        return [token for message in self._messages for token in message]

    def ask(self) -> Request:
        """Somebody says something that is to be answered."""
        self.add(self._source(self._draw, MESSAGE))
        tokens, manner = self.tokens, self._manner
        return Request(
            self.name,
            tokens,
            sampling=self._sampling,
            best_of=manner.best_of,
            guidance=manner.guidance,
            neutral=tokens[0] if manner.guidance else None,
        )

    def add(self, message: list[int]) -> None:
        """Something was said; whole messages leave when the context is full."""
        self._messages.append(message)
        if self._size() > self._room:
            while len(self._messages) > 1 and self._size() > KEEP * self._room:
                del self._messages[0]

    def _size(self) -> int:
        return sum(map(len, self._messages))
