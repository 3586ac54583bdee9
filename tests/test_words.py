"""What a message says live is what an export of it says: bot/updates/words.py."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from telegram import Message, User

from bot.updates.words import words
from lm.corpus.media import PLACEHOLDERS
from lm.exports.reading import read_export

ME = User(7, "Understudy", True, username="understudy_bot")
BASE: dict[str, Any] = {
    "message_id": 5,
    "date": int(time.time()),
    "chat": {"id": -1001, "type": "supergroup", "title": "us"},
    "from": {"id": 1, "is_bot": False, "first_name": "Alice"},
}
FILE: dict[str, Any] = {"file_id": "f", "file_unique_id": "u"}
PICTURE = FILE | {"width": 1, "height": 1}
STICKER = PICTURE | {"type": "regular", "is_animated": False, "is_video": False}
POLL: dict[str, Any] = {
    "id": "1",
    "question": "Soup or stew?",
    "options": [],
    "total_voter_count": 0,
    "type": "regular",
}
FLAGS = ("is_closed", "is_anonymous", "allows_multiple_answers", "allows_revoting", "members_only")
POLL |= dict.fromkeys(FLAGS, False)
PLACE = {"latitude": 1.0, "longitude": 2.0}

# (in the Bot API, in Telegram Desktop's export, the words of both)
BOTH = [
    ({"text": "hello"}, {"text": "hello"}, "hello"),
    (
        {"photo": [PICTURE], "caption": "our soup"},
        {"photo": "photos/1.jpg", "text": "our soup"},
        "our soup",
    ),
    ({"photo": [PICTURE]}, {"photo": "photos/1.jpg", "text": ""}, "[photo]"),
    (
        {"sticker": STICKER | {"emoji": "😂"}},
        {"media_type": "sticker", "sticker_emoji": "😂", "text": ""},
        "😂",
    ),
    (
        {"poll": POLL},
        {"poll": {"question": "Soup or stew?", "answers": []}, "text": ""},
        "Soup or stew?",
    ),
    (
        {"voice": FILE | {"duration": 3}},
        {"media_type": "voice_message", "file": "a.ogg", "text": ""},
        "[voice message]",
    ),
    (
        {"animation": PICTURE | {"duration": 1}, "document": FILE},
        {"media_type": "animation", "file": "a.mp4", "text": ""},
        "[GIF]",
    ),
    ({"document": FILE}, {"file": "a.pdf", "text": ""}, "[file]"),
    ({"sticker": STICKER}, {"media_type": "sticker", "file": "a.webp", "text": ""}, "[sticker]"),
    ({"location": PLACE}, {"location_information": PLACE, "text": ""}, "[location]"),
    (
        {"contact": {"phone_number": "1", "first_name": "Vera"}},
        {"contact_information": {"phone_number": "1"}, "text": ""},
        "[contact]",
    ),
]


def live(**fields: Any) -> Message:
    """A message as PTB gives it."""
    message = Message.de_json(BASE | fields, None)
    assert message is not None
    return message


@pytest.mark.parametrize(("api", "exported", "text"), BOTH)
def test_live_words_are_those_of_an_export(
    tmp_path: Path, api: dict[str, Any], exported: dict[str, Any], text: str
) -> None:
    """So a message that came live and in an export is one message."""
    record = {"id": 5, "type": "message", "date_unixtime": "1700000000", "from": "Alice"}
    record |= {"from_id": "user1"} | exported
    other = record | {"id": 6, "text": "the other"}
    chat = {"name": "us", "type": "private_supergroup", "id": 1, "messages": [record, other]}
    file = tmp_path / "result.json"
    file.write_text(json.dumps(chat), encoding="utf-8")
    export = read_export(file)
    texts = [message.text for message in export.messages]
    assert texts == [text, "the other"]
    said = words(live(**api), ME)
    assert (said.text or said.media) == text


def test_media_without_words_are_a_placeholder_and_words_never_are() -> None:
    """One or the other: what stands for media is never taken for what somebody wrote."""
    assert words(live(photo=[PICTURE]), ME).media == "[photo]"
    both = words(live(photo=[PICTURE], caption="soup"), ME)
    assert (both.text, both.media) == ("soup", "")
    assert words(live(sticker=STICKER), ME).media == "[sticker]"
    assert words(live(new_chat_title="x"), ME) == words(live(), ME)


def test_the_nearest_of_several_kinds_is_told() -> None:
    """An animation is a document too, and a venue has a location."""
    animation = PICTURE | {"duration": 1}
    assert words(live(animation=animation, document=FILE), ME).media == "[GIF]"
    venue = {"location": PLACE, "title": "Café", "address": "Main Street 1"}
    assert words(live(venue=venue, location=PLACE), ME).media == "[location]"


def test_every_placeholder_is_of_a_field_that_messages_have() -> None:
    """A kind that PTB renames would go unseen."""
    assert all(hasattr(live(), field) for field in PLACEHOLDERS)
