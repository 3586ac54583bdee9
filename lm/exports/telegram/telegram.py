"""Telegram Desktop's result.json: one chat, or a whole account from which one is chosen.

Chooses the chat; telegram_json.py finds its messages, telegram_message.py knows what they mean.
"""

from __future__ import annotations

from collections.abc import Callable

from lm.exports.export import Export, ExportError, clean_name
from lm.exports.format import SURE, Format, Guess, Options, Start
from lm.exports.json_stream import JsonStream
from lm.exports.source import Source
from lm.exports.telegram.telegram_json import PEOPLE, Chat, Take, gather
from lm.exports.telegram.telegram_message import Reading

GROUPS = ("private_group", "private_supergroup", "public_supergroup", "")  # "": not said
_EVERY_MESSAGE = ('"date_unixtime"', '"from_id"', '"text_entities"', '"actor_id"')
_BEFORE_CHATS = ('"personal_information"', '"contacts"')


def sniff_telegram(start: Start) -> Guess | None:
    """Sure where messages have Telegram's keys; likely where they stand as in Telegram's layout.

    Before an account's chats stand its contacts, which may be many.
    """
    text = start.text.lstrip()
    if not text.startswith("{"):
        return None
    if '"about"' in text and any(key in text for key in _BEFORE_CHATS):
        return Guess(80, "JSON that begins with an account's information")
    if not ('"messages"' in text or '"chats"' in text):
        return None
    if any(key in text for key in _EVERY_MESSAGE):
        return Guess(SURE, "JSON whose messages have from_id or date_unixtime")
    return Guess(40, "JSON with messages or chats")


def read_telegram(source: Source, options: Options) -> Export:
    """Read one chat of the file, the one of that name or id where there are several.

    One pass where the first chat that fits is the only one and its header stands before its
    messages, as Telegram writes it; a second pass otherwise.
    """
    chats, reading = _pass(source, lambda chat: _fits(chat, options.chat))
    chosen = _choose(source.name, [chat for chat in chats if chat.messages], options.chat)
    if reading is None or reading.header != chosen.header:
        reading = _pass(source, lambda chat: chat.position == chosen.position, chosen)[1]
    assert reading is not None, "the chosen chat went missing between two passes"
    return reading.export()


def _pass(
    source: Source, wanted: Callable[[Chat], bool], known: Chat | None = None
) -> tuple[list[Chat], Reading | None]:
    """All chats, and the messages of the first that is wanted; `known` is its header if known."""
    readings: list[Reading] = []

    def begin(chat: Chat) -> Take | None:
        if readings or not wanted(chat):
            return None
        readings.append(Reading(known or chat, stream))
        return readings[0].take

    with source.open() as binary:
        stream = JsonStream(binary, source.name)
        chats = gather(stream, begin)
    return chats, readings[0] if readings else None


def _fits(chat: Chat, wanted: str | None) -> bool:
    """Whether a chat is likely to be chosen in the end, by what is known where it begins."""
    if wanted is not None:
        return wanted == str(chat.id) or _same_name(chat, wanted)
    return chat.type in GROUPS


def _same_name(chat: Chat, wanted: str) -> bool:
    return clean_name(chat.name).casefold() == clean_name(wanted).casefold()


def _choose(name: str, chats: list[Chat], wanted: str | None) -> Chat:
    """The wanted chat, else the only group, else the only chat. ExportError lists them.

    A chat that the account has left has to be asked for, where there are others.
    """
    usable = [c for c in chats if c.type in GROUPS + PEOPLE or len(chats) == 1]
    if wanted is not None:
        found = [c for c in usable if wanted == str(c.id)] or [
            c for c in usable if _same_name(c, wanted)
        ]
    else:
        present = [c for c in usable if c.position >= 0] or usable
        found = [c for c in present if c.type in GROUPS] or present
    if len(found) == 1:
        return found[0]
    if not usable:
        raise ExportError(f"no messages in {name}: export a group's chat as JSON")
    listed = ", ".join(f"{clean_name(c.name) or '?'} ({c.id})" for c in (found or usable)[:10])
    more = ", ..." if len(found or usable) > 10 else ""
    raise ExportError(f"{name}: choose a chat with --chat NAME (or its number): {listed}{more}")


FORMAT = Format("telegram", "Telegram Desktop result.json", sniff_telegram, read_telegram)
