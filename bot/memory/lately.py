"""What a group said lately: the newest of the messages that it may learn from, in tokens.

It reaches further back than a context. Words are those of people who agree, read from the store and
kept in memory only, so that they go from here when they go from there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from itertools import accumulate

import numpy as np

from lm.corpus.batches import MESSAGE_LIMIT, Ids
from lm.corpus.tokenizer import Tokenizer
from lm.corpus.transcript import apart
from lm.models.recency import LATELY, NOTHING
from storage import turns
from storage.store import Store
from storage.turns import Turn

MOST = 1_000  # messages: with fewer tokens each than four, what is kept is shorter


class Lately:
    """The newest messages of one group, all of its chats, in the tokens of the current version."""

    def __init__(self, store: Store, group: int) -> None:
        """Nothing was said until `load` was called."""
        self._store, self._group = store, group
        self._turns: deque[Turn] = deque(maxlen=MOST)
        self._tokens: deque[list[int]] = deque(maxlen=MOST)
        self._times: list[int] = []
        self._starts, self._ids = [0], NOTHING
        self._tokenizer: Tokenizer | None = None
        self._behind = False  # whether the three lack something of the others

    @property
    def loaded(self) -> bool:
        """Whether it has been read from the store."""
        return self._tokenizer is not None

    async def load(self, tokenizer: Tokenizer) -> None:
        """Read it from the store anew, in these tokens."""
        newest = await self._store.read(lambda db: turns.newest(db, self._group, MOST))
        self._tokenizer = tokenizer
        self._fill(newest)

    def heard(self, turn: Turn) -> None:
        """One more message was stored."""
        tokenizer = self._tokenizer
        if tokenizer is None:
            return
        before = self._turns[-1] if self._turns else None
        *said, end = tokenizer.message(turn.speaker, turn.text)
        tokens = [*said[: 1 + MESSAGE_LIMIT[tokenizer.kind]], end]
        if before is None or _parted(before, turn):
            tokens.insert(0, tokenizer.break_)
        self._turns.append(turn)
        self._tokens.append(tokens)
        self._behind = True

    def edited(self, origin: str, text: str) -> None:
        """A message was edited in the store; without text it is no longer there."""
        if any(turn.origin == origin for turn in self._turns):
            changed = (replace(t, text=text) if t.origin == origin else t for t in self._turns)
            self._fill([turn for turn in changed if turn.text or turn.origin != origin])

    def before(self, time: int | None) -> Ids:
        """The latest LATELY tokens of messages older than that (seconds since 1970); None: of all.

        What is given stays as it is.
        """
        if self._behind:
            self._catch_up()
        end = len(self._times) if time is None else bisect_left(self._times, time)
        stop = self._starts[end]
        return self._ids[max(0, stop - LATELY) : stop]

    def _fill(self, newest: Iterable[Turn]) -> None:
        newest = list(newest)
        self._turns.clear()
        self._tokens.clear()
        for turn in newest:
            self.heard(turn)
        self._behind = True

    def _catch_up(self) -> None:
        """The tokens as one array, where in it each message begins, and when it was said."""
        self._ids = np.array([token for tokens in self._tokens for token in tokens], np.int64)
        self._starts = [*accumulate(map(len, self._tokens), initial=0)]
        self._times = [*accumulate((turn.sent_at or 0 for turn in self._turns), max)]
        self._behind = False


def _parted(before: Turn, turn: Turn) -> bool:
    other = before.conversation != turn.conversation
    return other or apart(before.sent_at, turn.sent_at)
