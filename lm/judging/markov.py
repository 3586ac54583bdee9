"""A Markov chain over speakers: the floor for guessing who speaks next from who spoke before.

Order k looks at the last k speakers of the session; what was seen rarely backs off to order
k - 1, down to the uniform distribution. It knows no texts and no model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lm.judging.intervals import Floats

START = -1  # who spoke before the first message of a session
Speakers = Sequence[int]  # tokens of a session's speakers, in order


class Markov:
    """Order-k chain with interpolated Witten-Bell smoothing (Chen and Goodman 1998, eq. 16-17)."""

    def __init__(self, order: int, alphabet: Sequence[int], sessions: Sequence[Speakers]) -> None:
        """Count who follows whom in `sessions`. Only tokens of `alphabet` are ever predicted."""
        self._order = order
        self._column = {token: column for column, token in enumerate(alphabet)}
        self._counts: dict[tuple[int, ...], Floats] = {}
        for session in sessions:
            for place, token in enumerate(session):
                if token in self._column:
                    self._count(self._history(session, place), self._column[token])

    def probabilities(self, session: Speakers, place: int) -> Floats:
        """p(who says message number `place` | who said those before): [alphabet]."""
        found: Floats = np.full(len(self._column), 1 / len(self._column))
        history = self._history(session, place)
        for length in range(self._order + 1):
            counts = self._counts.get(history[len(history) - length :])
            if counts is None:
                break
            kinds = np.count_nonzero(counts)
            found = (counts + kinds * found) / (counts.sum() + kinds)
        return found

    def _history(self, session: Speakers, place: int) -> tuple[int, ...]:
        """The `order` speakers before, START where there were fewer."""
        before = session[max(0, place - self._order) : place]
        return (*[START] * (self._order - len(before)), *before)

    def _count(self, history: tuple[int, ...], column: int) -> None:
        for length in range(self._order + 1):
            key = history[len(history) - length :]
            if key not in self._counts:
                self._counts[key] = np.zeros(len(self._column))
            self._counts[key][column] += 1
