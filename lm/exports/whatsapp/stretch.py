"""A stretch of WhatsApp's text whose headers are all alike, read piece by piece.

Nearly every file is one. Where somebody joined the exports of two phones another stretch begins;
switches.py finds where. Every piece is split at its headers by one pattern; what costs time for
each message happens in C.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lm.corpus.media import WORDLESS
from lm.exports.columns import Ints, Table, ids_of
from lm.exports.dating.clocks import EAST_ASIAN
from lm.exports.dating.dates import NO_DAY, DateOrder, Written, infer_order
from lm.exports.dating.headers import Day, Layout, read_clock, read_day
from lm.exports.export import LONGEST_TEXT, Draft, clean_name
from lm.exports.whatsapp.entries import Entries, Numbers, split_name
from lm.exports.whatsapp.glance import ordinary
from lm.exports.whatsapp.phrases import NOTICE, is_event, names_a_person, own_words
from lm.exports.whatsapp.pieces import tidy
from lm.exports.whatsapp.switches import FEW, Switch, may_switch, switch

CONVERSATION = "whatsapp"  # not the file's name: a renamed export holds the same messages
DAY, MINUTE = 86_400, 60  # seconds
DAYS = 1 << 32  # more than the different dates of a stretch
_CARRIED = 4 * (LONGEST_TEXT + 1_000)  # bytes: a message that is too long stays too long
_MOST_STRETCHES = 20
_FAMILIAR = 64  # texts as "<Media omitted>", of which there are thousands in a file
_NOBODY, _UNSPLIT = -1, -2


class Taken(NamedTuple):
    """What is left of a piece, and its layout where another stretch begins with it.

    Without a layout it is the last message, with which the next piece has to begin.
    """

    rest: bytes
    layout: Layout | None


class Stretch:
    """Collects messages piece by piece, and what there is to infer from them."""

    def __init__(self, draft: Draft, layout: Layout, number: int) -> None:
        """Collect in `draft`. `number`: how many stretches there are before this one."""
        self.draft, self.layout, self.number = draft, layout, number
        self.line = 0  # of the first header
        self.table = Table[Day]()
        self.changes = array("q")  # dates, whenever another one comes
        self.halves: set[str] = set()
        self.languages: Counter[str] = Counter()
        self._shapes = Table[str]()
        self._day_shapes = array("q")
        self._shapes.number("")  # of what cannot be read
        self._dropped = 0  # lines of the message that is carried on
        self._own_words = lru_cache(_FAMILIAR)(own_words)
        self._usual: set[int] = set()
        self._groups: set[int] = set()
        self._days = Numbers(self._day)
        self._clocks = Numbers(self._clock)
        self._names = Numbers(self._name)
        self._conversation = self.draft.columns.conversations.number(CONVERSATION)

    def _day(self, raw: str) -> int:
        day = read_day(raw) or Day(Written((0, 0, 0)), "")
        number = self.table.number(day)
        if number == len(self._day_shapes):
            self._day_shapes.append(self._shapes.number(day.shape) << 20)
        return number

    def _clock(self, raw: str) -> int:
        """Seconds of the day, and above them the number of the shape."""
        clock = read_clock(raw)
        if clock is None:
            return 0
        self.halves.add(clock.half)
        return self._shapes.number(clock.shape) * DAY + clock.seconds

    def _name(self, raw: str) -> int:
        if not raw:
            return _UNSPLIT
        name = clean_name(raw) if names_a_person(raw) else ""
        return self.draft.columns.speakers.number((name, "")) if name else _NOBODY

    def take(self, text: bytes, last_line: int, last: bool) -> Taken:
        """Read a piece, or what is left of one."""
        parts = _split(self.layout, text)
        if len(parts) == 1:
            return Taken(b"", None)
        first, second = (2, 1) if self.layout.time_first else (1, 2)
        names: list[bytes | None] = [*parts[3::4]]
        entries = Entries(
            parts[first::4], parts[second::4], names, parts[4::4], last_line, self._dropped
        )
        days = np.fromiter(map(self._days.__getitem__, entries.days), np.int64, len(entries))
        clocks = np.fromiter(map(self._clocks.__getitem__, entries.clocks), np.int64, len(entries))
        self.line = self.line or entries.line_of(0)
        heads = np.flatnonzero(self._whole(days, clocks)).tolist() or [0]
        if len(heads) < len(entries):
            entries = self._rejoined(entries, heads)
            days, clocks = days[heads], clocks[heads]
        if found := self._switch(entries, days):
            place, new = found
            rest = new.after + self._written(entries, range(place + 1, len(entries)))
            entries = entries.only(list(range(place + 1)))
            entries.texts[place] = new.before
            entries.last_line -= rest.count(b"\n")
            self._add(entries, days, clocks % DAY, len(entries))
            return Taken(rest, new.layout)
        self._add(entries, days, clocks % DAY, len(entries) - (not last))
        carried = b"" if last else self._written(entries, [len(entries) - 1])
        self._dropped *= len(entries) == 1
        self._dropped += carried.count(b"\n", _CARRIED)
        return Taken(carried[:_CARRIED], None)

    def _written(self, entries: Entries, places: Sequence[int]) -> bytes:
        """Entries as they stood."""
        first = self.layout.time_first
        return b"".join(b"\n" + entries.written(place, first) for place in places)

    def _switch(self, entries: Entries, days: Ints) -> tuple[int, Switch] | None:
        """The first entry in whose text another stretch begins."""
        if self.number + 1 >= _MOST_STRETCHES:
            return None
        for place in may_switch(entries.texts):
            so_far = [*self.changes, *days[: place + 1].tolist()]
            sent = self.table.values[int(days[place])].written
            if new := switch(entries.texts[place], sent, self._order(so_far)):
                return place, new
        return None

    def _whole(self, days: Ints, clocks: Ints) -> npt.NDArray[np.bool_]:
        """Which headers have the shapes of this stretch; one pasted into a text has another."""
        of_days = np.array(self._day_shapes)[days]
        known = np.where((clocks < DAY) | (of_days == 0), 0, clocks // DAY + of_days)
        found, counts = np.unique(known, return_counts=True)
        enough = max(10, len(days) // (2 if self._usual else 5))
        self._usual = self._usual or {int(known[0])}
        self._usual |= {
            shape for shape in found[counts >= enough].tolist() if self._mixed(known == shape)
        }
        return np.isin(known, list(self._usual - {0}))

    def _mixed(self, these: npt.NDArray[np.bool_]) -> bool:
        """Whether headers stand among those of other shapes, not in a stretch of their own."""
        runs = int((np.diff(these, prepend=False) & these).sum())
        return self.number + 1 >= _MOST_STRETCHES or int(these.sum()) < FEW * runs

    def _rejoined(self, entries: Entries, heads: list[int]) -> Entries:
        """Entries whose headers are the file's own, with the others given back to their texts."""
        own = set(heads)
        place = heads[0]
        texts: dict[int, list[bytes]] = {place: [entries.texts[place]]}
        for i in range(len(entries)):
            if i in own:
                place = i
                texts[place] = [entries.texts[i]]
            elif i > place:
                texts[place].append(entries.written(i, self.layout.time_first))
        kept = entries.only(heads)
        kept.texts = [b"\n".join(texts[i]) for i in heads]
        return kept

    def _add(self, entries: Entries, days: Ints, seconds: Ints, count: int) -> None:
        """Add the first `count` entries that are a person's words, and count the others."""
        if not count:
            return
        days, seconds = days[:count], seconds[:count]
        self.changes.extend(days[np.flatnonzero(np.diff(days, prepend=-1))].tolist())
        texts, good = ordinary(entries.texts[:count])
        who = np.fromiter(map(self._names.__getitem__, entries.names[:count]), np.int64, count)
        good &= who >= 0
        times = (self.number * DAYS + days) * DAY + seconds
        before = (-1, -1, -1, "")
        for place in np.flatnonzero(~good).tolist():
            speaker, text, kind = self._closely(int(who[place]), entries.texts[place])
            if text in WORDLESS:  # of photos sent together the first one stands for all
                now = (place, speaker, int(times[place]) // MINUTE, text)
                kind = "album" if now == (before[0] + 1, *before[1:]) else ""
                before = now
            if kind:
                wanted = self.draft.wants_lines(kind)
                self.draft.skip(kind, entries.line_of(place) if wanted else 0)
            else:
                who[place], texts[place], good[place] = speaker, text.encode(), True
        kept = list(compress(texts, good.tobytes()))
        where, none = np.full(len(kept), self._conversation), ids_of(0, np.full(len(kept), -1))
        self.draft.columns.extend(who[good], kept, times[good], where, none, none)

    def _closely(self, speaker: int, coded: bytes) -> tuple[int, str, str]:
        """Speaker, words and "" for a person's message, else the kind of what it is."""
        raw = tidy(coded.decode(errors="replace"))
        if speaker == _UNSPLIT:
            name, raw = split_name(raw)
            speaker = self._names[name.encode()]
        if speaker < 0:
            return speaker, "", "system"
        if len(raw) > LONGEST_TEXT:
            return speaker, "", "too long"
        words = self._own_words(raw)
        if words.language:
            self.languages[words.language] += 1
        if words.kind == NOTICE:
            self._groups.add(speaker)
        return speaker, words.text, "system" if words.kind == NOTICE else words.kind

    def drop_events(self) -> None:
        """Drop "Alice added Bob" where the group's own name stands as the speaker."""
        columns = self.draft.columns
        for group in self._groups:
            others = {name for i, (name, _) in enumerate(columns.speakers.values) if i != group}
            rows = columns.rows_of(group)
            events = [row for row in rows if is_event(columns.text(row), others)]
            if 2 * len(events) >= len(rows):  # else it is a person's name, as in a chat of two
                columns.drop(events)
                for _ in events:
                    self.draft.skip("system")

    def unreal(self, order: DateOrder) -> list[str]:
        """How dates that do not exist in that order stand in the headers."""
        real = [order.ordinal(day.written.fields) != NO_DAY for day in self.table.values]
        return [(raw or b"").decode() for raw, number in self._days.items() if not real[number]]

    def order(self) -> DateOrder:
        """Which field of the dates is which."""
        return self._order(self.changes)

    def _order(self, sequence: Sequence[int]) -> DateOrder:
        dates = [day.written for day in self.table.values]
        american = "AM" in self.halves or "PM" in self.halves
        return infer_order(dates, sequence, american, bool(self.halves & EAST_ASIAN))

    @property
    def clock(self) -> str:
        """The kind of its clocks."""
        return "12 h" if any(self.halves) else "24 h"


def _split(layout: Layout, text: bytes) -> list[Any]:
    """A piece at its headers: what stands before the first, then four parts (or None) for each."""
    if layout.plain:
        return layout.plain.split(text)
    parts = layout.pattern.split(tidy(text.decode(errors="replace")))
    return [part if part is None else part.encode() for part in parts]
