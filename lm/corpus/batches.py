"""Sessions as token streams, cut into batches of rows for training.

A stream is `speaker text END` per message with BREAK between sessions. Every epoch shuffles the
sessions, starts at another offset and hides some speakers behind SOMEONE, so that no two epochs
show the same rows. It knows no model.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from lm.corpus.media import WORDLESS
from lm.corpus.message import Message
from lm.corpus.tokenizer import Tokenizer

# Text tokens of one message: a pasted essay must not fill whole rows.
MESSAGE_LIMIT = {"bpe": 200, "word": 200, "character": 640}
SPEAKER_LIMIT = 64  # speakers with a token of their own
RARE = 5  # a speaker with fewer messages stays SOMEONE: nothing to learn a voice from

Session = Sequence[Message]
Ids = np.ndarray[tuple[int], np.dtype[np.int64]]
Tokens = np.ndarray[tuple[int, ...], np.dtype[np.int64]]  # ids, too, in rows


def frequent_speakers(sessions: Sequence[Session]) -> tuple[int, ...]:
    """Ids of the speakers who get a token of their own, most frequent first.

    By messages with words: of photos alone nobody becomes a persona.
    """
    spoken = (m for s in sessions for m in s if m.text not in WORDLESS)
    counts = Counter(m.speaker for m in spoken if m.speaker is not None)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(speaker for speaker, count in ranked[:SPEAKER_LIMIT] if count >= RARE)


def session_ids(tokenizer: Tokenizer, session: Session) -> Ids:
    """One session as BREAK and its messages: the form that training and evaluation share."""
    ids, limit = [tokenizer.break_], MESSAGE_LIMIT[tokenizer.kind]
    texts = tokenizer.encode_batch([message.text for message in session])
    for message, text in zip(session, texts, strict=True):
        ids += [tokenizer.speaker(message.speaker), *text[:limit], tokenizer.end]
    return np.array(ids, dtype=np.int64)


class Batches:
    """An endless source of batches over encoded sessions, the same for the same seed.

    Every epoch is drawn from the seed and its own number alone, so that a run can be taken up at
    any step. With `replay`, an epoch adds a sample of those older sessions, as many tokens as
    the `sessions` themselves have.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        sessions: Sequence[Session],
        rows: int,
        context: int,
        replay: Sequence[Session] = (),
    ) -> None:
        """Encode everything once, for batches of `rows` rows with `context` tokens each."""
        self._sessions = [session_ids(tokenizer, session) for session in sessions]
        self._replay = [session_ids(tokenizer, session) for session in replay]
        self._rows, self._context = rows, context
        self._someone = tokenizer.someone  # the ids above it are the speakers
        fresh = sum(len(session) for session in self._sessions)
        self.tokens = fresh + min(fresh, sum(len(session) for session in self._replay))
        announced = sum(int((ids >= self._someone).sum()) for ids in self._sessions)
        self.turns = announced / fresh  # the share of tokens that announce who speaks

    def draw(self, seed: int, speaker_dropout: float, first: int = 0) -> Iterator[Tensor]:
        """Batches [rows, context + 1] int64 from batch `first` on; left-over rows join the next."""
        waiting = np.empty((0, self._context + 1), dtype=np.int64)
        passed = first * self._rows
        for epoch in itertools.count():
            rows = self._epoch(np.random.default_rng((seed, epoch)), speaker_dropout)
            waiting = np.concatenate((waiting, rows[passed:]))
            passed = max(0, passed - len(rows))
            while len(waiting) >= self._rows:
                yield torch.from_numpy(waiting[: self._rows].copy())
                waiting = waiting[self._rows :]

    def _epoch(self, generator: np.random.Generator, speaker_dropout: float) -> Ids:
        """All rows [n, context + 1] of one pass in random order; neighbours share one token."""
        sessions = [*self._sessions, *self._sample(generator)]
        stream = np.concatenate([sessions[i] for i in generator.permutation(len(sessions))])
        hidden = (stream > self._someone) & (generator.random(len(stream)) < speaker_dropout)
        stream[hidden] = self._someone
        short = max(0, self._context + 1 - len(stream))  # a tiny transcript repeats to fill a row
        stream = np.pad(stream, (0, short), mode="wrap")
        stream = np.roll(stream, -int(generator.integers(len(stream))))
        count = (len(stream) - 1) // self._context
        starts = np.arange(count)[:, None] * self._context
        rows = stream[starts + np.arange(self._context + 1)]  # [n, context + 1]
        return generator.permutation(rows)

    def _sample(self, generator: np.random.Generator) -> Iterator[Ids]:
        """Older sessions in random order, until they are as long as the new ones together."""
        room = sum(len(session) for session in self._sessions)
        for i in generator.permutation(len(self._replay)):
            if room <= 0:
                return
            yield self._replay[i][:room]
            room -= len(self._replay[i])
