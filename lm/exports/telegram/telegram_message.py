"""What a message of Telegram Desktop's result.json says, and who said it.

Forwards, posts of inline bots and of channels are skipped: they are not the sender's own words. So
is all that an account said which has sent buttons: only bots can, this program's among them. A
sticker is its emoji, a poll its question, other media without words what they are live
(lm/corpus/media.py). A forum's topics are conversations of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from lm.corpus.media import PLACEHOLDERS, WORDLESS
from lm.corpus.text import clean
from lm.exports.columns import BLOCK, NO_TIME, ids_of
from lm.exports.dating.iso import iso_seconds
from lm.exports.export import LATEST, LONGEST_TEXT, Draft, Export, clean_name
from lm.exports.json_stream import JsonStream
from lm.exports.names import Names
from lm.exports.telegram.telegram_json import Chat
from lm.exports.telegram.topics import Topics, is_id

# How an export calls what the Bot API and lm/corpus/media.py have other words for.
_MEDIA_TYPES = {
    "video_file": "video",
    "animation": "animation",
    "voice_message": "voice",
    "video_message": "video_note",
    "audio_file": "audio",
    "sticker": "sticker",
}
_MEDIA_FIELDS = {
    "photo": "photo",
    "file": "document",
    "contact_information": "contact",
    "location_information": "location",
    "todo_list": "checklist",
    "game_title": "game",
    "invoice_information": "invoice",
}
_WITHOUT_PLACEHOLDER = ("media_type", "poll", "sticker_emoji", "giveaway_information")

_DIGITS = len(str(LATEST))  # with fewer, seconds are not later than that


class Reading:
    """The messages of one chat, as they come."""

    def __init__(self, chat: Chat, stream: JsonStream) -> None:
        """Begin the chat of that header; `stream` knows the lines."""
        self.header = chat.header
        self.draft = Draft("telegram")
        self._stream = stream
        self._columns = self.draft.columns
        self._has_id = chat.api_id is not None  # else messages have no origins of their own
        self._prefix = f"telegram:{chat.api_id if self._has_id else ''}:"
        self._ids = self._columns.prefix(self._prefix)
        self._names, self._topics = Names(), Topics()
        self._speakers: dict[tuple[str, str], int | str] = {}
        self._bots = set[str]()  # accounts
        self._places: dict[int, int] = {}
        self._rows: list[tuple[int, str, int, int, int, int]] = []
        self._moment = (-1, NO_TIME, 0)  # who spoke last, when, and in which topic

    def take(self, records: Iterator[Any]) -> int:
        """Add messages, or count why there are none. Returns how many records there were."""
        count = 0
        for count, record in enumerate(records, start=1):  # noqa: B007  (the last is kept)
            kind = self._add(record) if isinstance(record, dict) else "malformed"
            if kind:
                line = self._stream.line if self.draft.wants_lines(kind) else 0
                self.draft.skip(kind, line)
        return count

    def _add(self, record: dict[str, Any]) -> str:
        """Add one message; else the kind of thing that it is."""
        number, answered, topic = record.get("id"), -1, 0
        if "reply_to_message_id" in record:
            answered, topic = self._answered(record)
        kind = _not_own_words(record)
        if kind:
            if record.get("action") == "topic_created" and is_id(number):
                self._topics.put(number, number)
            if kind == "bots":
                self._bots.add(str(record.get("from_id")))
            return kind
        speaker = self._speaker(record)
        if isinstance(speaker, str):
            return speaker
        try:
            raw = record.get("text")
            raw = raw if raw and isinstance(raw, str) else _words(record)
            if len(raw) > LONGEST_TEXT:
                return "too long"
            text = clean(raw) or _placeholder(record)
            if not text:
                return "media" if any(name in record for name in _WITHOUT_PLACEHOLDER) else "empty"
            sent_at = _time(record)
        except ValueError:
            return "malformed"
        now = (speaker, sent_at, topic)
        if now == self._moment and text in WORDLESS:
            return "album"  # of several photos sent together the first one stands for all, as live
        self._moment = now
        own = number if is_id(number) else -1
        self._rows.append((speaker, text, sent_at, self._place(topic), own, answered))
        if len(self._rows) == BLOCK:
            self._put_away()
        return ""

    def _place(self, topic: int) -> int:
        """The number of a topic's conversation."""
        place = self._places.get(topic)
        if place is None:
            place = self._columns.conversations.number(f"{self._prefix}{topic}")
            self._places[topic] = place
        return place

    def _put_away(self) -> None:
        """Hand the rows over, which takes half the time of Draft.add for each."""
        if not self._rows:
            return
        who, texts, times, where, own, answered = zip(*self._rows, strict=True)
        self._rows.clear()
        columns = np.array((who, times, where, own, answered), np.int64)
        if not self._has_id:
            columns[3:] = -1
        origins, replies = (ids_of(self._ids, numbers) for numbers in columns[3:])
        coded = list(map(str.encode, texts))
        self._columns.extend(columns[0], coded, columns[1], columns[2], origins, replies)

    def export(self) -> Export:
        """The chat once all is taken."""
        self._put_away()
        for number, (_, key) in enumerate(self._columns.speakers.values):
            if key in self._bots:
                rows = self._columns.rows_of(number)
                self._columns.drop(rows)
                self.draft.skipped["bots"] += len(rows)
        return self.draft.export(title=clean_name(self.header[1]))

    def _answered(self, record: dict[str, Any]) -> tuple[int, int]:
        """The message of this chat that is answered, -1 for none, and the topic, 0 for none."""
        answered = record["reply_to_message_id"]
        if "reply_to_peer_id" in record or not is_id(answered):
            return -1, 0
        topic = self._topics.of(answered)
        if topic:
            self._topics.put(record.get("id"), topic)
        return (-1 if answered == topic else answered), topic

    def _speaker(self, record: dict[str, Any]) -> int | str:
        """The speaker's number, or the kind of thing that is no person's own message."""
        shown, account = record.get("from"), record.get("from_id")
        if not (isinstance(shown, str) and isinstance(account, str)):
            return self._understood(shown, account)
        speaker = self._speakers.get((shown, account))
        if speaker is None:
            speaker = self._speakers[shown, account] = self._understood(shown, account)
        return speaker

    def _understood(self, shown: object, account: object) -> int | str:
        """What `_speaker` gives for a name and an account that it does not know."""
        if shown is None and account is None:
            return "deleted account"
        if not isinstance(shown, str | None) or not isinstance(account, str | int | None):
            return "malformed"
        if isinstance(account, str) and account.startswith("channel"):
            return "channel"  # an anonymous admin, too
        key = f"user{account}" if isinstance(account, int) else clean_name(account or "")[:64]
        name = f"Deleted account ({key})" if shown is None else self._names.of(shown, key)
        return self._columns.speakers.number((name, key)) if name else "malformed"


