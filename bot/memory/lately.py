"""What a group said lately: the newest of the messages that it may learn from, in tokens.

It reaches further back than a context. It is filled from the store and kept in memory only, and
whatever loses or changes words there fills it again. Where a group has several Telegram chats, what
is said in one of them is heard in the others when it has been learnt, not before.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from lm.corpus.batches import MESSAGE_LIMIT, Ids
from lm.corpus.tokenizer import Tokenizer
from lm.corpus.transcript import parted
from lm.models.recency import LATELY, NOTHING
from storage.messages import goes_on
from storage.turns import Turn

MOST = 8_000  # messages: with fewer tokens each than eight, what is kept is shorter
KEPT = 2 * LATELY  # tokens: what the chat itself said since its context began is not asked for
LIVE = "telegram:"  # conversations that a chat hears only where they are its own
UNSPELT: Mapping[Turn, Ids] = {}


class Lately:
    """The newest messages of one group in the tokens of the current version."""

    def __init__(self) -> None:
        """Nothing was said, until `fill` says what."""
        self._turns: deque[Turn] = deque(maxlen=MOST)
        self._words: deque[Ids] = deque(maxlen=MOST)
        self._tokenizer: Tokenizer | None = None
        self._streams: dict[int, _Stream] = {}  # by Telegram chat, of those that asked

    @property
    def filled(self) -> bool:
        """Whether it knows what was said."""
        return self._tokenizer is not None

    def fill(
        self, newest: Iterable[Turn], tokenizer: Tokenizer, spelt: Mapping[Turn, Ids] = UNSPELT
    ) -> None:
        """These were said and no others, oldest first; in these tokens from here on.

        spelt: as `spell` has them, of any of these turns
        """
        newest = list(newest)[-MOST:]
        words = [spelt[t] if t in spelt else _words(tokenizer, t) for t in newest]
        self._tokenizer = tokenizer
        self._turns = deque(newest, MOST)
        self._words = deque(words, MOST)
        self._streams.clear()

    def heard(self, turn: Turn) -> None:
        """One more message was stored."""
        if self._tokenizer is not None:
            words = _words(self._tokenizer, turn)
            self._turns.append(turn)
            self._words.append(words)
            for stream in self._streams.values():
                stream.add([(turn, words)])

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
        self._streams.clear()

    def before(self, chat_id: int, time: int | None) -> Ids:
        """The latest LATELY tokens of messages older than that (seconds since 1970); None: of all.

        chat_id: the Telegram chat that asks; what is given stays as it is
        """
        if self._tokenizer is None:
            return NOTHING
        if chat_id not in self._streams:
            stream = self._streams[chat_id] = _Stream(chat_id, self._tokenizer.break_)
            stream.add(zip(self._turns, self._words, strict=True))
        return self._streams[chat_id].before(time)


class _Stream:
    """What one chat hears, as a training has it: in sessions, with one turn for all that others
    say in a row."""

    def __init__(self, chat_id: int, break_: int) -> None:
        self._here = f"{LIVE}{chat_id}:"
        self._break = np.array([break_], np.int64)
        self._last: Turn | None = None
        self._times: list[int] = []  # of each message, never falling
        self._starts = [0]  # where each begins and the last ends, counted in all that was ever said
        self._ids: Ids = NOTHING  # the end of that

    def add(self, said: Iterable[tuple[Turn, Ids]]) -> None:
        """Messages and their tokens, behind what there is."""
        pieces = [self._ids]
        for turn, words in said:
            place, last = turn.conversation, self._last
            elsewhere = place.startswith(LIVE) and not place.startswith(self._here)
            if elsewhere or (last is not None and goes_on(last, turn)):
                continue
            begins = last is None or parted(last, turn)
            pieces += [self._break, words] if begins else [words]
            self._times.append(max([turn.sent_at or 0, *self._times[-1:]]))
            self._starts.append(self._starts[-1] + begins + len(words))
            self._last = turn
        self._ids = np.concatenate(pieces)[-KEPT:]
        del self._times[:-MOST], self._starts[: -MOST - 1]

    def before(self, time: int | None) -> Ids:
        """As Lately says."""
        first = len(self._times) if time is None else bisect_left(self._times, time)
        stop = max(0, len(self._ids) - (self._starts[-1] - self._starts[first]))
        return self._ids[max(0, stop - LATELY) : stop]


def spell(turns: Iterable[Turn], tokenizer: Tokenizer) -> dict[Turn, Ids]:
    """The tokens of messages, which take a tenth of a second of many."""
    return {turn: _words(tokenizer, turn) for turn in turns}


def _words(tokenizer: Tokenizer, turn: Turn) -> Ids:
    """A message as far as it is learnt, its speaker and END around it."""
    *said, end = tokenizer.message(turn.speaker, turn.text)
    return np.array([*said[: 1 + MESSAGE_LIMIT[tokenizer.kind]], end], np.int64)
