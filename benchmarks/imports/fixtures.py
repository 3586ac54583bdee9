"""What other parsers' tests say about their samples, beside what we read: one row a fixture.

The samples are not part of the project; they lie beside the checkout, with expected.json in each
folder. Where a stated expectation is that parser's own way, the row says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lm.corpus.media import WORDLESS
from lm.exports.export import Export, ExportError
from lm.exports.reading import read_export

FOLDERS = ("whatsapp_fixtures", "other_export_fixtures", "telegram_fixtures")
NOTES = {  # why we differ on purpose
    "chat-miner/test_single_export": "theirs puts a blank between the parts of a text",
    "chat-miner/test_batch_export": "theirs puts a blank between the parts of a text",
    "tg-to-md/sample": "Eve only forwards somebody else's words, which are not hers to learn from",
    "discord/": "a bot is nobody, and the name is the one that friends see, without its number",
    "tinyshakespeare": "theirs takes LADY  CAPULET, once with two blanks, for somebody else",
    "whatstk/lorem-2000": "a header that signal-export and old phones write alike",
}
PLACES: dict[str, dict[str, Any]] = {  # stated in PROVENANCE.txt
    "tinyshakespeare/input.txt": {"messages": 7097, "characters": 1_020_755, "speakers_count": 299},
    "cornell_format_ru/raw": {
        "messages": 2008,
        "characters": 61_269,
        "speakers": ["USERO", "USERT"],
        "conversations": 1004,
    },
}
WHATSTK = {  # counted: every line of these begins a message, but for two notices of pokemon.txt
    "lorem.txt": (500, 4, "2020-01-15T02:22:56"),
    "lorem-2000.txt": (2000, 4, "2019-04-16T02:09:00"),
    "lorem-merge-part1.txt": (300, 4, "2019-10-20T10:16:00"),
    "lorem-merge-part2.txt": (300, 5, "2020-06-20T10:16:00"),
    "pokemon.txt": (18, 8, "2016-08-06T13:23:00"),
}


@dataclass(slots=True)
class Row:
    """One fixture: what was checked, and what differs."""

    file: str
    format: str = ""
    messages: int = 0
    speakers: int = 0
    checked: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    note: str = ""

    def check(self, what: str, expected: object, found: object) -> None:
        """Compare one figure."""
        self.checked.append(what)
        if expected != found:
            self.wrong.append(f"{what}: {expected!r} expected, {found!r} read")


def rows(data: Path) -> Iterator[Row]:
    """Every fixture that is there."""
    for folder in FOLDERS:
        file = data / folder / "expected.json"
        for sample in json.loads(file.read_text("utf-8")) if file.exists() else ():
            yield _row(data, f"{folder}/{sample['file']}", sample)
    for name, (messages, speakers, first) in WHATSTK.items():
        stated = {"messages": messages, "speakers_count": speakers, "date": first}
        yield _row(data, f"whatsapp_fixtures/whatstk/{name}", stated)
    for name, stated in PLACES.items():
        yield _row(data, name, stated)


def _row(data: Path, name: str, stated: dict[str, Any]) -> Row:
    row = Row(name, note=next((note for part, note in NOTES.items() if part in name), ""))
    try:
        export = read_export(data / name)
    except ExportError as error:
        row.check("messages", stated.get("messages_from_people"), str(error))
        return row
    row.format = export.format
    row.messages, row.speakers = len(export.messages), len(export.speakers)
    _check_counts(row, export, stated)
    _check_texts(row, export, stated)
    return row


def _check_counts(row: Row, export: Export, stated: dict[str, Any]) -> None:
    """Messages, speakers, conversations and characters."""
    wordless = sum(export.skipped.get(kind, 0) for kind in ("media", "album", "forwarded", "bots"))
    if "messages_from_people" in stated:
        people = row.messages + wordless
        row.check("messages and those without own words", stated["messages_from_people"], people)
    if "messages" in stated:
        row.check("messages", stated["messages"], row.messages)
    if "with_text" in stated:
        found = sum(message.text not in WORDLESS for message in export.messages)
        row.check("messages with text", stated["with_text"], found)
    if "speakers" in stated:
        row.check("speakers", sorted(stated["speakers"]), sorted(export.speakers))
    if "speakers_count" in stated:
        row.check("speakers", stated["speakers_count"], row.speakers)
    if "conversations" in stated:
        found = len({message.conversation for message in export.messages})
        row.check("conversations", stated["conversations"], found)
    if "characters" in stated:
        found = sum(len(message.text) for message in export.messages)
        row.check("characters", stated["characters"], found)


def _check_texts(row: Row, export: Export, stated: dict[str, Any]) -> None:
    """Every text with its time where they are stated, and dates."""
    messages = [message for message in export.messages if message.text not in WORDLESS]
    texts = [message.text for message in messages]
    if "date" in stated:
        row.check("first date", stated["date"], _iso(messages[0].sent_at))
    parsed = stated.get("parsed_oldest_first") or list(stated.get("parsed", ()))
    parsed.sort(key=lambda message: message["timestamp"])  # theirs is newest first in places
    if parsed:
        row.check("dates", [p["timestamp"] for p in parsed], [_iso(m.sent_at) for m in messages])
        row.check("who", [p["author"] for p in parsed], [m.speaker for m in messages])
        joined = [text.replace("\n", " ") for text in texts]  # as theirs joins lines
        row.check("texts", [p["message"] for p in parsed], joined)
    if "texts" in stated:
        said = [text if isinstance(text, str) else text[1] for text in stated["texts"]]
        row.check("texts", said, texts)
    if "text" in stated:
        row.check("texts", stated["text"], texts)
    if "order_after_time_sort" in stated:
        said = [text for text in stated["order_after_time_sort"] if "attachment" not in text]
        row.check("texts in order", said, texts)


def _iso(seconds: int | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()[:19]
