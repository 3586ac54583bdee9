"""Who is expected to speak next: the model's word and the group's own turn-taking, mixed.

A young model knows who speaks how well before it knows when, so a Markov chain over speakers has a
say, as much as it is worth on the newest turns. The same turns tell how likely a persona looks at
the moments when its friend might speak. Speakers are columns, the last one stands for everybody
without one of their own. Pure: it asks nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lm.judging.markov import Markov

ORDER = 3  # speakers that the chain looks back
WEIGHTS = np.linspace(0, 1, 21)  # of the chain, of which the best is taken
MOST_AGAIN = 0.9  # chance that somebody goes on


@dataclass(frozen=True, slots=True)
class Moment:
    """A message about to be said: who spoke before it, what the model expected, who it was.

    before:  columns of the speakers before it in its session, oldest first
    chances: [columns] of the model, summing to 1
    """

    before: Sequence[int]
    chances: Sequence[float]
    truth: int


class Expectations:
    """What is expected of each column in a group, for one version of its model."""

    def __init__(
        self, columns: int, sessions: Sequence[Sequence[int]], moments: Sequence[Moment]
    ) -> None:
        """Learn from who spoke in older `sessions`; weigh it on newer `moments`."""
        self._chain = Markov(ORDER, range(columns), sessions)
        self.weight = 0.5
        self.expected: list[list[float]] = [[] for _ in range(columns)]
        self._again = 1.0
        if moments:
            self._weigh(moments)

    def _weigh(self, moments: Sequence[Moment]) -> None:
        model = np.array([moment.chances for moment in moments])  # [moments, columns]
        chain = np.array([self._chain.probabilities(m.before, len(m.before)) for m in moments])
        at = np.arange(len(moments)), [moment.truth for moment in moments]
        losses = [-np.log((1 - w) * model[at] + w * chain[at] + 1e-9).mean() for w in WEIGHTS]
        self.weight = float(WEIGHTS[int(np.argmin(losses))])
        mixed = (1 - self.weight) * model + self.weight * chain
        last = np.array([m.before[-1] if m.before else -1 for m in moments])
        for column in range(mixed.shape[1]):
            self.expected[column] = np.sort(mixed[last != column, column]).tolist()
        goes_on = last >= 0
        went_on = (last == at[1])[goes_on].sum()
        self._again = float(went_on / max(1e-9, mixed[goes_on, last[goes_on]].sum()))

    def chances(self, before: Sequence[int], model: Sequence[float]) -> list[float]:
        """Of each column, where the model gives these chances, in any unit, after `before`."""
        given = np.array(model, dtype=np.float64)
        given /= given.sum() or 1.0
        chain = self._chain.probabilities(before, len(before))
        mixed: list[float] = ((1 - self.weight) * given + self.weight * chain).tolist()
        return mixed

    def goes_on(self, before: Sequence[int], model: Sequence[float]) -> float:
        """The chance that who spoke last says the next message as well, as often as people do."""
        if not before:  # forgotten since it was asked
            return 0.0
        chance = self.chances(before, model)[before[-1]] * self._again
        return min(chance, MOST_AGAIN)