def _not_own_words(record: dict[str, Any]) -> str:
    """The kind of thing that is no person's own message, "" for a message of whoever sent it."""
    kind = record.get("type")
    if kind != "message":
        return {"service": "system", "unsupported": "unsupported"}.get(str(kind), "malformed")
    if "forwarded_from" in record or "forwarded_from_id" in record:
        return "forwarded"
    if "via_bot" in record:
        return "via bot"
    if "inline_bot_buttons" in record:
        return "bots"  # people cannot send buttons
    return "" if "from" in record or "from_id" in record else "malformed"


def _time(record: dict[str, Any]) -> int:
    """Seconds UTC or NO_TIME; a date without them is the exporter's and taken as UTC."""
    written = record.get("date_unixtime")
    if isinstance(written, str) and len(written) < _DIGITS and written.isdecimal():
        return int(written)
    if isinstance(written, int | float) and 0 <= written <= LATEST:
        return int(written)
    date = record.get("date")
    if date is None and written is None:
        return NO_TIME
    if not isinstance(date, str):
        raise ValueError("date is of the wrong type")
    return iso_seconds(date)


def _placeholder(record: dict[str, Any]) -> str:
    """What stands for media without words, "" where there are none, or none that has one."""
    media = record.get("media_type")
    kind = _MEDIA_TYPES.get(media) if isinstance(media, str) else None
    if kind is None:
        kind = next((_MEDIA_FIELDS[name] for name in _MEDIA_FIELDS if name in record), None)
    return "" if kind is None else PLACEHOLDERS[kind]


def _words(record: dict[str, Any]) -> str:
    """What the sender wrote: the text, else a poll's question, else a sticker's emoji."""
    text = _joined(record.get("text")) or _joined(record.get("text_entities"))
    if text:
        return text
    poll, emoji = record.get("poll"), record.get("sticker_emoji")
    if isinstance(poll, dict):
        return _joined(poll.get("question"))
    return emoji if isinstance(emoji, str) else ""


def _joined(parts: object) -> str:
    """A text, put together where it came in parts."""
    if isinstance(parts, str):
        return parts
    if parts is None:
        return ""
    if not isinstance(parts, list):
        raise ValueError("text is of the wrong type")
    words = (part.get("text") if isinstance(part, dict) else part for part in parts)
    return "".join(word for word in words if isinstance(word, str))
