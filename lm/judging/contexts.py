"""Held-out messages as rows that a Predictor can be asked about: context, speaker, text, END.

The context is the end of the same session's stream, as long as the model was trained on. The same
message can be asked for under another speaker, another message in its place, or without context.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lm.corpus.batches import MESSAGE_LIMIT, Ids, Session, session_ids
from lm.corpus.message import Message
from lm.corpus.tokenizer import Tokenizer
from lm.judging.intervals import Ints

BLOCK = 20  # messages: a longer session counts as several clusters


@dataclass(frozen=True, slots=True)
class Item:
    """A held-out message in its place.

    token:   the id that announces its speaker
    text:    ids of its text and END
    session: which one it stands in; place: after how many messages; start: after how many tokens
    cluster: the neighbours that are resampled together
    """

    message: Message
    token: int
    text: Ids
    session: int
    place: int
    start: int
    cluster: int

    @property
    def size(self) -> int:
        """UTF-8 bytes, END counted as one."""
        return len(self.message.text.encode()) + 1


class Contexts:
    """Rows of at most context + 1 tokens over held-out sessions.

    `items` are the messages of at most half a context (and not cut as over-long pastes are), so
    that there is always room for what was said before.
    """

    def __init__(self, tokenizer: Tokenizer, sessions: Sequence[Session], context: int) -> None:
        """Encode `sessions` once."""
        self._context, self._break = context, tokenizer.break_
        self._streams = [session_ids(tokenizer, session) for session in sessions]
        ends = tokenizer.end
        longest = min(context // 2, MESSAGE_LIMIT[tokenizer.kind])
        groups = np.split(clusters(sessions), np.cumsum([len(s) for s in sessions])[:-1])
        self.items: list[Item] = []
        for number, session in enumerate(sessions):
            stream, start = self._streams[number], 1  # BREAK comes first
            stops = np.flatnonzero(stream == ends) + 1
            for place, (message, stop) in enumerate(zip(session, stops, strict=True)):
                text = stream[start + 1 : stop]
                if len(text) <= longest:
                    cluster = int(groups[number][place])
                    token = int(stream[start])
                    self.items.append(Item(message, token, text, number, place, start, cluster))
                start = int(stop)

    def row(self, item: Item, token: int, text: Ids, room: int = 0) -> Ids:
        """The context of `item`, then `text` announced by `token`.

        room: for the longest of texts that are to have the same context; at least that of `text`
        """
        stream = self._streams[item.session]
        begin = max(0, item.start - (self._context - max(room, len(text))))
        return np.concatenate((stream[begin : item.start], [token], text))

    def bare(self, token: int, text: Ids) -> Ids:
        """`text` announced by `token` where a session begins: nothing was said before."""
        return np.concatenate(([self._break, token], text))


def clusters(sessions: Sequence[Session]) -> Ints:
    """The cluster of every message: its session, or BLOCK neighbours in a longer one. [messages]"""
    found: list[int] = []
    for session in sessions:
        first = found[-1] + 1 if found else 0
        found += [first + place // BLOCK for place in range(len(session))]
    return np.array(found, dtype=np.int64)
