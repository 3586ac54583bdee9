"""Who speaks next, by who spoke before: n-grams over the tokens that announce speakers.

Between two messages a Kneser-Ney model of words sees only the end of the last one; this one sees
the latest speakers of the session instead, before the context too, and nothing of what they said.
It knows no names.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lm.corpus.batches import Ids, Tokens
from lm.models.kneser_ney import REACH, Contexts, KneserNey
from lm.models.predictor import Floats

Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


class TurnNgrams:
    """p(token that announces the next message, or BREAK | the latest REACH speakers)."""

    def __init__(self, ngrams: KneserNey, end: int) -> None:
        """ngrams: over announcing tokens alone; end: END, behind which BREAK and those come."""
        self.ngrams, self.end, self._break = ngrams, end, end + 1

    @classmethod
    def train(cls, sessions: Sequence[Ids], vocab_size: int, end: int) -> TurnNgrams:
        """Learn from sessions as session_ids makes them."""
        return cls(KneserNey.train([row[row > end] for row in sessions], vocab_size), end)

    def due(self, tokens: Tokens) -> Mask:
        """Whether a message is announced behind each of `tokens`, of any shape."""
        return np.isin(tokens, (self.end, self._break))

    def contexts(self, row: Ids, at: Ids) -> Contexts:
        """[n, REACH] announcing tokens up to places `at`, oldest first, -1 for none.

        A session's first ones come behind BREAK and, as in training, behind nothing older.
        """
        said = np.flatnonzero(row > self.end)
        back = np.searchsorted(said, at, side="right")[:, None] - np.arange(REACH, 0, -1)
        tokens = np.where(back >= 0, np.append(row[said], -1)[np.maximum(back, -1)], -1)
        breaks = tokens == self._break
        newer = np.cumsum(breaks[:, ::-1], axis=1)[:, ::-1] - breaks  # BREAKs behind each
        return np.where(newer > 0, -1, tokens)

    def distributions(self, row: Ids, at: Ids) -> Floats:
        """p of every token [n, vocabulary] behind places `at`, where messages are announced."""
        return self.ngrams.distributions(self.ngrams.match(self.contexts(row, at)))

    def nats(self, row: Ids, at: Ids) -> Floats:
        """-ln p(row[at + 1]) [n], where messages are announced."""
        return self.ngrams.target_nats(self.ngrams.match(self.contexts(row, at)), row[at + 1])
