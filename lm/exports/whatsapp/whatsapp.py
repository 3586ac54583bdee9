"""WhatsApp's exported text: "12/25/23, 10:30 - Alice: hi" and its many relatives.

Times are the phone's local times and are taken as UTC. Whatever WhatsApp itself wrote (notices,
placeholders for media, deletions) is skipped and counted. Every piece of the file is split at its
headers by one pattern; what costs time for each message happens in C.
"""

from __future__ import annotations

from array import array
from collections import Counter

import numpy as np
import numpy.typing as npt

from lm.exports.columns import DROPPED, Ints, Table
from lm.exports.dating.clocks import EAST_ASIAN
from lm.exports.dating.dates import NO_DAY, DateOrder, Written, given_order, infer_order
from lm.exports.dating.headers import Day, Layout, find_layout, read_clock, read_day
from lm.exports.export import LONGEST_NAME, LONGEST_TEXT, Draft, Export, clean_name
from lm.exports.format import Format, Guess, Options, Start
from lm.exports.source import Source
from lm.exports.whatsapp.entries import Entries, Numbers, last_of
from lm.exports.whatsapp.phrases import NOTICE, is_event, names_a_person, ordinary, own_words
from lm.exports.whatsapp.pieces import pieces, tidy

CONVERSATION = "whatsapp"  # not the file's name: a renamed export holds the same messages
DAY = 86_400  # seconds
_CARRIED = LONGEST_TEXT + 1_000  # characters: a message that is too long stays too long
_SAMPLE = 1 << 18  # characters that show the layout
_TITLES = (
    *("WhatsApp Chat with ", "WhatsApp Chat - ", "WhatsApp-Chat mit ", "Chat de WhatsApp con "),
    *("Discussion WhatsApp avec ", "Chat WhatsApp con ", "Conversa do WhatsApp com "),
    *("Чат WhatsApp с контактом ", "Чат WhatsApp с ", "WhatsApp-chat met "),
    *("Chat WhatsApp s uživatelem ", "Чат WhatsApp із контактом ", "Chat WhatsApp dengan "),
)
_NOBODY, _UNSPLIT = -1, -2


