"""Signal: its own export (main.jsonl), and what signal-export writes (data.json or chat.md).

Every line of both JSON files is an object. In main.jsonl recipients and chats come before the
messages that name them by id; of several chats one is chosen. Knows no encrypted backups.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lm.corpus.media import PLACEHOLDERS
from lm.corpus.text import clean
from lm.exports.apps.signal_text import CONVERSATION, ME, begins, read_text
from lm.exports.attachments import of_listed, of_type
from lm.exports.dating.iso import iso_seconds
from lm.exports.export import (
    EXACT,
    LATEST,
    LONGEST_NAME,
    LONGEST_TEXT,
    Draft,
    Export,
    ExportError,
    clean_name,
)
from lm.exports.format import SURE, Format, Guess, Options, Start
from lm.exports.names import Names
from lm.exports.source import Source, lines

LONGEST_LINE = 1 << 20  # characters: a message with all its edits and reactions
_NAMES = ("nickname", "system", "profile")  # where contacts have names, the best first
_WORDLESS = {"stickerMessage": "sticker", "contactMessage": "contact"}
_FLAGS = {"VOICE_MESSAGE": "voice", "GIF": "animation"}  # of an attachment
_FRAMES = ('{"chatItem":', '{"recipient":', '{"chat":', '{"account":')

Record = dict[str, Any]


def sniff_signal(start: Start) -> Guess | None:
    """Sure for both kinds of JSON lines, likely for a header in square brackets.

    Some phones' WhatsApp writes the same header, but no Markdown, and marks that Signal lacks.
    """
    lines = [line.lstrip() for line in start.lines]
    if sum(line.replace(" ", "").startswith(_FRAMES) for line in lines) > 1:
        return Guess(SURE, "JSON lines with Signal's recipients and chat items")
    if any(line.startswith("{") and _is_export_line(line) for line in lines):
        return Guess(SURE, "JSON lines with sender, body and quote, as signal-export writes them")
    headers = [line for line in start.lines if begins(line)]
    if not headers:
        return None
    markdown = 2 * sum(line.endswith("  ") for line in headers) >= len(headers)
    to_the_minute = len(begins(headers[0])) == len("15:04")
    if markdown or (to_the_minute and "\u200e" not in start.text):
        return Guess(95, "lines such as [2019-05-29, 15:04] Name: as signal-export writes them")
    return Guess(50, "lines such as [2019-05-29 15:04:22] Name:")


def _is_export_line(line: str) -> bool:
    return all(f'"{key}":' in line for key in ("date", "sender", "body", "reactions"))


def read_signal(source: Source, options: Options) -> Export:
    """Read whichever of the three it is."""
    draft = Draft("signal")
    with source.text() as text:
        first = next((line for line, _ in lines(text, LONGEST_LINE) if line.strip()), "")
    title, locale = source.stem, ""
    if not first.lstrip().startswith("{"):
        read_text(source, draft)
    elif _is_export_line(first):
        _read_data(source, draft)
    else:
        title, locale = _read_frames(source, draft, options.chat), EXACT
    return draft.export(locale, clean_name(title))


def _records(source: Source, draft: Draft) -> Iterator[tuple[int, Record]]:
    """The objects with their line numbers; what is none is counted."""
    with source.text() as text:
        for number, (line, cut) in enumerate(lines(text, LONGEST_LINE), start=1):
            if cut:
                draft.skip("too long", number)
            elif line and not line.isspace():
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError):
                    record = None
                if isinstance(record, dict):
                    yield number, record
                else:
                    draft.skip("malformed", number)


def _read_data(source: Source, draft: Draft) -> None:
    """Add the messages of a data.json."""
    names = Names()
    for number, record in _records(source, draft):
        kind = _add_exported(draft, record, names)
        if kind:
            draft.skip(kind, number)


def _add_exported(draft: Draft, record: Record, names: Names) -> str:
    """Add a message of signal-export; else the kind of thing that it is."""
    sender, body, date = record.get("sender"), record.get("body"), record.get("date")
    if not (isinstance(sender, str) and isinstance(body, str) and isinstance(date, str)):
        return "malformed"
    try:
        sent_at = iso_seconds(date)
    except ValueError:
        return "malformed"
    if record.get("deleted") or record.get("call"):
        return "deleted" if record.get("deleted") else "system"
    if len(body) > LONGEST_TEXT:
        return "too long"
    text = clean(body) or clean(_emoji(record.get("sticker")))
    text = text or of_listed(record.get("attachments"), "name")
    text = text or (PLACEHOLDERS["sticker"] if record.get("sticker") else "")
    speaker = names.of(sender, "")
    if not text or not speaker:
        return "media" if record.get("attachments") else "empty"
    draft.add(speaker, text, sent_at, CONVERSATION)
    return ""


def _emoji(sticker: object) -> str:
    """The emoji that a sticker stands for."""
    emoji = sticker.get("emoji") if isinstance(sticker, dict) else sticker
    return emoji[:40] if isinstance(emoji, str) else ""


@dataclass(slots=True)
class _Account:
    """Who and where ids are in a main.jsonl: people by recipient, recipients by chat."""

    people: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)  # titles by recipient
    chats: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)  # messages by chat

    def take(self, record: Record) -> None:
        """Learn from a line."""
        recipient, chat, item = (_object(record, k) for k in ("recipient", "chat", "chatItem"))
        if recipient:
            self._meet(str(recipient.get("id")), recipient)
        elif chat:
            self.chats[str(chat.get("id"))] = str(chat.get("recipientId"))
        elif item:
            number = str(item.get("chatId"))
            self.counts[number] = self.counts.get(number, 0) + 1

    def _meet(self, number: str, recipient: Record) -> None:
        contact, group = _object(recipient, "contact"), _object(recipient, "group")
        if "self" in recipient:
            self.people[number], self.keys[number] = ME, ""
        elif contact:
            self.people[number] = _contact_name(contact)[: 4 * LONGEST_NAME]
            self.keys[number] = str(contact.get("aci") or contact.get("e164") or "")[:64]
        elif group:
            title = _object(_object(group, "snapshot"), "title").get("title")
            self.groups[number] = str(title or "")[:LONGEST_NAME]

    def title(self, chat: str) -> str:
        """What a chat is called."""
        recipient = self.chats.get(chat, "")
        return clean_name(self.groups.get(recipient) or self.people.get(recipient) or "")


def _read_frames(source: Source, draft: Draft, wanted: str | None) -> str:
    """Add the messages of one chat of a main.jsonl. Returns the chat's title."""
    account = _Account()
    for _, record in _records(source, Draft("signal")):
        account.take(record)
    chat = _choose(source.name, account, wanted)
    names = Names()
    for number, record in _records(source, draft):
        item = _object(record, "chatItem")
        if item and str(item.get("chatId")) == chat:
            kind = _add_item(draft, item, account, names)
            if kind:
                draft.skip(kind, number)
    return account.title(chat)


