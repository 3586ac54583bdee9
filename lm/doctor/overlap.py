"""Doubles: which messages of an export a group has already, from whatever app or phone.

Two messages are one when their words are the same and their times agree to the minute, after a
shift that is constant for many of them (another phone's time zone). Names may differ: who says
the same things at the same times under two names is one person with two contact entries.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lm.doctor.aliases import LikelyAlias
from lm.doctor.heard import NO_TIME, NOBODY, Heard, Ints

EXACT_S, MINUTE_S = 2, 60  # tolerance where both clocks show seconds, and where one does not
ZONE_S = 900  # time zones differ by quarters of an hour
MOST_SHIFT_S = 27 * 3600
LEAST_EVIDENCE = 3  # telling doubles that make a shift or an alias believable
SHARE = 0.5  # of a name's telling doubles have to be the same other person's
SHIFT_SHARE = 0.05  # of all telling doubles have to show a shift
MOST_ALIKE = 50  # equal messages of one minute that are compared: a flood must not be quadratic
_SPAN = 1 << 14  # messages that are looked up together


class Said(NamedTuple):
    """Who said what and when, None where that is not known."""

    speaker: str
    text: str
    sent_at: int | None


@dataclass(frozen=True, slots=True)
class Doubles:
    """Which messages are there already, likely aliases, and time shifts in seconds."""

    there: npt.NDArray[np.bool_]
    aliases: tuple[LikelyAlias, ...] = ()
    shifts: tuple[int, ...] = ()


class Known:
    """What a group has. Grows by what is taken in, so that one import can hold several files."""

    def __init__(self) -> None:
        """Begin empty."""
        self._names: dict[str, int] = {}
        self._heard = Heard()

    def __len__(self) -> int:
        """Number of messages."""
        return len(self._heard)

    def packed(self, said: Iterable[Said]) -> Heard:
        """Messages as `doubles` and `add` take them."""
        heard = Heard()
        for speaker, text, sent_at in said:
            heard.add(self._number(speaker), text, sent_at)
        return heard

    def add(self, packed: Heard, which: npt.NDArray[np.bool_] | None = None) -> None:
        """Know these too, or those of them."""
        there = np.ones(len(packed), np.bool_) if which is None else which
        self._heard.take(packed, there & (packed.times != NO_TIME), packed.who)

    def add_stored(self, heard: Heard, names: Mapping[int, str]) -> None:
        """Know these too, whose speakers have numbers of their own; NOBODY said nothing."""
        numbers, places = np.unique(heard.who, return_inverse=True)
        here = [NOBODY if n == NOBODY else self._number(names[n]) for n in numbers.tolist()]
        who = np.array(here, np.int64)[places]
        self._heard.take(heard, (who != NOBODY) & (heard.times != NO_TIME), who)

    def _number(self, name: str) -> int:
        return self._names.setdefault(name, len(self._names))

    def doubles(self, new: Heard) -> Doubles:
        """Which of these messages, packed here, are known."""
        found = np.zeros(len(new), np.bool_)
        if not len(self):
            return Doubles(found)
        search = _Search(self._heard, new)
        search.match(found, lambda who: who)
        pairs = search.pairs(found)
        if pairs:
            search.match(found, pairs.get)
        names = list(self._names)
        aliases = tuple(
            LikelyAlias(names[alias], names[name], "says the same at the same times")
            for alias, name in pairs.items()
        )
        return Doubles(found, aliases, tuple(shift for shift in search.shifts if shift))


class _Search:
    """Looks for new messages among known ones; each known one is used for one of them."""

    def __init__(self, known: Heard, new: Heard) -> None:
        self._known_times, self._known_who = known.times.data, known.who.data
        keys = _keys(known.texts, known.times // MINUTE_S)
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        self._texts, self._times, self._who = new.texts, new.times, new.who.data
        self._telling = new.telling
        self._used = bytearray(len(known))
        self.shifts = self._shifts(known)

    def _shifts(self, known: Heard) -> list[int]:
        """Differences of the two clocks that many telling messages show; 0 is always one."""
        texts, first, counts = np.unique(
            known.texts[known.telling], return_index=True, return_counts=True
        )
        texts, first = texts[counts == 1], first[counts == 1]
        said_at = known.times[known.telling][first]
        ours = self._telling & (self._times != NO_TIME)
        place = np.searchsorted(texts, self._texts[ours])
        there = place < len(texts)
        there[there] = texts[place[there]] == self._texts[ours][there]
        apart = self._times[ours][there] - said_at[place[there]]
        shifts = np.rint(apart / ZONE_S).astype(np.int64) * ZONE_S
        near = (np.abs(apart - shifts) <= MINUTE_S) & (np.abs(shifts) <= MOST_SHIFT_S)
        shown = Counter(shifts[near].tolist())
        least = max(LEAST_EVIDENCE, SHIFT_SHARE * shown.total())
        return [0, *(s for s, count in shown.most_common(4) if s and count >= least)]

    def match(self, found: npt.NDArray[np.bool_], called: Callable[[int], int | None]) -> None:
        """Mark what is known. `called`: the number under which a new message's speaker is known."""
        for place, rows in self._near(np.flatnonzero(~found & (self._times != NO_TIME))):
            name = called(self._who[place])
            for row in rows:
                if not self._used[row] and self._known_who[row] == name:
                    self._used[row] = found[place] = True
                    break

    def pairs(self, found: npt.NDArray[np.bool_]) -> dict[int, int]:
        """Speakers whose telling messages are known under another name."""
        pairs: defaultdict[int, Counter[int]] = defaultdict(Counter)
        which = self._telling & ~found & (self._times != NO_TIME)
        for place, rows in self._near(np.flatnonzero(which)):
            theirs = (self._known_who[row] for row in rows if not self._used[row])
            pairs[self._who[place]].update(theirs)
        believable = {}
        for who, others in pairs.items():
            for known_as, count in others.most_common(1):
                if count >= LEAST_EVIDENCE and count > SHARE * others.total():
                    believable[who] = known_as
        return believable

    def _near(self, places: Ints) -> Iterator[tuple[int, list[int]]]:
        """Known messages with the same words at the same time, by one of the shifts, of each."""
        for start in range(0, len(places), _SPAN):
            part = places[start : start + _SPAN]
            rows: list[list[int]] = [[] for _ in part]
            for shift in self.shifts:
                self._look_up(self._texts[part], self._times[part] - shift, rows)
            yield from ((p, r) for p, r in zip(part.tolist(), rows, strict=True) if r)

    def _look_up(self, texts: Ints, times: Ints, rows: Sequence[list[int]]) -> None:
        """Add to each list the known messages of that text and time, a few of very many."""
        for bucket in (0, -1, 1):
            keys = _keys(texts, times // MINUTE_S + bucket)
            begin = np.searchsorted(self._keys, keys)
            end = np.minimum(np.searchsorted(self._keys, keys, "right"), begin + MOST_ALIKE)
            some = np.flatnonzero(end > begin)
            spans = zip(some.tolist(), begin[some].tolist(), end[some].tolist(), strict=True)
            for place, first, last in spans:
                for row in self._order[first:last].tolist():
                    if _agree(int(times[place]), self._known_times[row]):
                        rows[place].append(row)


def _keys(texts: Ints, minutes: Ints) -> npt.NDArray[np.uint64]:
    """One number for a text and a minute, spread by the golden ratio of 2**64."""
    spread: npt.NDArray[np.uint64] = minutes.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return spread + texts.view(np.uint64)


def _agree(one: int, other: int) -> bool:
    """Whether two clocks show the same moment; one without seconds shows its minute."""
    if one % MINUTE_S and other % MINUTE_S:
        return abs(one - other) <= EXACT_S
    return one // MINUTE_S == other // MINUTE_S or abs(one - other) <= EXACT_S
