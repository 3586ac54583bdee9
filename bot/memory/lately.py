"""What a group said lately: the newest of the messages that it may learn from, in tokens.

It reaches further back than a context. It is filled from the store and kept in memory only, and
whatever loses or changes words there fills it again. Where a group has several Telegram chats, what
is said in one of them is heard in the others when it has been learnt, not before.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from lm.corpus.batches import MESSAGE_LIMIT, Ids
from lm.corpus.tokenizer import Tokenizer
from lm.corpus.transcript import parted
from lm.models.recency import LATELY
from storage.messages import goes_on
from storage.turns import Turn

MOST = 2_000  # messages: with fewer tokens each than eight, what is kept is shorter


class _Said(NamedTuple):
    """What was said lately, as one chat has it.

    times: of each message, never falling; starts: where each begins in ids, and where the last ends
    """

    times: list[int]
    starts: list[int]
    ids: Ids


class Lately:
    """The newest messages of one group in the tokens of the current version."""

    def __init__(self) -> None:
        """Nothing was said, until `fill` says what."""
        self._turns: deque[Turn] = deque(maxlen=MOST)
        self._words: deque[list[int]] = deque(maxlen=MOST)
        self._tokenizer: Tokenizer | None = None
        self._said: dict[int, _Said] = {}  # by Telegram chat, until more is said

    @property
    def filled(self) -> bool:
        """Whether it knows what was said."""
        return self._tokenizer is not None

    def fill(self, newest: Iterable[Turn], tokenizer: Tokenizer) -> None:
        """These were said and no others, oldest first; in these tokens from here on."""
        newest, self._tokenizer = list(newest), tokenizer
        self._turns.clear()
        self._words.clear()
        self._said.clear()
        for turn in newest:
            self.heard(turn)

    def heard(self, turn: Turn) -> None:
        """One more message was stored."""
        if self._tokenizer is not None:
            self._turns.append(turn)
            self._words.append(_words(self._tokenizer, turn))
            self._said.clear()

    def edited(self, origin: str, text: str) -> None:
        """A message was edited in the store; without text it is no longer there."""
        at = next((i for i, turn in enumerate(self._turns) if turn.origin == origin), None)
        if at is None or self._tokenizer is None:
            return
        if text:
            self._turns[at] = replace(self._turns[at], text=text)
            self._words[at] = _words(self._tokenizer, self._turns[at])
        else:
            del self._turns[at], self._words[at]
        self._said.clear()

    def before(self, chat_id: int, time: int | None) -> Ids:
        """The latest LATELY tokens of messages older than that (seconds since 1970); None: of all.

        chat_id: the Telegram chat that asks; what is given stays as it is
        """
        if chat_id not in self._said:
            self._said[chat_id] = self._heard_in(chat_id)
        times, starts, ids = self._said[chat_id]
        stop = starts[len(times) if time is None else bisect_left(times, time)]
        return ids[max(0, stop - LATELY) : stop]

    def _heard_in(self, chat_id: int) -> _Said:
        """As a training has it: in sessions, one turn for all that others say in a row."""
        live, here = "telegram:", f"telegram:{chat_id}:"
        before: Turn | None = None
        times, pieces = [], []
        for turn, words in zip(self._turns, self._words, strict=True):
            place = turn.conversation
            elsewhere = place.startswith(live) and not place.startswith(here)
            if self._tokenizer is None or elsewhere or (before and goes_on(before, turn)):
                continue
            begins = before is None or parted(before, turn)
            pieces.append([self._tokenizer.break_, *words] if begins else words)
            times.append(turn.sent_at or 0)
            before = turn
        ids = np.array([token for piece in pieces for token in piece], np.int64)
        return _Said([*accumulate(times, max)], [*accumulate(map(len, pieces), initial=0)], ids)


def _words(tokenizer: Tokenizer, turn: Turn) -> list[int]:
    """A message as far as it is learnt, its speaker and END around it."""
    *said, end = tokenizer.message(turn.speaker, turn.text)
    return [*said[: 1 + MESSAGE_LIMIT[tokenizer.kind]], end]
