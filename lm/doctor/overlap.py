"""Doubles: which messages of an export a group has already, from whatever app or phone.

Two messages are one when their words are the same and their times agree to the minute, after a
shift that is constant for many of them (another phone's time zone). Names may differ: who says
the same things at the same times under two names is one person with two contact entries.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lm.doctor.aliases import LikelyAlias

TELLING = 12  # characters from which on a text is rarely said twice in one minute by two people
EXACT_S, MINUTE_S = 2, 60  # tolerance where both clocks show seconds, and where one does not
ZONE_S = 900  # time zones differ by quarters of an hour
MOST_SHIFT_S = 27 * 3600
LEAST_EVIDENCE = 3  # telling doubles that make a shift or an alias believable
SHARE = 0.5  # of a name's telling doubles have to be the same other person's
SHIFT_SHARE = 0.05  # of all telling doubles have to show a shift
MOST_ALIKE = 50  # equal messages of one minute that are compared: a flood must not be quadratic


class Said(NamedTuple):
    """Who said what and when; `speaker` "" stands for somebody without words."""

    speaker: str
    text: str
    sent_at: int


@dataclass(frozen=True, slots=True)
class Doubles:
    """Places of messages that are there already, likely aliases, and time shifts in seconds."""

    places: frozenset[int]
    aliases: tuple[LikelyAlias, ...]
    shifts: tuple[int, ...]


class Known:
    """What a group has. Grows by what is taken in, so that one import can hold several files."""

    def __init__(self, said: Iterable[Said] = ()) -> None:
        self._at: defaultdict[tuple[str, int], list[Said]] = defaultdict(list)
        self._once: dict[str, Said | None] = {}  # telling texts; None for one said twice
        self.count = 0
        self.add(said)

    def add(self, said: Iterable[Said]) -> None:
        """Know these too."""
        for each in said:
            text = _plain(each.text)
            self._at[text, each.sent_at // MINUTE_S].append(each)
            self.count += 1
            if len(text) >= TELLING:
                self._once[text] = None if text in self._once else each

    def doubles(self, new: Sequence[Said | None]) -> Doubles:
        """Which of these are known; None stands for a message without a time."""
        if not self.count:
            return Doubles(frozenset(), (), ())
        shifts = self._shifts(new)
        used: set[int] = set()
        found = self._matches(new, shifts, used, lambda name: name)
        pairs = self._pairs(new, found, shifts, used)
        if pairs:
            rest = [None if place in found else each for place, each in enumerate(new)]
            found |= self._matches(rest, shifts, used, pairs.get)
        aliases = tuple(
            LikelyAlias(alias, name, "says the same at the same times")
            for alias, name in pairs.items()
        )
        return Doubles(frozenset(found), aliases, tuple(shift for shift in shifts if shift))

    def _shifts(self, new: Sequence[Said | None]) -> list[int]:
        """Differences of the two clocks that many telling messages show; 0 is always one."""
        counts: Counter[int] = Counter()
        for each in new:
            known = self._once.get(_plain(each.text)) if each is not None else None
            if each is None or known is None:
                continue
            shift = round((each.sent_at - known.sent_at) / ZONE_S) * ZONE_S
            apart = abs(each.sent_at - known.sent_at - shift)
            if apart <= MINUTE_S and abs(shift) <= MOST_SHIFT_S:
                counts[shift] += 1
        least = max(LEAST_EVIDENCE, SHIFT_SHARE * counts.total())
        return [0, *(s for s, count in counts.most_common(4) if s and count >= least)]

    def _pairs(
        self, new: Sequence[Said | None], found: set[int], shifts: Sequence[int], used: set[int]
    ) -> dict[str, str]:
        """Names of the export whose messages are known under another name."""
        pairs: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for place, each in enumerate(new):
            if each is not None and place not in found and len(each.text) >= TELLING:
                for other in self._near(each, shifts, used):
                    pairs[each.speaker][other.speaker] += 1
        believable = {}
        for name, others in pairs.items():
            known_as, count = others.most_common(1)[0]
            if count >= LEAST_EVIDENCE and count > SHARE * others.total():
                believable[name] = known_as
        return believable

    def _matches(
        self,
        new: Sequence[Said | None],
        shifts: Sequence[int],
        used: set[int],
        called: Callable[[str], str | None],
    ) -> set[int]:
        """Places of messages that are known; each known one is `used` for one of them.

        called: the name under which a speaker of the export is known
        """
        found = set()
        for place, each in enumerate(new):
            if each is None:
                continue
            name = called(each.speaker)
            for other in self._near(each, shifts, used):
                if other.speaker == name:
                    used.add(id(other))
                    found.add(place)
                    break
        return found

    def _near(self, each: Said, shifts: Sequence[int], used: set[int]) -> Iterator[Said]:
        """Unused messages with the same words at the same time by one of the shifts."""
        text = _plain(each.text)
        for shift in shifts:
            minute = (each.sent_at - shift) // MINUTE_S
            for bucket in (minute, minute - 1, minute + 1):
                for other in self._at.get((text, bucket), ())[:MOST_ALIKE]:
                    if id(other) not in used and _agree(each.sent_at - shift, other.sent_at):
                        yield other


def _agree(one: int, other: int) -> bool:
    """Whether two clocks show the same moment; one without seconds shows its minute."""
    if one % MINUTE_S and other % MINUTE_S:
        return abs(one - other) <= EXACT_S
    return one // MINUTE_S == other // MINUTE_S or abs(one - other) <= EXACT_S


def _plain(text: str) -> str:
    return " ".join(text.split())
