"""Messages packed into columns: a few bytes each stay at hand, the rest is put away in blocks.

Speakers and times are numbers in memory; texts (UTF-8), conversations and ids lie on a shelf, which
keeps what is too much for memory on disk. Knows no format and no meaning; export.py turns rows into
messages.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from lm.exports.block import Block, pack, unpacked
from lm.exports.shelf import Shelf

BLOCK = 1_024  # messages in a block
NO_TIME = -1
DROPPED = -2  # a time that takes a message out
NO_ID = (0, -1)
_SPAN = 1 << 18  # rows whose numbers are widened at a time

T = TypeVar("T")
Ints = npt.NDArray[np.int64]
Id = tuple[int, int]  # a prefix's number and the number behind it, -1 for none
Ids = tuple[Ints, Ints]  # the same of many rows


class Row(NamedTuple):
    """One message; `repeat` counts the identical ones before it. `sent_at` None: unknown."""

    speaker: str
    key: str
    text: str
    sent_at: int | None
    conversation: str
    origin: str
    reply_to: str
    repeat: int


class Table(Generic[T]):
    """A number for every different value, in order of appearance."""

    def __init__(self) -> None:
        """Begin empty."""
        self.values: list[T] = []
        self._numbers: dict[T, int] = {}

    def number(self, value: T) -> int:
        """The value's number, a new one if it is new."""
        number = self._numbers.setdefault(value, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number


class Columns:
    """Rows in the order in which they are added, and once frozen in order of time."""

    def __init__(self, shelf: Shelf | None = None) -> None:
        """Begin empty. `shelf`: where blocks go."""
        self.speakers = Table[tuple[str, str]]()
        self.conversations = Table[str]()
        self._prefixes = Table[str]()
        self._prefixes.number("")
        self._shelf = Shelf() if shelf is None else shelf
        self._pending: list[tuple[int, bytes, int, int, Id, Id]] = []
        self._firsts = array("q")  # the first row of each block
        self._who, self._times, self._alike = array("I"), array("q"), array("I")
        self._anonymous = False  # whether a row has no origin of its own
        self._open: tuple[int, Block] = (-1, unpacked(b"", 0))
        self._order: Sequence[int] = ()
        self._repeats: dict[int, int] = {}

    def id(self, written: str) -> Id:
        """An id such as "telegram:-100123:456" as a prefix that rows share and a number."""
        prefix, _, tail = written.rpartition(":")
        exact = tail.isascii() and tail.isdecimal() and len(tail) < 19 and str(int(tail)) == tail
        return (self.prefix(f"{prefix}:"), int(tail)) if exact else (self.prefix(written), -1)

    def prefix(self, prefix: str) -> int:
        """The number of a prefix of ids."""
        return self._prefixes.number(prefix)

    def add(
        self,
        speaker: int,
        text: str,
        time: int,
        conversation: int,
        origin: Id = NO_ID,
        reply_to: Id = NO_ID,
    ) -> None:
        """Add a row of numbers in the tables, a text, seconds or NO_TIME, and ids."""
        self._pending.append((speaker, text.encode(), time, conversation, origin, reply_to))
        if len(self._pending) == BLOCK:
            self._settle()

    def extend(
        self,
        speakers: Ints,
        texts: Sequence[bytes],
        times: Ints,
        conversations: Ints,
        origins: Ids,
        replies: Ids,
    ) -> None:
        """Add many rows at once, as `add` would; their texts are UTF-8 already."""
        self._settle()
        columns = (conversations, *origins, *replies)
        for start in range(0, len(texts), BLOCK):
            rows = slice(start, start + BLOCK)
            self._put_away(speakers[rows], texts[rows], times[rows], [c[rows] for c in columns])

    def _settle(self) -> None:
        """Put away what is pending, as a block of its own."""
        if self._pending:
            who, texts, times, where, origins, replies = zip(*self._pending, strict=True)
            self._pending = []
            ids = (*zip(*origins, strict=True), *zip(*replies, strict=True))
            columns = np.array((who, times, where, *ids), np.int64)
            self._put_away(columns[0], texts, columns[1], list(columns[2:]))

    def _put_away(
        self, who: Ints, texts: Sequence[bytes], times: Ints, columns: Sequence[Ints]
    ) -> None:
        """Add a block of rows; `columns` are those that are packed with the texts."""
        self._firsts.append(len(self._who))
        self._who.frombytes(who.astype(np.uint32).tobytes())
        self._times.frombytes(times.astype(np.int64).tobytes())
        self._shelf.put(pack(columns, texts))
        where, origins = columns[:2]
        self._anonymous = self._anonymous or not origins.all()
        alike = np.fromiter(map(hash, texts), np.int64, len(texts)) + where
        self._alike.frombytes(alike.astype(np.uint32).tobytes())

    def change_times(self, change: Callable[[Ints], Ints]) -> None:
        """Put other times in the place of those that were added."""
        self._settle()
        for start in range(0, len(self._times), _SPAN):
            changed = change(_numbers(self._times[start : start + _SPAN]))
            self._times[start : start + _SPAN] = array("q", changed.astype(np.int64).tobytes())

    def rows_of(self, speaker: int) -> list[int]:
        """Numbers of the rows of a speaker that are not dropped."""
        self._settle()
        his = _numbers(self._who) == speaker
        rows: list[int] = np.flatnonzero(his & (_numbers(self._times) != DROPPED)).tolist()
        return rows

    def drop(self, rows: Iterable[int]) -> None:
        """Take rows out."""
        for row in rows:
            self._times[row] = DROPPED

    def text(self, row: int) -> str:
        """The text of a row that is no longer pending."""
        block, place = self._block(row)
        return block.texts[place]

    def _block(self, row: int) -> tuple[Block, int]:
        """The block where a row is, and its place in it. The last one asked for stays open."""
        number = bisect_right(self._firsts, row) - 1
        first = self._firsts[number]
        if self._open[0] != number:
            last = number + 1 == len(self._firsts)
            end = len(self._who) if last else self._firsts[number + 1]
            self._open = number, unpacked(self._shelf.get(number), end - first)
        return self._open[1], row - first

    def freeze(self) -> None:
        """Put rows in order of time; one without a time stays after the one before it."""
        self._settle()
        times = _numbers(self._times)
        if len(times) and times.min() >= 0 and not (times[1:] < times[:-1]).any():
            self._order = range(len(times))  # the usual case, without copies
        else:
            rows = np.flatnonzero(times != DROPPED)
            rows = rows[np.argsort(_filled(times[rows]), kind="stable")]
            self._order = array("I", rows.astype(np.uint32).tobytes())
        if self._anonymous and len(self._order):
            self._count_repeats(np.asarray(self._order, np.int64), times)

    def _count_repeats(self, rows: Ints, times: Ints) -> None:
        """Number identical rows: those without an origin of their own get different ones."""
        shown = times[rows]
        same = shown[1:] == shown[:-1]
        rows = rows[np.append(same, False) | np.append(False, same)]
        alike = np.zeros(len(rows), np.uint64)  # a hash: finds candidates
        for column in (self._who, times, self._alike):
            alike *= np.uint64(0x9E3779B97F4A7C15)  # odd, near the golden ratio of 2**64
            alike += np.asarray(column)[rows].astype(np.uint64)
        ordered = np.sort(alike)
        twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
        seen: dict[tuple[int, int, int, str], int] = {}
        for row in map(int, rows[np.isin(alike, twice)]) if len(twice) else ():
            block, place = self._block(row)
            key = (self._who[row], block.where[place], self._times[row], block.texts[place])
            seen[key] = seen.get(key, -1) + 1
            if seen[key]:
                self._repeats[row] = seen[key]

    def __len__(self) -> int:
        """Number of rows, once frozen."""
        return len(self._order)

    def row(self, place: int) -> Row:
        """The row at a place in the order of time. IndexError beyond the last."""
        row = self._order[place]
        block, at = self._block(row)
        name, key = self.speakers.values[self._who[row]]
        time = self._times[row]
        return Row(
            *(name, key, block.texts[at], None if time == NO_TIME else time),
            self.conversations.values[block.where[at]],
            self._written(block.origins[at], block.origin_numbers[at]),
            self._written(block.replies[at], block.reply_numbers[at]),
            self._repeats.get(row, 0),
        )

    def _written(self, prefix: int, number: int) -> str:
        """An id, "" for none."""
        written = self._prefixes.values[prefix]
        return written if number < 0 else f"{written}{number}"

    def rows(self) -> Iterator[Row]:
        """All rows in order of time."""
        return map(self.row, range(len(self._order)))

    def voices(self) -> list[tuple[str, str, int]]:
        """Name, key and number of rows of every speaker who has any."""
        counts = np.zeros(len(self.speakers.values), np.int64)
        who, times = _numbers(self._who), _numbers(self._times)
        for start in range(0, len(who), _SPAN):
            kept = who[start : start + _SPAN][times[start : start + _SPAN] != DROPPED]
            counts += np.bincount(kept, minlength=len(counts))
        speakers = zip(self.speakers.values, counts.tolist(), strict=True)
        return [(name, key, count) for (name, key), count in speakers if count]

    def times(self) -> Ints:
        """The known times in order, seconds since 1970."""
        times = _numbers(self._times)
        if not len(times) or times.min() >= 0:
            return times
        known: Ints = times[(times != NO_TIME) & (times != DROPPED)]
        return known


def ids_of(prefix: int, numbers: Ints) -> Ids:
    """Ids with one prefix; those whose number is negative are none."""
    known = numbers >= 0
    return np.where(known, prefix, NO_ID[0]), np.where(known, numbers, NO_ID[1])


def _numbers(column: array[int]) -> npt.NDArray[Any]:
    """A column without copying it."""
    return np.frombuffer(column, column.typecode) if column else np.zeros(0, column.typecode)


def _filled(times: Ints) -> Ints:
    """Times in which a missing one is that of the row before, 0 at the beginning."""
    if not len(times):
        return times
    last = np.maximum.accumulate(np.where(times == NO_TIME, 0, np.arange(len(times))))
    filled: Ints = np.maximum(times[last], 0)
    return filled
