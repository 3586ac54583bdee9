"""Messages packed into columns: a million take about 100 MB less than as many objects.

Texts are UTF-8 in blocks, names and conversations numbers into tables, times 64-bit numbers. Knows
no format and no meaning; export.py turns rows into messages.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

BLOCK = 8_192  # texts in a block
NO_TIME = -1
DROPPED = -2  # a time that takes a message out
_WHOLE = 1 << 62  # numbers over this are kept as text

T = TypeVar("T")
Ints = npt.NDArray[np.int64]


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


class Ids:
    """A column of ids such as "telegram:-100123:456", kept as a shared prefix and a number."""

    def __init__(self) -> None:
        """Begin empty; rows that are never put cost nothing."""
        self._prefixes = Table[str]()
        self._prefixes.number("")
        self._which, self._numbers = array("I"), array("q")

    def put(self, row: int, id: str) -> None:
        """Set the id of a row after all those that were set before."""
        prefix, _, tail = id.rpartition(":")
        exact = tail.isascii() and tail.isdecimal() and len(tail) < 19 and str(int(tail)) == tail
        self.put_number(row, self.prefix(f"{prefix}:" if exact else id), int(tail) if exact else -1)

    def prefix(self, prefix: str) -> int:
        """What `put_number` knows a prefix by."""
        return self._prefixes.number(prefix)

    def put_number(self, row: int, prefix: int, number: int) -> None:
        """As `put`, for a prefix's id: a fifth of the time, for readers of millions of messages."""
        missing = row - len(self._which)
        if missing:
            self._which.frombytes(bytes(self._which.itemsize * missing))
            self._numbers.frombytes(bytes(self._numbers.itemsize * missing))
        self._which.append(prefix)
        self._numbers.append(number)

    def get(self, row: int) -> str:
        """The id of a row, "" where none was put."""
        if row >= len(self._which) or not self._which[row]:
            return ""
        prefix, number = self._prefixes.values[self._which[row]], self._numbers[row]
        return prefix if number < 0 else f"{prefix}{number}"

    def __len__(self) -> int:
        """Rows up to the last one that was put."""
        return len(self._which)


