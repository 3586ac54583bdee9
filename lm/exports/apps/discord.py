"""Discord, as DiscordChatExporter writes it: one JSON file a channel or thread, or a zip of them.

Bots, notices, forwards and commands' answers are skipped; of polls it writes an empty message.
Mentions are names already, except in exports with raw markdown, where they are put in their place
here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lm.corpus.media import PLACEHOLDERS
from lm.corpus.text import clean
from lm.exports.attachments import of_listed
from lm.exports.dating.iso import iso_seconds
from lm.exports.export import (
    LONGEST_NAME,
    LONGEST_TEXT,
    Draft,
    Export,
    ExportError,
    clean_name,
)
from lm.exports.format import SURE, Format, Guess, Options, Start
from lm.exports.json_stream import JsonStream, Path
from lm.exports.names import Names
from lm.exports.source import Source

_OWN = ("Default", "Reply", "0", "19")  # kinds of messages that a person wrote
_MEDIA = ("attachments", "embeds")
_HEADER = (("guild", "name"), ("channel", "id"), ("channel", "type"), ("channel", "name"))
_id = re.compile(r"[0-9]{1,20}").fullmatch
_mention = re.compile(r"<@!?([0-9]{1,20})>")
_emoji = re.compile(r"<a?(:\w{1,64}:)[0-9]{1,20}>")
_channel_file = re.compile(r" \[[0-9]{5,20}\](?: [(\[][^)\]/]{1,60}[)\]])*\.json$").search


def sniff_discord(start: Start) -> Guess | None:
    """Sure where a guild and a channel stand before the messages."""
    text = start.text.lstrip()
    if text.startswith("{") and '"guild"' in text and '"channel"' in text:
        return Guess(SURE, "JSON with a guild and a channel")
    return None


def are_channels(names: tuple[str, ...]) -> bool:
    """Whether files are called as DiscordChatExporter does: "Guild - Channel [1234].json"."""
    return any(map(_channel_file, names))


def read_discord(source: Source, options: Options) -> Export:
    """Read one channel, or all those of a zip or folder as conversations of one export."""
    reading = _Reading()
    if source.whole:
        with source.files() as files:
            for name in filter(_channel_file, files.names):
                with files.open(name) as binary:
                    reading.channel(JsonStream(binary, files.shown(name)))
    else:
        with source.open() as binary:
            reading.channel(JsonStream(binary, source.name))
    if not reading.channels:
        raise ExportError(f"{source.name}: no channel in it: export with DiscordChatExporter again")
    return reading.draft.export(title=clean_name(reading.title))


class _Reading:
    """The messages of one export's channels."""

    def __init__(self) -> None:
        self.draft = Draft("discord")
        self.title, self.channels = "", 0
        self._names = Names()

    def channel(self, stream: JsonStream) -> None:
        """Add a file's messages. DiscordChatExporter writes the channel before them."""
        header: dict[Path, str] = {}
        for path, value in stream.walk(lambda path: path == ("messages",)):
            if path != ("messages",):
                if isinstance(value, str) and path in _HEADER:
                    header[path] = value[:LONGEST_NAME]
                continue
            if not isinstance(value, Iterator):
                continue
            channel = header.get(("channel", "id"), "")
            if not _id(channel):
                raise ExportError(f"{stream.name}: no channel id before the messages")
            self.title = self.title or _title(header)
            self.channels += 1
            for record in value:
                kind = self._add(channel, record) if isinstance(record, dict) else "malformed"
                if kind:
                    self.draft.skip(kind, stream.line if self.draft.wants_lines(kind) else 0)

    def _add(self, channel: str, record: dict[str, Any]) -> str:
        """Add one message; else the kind of thing that it is."""
        author = record.get("author")
        if not isinstance(author, dict):
            return "malformed"
        kind = _not_own_words(record, author)
        if kind:
            return kind
        key, content = author.get("id"), record.get("content")
        shown = author.get("nickname") or author.get("name")
        try:
            sent_at = iso_seconds(record["timestamp"]) if record.get("timestamp") else None
        except (ValueError, TypeError):
            return "malformed"
        if not (isinstance(key, str) and _id(key) and isinstance(shown, str)):
            return "malformed"
        if not isinstance(content, str):
            return "malformed"
        if len(content) > LONGEST_TEXT:
            return "too long"
        text = clean(_readable(content, record.get("mentions"))) or _placeholder(record)
        if not text:
            return "media" if any(record.get(name) for name in _MEDIA) else "empty"
        self.draft.add(
            *(self._names.of(shown, f"discord:{key}", _account(author)), text, sent_at),
            f"discord:{channel}",
            key=f"discord:{key}",
            origin=_origin(channel, record.get("id")) or "",
            reply_to=_answered(channel, record),
        )
        return ""


def _not_own_words(record: dict[str, Any], author: dict[str, Any]) -> str:
    """The kind of thing that is no person's own message, "" for a message."""
    if str(record.get("type")) not in _OWN:
        return "system"
    if author.get("isBot"):
        return "bots"
    if _reference(record).get("type") == "Forward" or record.get("forwardedMessage"):
        return "forwarded"
    return ""


def _placeholder(record: dict[str, Any]) -> str:
    """What stands for a message without words, "" where nothing names the kind."""
    if record.get("stickers"):
        return PLACEHOLDERS["sticker"]
    return of_listed(record.get("attachments"), "fileName")


def _reference(record: dict[str, Any]) -> dict[str, Any]:
    reference = record.get("reference")
    return reference if isinstance(reference, dict) else {}


def _answered(channel: str, record: dict[str, Any]) -> str | None:
    """Origin of the message that this one answers."""
    reference = _reference(record)
    where = reference.get("channelId")
    where = where if isinstance(where, str) and _id(where) else channel
    return _origin(where, reference.get("messageId"))


def _origin(channel: str, message: object) -> str | None:
    known = isinstance(message, str) and _id(message)
    return f"discord:{channel}:{message}" if known else None


def _account(author: dict[str, Any]) -> str:
    """The unique name: "anna", or "Anna#1234" as it was until 2023."""
    name, number = author.get("name"), author.get("discriminator")
    old = isinstance(number, str) and number.strip("0")
    return clean_name(f"{name}#{number}" if old else str(name or ""))


def _readable(content: str, mentions: object) -> str:
    """The text with raw mentions and emoji as they are shown."""
    if "<" not in content:
        return content
    names = {}
    for who in mentions if isinstance(mentions, list) else ():
        if isinstance(who, dict):
            names[str(who.get("id"))] = str(who.get("nickname") or who.get("name") or "")
    shown = _mention.sub(lambda found: f"@{names.get(found[1]) or 'someone'}", content)
    return _emoji.sub(r"\1", shown)


def _title(header: dict[Path, str]) -> str:
    """The server's name, or the channel's in a private conversation."""
    private = header.get(("channel", "type"), "").startswith("Direct")
    return header.get(("channel" if private else "guild", "name"), "")


FORMAT = Format(
    "discord", "DiscordChatExporter JSON", sniff_discord, read_discord, whole=are_channels
)
