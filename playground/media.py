"""Media that a member sends beside text: the Bot API's content fields of each kind.

Files are a few bytes of nothing: bots see their descriptions, and may download them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from playground.files import File
from playground.journal import Json

Call = Mapping[str, Any]
Store = Callable[[str, str, str], File]  # name, type and folder of a new file
PICTURE = {"width": 320, "height": 240}


class UnknownKindError(Exception):
    """No message is of that kind."""


def media(call: Call, store: Store) -> Json:
    """The fields of a message of `call`'s kind. Raises UnknownKindError."""
    kind = str(call.get("kind", ""))
    if kind in _FILES:
        name, mime, folder, more = _FILES[kind]
        return {kind: store(name, mime, folder).to_dict() | more}
    if kind == "photo":
        return {"photo": [store("photo.jpg", "image/jpeg", "photos").to_dict() | PICTURE]}
    if kind == "animation":  # a document as well, for bots that know no animations
        file = store("fun.mp4", "video/mp4", "animations").to_dict()
        return {"animation": file | PICTURE | {"duration": 2}, "document": file}
    if kind == "sticker":
        return {"sticker": _sticker(store, str(call.get("emoji", "🙂")))}
    if kind == "poll":
        return {"poll": _poll(str(call.get("question", "Well?")))}
    if kind in _PLAIN:
        return {kind: _PLAIN[kind]}
    if kind == "venue":
        place = {"location": _PLAIN["location"], "title": "Café", "address": "Main Street 1"}
        return {"venue": place, "location": _PLAIN["location"]}
    raise UnknownKindError(f"kind: no media {kind[:32]!r}")


_FILES: dict[str, tuple[str, str, str, Json]] = {
    "video": ("film.mp4", "video/mp4", "videos", PICTURE | {"duration": 5}),
    "voice": ("voice.oga", "audio/ogg", "voice", {"duration": 3}),
    "audio": ("song.mp3", "audio/mpeg", "music", {"duration": 180, "title": "Song"}),
    "video_note": ("note.mp4", "video/mp4", "notes", {"length": 240, "duration": 4}),
    "document": ("list.pdf", "application/pdf", "documents", {"file_name": "list.pdf"}),
}
_PLAIN: dict[str, Json] = {
    "contact": {"phone_number": "+4930000000", "first_name": "Vera"},
    "location": {"latitude": 52.5, "longitude": 13.4},
    "dice": {"emoji": "🎲", "value": 4},
}


def _sticker(store: Store, emoji: str) -> Json:
    shape: Json = {"type": "regular", "width": 512, "height": 512}
    shape |= {"is_animated": False, "is_video": False}
    file = store("sticker.webp", "image/webp", "stickers").to_dict()
    return file | shape | ({"emoji": emoji} if emoji else {})


def _poll(question: str) -> Json:
    options = [{"text": text, "voter_count": 0, "persistent_id": text} for text in ("yes", "no")]
    flags = ("is_closed", "allows_multiple_answers", "allows_revoting", "members_only")
    return {
        "id": str(secrets.randbits(60)),
        "question": question,
        "options": options,
        "total_voter_count": 0,
        "type": "regular",
        "is_anonymous": True,
    } | dict.fromkeys(flags, False)
