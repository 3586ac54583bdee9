"""The lines of a round: what friends really wrote, and what the model says in their place.

Both kinds answer real moments of the same people and are of ordinary length. A made-up line that
repeats somebody's words is thrown away, and so is a real one that was said more than once: a
phrase that everybody knows tests nothing.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

from bot.memory.cast import Persona
from lm.privacy.pseudonym import PLACEHOLDER
from storage import excerpts
from storage.chats import ContextRow
from storage.excerpts import Row
from storage.guesses import Line
from storage.store import Store

OF_EACH = 5  # real and made up
LENGTHS = (8, 160)  # characters of a line
SPARE = 3  # candidates for a line; those behind the first are for where it fails
MOMENTS = 9  # tried for those candidates: much of what friends say is too short for a line
DRAWS = 3  # of people and moments for a round, until every line is made
SPAN = 20_000  # messages that a candidate is compared with at once
QUOTE = 6  # words in a row that are somebody's, wherever they stand
_WORD = re.compile(r"\w+")

Speak = Callable[[Sequence[ContextRow], Persona, int | None], Awaitable[str]]


class TooFewError(Exception):
    """There are not enough lines for a round; the message is for the log."""


async def make(store: Store, group: int, personas: Sequence[Persona], speak: Speak) -> list[Line]:
    """Ten lines in random order: of OF_EACH drawn people one real and one made up each.

    speak: what a persona says behind the messages that it is given, at a time. Raises TooFewError.
    """
    lines: list[tuple[int, str, bool]] = []
    for _ in range(DRAWS):
        lines += await _pairs(store, group, personas, speak, OF_EACH - len(lines) // 2)
        if len(lines) == 2 * OF_EACH:
            random.shuffle(lines)
            return [Line(number, *line) for number, line in enumerate(lines, start=1)]
    raise TooFewError(f"{len(lines)} of {2 * OF_EACH} lines")


async def _pairs(
    store: Store, group: int, personas: Sequence[Persona], speak: Speak, count: int
) -> list[tuple[int, str, bool]]:
    """Of `count` drawn people a real and a made-up line each; of who lacks one, none."""
    drawn = [random.choice(personas) for _ in range(count)]
    real = [await _real(store, group, each.id) for each in drawn]
    made = [await _made_up(store, group, each, speak) for each in drawn]
    spoken = await _spoken(store, group, [text for texts in (*real, *made) for text in texts])
    lines = []
    for persona, own, new in zip(drawn, real, made, strict=True):
        once = [text for text in own if spoken.times[folded(text)] < 2] or own
        fresh = [text for text in new if folded(text) not in spoken.copied]
        if once and fresh:
            lines += [(persona.id, once[0], True), (persona.id, fresh[0], False)]
    return lines


async def _real(store: Store, group: int, speaker: int) -> list[str]:
    rows = await _moments(store, group, speaker)
    return [text for row in rows if fit(text := one_line(row[2]))][:SPARE]


async def _made_up(store: Store, group: int, persona: Persona, speak: Speak) -> list[str]:
    found: list[str] = []
    for row in await _moments(store, group, persona.id):
        before = await store.read(partial(excerpts.before, message=row[0]))
        text = one_line(await speak(before, persona, row[3]))
        if fit(text):
            found.append(text)
        if len(found) == SPARE:
            break
    return found


async def _moments(store: Store, group: int, speaker: int) -> list[Row]:
    places = [random.random() for _ in range(MOMENTS)]
    return await store.read(lambda db: excerpts.some(db, group, speaker, LENGTHS, places))


class Spoken:
    """Which of some candidates are in a group's messages. Candidates are folded texts."""

    def __init__(self, candidates: Iterable[str]) -> None:
        self._candidates = set(candidates)
        self._runs: dict[str, set[str]] = {}
        for each in self._candidates:
            for run in runs(each):
                self._runs.setdefault(run, set()).add(each)
        self.times: Counter[str] = Counter()  # as a whole message
        self.copied: set[str] = set()  # as a whole, as a part, or for QUOTE words in a row

    def meet(self, texts: Iterable[str]) -> None:
        """Compare with messages."""
        for text in texts:
            said = folded(text)
            if said in self._candidates:
                self.times[said] += 1
                self.copied.add(said)
            for run in runs(said):
                self.copied |= self._runs.get(run, set())


async def _spoken(store: Store, group: int, texts: Iterable[str]) -> Spoken:
    spoken = Spoken(folded(text) for text in texts)
    first, last = await store.read(lambda db: excerpts.bounds(db, group))
    for start in range(first, last + 1, SPAN):
        rows = await _span(store, group, start, min(start + SPAN - 1, last))
        await asyncio.to_thread(spoken.meet, [row[2] for row in rows])
    return spoken


async def _span(store: Store, group: int, start: int, end: int) -> list[Row]:
    return await store.read(lambda db: excerpts.span(db, group, start, end))


def one_line(text: str) -> str:
    """A text on one line."""
    return " ".join(text.split())


def fit(text: str) -> bool:
    """Whether a line is of ordinary length and holds no placeholder, which would give it away."""
    return LENGTHS[0] <= len(text) <= LENGTHS[1] and not PLACEHOLDER.search(text)


def folded(text: str) -> str:
    """A text as it is compared: its words alone, without case and punctuation."""
    return " ".join(_WORD.findall(text.casefold())) or text.casefold()


def runs(said: str) -> list[str]:
    """Every QUOTE words in a row of a folded text."""
    words = said.split(" ")
    return [" ".join(words[i : i + QUOTE]) for i in range(len(words) - QUOTE + 1)]
