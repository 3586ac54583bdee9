"""What a message of Telegram Desktop's result.json says, and who said it.

Forwards, posts of inline bots and of channels are skipped: they are not the sender's own words. A
sticker is its emoji, a poll its question, other media without words what they are live
(lm/corpus/media.py). A forum's topics are conversations of their own.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import Any, TypeGuard

from lm.corpus.media import PLACEHOLDERS, WORDLESS
from lm.corpus.text import clean
from lm.exports.columns import NO_ID, NO_TIME
from lm.exports.dating.iso import iso_seconds
from lm.exports.export import LATEST, LONGEST_TEXT, Draft, clean_name
from lm.exports.json_stream import JsonStream
from lm.exports.names import Names
from lm.exports.telegram.telegram_json import Chat

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

_MOST = 1 << 62  # what 64 bits hold, generously


class _Topics:
    """In which topic of a forum a message stands, told from what it answers.

    Every message of a topic answers the notice of its creation or another message of it. Sixteen
    bytes a message; an id out of order, which Telegram does not write, is not remembered.
    """

    def __init__(self) -> None:
        self._ids, self._topics = array("q"), array("q")

    def of(self, message: int) -> int:
        """The topic of an earlier message, 0 for none."""
        place = bisect_left(self._ids, message)
        known = place < len(self._ids) and self._ids[place] == message
        return self._topics[place] if known else 0

    def put(self, message: object, topic: int) -> None:
        if _is_id(message) and (not self._ids or message > self._ids[-1]):
            self._ids.append(message)
            self._topics.append(topic)


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
        self._names, self._topics = Names(), _Topics()
        self._speakers: dict[tuple[object, object], int] = {}
        self._places: dict[int, int] = {}
        self._moment = (-1, NO_TIME, 0)  # who spoke last, when, and in which topic

    def take(self, record: Any) -> None:
        """Add a message, or count why there is none."""
        kind = self._add(record) if isinstance(record, dict) else "malformed"
        if kind:
            line = self._stream.line if self.draft.wants_lines(kind) else 0
            self.draft.skip(kind, line)

    def _add(self, record: dict[str, Any]) -> str:
        """Add one message; else the kind of thing that it is."""
        number, answered, topic = record.get("id"), -1, 0
        if "reply_to_message_id" in record:
            answered, topic = self._answered(record)
        kind = _not_own_words(record)
        if kind:
            if record.get("action") == "topic_created" and _is_id(number):
                self._topics.put(number, number)
            return kind
        try:
            raw = record.get("text")
            raw = raw if raw and isinstance(raw, str) else _words(record)
            if len(raw) > LONGEST_TEXT:
                return "too long"
            text = clean(raw) or _placeholder(record)
            if not text:
                return "media" if any(name in record for name in _WITHOUT_PLACEHOLDER) else "empty"
            speaker, sent_at = self._speaker(record), _time(record)
        except ValueError:
            return "malformed"
        moment, self._moment = self._moment, (speaker, sent_at, topic)
        if text in WORDLESS and self._moment == moment:
            return "album"  # of several photos sent together the first one stands for all, as live
        self._put(speaker, text, sent_at, topic, number, answered)
        return ""

    def _put(
        self, speaker: int, text: str, sent_at: int, topic: int, number: object, answered: int
    ) -> None:
        """What Draft.add does, for numbers that are known already and in half its time."""
        columns = self._columns
        place = self._places.get(topic)
        if place is None:
            place = columns.conversations.number(f"{self._prefix}{topic}")
            self._places[topic] = place
        columns.add(
            *(speaker, text, sent_at, place),
            (self._ids, number) if self._has_id and _is_id(number) else NO_ID,
            (self._ids, answered) if self._has_id and answered >= 0 else NO_ID,
        )

    def _answered(self, record: dict[str, Any]) -> tuple[int, int]:
        """The message of this chat that is answered, -1 for none, and the topic, 0 for none."""
        answered = record["reply_to_message_id"]
        if "reply_to_peer_id" in record or not _is_id(answered):
            return -1, 0
        topic = self._topics.of(answered)
        if topic:
            self._topics.put(record.get("id"), topic)
        return (-1 if answered == topic else answered), topic

    def _speaker(self, record: dict[str, Any]) -> int:
        """The speaker's number. ValueError for one of the wrong type or without a name."""
        shown, account = record.get("from"), record.get("from_id")
        if not isinstance(account, str | int | None):
            raise ValueError("from_id is of the wrong type")
        number = self._speakers.get((shown, account))
        if number is None:
            key = f"user{account}" if isinstance(account, int) else clean_name(account or "")[:64]
            gone = shown is None
            name = f"Deleted account ({key})" if gone else self._names.of(str(shown), key)
            if not name:
                raise ValueError("nothing of the name is visible")
            number = self._columns.speakers.number((name, key))
            self._speakers[shown, account] = number
        return number


def _is_id(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < _MOST  # True is no id


def _not_own_words(record: dict[str, Any]) -> str:
    """The kind of thing that is no person's own message, "" for a message."""
    kind = record.get("type")
    if kind != "message":
        return {"service": "system", "unsupported": "unsupported"}.get(str(kind), "malformed")
    if "forwarded_from" in record:
        return "forwarded"
    if "via_bot" in record:
        return "via bot"
    if "inline_bot_buttons" in record:
        return "bots"  # people cannot send buttons
    shown, account = record.get("from"), record.get("from_id")
    if isinstance(account, str) and account.startswith("channel"):
        return "channel"  # an anonymous admin, too
    if shown is None and account is None:
        return "deleted account" if "from" in record else "malformed"
    return "" if shown is None or isinstance(shown, str) else "malformed"


def _time(record: dict[str, Any]) -> int:
    """Seconds UTC or NO_TIME; a date without them is the exporter's and taken as UTC."""
    written = record.get("date_unixtime")
    if isinstance(written, str) and len(written) <= 12 and written.isdecimal():
        written = int(written)
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
