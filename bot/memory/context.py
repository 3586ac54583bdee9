"""A chat's context: a rolling token buffer of whole messages, oldest out first.

It has the form of a transcript's sessions in training: a long silence stands in it as BREAK. When
it overflows, whole messages leave in one larger cut, so that the prefix which the engine keeps
warm survives most messages. It holds tokens of one tokenizer and is rebuilt for another.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.memory.lately import Lately
from lm.checkpoints.checkpoint import Checkpoint
from lm.corpus.batches import Ids
from lm.corpus.tokenizer import Tokenizer
from lm.corpus.transcript import apart
from lm.models.recency import NOTHING
from storage.chats import ChatRow, ContextRow

KEEP_SHARE = 0.6  # of the capacity is left after a cut
LONGEST_SHARE = 0.25  # of the capacity is the most that one message takes
PAST_SHARE = 0.5  # of the capacity is the most that words of an earlier year take


@dataclass(frozen=True, slots=True)
class Entry:
    """A message in a context with its tokens: speaker, text, end."""

    row: ContextRow
    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Voice:
    """What a context is written for: a version, its tokenizer, and how the window is shared.

    Of the model's window, `capacity` tokens are for messages and `longest_reply` for an answer.
    """

    version: int
    tokenizer: Tokenizer
    capacity: int
    longest_reply: int

    @classmethod
    def of(cls, checkpoint: Checkpoint, longest_reply: int) -> Voice:
        """A checkpoint's; a reply takes at most a third of its window."""
        window = checkpoint.meta.config.context
        reply = min(longest_reply, window // 3)
        capacity = window - reply - 3  # BREAK before and behind the messages, and the speaker
        return cls(checkpoint.meta.version, checkpoint.tokenizer, capacity, reply)


class Context:
    """The messages of one chat. `lock` is held from planning a change until it is on disk."""

    def __init__(self, chat: ChatRow, voice: Voice, lately: Lately | None = None) -> None:
        """lately: what was said in the chat's group, which a context goes on from."""
        self.chat, self._lately = chat, lately
        self.lock = asyncio.Lock()
        self.voice = voice
        self.entries: deque[Entry] = deque()
        self.past: tuple[ContextRow, ...] = ()  # of the year as which the persona speaks
        self._past_tokens: tuple[int, ...] = ()

    @property
    def tokens(self) -> list[int]:
        """All token ids, oldest first, after the BREAK with which sessions begin in training.

        What was said in the year as which the persona speaks is a session before that.
        """
        break_ = self.voice.tokenizer.break_
        return [break_, *self._past_tokens, *_stream(self.entries, break_)]

    def tokens_at(self, time: int | None) -> list[int]:
        """The tokens that a message of that time (seconds since 1970) follows.

        None: one that comes right behind those that are here.
        """
        silent = bool(self.entries) and apart(self.entries[-1].row.sent_at, time)
        return [*self.tokens, self.voice.tokenizer.break_] if silent else self.tokens

    @property
    def before(self) -> Ids:
        """The token ids of what was said before the context, as far as it may be remembered.

        Nothing where the persona speaks as of another year.
        """
        if self._lately is None or self.past:
            return NOTHING
        first = self.entries[0].row.sent_at if self.entries else None
        return self._lately.before(self.chat.chat_id, first)

    @property
    def session(self) -> list[Entry]:
        """The messages since the latest long silence."""
        entries = list(self.entries)
        for place in range(len(entries) - 1, 0, -1):
            if _parted(entries[place - 1], entries[place]):
                return entries[place:]
        return entries

    @property
    def size(self) -> int:
        """Tokens of the chat's own messages and of the silences between them."""
        return _size(self.entries)

    @property
    def capacity(self) -> int:
        """Tokens that there are for the chat's own messages."""
        return self.voice.capacity - len(self._past_tokens)

    def entry(self, row: ContextRow) -> Entry:
        """A message with its tokens, cut short where it is over-long."""
        tokens = self.voice.tokenizer.message(row.speaker, row.text)
        longest = max(3, int(self.voice.capacity * LONGEST_SHARE))
        if len(tokens) > longest:
            tokens = [*tokens[: longest - 1], tokens[-1]]
        return Entry(row, tuple(tokens))

    def room_for(self, entry: Entry) -> list[int]:
        """Message ids that have to leave so that `entry` fits; changes nothing."""
        entries = [*self.entries, entry]
        return [each.row.message_id for each in entries[: self._too_many(entries)]]

    def append(self, entry: Entry) -> list[int]:
        """Add a message; returns the ids of those that left for it."""
        leaving = self.room_for(entry)
        for _ in leaving:
            self.entries.popleft()
        self.entries.append(entry)
        return leaving

    def set(self, **settings: Any) -> None:
        """The chat's settings changed on disk: persona, mode or chance."""
        self.chat = replace(self.chat, **settings)

    def holds(self, message_id: int) -> bool:
        """Whether that message is still in the context."""
        return any(entry.row.message_id == message_id for entry in self.entries)

    def edited(self, message_id: int, text: str) -> tuple[list[Entry], list[int]]:
        """The entries after an edit and the ids of those that leave for it; changes nothing.

        Without words a message leaves too.
        """
        entries = []
        for entry in self.entries:
            if entry.row.message_id != message_id:
                entries.append(entry)
            elif text:
                entries.append(self.entry(replace(entry.row, text=text)))
        entries = entries[self._too_many(entries) :]
        kept = {entry.row.message_id for entry in entries}
        return entries, [e.row.message_id for e in self.entries if e.row.message_id not in kept]

    def hold(self, entries: Iterable[Entry]) -> None:
        """Hold these messages from now on."""
        self.entries = deque(entries)

    def clear(self) -> None:
        """Forget every message."""
        self.entries.clear()

    def rebuild(self, rows: Iterable[ContextRow], voice: Voice) -> list[int]:
        """Fill the context from its messages; returns the ids of those that no longer fit."""
        self.voice = voice
        self._past_tokens = self._encoded(self.past)
        self.clear()
        return [left for row in list(rows) for left in self.append(self.entry(row))]

    def recall(self, past: Iterable[ContextRow]) -> list[int]:
        """Begin with what was said in an earlier year, as far as half of the room goes.

        Returns the ids of messages that no longer fit.
        """
        self.past = tuple(past)
        return self.rebuild([entry.row for entry in self.entries], self.voice)

    def _encoded(self, past: Iterable[ContextRow]) -> tuple[int, ...]:
        """The token ids of earlier sessions and the BREAK behind them; their end is what is cut."""
        room, break_ = int(self.voice.capacity * PAST_SHARE), self.voice.tokenizer.break_
        entries: list[Entry] = []
        for entry in map(self.entry, past):
            if _size([*entries, entry]) >= room:
                break
            entries.append(entry)
        return (*_stream(entries, break_), break_) if entries else ()

    def _too_many(self, entries: Sequence[Entry]) -> int:
        """How many of these, oldest first, leave so that the rest fits; the newest stays."""
        if _size(entries) <= self.capacity:
            return 0
        keep = self.capacity * KEEP_SHARE
        counts = range(1, len(entries))
        return next((n for n in counts if _size(entries[n:]) <= keep), len(entries) - 1)


def _stream(entries: Collection[Entry], break_: int) -> list[int]:
    """The token ids of messages, with BREAK where a silence would end a session in training."""
    tokens: list[int] = []
    for before, entry in zip((None, *entries), entries, strict=False):
        if before is not None and _parted(before, entry):
            tokens.append(break_)
        tokens += entry.tokens
    return tokens


def _size(entries: Collection[Entry]) -> int:
    """Tokens of messages and of the silences between them."""
    return len(_stream(entries, 0))


def _parted(before: Entry, entry: Entry) -> bool:
    return apart(before.row.sent_at, entry.row.sent_at)
