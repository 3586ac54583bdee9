"""Which of several replies to say: one that fits here, not just anywhere, in the persona's own way.

(log p(r|c,s) - log p(r|s)) / n^0.5 + log p(s|r), for a reply r of n tokens in the context c by the
speaker s. The first is mutual information with the context (arXiv 1510.03055, eq. 10), normalised
for length, the second the model's own idea of who says such things. Likelihood itself is left to
the sampling: with it, short replies that fit everywhere win (benchmarks/LOG.md). It knows no text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lm.engine.request import Reply

LENGTH_POWER = 0.5  # 1 prefers a few words, 0 many


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reply and what the model thinks of it, in nats.

    here:      ln p(reply | context, speaker), its end included where it came to one
    by_whom:   ln p(reply | speaker) likewise, of every speaker without any context, theirs first
    """

    reply: Reply
    here: float
    by_whom: Sequence[float]

    @property
    def worth(self) -> float:
        """The more, the better."""
        size: float = (len(self.reply.tokens) + 1) ** LENGTH_POWER
        return (self.here - self.by_whom[0]) / size + self._own_way()

    def _own_way(self) -> float:
        """ln p(speaker | reply), every speaker as likely as any other before it was read."""
        highest = max(self.by_whom)
        total = sum(math.exp(each - highest) for each in self.by_whom)
        return self.by_whom[0] - highest - math.log(total)


def best_first(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Whole replies before those that were cut off, then by worth; of equal ones the earlier."""
    return sorted(candidates, key=lambda each: (each.reply.reason != "stop", -each.worth))
