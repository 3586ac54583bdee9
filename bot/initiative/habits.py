"""How the people of a group take turns and how fast, counted from who spoke when.

Pure figures: no words, no database. A conversation ends where a session of the transcript
does. Pauses are those of a talk that is under way; of fewer than LEAST nothing is concluded.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from lm.corpus.transcript import parted
from storage.turns import Turn

LIVELY_S = 180  # a longer pause is no pause of a talk: somebody was away
LEAST = 100  # pauses
USUAL = 0.8  # of a speaker's answers come sooner than what is taken for silence
KEPT = 500  # pauses of each kind and speaker


@dataclass(frozen=True, slots=True)
class Habits:
    """Figures by speaker.

    share:   of all messages, those that are theirs
    opening: of the times when somebody else had spoken, those when they spoke next
    answers: seconds between somebody else's message and theirs, sorted
    bursts:  seconds between two messages of theirs in a row, sorted; of all together for None
    """

    share: Mapping[int, float] = field(default_factory=dict)
    opening: Mapping[int, float] = field(default_factory=dict)
    answers: Mapping[int, Sequence[float]] = field(default_factory=dict)
    bursts: Mapping[int | None, Sequence[float]] = field(default_factory=dict)

    def in_a_row(self, speaker: int | None) -> Sequence[float]:
        """Pauses of a speaker's bursts; of everybody's where too little is known of theirs."""
        return self.bursts.get(speaker) or self.bursts.get(None, ())

    def waits(self, speaker: int, seconds: float) -> float:
        """The share of a speaker's answers that take longer than that; 1 where it is not known."""
        known = self.answers.get(speaker, ())
        if not known:
            return 1.0
        return 1 - bisect.bisect_right(known, seconds) / (len(known) + 1)

    def silence(self, least_s: float) -> float:
        """Seconds without a word after which most answers would have come: at least `least_s`."""
        slow = [known[int(USUAL * len(known))] for known in self.answers.values()]
        return max(least_s, median(slow)) if slow else least_s


def habits(turns: Sequence[Turn]) -> Habits:
    """Count the turns of a group, oldest first."""
    said = Counter(turn.speaker for turn in turns)
    after: Counter[int | None] = Counter()  # messages that another one follows, by speaker
    begun: Counter[int | None] = Counter()  # turns that somebody took after somebody else
    answers: dict[int, list[float]] = {}
    bursts: dict[int | None, list[float]] = {}
    for before, turn in pairwise(turns):
        if parted(before, turn):
            continue
        after[before.speaker] += 1
        begun[turn.speaker] += before.speaker != turn.speaker
        if turn.speaker is None or (seconds := _pause(before, turn)) is None:
            continue
        if before.speaker == turn.speaker:
            bursts.setdefault(turn.speaker, []).append(seconds)
            bursts.setdefault(None, []).append(seconds)
        else:
            answers.setdefault(turn.speaker, []).append(seconds)
    return Habits(
        share={each: count / len(turns) for each, count in said.items() if each is not None},
        opening={
            each: begun[each] / max(1, after.total() - after[each])
            for each in said
            if each is not None
        },
        answers={each: _sample(pauses) for each, pauses in answers.items() if len(pauses) >= LEAST},
        bursts={each: _sample(pauses) for each, pauses in bursts.items() if len(pauses) >= LEAST},
    )


def _pause(before: Turn, turn: Turn) -> float | None:
    """Seconds between two messages; None where they are not known or no pause of a talk."""
    if before.sent_at is None or turn.sent_at is None:
        return None
    seconds = turn.sent_at - before.sent_at
    return float(seconds) if 0 <= seconds <= LIVELY_S else None


def _sample(pauses: Sequence[float]) -> tuple[float, ...]:
    """The newest ones, sorted."""
    return tuple(sorted(pauses[-KEPT:]))
