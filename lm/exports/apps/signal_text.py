"""Signal as signal-export writes it for reading: "[2019-05-29 15:04:22] Jim: hi", in Markdown.

Quotes, reactions, stickers and attachments stand in the text and are told from it by their marks.
Times are the exporter's local times and are taken as UTC. Every line is looked at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from lm.corpus.media import PLACEHOLDERS
from lm.corpus.text import clean
from lm.exports.attachments import of_file
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
_attachment = re.compile(r"!?\[([^\[\]\n]{0,300})\]\((\.{1,2})/[^)\n]{1,600}\)")
_call = re.compile(
    r"(?:Incoming|Outgoing|Missed) (?:voice |video )?call(?: \([^\n)]{1,60}\))?\s*"
).fullmatch
_DELETED = "(This message was deleted)"
_UNKNOWN = "sticker"  # the label of one without an emoji


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
    text = _own_words(entry.lines)
    if not text or not speaker:
        return "empty"
    draft.add(speaker, text, sent_at, CONVERSATION)
    return ""


def _own_words(written: list[str]) -> str:
    """The text without quote, reactions and attachments, else what stands for an attachment."""
    joined = "\n".join(line.removesuffix("  ") for line in _below_quote(written))
    attached = _attachment.search(joined) if "](." in joined else None
    if attached:
        joined = _attachment.sub("", joined)
    kept, sticker = joined.split("\n"), None
    while kept and _added(kept[-1]):
        sticker = _sticker(kept.pop()) or sticker
    return clean("\n".join(kept)) or _wordless(sticker, attached)


def _below_quote(written: list[str]) -> list[str]:
    """The lines below a quote, which stands above the text, between empty lines."""
    if written[0].strip():
        return written
    body = next((i for i, line in enumerate(written) if i and line.strip()), len(written))
    while body < len(written) and written[body].startswith(">"):
        body += 1
    return written[body:]


def _added(line: str) -> bool:
    """Whether a last line is nothing that was typed: empty, reactions, a sticker."""
    return not line.strip() or bool(_reactions(line) or _sticker(line))


def _wordless(sticker: re.Match[str] | None, attached: re.Match[str] | None) -> str:
    """A sticker's emoji, or what stands for a file that was sent alone, "" for neither."""
    if attached and attached[2] == ".":
        return of_file(attached[1])
    label = (sticker or attached or {1: ""})[1]  # a sticker's file lies one folder up
    return PLACEHOLDERS["sticker"] if label == _UNKNOWN else clean(label)
