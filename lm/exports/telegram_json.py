"""Streams the messages out of a result.json of any size, holding one of them at a time.

Follows Telegram Desktop's two layouts: {"messages": [...]} and {"chats": {"list": [{"messages":
[...]}]}}. Knows where values stand, not what they mean; telegram.py does.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from lm.exports.export import ExportError
from lm.exports.source import encoding_of

DEEPEST = 50  # levels; Telegram nests fewer than ten
LONGEST_SILENCE = 1 << 23  # bytes without the end of a value: one huge string or number
_CHUNK = 1 << 16
_MESSAGES = (["messages", None], ["chats", "list", None, "messages", None])  # None: a list's item
_CHATS: tuple[list[str | None], ...] = ([], ["chats", "list", None])
_TEXTS = ("text", "text_entities")
_KEYS = frozenset(
    (
        *("id", "type", "date", "date_unixtime", "from", "from_id", "text", "text_entities"),
        *("reply_to_message_id", "reply_to_peer_id", "forwarded_from", "via_bot", "photo", "file"),
        *("media_type", "sticker_emoji", "poll", "location_information", "contact_information"),
    )
)

Record = dict[str, Any]


@dataclass(slots=True)
class Chat:
    """A chat's header. Complete only after its last message, because keys have no fixed order."""

    position: int
    name: str = ""
    type: str = ""
    id: int | None = None
    messages: int = 0

    def take(self, key: str | None, value: object) -> None:
        """Keep a value of the header if it is of the right type."""
        if key == "id" and isinstance(value, int) and not isinstance(value, bool):
            self.id = value
        elif key in ("name", "type") and isinstance(value, str):
            setattr(self, key, value)


class _Message:
    """A message's known values as they come; depth counts levels above the message."""

    def __init__(self, depth: int, longest_text: int) -> None:
        self.depth = depth
        self.record: Record = {}
        self._room = longest_text + 1

    def open(self, key: str | None, event: str) -> None:
        """A list or an object begins as the value of a key."""
        if key in _KEYS and key not in self.record:
            parts = event == "start_array" and key in _TEXTS and "text" not in self.record
            self.record[key] = [] if parts else None

    def take(self, path: list[str | None], value: object) -> None:
        """A plain value: one of the message's own, or a part of its text."""
        inside = len(path) - self.depth
        key = path[self.depth - 1]
        if inside == 0 and key in _KEYS:
            self.record[key] = value
        elif key in _TEXTS and (inside == 1 or (inside == 2 and path[-1] == "text")):
            parts = self.record.get(key)
            if isinstance(parts, list) and isinstance(value, str) and self._room > 0:
                parts.append(value)
                self._room -= len(value)


def stream(
    binary: BinaryIO, file_name: str, longest_text: int
) -> Iterator[tuple[Chat, Record | None]]:
    """Each message with its chat, as a dict of its known values; each chat once more with None.

    A list or an object is given as None, but a text in parts as a list of strings, cut off once
    it is over longest_text. ExportError where the JSON is broken.
    """
    path: list[str | None] = []  # the key at every level, None inside a list
    chats: list[Chat] = []
    message: _Message | None = None
    for event, value in _events(binary, file_name):
        if event == "map_key":
            path[-1] = value
        elif event in ("start_map", "start_array"):
            if message is not None and len(path) == message.depth:
                message.open(path[-1], event)
            elif message is None and event == "start_map":
                if path in _MESSAGES:
                    message = _Message(len(path) + 1, longest_text)
                elif path in _CHATS:
                    chats.append(Chat(len(chats)))
            path.append(None)
            if len(path) > DEEPEST:
                raise ExportError(f"{file_name}: nested too deeply for a chat export")
        elif event in ("end_map", "end_array"):
            path.pop()
            if message is not None and len(path) < message.depth:
                chats[-1].messages += 1
                yield chats[-1], message.record
                message = None
        elif message is not None:
            message.take(path, value)
        elif path[:-1] in _CHATS:
            chats[0 if len(path) == 1 else -1].take(path[-1], value)
    for chat in chats:
        yield chat, None


def _events(binary: BinaryIO, file_name: str) -> Iterator[tuple[str, Any]]:
    """What ijson finds, with bounds on what it holds."""
    import ijson  # only whoever reads JSON needs it

    found = ijson.sendable_list()
    parser = ijson.basic_parse_coro(found)
    decoder = codecs.getincrementaldecoder(encoding_of(binary))("replace")
    size = silent = 0
    try:
        while chunk := binary.read(_CHUNK):
            if text := decoder.decode(chunk):  # sending nothing would mean the end
                parser.send(text.encode())
            size, silent = size + len(chunk), 0 if found else silent + len(chunk)
            if silent > LONGEST_SILENCE:
                break
            yield from found
            del found[:]
        else:
            if text := decoder.decode(b"", final=True):
                parser.send(text.encode())
            parser.close()
            yield from found
            return
    except (ijson.JSONError, SystemError, ValueError) as error:  # SystemError: a 5,000-digit number
        if isinstance(error, ExportError):
            raise
        raise ExportError(
            f"{file_name}: the JSON is broken or cut off near byte {size:,}: export the chat again"
        ) from None
    raise ExportError(
        f"{file_name}: one value near byte {size:,} is far too long for a chat export"
    )