class _Reader:
    """Collects a file's messages piece by piece, and what there is to infer from them."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.draft = Draft("whatsapp")
        self.table = Table[Day]()
        self.changes = array("q")  # dates, whenever another one comes
        self.halves: set[str] = set()
        self.languages: Counter[str] = Counter()
        self._shapes = Table[str]()
        self._day_shapes = array("q")
        self._shapes.number("")  # of what cannot be read
        self._usual: set[int] = set()
        self._groups: set[int] = set()
        self._days = Numbers[str](self._day)
        self._clocks = Numbers[str](self._clock)
        self._names = Numbers[str | None](self._name)
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

    def _name(self, raw: str | None) -> int:
        if raw is None:
            return _UNSPLIT
        name = clean_name(raw) if names_a_person(raw) else ""
        return self.draft.columns.speakers.number((name, "")) if name else _NOBODY

    def take(self, text: str, last_line: int, last: bool) -> str:
        """Read a piece. Returns what the next piece has to begin with: its last message."""
        parts: list[str] = self.layout.pattern.split(text)
        if len(parts) == 1:
            return ""
        first, second = (2, 1) if self.layout.time_first else (1, 2)
        names: list[str | None] = parts[3::4]  # type: ignore[assignment]  # None where none is
        entries = Entries(parts[first::4], parts[second::4], names, parts[4::4], last_line)
        days = np.fromiter(map(self._days.__getitem__, entries.days), np.int64, len(entries))
        clocks = np.fromiter(map(self._clocks.__getitem__, entries.clocks), np.int64, len(entries))
        whole = self._whole(days, clocks)
        heads = np.flatnonzero(whole).tolist() or [0]
        carried = "" if last else last_of(text, entries.texts[heads[-1] :])
        if len(heads) < len(entries):
            entries = self._rejoined(entries, heads)
            days, clocks = days[heads], clocks[heads]
        self._add(entries, days, clocks % DAY, len(entries) - (not last))
        return carried[:_CARRIED]

    def _whole(self, days: Ints, clocks: Ints) -> npt.NDArray[np.bool_]:
        """Which headers have the shapes of this file; a header pasted into a text has another."""
        of_days = np.array(self._day_shapes)[days]
        known = np.where((clocks < DAY) | (of_days == 0), 0, clocks // DAY + of_days)
        found, counts = np.unique(known, return_counts=True)
        enough = max(10, len(days) // (2 if self._usual else 5))
        self._usual = self._usual or {int(known[0])}
        self._usual |= set(found[counts >= enough].tolist())
        return np.isin(known, list(self._usual - {0}))

    def _rejoined(self, entries: Entries, heads: list[int]) -> Entries:
        """Entries whose headers are the file's own, with the others given back to their texts."""
        own = set(heads)
        place = heads[0]
        texts: dict[int, list[str]] = {place: [entries.texts[place]]}
        for i in range(len(entries)):
            if i in own:
                place = i
                texts[place] = [entries.texts[i]]
            elif i > place:
                texts[place].append(entries.header(i, self.layout.time_first) + entries.texts[i])
        kept = entries.only(heads)
        kept.texts = ["\n".join(texts[i]) for i in heads]
        return kept

    def _add(self, entries: Entries, days: Ints, seconds: Ints, count: int) -> None:
        """Add the first `count` entries that are a person's words, and count the others."""
        if not count:
            return
        days, seconds = days[:count], seconds[:count]
        self.changes.extend(days[np.flatnonzero(np.diff(days, prepend=-1))].tolist())
        texts = ordinary(entries.texts[:count])
        who = np.fromiter(map(self._names.__getitem__, entries.names[:count]), np.int64, count)
        good = (who >= 0) & np.fromiter(map(bool, texts), np.bool_, count)
        for place in np.flatnonzero(~good).tolist():
            speaker, text, kind = self._closely(int(who[place]), entries.texts[place])
            if kind:
                wanted = self.draft.wants_lines(kind)
                self.draft.skip(kind, entries.line_of(place) if wanted else 0)
            else:
                who[place], texts[place], good[place] = speaker, text, True
        kept = (
            texts
            if good.all()
            else [text for text, own in zip(texts, good.tolist(), strict=True) if own]
        )
        self.draft.columns.extend(
            who[good], kept, days[good] * DAY + seconds[good], self._conversation
        )

    def _closely(self, speaker: int, raw: str) -> tuple[int, str, str]:
        """Speaker, words and "" for a person's message, else the kind of what it is."""
        if speaker == _UNSPLIT:
            name, raw = _split(raw)
            speaker = self._names[name]
        if speaker < 0:
            return speaker, "", "system"
        if len(raw) > LONGEST_TEXT:
            return speaker, "", "too long"
        words = own_words(raw)
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

    def place(self, order: DateOrder) -> None:
        """Turn numbers of dates into days since 1970; messages of no real date are dropped."""
        real = np.array([order.ordinal(day.written.fields) for day in self.table.values], np.int64)

        def placed(times: Ints) -> Ints:
            days = real[np.maximum(times, 0) // DAY] if len(real) else times
            gone = times == DROPPED
            self.draft.skipped["malformed"] += int(((days == NO_DAY) & ~gone).sum())
            return np.where(gone | (days == NO_DAY), DROPPED, days * DAY + times % DAY)

        self.draft.columns.change_times(placed)
        self.draft.skipped += Counter()  # forget a kind that was counted zero times

    def order(self, given: str) -> DateOrder:
        """Which field of the dates is which."""
        if given:
            return given_order(given)
        dates = [day.written for day in self.table.values]
        american = "AM" in self.halves or "PM" in self.halves
        return infer_order(dates, self.changes, american, bool(self.halves & EAST_ASIAN))


def _split(raw: str) -> tuple[str, str]:
    """Name and text, split at the first colon and blank that follow a short enough name."""
    first, newline, _ = raw[: LONGEST_NAME + 100].partition("\n")
    name, colon, _ = first.partition(": ")
    if colon:
        return name, raw[len(name) + 2 :]
    if first.endswith(":") and (newline or len(raw) == len(first)):
        return first[:-1], raw[len(first) :]
    return "", raw


def read_whatsapp(source: Source, options: Options) -> Export:
    """Read the file."""
    reader: _Reader | None = None
    rest, last_line = "", 0
    for piece in pieces(source):
        text, last_line = rest + piece.text, piece.last_line
        if reader is None:
            found = find_layout(text[:_SAMPLE])
            if found is None:
                continue
            reader = _Reader(found[0])
        rest = reader.take(text, last_line, last=False)
    if reader is None:
        return Draft("whatsapp").export()
    reader.take(rest, last_line, last=True)
    return _export(reader, options, source.stem)


def _export(reader: _Reader, options: Options, stem: str) -> Export:
    """The export once all is read."""
    reader.drop_events()
    order = reader.order(options.date_order)
    reader.place(order)
    clock = "12 h" if any(reader.halves) else "24 h"
    languages = [language for language, _ in reader.languages.most_common(1)]
    evidence = [f"headers: {reader.layout.name}", f"dates: {order.reason}"]
    evidence += [f"language: {count} phrases in {name}" for name, count in reader.languages.items()]
    return reader.draft.export(
        ", ".join((str(order), clock, *languages)),
        _title(stem),
        evidence,
        f"which comes first in its dates: {order.question}" if order.assumed else "",
    )


def _title(stem: str) -> str:
    for title in _TITLES:
        if stem.startswith(title):
            return stem.removeprefix(title)
    return stem


def sniff_whatsapp(start: Start) -> Guess | None:
    """Likely where a line begins with a header, more so with a name behind it."""
    text = tidy(f"\n{start.text}")
    found = find_layout(text)
    if found is None:
        return None
    layout, count = found
    named = any(match[3] for match in layout.pattern.finditer(text))
    return Guess(
        90 if named else 60,
        f"{count} of the first {len(start.lines)} lines begin with a header ({layout.name})",
    )


FORMAT = Format("whatsapp", "WhatsApp .txt or .zip", sniff_whatsapp, read_whatsapp)
