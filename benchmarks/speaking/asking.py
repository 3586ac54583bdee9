"""What is asked of a contender, and what it answers: plain records that travel as JSON lines.

Contenders run in other processes, some in other environments, so this needs Python alone.
"""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass
from typing import Self

PLAIN = 256  # ids from here on are ordinary text in every tokenizer of ours
RESERVED = 8  # at the end of a vocabulary: structure


@dataclass(frozen=True, slots=True)
class Ask:
    """Continue `streams` prompts of `prompt` random tokens by exactly `new` tokens each."""

    streams: int
    prompt: int
    new: int
    vocabulary: int
    seed: int

    def prompts(self) -> list[list[int]]:
        """The same for every contender, and new ones for every seed."""
        draw = random.Random(self.seed)
        least = min(PLAIN, self.vocabulary // 2)
        ids = range(least, self.vocabulary - RESERVED)
        return [draw.choices(ids, k=self.prompt) for _ in range(self.streams)]

    def line(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, line: str) -> Self:
        """From JSON."""
        return cls(**json.loads(line))


@dataclass(frozen=True, slots=True)
class Answer:
    """How long it took.

    first_s:  from asking, all prompts new, to each stream's first token
    decode_s: what `decoded` tokens took while no prompt was left to read
    whole_s:  what everything took, prompts included
    """

    first_s: list[float]
    decode_s: float
    decoded: int
    whole_s: float

    def line(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, line: str) -> Self:
        """From JSON."""
        return cls(**json.loads(line))
