"""Telegram Desktop's result.json: one chat, or a whole account from which one is chosen.

Turns the records that telegram_json.py streams into messages. Forwards, posts of inline bots and
of channels are skipped: they are not the sender's own words.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from lm.corpus.text import clean
from lm.exports.export import LATEST, LONGEST_TEXT, Draft, Export, ExportError, clean_name
from lm.exports.jsonl import iso_seconds
from lm.exports.source import Source
from lm.exports.telegram_json import Chat, stream

GROUPS = ("private_group", "private_supergroup", "public_supergroup", "")  # "": not said
PEOPLE = ("personal_chat",)
MEDIA = (
    "photo",
    "file",
    "media_type",
    "sticker_emoji",
    "poll",
    "location_information",
    "contact_information",
)


def read_telegram(source: Source, chat: str | None = None) -> Export:
    """Read one chat of the file, the one of that name or id where there are several."""
    chosen = _choose(source.name, [c for c in _chats(source) if c.messages], chat)
    draft = Draft("telegram")
    names = _Names()
    with source.open() as binary:
        for current, record in stream(binary, source.name, LONGEST_TEXT):
            if record is not None and current.position == chosen.position:
                _add(draft, _chat_id(chosen), record, names)
    return draft.export(title=clean_name(chosen.name))


def _chats(source: Source) -> list[Chat]:
    """Every chat of the file, with its number of messages."""
    chats: dict[int, Chat] = {}
    with source.open() as binary:
        for current, record in stream(binary, source.name, LONGEST_TEXT):
            chats[current.position] = current
            if record is not None and current.position == 0 and current.id is not None:
                break  # the file is one chat, and its header is known: no need to read on
    return list(chats.values())


def _choose(name: str, chats: list[Chat], wanted: str | None) -> Chat:
    """The wanted chat, else the only group, else the only chat. ExportError lists them."""
    usable = [c for c in chats if c.type in GROUPS + PEOPLE or len(chats) == 1]
    if wanted is not None:
        found = [c for c in usable if wanted == str(c.id)] or [
            c for c in usable if clean_name(c.name).casefold() == clean_name(wanted).casefold()
        ]
    else:
        found = [c for c in usable if c.type in GROUPS] or usable
    if len(found) == 1:
        return found[0]
    if not usable:
        raise ExportError(f"no messages in {name}: export a group's chat as JSON")
    listed = ", ".join(f"{clean_name(c.name) or '?'} ({c.id})" for c in (found or usable)[:10])
    more = ", ..." if len(found or usable) > 10 else ""
    raise ExportError(f"{name}: choose a chat with --chat NAME (or its number): {listed}{more}")


def _chat_id(chat: Chat) -> int | None:
    """The chat's id in the Bot API, where live messages of it come from."""
    if chat.id is None or chat.id <= 0 or chat.type in PEOPLE:
        return chat.id
    if "supergroup" in chat.type or "channel" in chat.type:
        return -1_000_000_000_000 - chat.id
    return -chat.id


class _Names:
    """One name for each account: two people who are called alike stay two."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], str] = {}
        self._owner: dict[str, str] = {}

    def of(self, raw: str, key: str) -> str:
        """The name to show for an account, "" when nothing is visible of it."""
        if (raw, key) not in self._of:
            name = clean_name(raw) or key
            if self._owner.setdefault(name, key) != key and key:
                name = f"{name} ({key})"
            self._of[raw, key] = name
        return self._of[raw, key]


def _add(draft: Draft, chat: int | None, record: dict[str, Any], names: _Names) -> None:
    """Add one message, or count why there is none."""
    kind = _not_own_words(record)
    if kind:
        draft.skip(kind)
        return
    try:
        key = _key(record.get("from_id"))
        sent_at = _time(record)
        raw = _text(record)
    except ValueError:
        draft.skip("malformed")
        return
    if len(raw) > LONGEST_TEXT:
        draft.skip("too long")
        return
    text = clean(raw)
    speaker = names.of(record["from"], key)
    if not text or not speaker:
        draft.skip("media" if any(name in record for name in MEDIA) else "empty")
        return
    answered = record.get("reply_to_message_id") if "reply_to_peer_id" not in record else None
    draft.add(
        *(speaker, text, sent_at, f"telegram:{chat if chat is not None else ''}:0"),
        key=key,
        origin=_origin(chat, record.get("id")) or "",
        reply_to=_origin(chat, answered),
    )


def _not_own_words(record: dict[str, Any]) -> str:
    """The kind of thing that is no person's own message, "" for a message."""
    if record.get("type") == "service":
        return "system"
    if record.get("type") != "message":
        return "malformed"
    if "forwarded_from" in record:
        return "forwarded"
    if "via_bot" in record:
        return "via bot"
    if str(record.get("from_id")).startswith("channel"):
        return "channel"  # an anonymous admin, too
    if record.get("from") is None:
        return "deleted account" if "from_id" in record or "from" in record else "malformed"
    return "" if isinstance(record["from"], str) else "malformed"


def _origin(chat: int | None, message: object) -> str | None:
    whole = isinstance(message, int) and not isinstance(message, bool)
    return f"telegram:{chat}:{message}" if whole and chat is not None else None


def _key(account: object) -> str:
    if account is None:
        return ""
    if isinstance(account, int):  # as old exports have it
        return f"user{account}"
    if isinstance(account, str):
        return clean_name(account)[:64]
    raise ValueError("from_id is of the wrong type")


def _time(record: dict[str, Any]) -> int | None:
    """Seconds UTC; a date without them is the exporter's local time and taken as UTC."""
    written = record.get("date_unixtime")
    if isinstance(written, str) and written.isdecimal() and len(written) <= 12:
        written = int(written)
    if isinstance(written, int | Decimal | float) and 0 <= written <= LATEST:
        return int(written)
    date = record.get("date")
    if date is None and written is None:
        return None
    if not isinstance(date, str):
        raise ValueError("date is of the wrong type")
    return iso_seconds(date)


def _text(record: dict[str, Any]) -> str:
    """The text, put together where it came in parts."""
    parts = record["text"] if "text" in record else record.get("text_entities", "")
    if isinstance(parts, str):
        return parts
    if not isinstance(parts, list):
        raise ValueError("text is of the wrong type")
    return "".join(parts)