class Columns:
    """Rows in the order in which they are added, and once frozen in order of time."""

    def __init__(self) -> None:
        """Begin empty."""
        self.speakers = Table[tuple[str, str]]()
        self.conversations = Table[str]()
        self.origins, self.replies = Ids(), Ids()
        self._pending: list[str] = []
        self._blocks: list[bytes] = []
        self._ends, self._who, self._where = array("I"), array("I"), array("I")
        self._times = array("q")
        self._order: Sequence[int] = ()
        self._repeats: dict[int, int] = {}

    def add(self, speaker: int, text: str, time: int, conversation: int) -> int:
        """Add a row of numbers in the tables, a text and seconds or NO_TIME. Returns its number."""
        self._who.append(speaker)
        self._where.append(conversation)
        self._times.append(time)
        self._pending.append(text)
        if len(self._pending) == BLOCK:
            self._pack(self._pending)
            self._pending = []
        return len(self._who) - 1

    def extend(self, speakers: Ints, texts: list[str], times: Ints, conversation: int) -> None:
        """Add many rows of one conversation at once."""
        self._who.frombytes(speakers.astype(np.uint32).tobytes())
        self._times.frombytes(times.astype(np.int64).tobytes())
        self._where.extend([conversation] * len(texts))
        self._pending += texts
        whole = len(self._pending) // BLOCK * BLOCK
        for start in range(0, whole, BLOCK):
            self._pack(self._pending[start : start + BLOCK])
        if whole:
            self._pending = self._pending[whole:]

    def _pack(self, texts: list[str]) -> None:
        """Put a block of texts away, with NUL between them."""
        block = "\0".join(texts).encode()
        ends = np.flatnonzero(np.frombuffer(block, np.uint8) == 0)
        assert not texts or len(ends) == len(texts) - 1, "a text with NUL reached the columns"
        self._blocks.append(block)
        self._ends.frombytes(np.append(ends, len(block)).astype(np.uint32).tobytes())

    def change_times(self, change: Callable[[Ints], Ints]) -> None:
        """Put other times in the place of those that were added."""
        changed = change(np.frombuffer(self._times, np.int64) if self._times else _none())
        self._times = array("q", changed.astype(np.int64).tobytes())

    def rows_of(self, speaker: int) -> list[int]:
        """Numbers of the rows of a speaker that are not dropped."""
        times = np.frombuffer(self._times, np.int64) if self._times else _none()
        who = np.frombuffer(self._who, np.uint32) if self._who else _none()
        return [int(row) for row in np.flatnonzero((who == speaker) & (times != DROPPED))]

    def drop(self, rows: Iterable[int]) -> None:
        """Take rows out."""
        for row in rows:
            self._times[row] = DROPPED

    def text(self, row: int) -> str:
        """The text of a row."""
        block, place = divmod(row, BLOCK)
        if block == len(self._blocks):
            return self._pending[place]
        start = self._ends[row - 1] + 1 if place else 0
        return self._blocks[block][start : self._ends[row]].decode()

    def freeze(self) -> None:
        """Put rows in order of time; one without a time stays after the one before it."""
        if self._pending:
            self._pack(self._pending)
            self._pending = []
        times = np.frombuffer(self._times, np.int64) if self._times else _none()
        rows = np.flatnonzero(times != DROPPED)
        shown = _filled(times[rows])
        if (np.diff(shown) < 0).any():
            rows = rows[np.argsort(shown, kind="stable")]
        whole = len(rows) == len(times) and not (np.diff(rows) < 0).any()
        self._order = range(len(rows)) if whole else array("I", rows.astype(np.uint32).tobytes())
        self._count_repeats(rows, times)

    def _count_repeats(self, rows: npt.NDArray[np.intp], times: Ints) -> None:
        """Number identical rows that have no origin of their own."""
        if not len(rows) or len(self.origins) == len(times):
            return
        shown = times[rows]
        same = shown[1:] == shown[:-1]
        rows = rows[np.append(same, False) | np.append(False, same)]
        ends = np.frombuffer(self._ends, np.uint32).astype(np.int64)
        sizes = np.diff(ends, prepend=-1)
        sizes[::BLOCK] = ends[::BLOCK] + 1
        alike = np.zeros(len(rows), np.uint64)  # a hash of all but the text: finds candidates
        for column in (self._who, self._where, times, sizes):
            alike *= np.uint64(0x9E3779B97F4A7C15)  # odd, near the golden ratio of 2**64
            alike += np.asarray(column)[rows].astype(np.uint64)
        ordered = np.sort(alike)
        twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
        seen: dict[tuple[int, int, int, str], int] = {}
        for row in map(int, rows[np.isin(alike, twice)]) if len(twice) else ():
            same = (self._who[row], self._where[row], self._times[row], self.text(row))
            seen[same] = seen.get(same, -1) + 1
            if seen[same]:
                self._repeats[row] = seen[same]

    def __len__(self) -> int:
        """Number of rows, once frozen."""
        return len(self._order)

    def row(self, place: int) -> Row:
        """The row at a place in the order of time. IndexError beyond the last."""
        row = self._order[place]
        name, key = self.speakers.values[self._who[row]]
        time = self._times[row]
        return Row(
            *(name, key, self.text(row), None if time == NO_TIME else time),
            *(self.conversations.values[self._where[row]], self.origins.get(row)),
            *(self.replies.get(row), self._repeats.get(row, 0)),
        )

    def rows(self) -> Iterator[Row]:
        """All rows in order of time."""
        return map(self.row, range(len(self._order)))

    def counts(self) -> list[tuple[str, int]]:
        """Rows by name, most first; one name of several keys is counted together."""
        who = np.frombuffer(self._who, np.uint32) if self._who else _none()
        numbers, counts = np.unique(who[np.asarray(self._order, np.int64)], return_counts=True)
        by_name: dict[str, int] = {}
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
            name = self.speakers.values[number][0]
            by_name[name] = by_name.get(name, 0) + count
        return sorted(by_name.items(), key=lambda item: -item[1])

    def times(self) -> Ints:
        """The known times in order, seconds since 1970."""
        times = np.frombuffer(self._times, np.int64) if self._times else _none()
        known: Ints = times[(times != NO_TIME) & (times != DROPPED)]
        return known


def _none() -> Ints:
    return np.zeros(0, np.int64)


def _filled(times: Ints) -> Ints:
    """Times in which a missing one is that of the row before, 0 at the beginning."""
    if not len(times):
        return times
    last = np.maximum.accumulate(np.where(times == NO_TIME, 0, np.arange(len(times))))
    filled: Ints = np.maximum(times[last], 0)
    return filled
