"""Figures of a replay: how often the persona spoke, when, and whether it was worth hearing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from bot.speaking.voice.repeats import normalised

STALE = 3  # lines of others after the one that is answered
RECENT = 20  # messages that must not be repeated


@dataclass(frozen=True, slots=True)
class Said:
    """A message of the persona: after which gap, how many lines late, in what words."""

    gap: int
    late: int
    text: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts over the gaps of one replay, or of several together."""

    gaps: int = 0
    friend: int = 0  # messages
    persona: int = 0
    friend_turns: int = 0  # gaps in which they spoke
    persona_turns: int = 0
    hits: int = 0  # gaps in which both did
    stale: int = 0
    repeated: int = 0

    @property
    def rate(self) -> float:
        """Messages of the persona for each of the friend's."""
        return self.persona / max(1, self.friend)

    @property
    def f1(self) -> float:
        """Of "speaks next"."""
        return 2 * self.hits / max(1, self.friend_turns + self.persona_turns)

    def an_hour(self, count: int, line_s: float) -> float:
        """A count by hour, where others say a line every `line_s` seconds."""
        return 3600 * count / max(1.0, self.gaps * line_s)


def figures(friend: Sequence[int], said: Sequence[Said]) -> Figures:
    """friend: their messages in each gap; said: the persona's, in order."""
    turns = {each.gap for each in said}
    theirs = {gap for gap, count in enumerate(friend) if count}
    words = [normalised(each.text) for each in said]
    return Figures(
        gaps=len(friend),
        friend=sum(friend),
        persona=len(said),
        friend_turns=len(theirs),
        persona_turns=len(turns),
        hits=len(turns & theirs),
        stale=sum(each.late >= STALE for each in said),
        repeated=sum(word in words[max(0, i - RECENT) : i] for i, word in enumerate(words)),
    )


def together(parts: Iterable[Figures]) -> Figures:
    """The sum of several."""
    found = list(parts)
    return Figures(*(sum(getattr(each, f.name) for each in found) for f in fields(Figures)))
