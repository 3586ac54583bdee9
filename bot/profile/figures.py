"""A speaker's figures: when and how long they write, which words and emoji are theirs.

Takes messages a piece at a time, so that a million of them pass through little memory. It knows
no database and draws nothing.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from bot.profile.emoji import emoji
from lm.privacy.pseudonym import PLACEHOLDER

LONGEST_WORD = 24  # characters; what is longer is no word that people say
RAREST = 3  # times that a word is said before it can be somebody's own
PRIOR = 500.0  # words' worth of everybody's speech in each estimate
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


@dataclass
class Figures:
    """What is counted of one speaker, and of everybody for comparison.

    zone: by whose clock hours and months are counted, an IANA name; "" is this machine's
    """

    zone: str = ""
    messages: int = 0
    hours: list[int] = field(default_factory=lambda: [0] * 24)
    months: Counter[tuple[int, int]] = field(default_factory=Counter)  # (year, month)
    lengths: Counter[int] = field(default_factory=Counter)  # in characters
    emoji: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    all_words: Counter[str] = field(default_factory=Counter)
    times: list[int] = field(default_factory=list)  # seconds since 1970, unsorted

    def add(self, texts: Iterable[tuple[str, int | None]]) -> None:
        """The speaker's messages: text and time sent, None where it is not known."""
        zone = ZoneInfo(self.zone) if self.zone else None
        for text, sent_at in texts:
            self.messages += 1
            self.lengths[len(text)] += 1
            self.emoji.update(emoji(text))
            self.words.update(words(text))
            if sent_at is not None:
                self.times.append(sent_at)
                local = datetime.fromtimestamp(sent_at, zone)
                self.hours[local.hour] += 1
                self.months[(local.year, local.month)] += 1

    def compare(self, texts: Iterable[str]) -> None:
        """Messages of other people."""
        for text in texts:
            self.all_words.update(words(text))

    def own_words(self, most: int) -> list[tuple[str, float]]:
        """The words that tell the speaker from others, with their z-scores, the strongest first.

        Log odds with an informative Dirichlet prior (Monroe, Colaresi and Quinn, "Fightin' Words",
        Political Analysis 2008, equations 16, 20 and 22); the prior is everybody's speech.
        """
        theirs, others = sum(self.words.values()), sum(self.all_words.values())
        scored = []
        for word, count in self.words.items():
            if count < RAREST:
                continue
            other = self.all_words[word]
            prior = PRIOR * (count + other) / (theirs + others)
            odds = _log_odds(count, theirs, prior) - _log_odds(other, others, prior)
            z = odds / math.sqrt(1 / (count + prior) + 1 / (other + prior))
            if z > 0:
                scored.append((word, z))
        return sorted(scored, key=lambda each: (-each[1], each[0]))[:most]

    def gaps(self) -> list[int]:
        """Seconds from each message to the speaker's next one."""
        ordered = sorted(self.times)
        return [after - before for before, after in pairwise(ordered)]

    def burstiness(self) -> float | None:
        """(deviation - mean) / (deviation + mean) of the gaps: -1 regular, 0 random, 1 in bursts.

        Goh and Barabási, "Burstiness and memory in complex systems", EPL 81 (2008), equation 1.
        """
        gaps = self.gaps()
        if len(gaps) < 2 or not any(gaps):
            return None
        mean = sum(gaps) / len(gaps)
        deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
        return (deviation - mean) / (deviation + mean)


def words(text: str) -> list[str]:
    """The words of a text, casefolded; placeholders of personal data are none."""
    if "[" in text:
        text = PLACEHOLDER.sub(" ", text)
    return [word for word in _WORD.findall(text.casefold()) if 1 < len(word) <= LONGEST_WORD]


def _log_odds(count: int, total: int, prior: float) -> float:
    return math.log((count + prior) / (total + PRIOR - count - prior))
