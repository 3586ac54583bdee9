"""Signal as signal-export writes it for reading: "[2019-05-29 15:04:22] Jim: hi", in Markdown.

Quotes, reactions, stickers and attachments stand in the text and are told from it by their marks.
Times are the exporter's local times and are taken as UTC. Every line is looked at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from lm.corpus.text import clean
from lm.exports.dating.iso import iso_seconds
from lm.exports.export import LONGEST_TEXT, Draft, clean_name
from lm.exports.source import Source, lines

ME = "Me"  # what the exporter's own messages are signed with
CONVERSATION = "signal"
_header = re.compile(
    r"\[([0-9]{4}-[0-9]{2}-[0-9]{2}),? ([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)\] ([^:\n]{1,200}):(?: |$)"
).match
_reactions = re.compile(r"\(- [^\n]{1,2000} -\)\s*").fullmatch
_sticker = re.compile(r"\(\( ([^\n]{1,40}) \)\)\s*").fullmatch
_attachment = re.compile(r"!?\[[^\[\]\n]{0,300}\]\(\.{1,2}/[^)\n]{1,600}\)")
_call = re.compile(
    r"(?:Incoming|Outgoing|Missed) (?:voice |video )?call(?: \([^\n)]{1,60}\))?\s*"
).fullmatch
_DELETED = "(This message was deleted)"


class Entry(NamedTuple):
    """A header with the lines under it; `cut` where there were too many."""

    date: str
    speaker: str
    lines: list[str]
    cut: bool
    number: int


def begins(line: str) -> str:
    """The time of day with which a message begins on this line, "" if none does."""
    header = _header(line)
    return header[2] if header else ""


def read_text(source: Source, draft: Draft) -> None:
    """Add the messages of a chat.md or its plain form."""
    names: dict[str, str] = {}
    with source.text() as text:
        for entry in _entries(lines(text)):
            kind = _add(draft, entry, names)
            if kind:
                draft.skip(kind, entry.number)


def _entries(numbered: Iterator[tuple[str, bool]]) -> Iterator[Entry]:
    """Lines gathered under their headers; what stands before the first is dropped."""
    entry: Entry | None = None
    size = 0
    for number, (line, long) in enumerate(numbered, start=1):
        header = _header(line)
        if header is not None:
            if entry is not None:
                yield entry
            date = f"{header[1]}T{header[2]}"
            entry = Entry(date, header[3], [line[header.end() :]], long, number)
            size = len(line)
        elif entry is not None and not entry.cut:
            size += len(line) + 1
            entry.lines.append(line)
            if long or size > LONGEST_TEXT:
                entry = entry._replace(cut=True)
    if entry is not None:
        yield entry


def _add(draft: Draft, entry: Entry, names: dict[str, str]) -> str:
    """Add one message; else the kind of thing that it is."""
    if entry.cut:
        return "too long"
    if entry.speaker not in names:
        names[entry.speaker] = clean_name(entry.speaker)
    speaker = names[entry.speaker]
    try:
        sent_at = iso_seconds(entry.date)
    except ValueError:
        return "malformed"
    if _call(entry.lines[0]) and not any(map(str.strip, entry.lines[1:])):
        return "system"
    if entry.lines[0].startswith(_DELETED):
        return "deleted"
    text, marked = _own_words(entry.lines)
    if not text or not speaker:
        return "media" if marked else "empty"
    draft.add(speaker, text, sent_at, CONVERSATION)
    return ""


def _own_words(written: list[str]) -> tuple[str, bool]:
    """The text without quote, reactions and attachments, and whether there were such."""
    kept, marked = list(written), False
    if not kept[0].strip():  # a quote stands above the text, between empty lines
        body = next((i for i, line in enumerate(kept) if i and line.strip()), len(kept))
        while body < len(kept) and kept[body].startswith(">"):
            body, marked = body + 1, True
        kept = kept[body:]
    while kept and (not kept[-1].strip() or _reactions(kept[-1])):
        marked = marked or bool(kept[-1].strip())
        kept.pop()
    if kept and (found := _sticker(kept[-1])):
        kept[-1] = found[1]
    joined = "\n".join(line.removesuffix("  ") for line in kept)
    if "](." in joined:
        joined, count = _attachment.subn("", joined)
        marked = marked or count > 0
    return clean(joined), marked
