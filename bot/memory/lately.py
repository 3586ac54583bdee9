"""What a group said lately: the newest of the messages that it may learn from, in tokens.

It reaches further back than a context. It is filled from the store and kept in memory only, and
whatever loses or changes words there fills it again.
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
from storage.turns import Turn

MOST = 1_000  # messages: with fewer tokens each than four, what is kept is shorter


class Lately:
    """The newest messages of one group, all of its chats, in the tokens of the current version."""

    def __init__(self) -> None:
        """Nothing was said, until `fill` says what."""
        self._turns: deque[Turn] = deque(maxlen=MOST)
        self._tokens: deque[list[int]] = deque(maxlen=MOST)
        self._times: list[int] = []
        self._starts, self._ids = [0], NOTHING
        self._tokenizer: Tokenizer | None = None
        self._behind = False  # whether the three lack something of the others

    @property
    def filled(self) -> bool:
        """Whether it knows what was said."""
        return self._tokenizer is not None

    def fill(self, newest: Iterable[Turn], tokenizer: Tokenizer) -> None:
        """These were said and no others, oldest first; in these tokens from here on."""
        newest, self._tokenizer = list(newest), tokenizer
        self._turns.clear()
        self._tokens.clear()
        self._behind = True
        for turn in newest:
            self.heard(turn)

    def heard(self, turn: Turn) -> None:
        """One more message was stored."""
        tokenizer = self._tokenizer
        if tokenizer is None:
            return
        before = self._turns[-1] if self._turns else None
        if before is not None and _goes_on(before, turn):
            return
        *said, end = tokenizer.message(turn.speaker, turn.text)
        tokens = [*said[: 1 + MESSAGE_LIMIT[tokenizer.kind]], end]
        if before is None or _parted(before, turn):
            tokens.insert(0, tokenizer.break_)
        self._turns.append(turn)
        self._tokens.append(tokens)
        self._behind = True

    def edited(self, origin: str, text: str) -> None:
        """A message was edited in the store; without text it is no longer there."""
        if self._tokenizer and any(turn.origin == origin for turn in self._turns):
            changed = (replace(t, text=text) if t.origin == origin else t for t in self._turns)
            left = (turn for turn in changed if turn.text or turn.origin != origin)
            self.fill(left, self._tokenizer)

    def before(self, time: int | None) -> Ids:
        """The latest LATELY tokens of messages older than that (seconds since 1970); None: of all.

        What is given stays as it is.
        """
        if self._behind:
            self._catch_up()
        end = len(self._times) if time is None else bisect_left(self._times, time)
        stop = self._starts[end]
        return self._ids[max(0, stop - LATELY) : stop]

    def _catch_up(self) -> None:
        """The tokens as one array, where in it each message begins, and when it was said."""
        self._ids = np.array([token for tokens in self._tokens for token in tokens], np.int64)
        self._starts = [*accumulate(map(len, self._tokens), initial=0)]
        self._times = [*accumulate((turn.sent_at or 0 for turn in self._turns), max)]
        self._behind = False


def _goes_on(before: Turn, turn: Turn) -> bool:
    """Whether somebody without words speaks on: that is one turn."""
    same = before.conversation == turn.conversation
    return same and before.speaker is None and turn.speaker is None


def _parted(before: Turn, turn: Turn) -> bool:
    other = before.conversation != turn.conversation
    return other or apart(before.sent_at, turn.sent_at)