def _choose(name: str, account: _Account, wanted: str | None) -> str:
    """The wanted chat, else the only group, else the only chat. ExportError lists them."""
    chats = list(account.counts)
    if wanted is None:
        found = [c for c in chats if account.chats.get(c) in account.groups] or chats
    else:
        asked = clean_name(wanted).casefold()
        found = [c for c in chats if account.title(c).casefold() == asked]
        found = found or [c for c in chats if c == wanted]
    if len(found) == 1:
        return found[0]
    if not chats:
        raise ExportError(f"no messages in {name}: export the chat again")
    shown = found or chats
    listed = ", ".join(f"{account.title(c) or '?'} ({clean_name(c)})" for c in shown[:10])
    more = ", ..." if len(shown) > 10 else ""
    raise ExportError(f"{name}: choose a chat with --chat NAME (or its number): {listed}{more}")


def _add_item(draft: Draft, item: Record, account: _Account, names: Names) -> str:
    """Add a message of Signal's own export; else the kind of thing that it is."""
    kind = _not_own_words(item)
    if kind:
        return kind
    author, sent = str(item.get("authorId")), _milliseconds(item.get("dateSent"))
    shown = account.people.get(author)
    if shown is None or sent is None:
        return "malformed"
    raw = _words(item)
    if len(raw) > LONGEST_TEXT:
        return "too long"
    text = clean(raw) or _placeholder(item)
    if not text:
        return "media"
    key = account.keys[author] and f"signal:{account.keys[author]}"
    speaker = names.of(shown, key)
    if not speaker:
        return "malformed"
    draft.add(speaker, text, sent // 1000, CONVERSATION, key=key)
    return ""


def _not_own_words(item: Record) -> str:
    """The kind of thing that is no person's own message, "" for a message."""
    if "remoteDeletedMessage" in item or "adminDeletedMessage" in item:
        return "deleted"
    if "updateMessage" in item:
        return "system"
    own = ("standardMessage", "poll", "directStoryReplyMessage", *_WORDLESS)
    return "" if any(name in item for name in own) else "media"


def _words(item: Record) -> str:
    """The newest text, a sticker's emoji or a poll's question."""
    emoji = _emoji(_object(_object(item, "stickerMessage"), "sticker"))
    story = _object(_object(item, "directStoryReplyMessage"), "textReply")
    texts = (_object(_object(item, "standardMessage"), "text"), _object(story, "text"))
    bodies = [text.get("body") for text in texts] + [_object(item, "poll").get("question"), emoji]
    return next((body for body in bodies if isinstance(body, str) and body), "")


def _placeholder(item: Record) -> str:
    """What stands for a file without words, "" for none of a known type."""
    named = next((kind for name, kind in _WORDLESS.items() if name in item), "")
    files = _object(item, "standardMessage").get("attachments")
    first = files[0] if isinstance(files, list) and files else None
    if isinstance(first, dict):
        named = _FLAGS.get(str(first.get("flag")), "")
        kind = _object(first, "pointer").get("contentType")
        if not named and isinstance(kind, str):
            return of_type(kind)
    return PLACEHOLDERS[named] if named else ""


def _contact_name(contact: Record) -> str:
    """The name that the exporter's phone shows for somebody."""
    nickname = _object(contact, "nickname")
    pairs = [(nickname.get("given"), nickname.get("family"))]
    pairs += [(contact.get(f"{w}GivenName"), contact.get(f"{w}FamilyName")) for w in _NAMES[1:]]
    written = (" ".join(part for part in pair if isinstance(part, str)) for pair in pairs)
    known = next((name for name in written if name.strip()), "")
    return known or str(contact.get("e164") or "")


def _milliseconds(value: object) -> int | None:
    """A moment, written as text because of its size."""
    known = isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 17
    number = int(str(value)) if known or type(value) is int else -1
    return number if 0 <= number <= 1000 * LATEST else None


def _object(record: Record, key: str) -> Record:
    """A value that is an object, an empty one in the place of anything else."""
    value = record.get(key)
    return value if isinstance(value, dict) else {}


FORMAT = Format("signal", "Signal", sniff_signal, read_signal)
