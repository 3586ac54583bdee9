"""WhatsApp's exported text: "12/25/23, 10:30 - Alice: hi" and its many relatives.

Times are the phone's local times and are taken as UTC. Whatever WhatsApp itself wrote (notices,
placeholders for media, deletions) is skipped and counted. Every line is looked at once.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lm.exports.export import LONGEST_NAME, LONGEST_TEXT, Draft, Export, clean_name
from lm.exports.headers import DateOrder, Header, Stamp, infer_order, parse_header
from lm.exports.phrases import NOTICE, is_event, names_a_person, own_words
from lm.exports.source import Source, lines

CONVERSATION = "whatsapp"  # not the file's name: a renamed export holds the same messages
_TITLES = (
    *("WhatsApp Chat with ", "WhatsApp Chat - ", "WhatsApp-Chat mit ", "Chat de WhatsApp con "),
    *("Discussion WhatsApp avec ", "Chat WhatsApp con ", "Conversa do WhatsApp com "),
    *("Чат WhatsApp с контактом ", "Чат WhatsApp с ", "WhatsApp-chat met "),
)


class Entry(NamedTuple):
    """A header's line with the lines that follow it; `rest` is where the header ends."""

    stamp: Stamp
    seconds: int
    rest: int
    raw: str
    cut: bool


def read_whatsapp(source: Source) -> Export:
    """Read the file."""
    draft = Draft("whatsapp")
    with source.text() as text:
        entries = deque(_entries(lines(text)))
    if not entries:
        return draft.export()
    usual = _usual_shapes(entries)
    order = infer_order([entry.stamp for entry in entries if entry.stamp.shape in usual])
    names: dict[str, str] = {}
    groups: set[str] = set()
    for entry in _rejoined(entries, usual):
        _add(draft, entry, order, names, groups)
    _drop_events(draft, groups)
    clock = "12 h" if any("12" in shape for shape in usual) else "24 h"
    return draft.export(f"{order}, {clock}", _title(source.stem))


def _entries(numbered: Iterable[tuple[str, bool]]) -> Iterator[Entry]:
    """Lines gathered under their headers; what stands before the first header is dropped."""
    head, gathered, size, cut = None, [""], 0, False
    stamps: dict[Stamp, Stamp] = {}  # one record a day instead of one a message
    for line, long in numbered:
        header = parse_header(line)
        if header is not None:
            if head is not None:
                yield Entry(head.stamp, head.seconds, head.end, "\n".join(gathered), cut)
            stamp = stamps.setdefault(header.stamp, header.stamp)
            head = Header(stamp, header.seconds, header.end)
            gathered, size, cut = [line], len(line), long
        elif not cut:
            size += len(line) + 1
            cut = long or size > LONGEST_TEXT
            if not cut:
                gathered.append(line)
    if head is not None:
        yield Entry(head.stamp, head.seconds, head.end, "\n".join(gathered), cut)


def _usual_shapes(entries: deque[Entry]) -> set[str]:
    """Shapes that this file's headers have. A header pasted into a message has another one."""
    counts = Counter(entry.stamp.shape for entry in entries)
    often = {shape for shape, count in counts.items() if count >= max(10, len(entries) // 5)}
    return often | {entries[0].stamp.shape}


def _rejoined(entries: deque[Entry], usual: set[str]) -> Iterator[Entry]:
    """Entries, with pasted ones given back to the message that they were pasted into.

    Empties the queue, so that memory never holds both all entries and all messages.
    """
    before: Entry | None = None
    while entries:
        entry = entries.popleft()
        if before is not None and entry.stamp.shape not in usual:
            cut = before.cut or entry.cut or len(before.raw) > LONGEST_TEXT
            raw = before.raw if cut else f"{before.raw}\n{entry.raw}"
            before = before._replace(raw=raw, cut=cut)
            continue
        if before is not None:
            yield before
        before = entry
    if before is not None:
        yield before


def _add(
    draft: Draft, entry: Entry, order: DateOrder, names: dict[str, str], groups: set[str]
) -> None:
    """Add what a person wrote, or count why not. `names` holds what each name is cleaned to."""
    day = order.ordinal(entry.stamp.fields)
    name, colon, raw = _split(entry.raw, entry.rest)
    if name not in names:
        names[name] = clean_name(name) if names_a_person(name) else ""
    speaker = names[name]
    if day is None:
        draft.skip("malformed")
    elif not colon or not speaker:
        draft.skip("system")
    elif entry.cut:
        draft.skip("too long")
    else:
        text, kind = own_words(raw)
        if kind == NOTICE:
            groups.add(speaker)
        if kind:
            draft.skip("system" if kind == NOTICE else kind)
        else:
            draft.add(speaker, text, 86400 * day + entry.seconds, CONVERSATION)


def _drop_events(draft: Draft, groups: set[str]) -> None:
    """Drop "Alice added Bob" where the group's own name stands as the speaker."""
    names = {message.speaker for message in draft.messages} if groups else set()
    kept = []
    for message in draft.messages:
        if message.speaker in groups and is_event(message.text, names):
            draft.skip("system")
        else:
            kept.append(message)
    draft.messages = kept


def _split(raw: str, start: int) -> tuple[str, str, str]:
    """Name, colon and text: split at the first colon and space that follow a short enough name."""
    first, newline, more = raw[start : start + LONGEST_NAME + 100].partition("\n")
    name, colon, _ = first.partition(": ")
    if colon:
        return name, colon, raw[start + len(name) + 2 :]
    if first.endswith(":") and (newline or len(raw) == start + len(first)):
        return first[:-1], ":", raw[start + len(first) :]
    return first, "", more


def _title(stem: str) -> str:
    for title in _TITLES:
        if stem.startswith(title):
            return stem.removeprefix(title)
    return stem
