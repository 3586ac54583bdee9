"""The verdict: who can become a persona, and how good a model to expect from so much text.

The figures are this project's own trainings (benchmarks/README.md, "Learning"): shares of a public
transcript of a television series, with nothing said before a conversation. Between sizes the
logarithm of the size is interpolated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

GOOD, THIN, LEAST = 1_000, 200, 5  # messages; with fewer than the least nobody gets a token
# (characters, bits per byte on held-out messages), smallest first
CURVE = ((170_757, 1.96), (672_576, 1.72), (2_567_316, 1.54))
LEAST_CHARACTERS = 30_000  # below, no figure would mean anything
LEVELS = (
    (LEAST_CHARACTERS, "too little: it will stammer half-sentences of the group"),
    (150_000, "it will pick up catch-phrases and who says them, and make little sense"),
    (700_000, "short lines that sound like the group; long ones drift"),
    (3_000_000, "voices that can be told apart; most short replies fit"),
    (math.inf, "as good as a small model of one group gets"),
)


@dataclass(frozen=True, slots=True)
class Voice:
    """One speaker's prospects: good, thin, or none."""

    name: str
    messages: int
    characters: int
    persona: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to expect: a sentence, bits per byte (None for too little), and each speaker's."""

    summary: str
    bits_per_byte: float | None
    characters: int
    voices: list[Voice]


def verdict(messages: Mapping[str, int], characters: Mapping[str, int]) -> Verdict:
    """Judge by the number of messages and characters of each speaker."""
    ranked = sorted(messages, key=lambda name: -messages[name])
    voices = [
        Voice(name, messages[name], characters[name], _persona(messages[name])) for name in ranked
    ]
    total = sum(characters.values())
    summary = next(words for limit, words in LEVELS if total <= limit)
    return Verdict(summary, expected_bits(total), total, voices)


def _persona(messages: int) -> str:
    if messages >= GOOD:
        return "good"
    return "thin" if messages >= THIN else "none"


def expected_bits(characters: int) -> float | None:
    """Bits per byte to expect from so many characters, None for too few to say.

    Between two measured sizes it lies on the line through both over log(characters), below the
    smallest on the first such line; above the largest nothing better is promised.
    """
    if characters < LEAST_CHARACTERS:
        return None
    lines = list(pairwise(CURVE))
    (size0, bits0), (size1, bits1) = next((p for p in lines if characters <= p[1][0]), lines[-1])
    share = math.log(min(characters, size1) / size0) / math.log(size1 / size0)
    return round(bits0 + (bits1 - bits0) * share, 2)
