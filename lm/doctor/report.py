"""What an export holds, as a record to show before anything is trained.

Made in one pass over the messages. Knows no database and no terminal: what a group already has
comes from overlap.py's findings, how it looks is page.py's and the caller's business.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lm.corpus.media import WORDLESS
from lm.doctor.aliases import LikelyAlias
from lm.doctor.verdict import Verdict, verdict
from lm.exports.export import EXACT, Export, ExportedMessage

GAPS = 5  # longest silences that are listed
LEAST_GAP_S = 7 * 86400
SAMPLES = 9  # messages shown: from the beginning, the middle and the end
LONGEST_SAMPLE = 120  # characters of one
# Formats that write a wall clock's time without its zone.
LOCAL_CLOCKS = frozenset({"whatsapp", "line", "qq", "wechat", "signal", "irc", "transcript"})
_DAY, _HOUR = 86400, 3600


@dataclass(frozen=True, slots=True)
class Gap:
    """A silence: from when to when (ISO, UTC) and how many days."""

    after: str
    before: str
    days: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One message as it was read, without personal data."""

    sent_at: str
    speaker: str
    text: str


@dataclass(slots=True)
class Report:
    """The doctor's findings on one export, in the shape that `import --json` prints.

    Times are ISO dates in UTC, months "2023-11". `verdict` is on all that the group will have,
    not on this file alone. `new` are messages that an import stored.
    """

    file: str
    format: str
    locale: str
    evidence: list[str]
    question: str
    messages: int
    speakers: dict[str, int]
    months: dict[str, int]
    first: str | None
    last: str | None
    gaps: list[Gap]
    skipped: dict[str, int]
    skipped_lines: dict[str, list[int]]
    sample: list[Sample]
    hours: list[int]
    time_zone: str
    personal: dict[str, int]
    verdict: Verdict
    duplicates: int = 0
    aliases: list[LikelyAlias] = field(default_factory=list)
    new: int = 0


def examine(
    file: str,
    export: Export,
    name_of: Callable[[ExportedMessage], str],
    scrub: Callable[[str, Counter[str]], str],
) -> Report:
    """Look at every message once. `scrub` takes personal data out of a text and counts it."""
    seen = _Seen()
    personal: Counter[str] = Counter()
    for message in export.messages:
        text = scrub(message.text, personal)
        seen.add(name_of(message), text, message.sent_at)
    sample = [
        Sample(_when(m.sent_at), name_of(m), _shortened(scrub(m.text, Counter())))
        for m in _picked(export.messages)
    ]
    return Report(
        file=file,
        format=export.format,
        locale=export.locale,
        evidence=list(export.evidence),
        question=export.question,
        messages=len(export.messages),
        speakers=dict(seen.counts.most_common()),
        months=seen.months(),
        first=None if seen.first is None else iso(seen.first),
        last=None if seen.last is None else iso(seen.last),
        gaps=seen.gaps(),
        skipped=dict(export.skipped),
        skipped_lines={kind: list(lines) for kind, lines in export.lines.items()},
        sample=sample,
        hours=seen.hours,
        time_zone=_time_zone(
            export.locale == EXACT or export.format not in LOCAL_CLOCKS, seen.hours
        ),
        personal=dict(personal.most_common()),
        verdict=verdict(seen.worded, seen.characters),
    )


class _Seen:
    """What is counted while the messages go by."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.worded: Counter[str] = Counter()  # what no placeholder for media says
        self.characters: Counter[str] = Counter()
        self.hours = [0] * 24
        self.first: int | None = None
        self.last: int | None = None
        self._days: Counter[int] = Counter()
        self._gaps: list[tuple[int, int, int]] = []  # a heap: length, after, before
        self._before: int | None = None

    def add(self, name: str, text: str, sent_at: int | None) -> None:
        self.counts[name] += 1
        if text not in WORDLESS:
            self.worded[name] += 1
            self.characters[name] += len(text)
        if sent_at is None:
            return
        self._days[sent_at // _DAY] += 1
        self.hours[sent_at % _DAY // _HOUR] += 1
        if self._before is not None and sent_at - self._before >= LEAST_GAP_S:
            heapq.heappush(self._gaps, (sent_at - self._before, self._before, sent_at))
            if len(self._gaps) > GAPS:
                heapq.heappop(self._gaps)
        self._before = sent_at
        self.first = sent_at if self.first is None else min(self.first, sent_at)
        self.last = sent_at if self.last is None else max(self.last, sent_at)

    def months(self) -> dict[str, int]:
        """Messages by month, oldest first; months in between without any are 0."""
        counts: Counter[str] = Counter()
        for day, count in self._days.items():
            counts[iso(day * _DAY)[:7]] += count
        if not counts:
            return {}
        return {month: counts[month] for month in _months(min(counts), max(counts))}

    def gaps(self) -> list[Gap]:
        """The longest silences, longest first."""
        ranked = sorted(self._gaps, reverse=True)
        return [Gap(iso(after), iso(before), length // _DAY) for length, after, before in ranked]


def _months(first: str, last: str) -> list[str]:
    """Every month from first to last; only the two where they lie absurdly far apart."""
    years, months = zip(*((int(m[:4]), int(m[5:])) for m in (first, last)), strict=True)
    span = range(12 * years[0] + months[0] - 1, 12 * years[1] + months[1])
    if len(span) > 1200:
        return [first, last]
    return [f"{number // 12:04}-{number % 12 + 1:02}" for number in span]


def _picked(messages: Sequence[ExportedMessage]) -> list[ExportedMessage]:
    """A few messages from the beginning, the middle and the end."""
    count, few = len(messages), SAMPLES // 3
    if count <= SAMPLES:
        return list(messages)
    middle = count // 2
    places = [*range(few), *range(middle, middle + few), *range(count - few, count)]
    return [messages[place] for place in places]


def _shortened(text: str) -> str:
    line = " / ".join(text[: 4 * LONGEST_SAMPLE].splitlines())
    return line if len(line) <= LONGEST_SAMPLE else f"{line[: LONGEST_SAMPLE - 1]}…"


def _time_zone(exact: bool, hours: Sequence[int]) -> str:
    """What is known of a clock, which is UTC if `exact`, and when the group sleeps by it."""
    clock = "UTC" if exact else "the clock of the phone that exported; the file names no zone"
    if sum(hours) < 200:
        return clock
    nights = [sum(hours[(start + i) % 24] for i in range(6)) for start in range(24)]
    calmest = [start for start in range(24) if nights[start] == min(nights)]
    quiet = calmest[len(calmest) // 2]
    if nights[quiet] > 0.12 * sum(hours):  # a quarter would be chance: nobody sleeps here
        return clock
    asleep = f"quietest from {quiet:02}:00 to {(quiet + 6) % 24:02}:00"
    if not exact:
        return f"{clock}; {asleep}"
    offset = (2 - quiet + 12) % 24 - 12  # groups are quietest from about two to eight
    return f"{clock}; {asleep}, so they live near UTC{offset:+d}"


def _when(seconds: int | None) -> str:
    return "" if seconds is None else iso(seconds)


def iso(seconds: int) -> str:
    """2023-11-14T22:13:20Z"""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def merged(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """The sum of several counts, largest first."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total.most_common())
