"""sendMessage, sendPhoto, sendDocument, sendChatAction: the bot speaks."""

from __future__ import annotations

from typing import Any

from playground import rendering
from playground.botapi import content
from playground.botapi.api import API
from playground.botapi.errors import bad_request, flood
from playground.botapi.keyboards import inline_keyboard
from playground.botapi.parameters import Parameters, Upload
from playground.chats import Chat
from playground.files import File, picture_size
from playground.journal import Json

_ACTIONS_TEXT = (
    "typing upload_photo record_video upload_video record_voice "
    "upload_voice upload_document choose_sticker find_location "
    "record_video_note upload_video_note"
)
ACTIONS = frozenset(_ACTIONS_TEXT.split())
LARGEST_UPLOAD = 50 * 1024 * 1024
LARGEST_PHOTO = 10 * 1024 * 1024


async def send_message(api: API, parameters: Parameters) -> Any:
    """A text message."""
    chat = api.chat(parameters)
    return _send(api, chat, parameters, content.text(parameters))


async def send_photo(api: API, parameters: Parameters) -> Any:
    """A picture with a caption."""
    chat = api.chat(parameters)
    words = content.caption(parameters)
    file = _file(api, parameters, "photo", "photos")
    if not (file.width and file.height):
        raise bad_request("IMAGE_PROCESS_FAILED")
    return _send(api, chat, parameters, photo(file) | words)


async def send_document(api: API, parameters: Parameters) -> Any:
    """A file with a caption."""
    chat = api.chat(parameters)
    words = content.caption(parameters)
    return _send(
        api, chat, parameters, document(_file(api, parameters, "document", "documents")) | words
    )


async def send_chat_action(api: API, parameters: Parameters) -> Any:
    """Show for five seconds that the bot is typing."""
    chat = api.chat(parameters)
    action = parameters.text("action")
    if action not in ACTIONS:
        raise bad_request("wrong parameter action in request")
    api.world.feed.publish({"kind": "action", "chat": chat.id, "action": action})
    return True


def photo(file: File) -> Json:
    """The content fields of a picture."""
    return {"photo": [file.to_dict() | {"width": file.width, "height": file.height}]}


def document(file: File) -> Json:
    """The content fields of a document."""
    return {"document": file.to_dict() | {"file_name": file.name, "mime_type": file.mime}}


def _send(api: API, chat: Chat, parameters: Parameters, fields: Json) -> Json:
    markup = inline_keyboard(parameters)
    reply_to = _replied(chat, parameters)
    topic = parameters.integer("message_thread_id")
    if topic and topic not in chat.topics:
        raise bad_request("message thread not found")
    _check_rights(api, chat, topic)
    message = api.world.say(
        chat, api.world.bot.id, fields, topic=topic, reply_to=reply_to, markup=markup
    )
    return rendering.message(api.world, message)


def _check_rights(api: API, chat: Chat, topic: int) -> None:
    """Raise what the official server answers where the bot may not write, or not yet."""
    if chat.bot_status == "administrator" or chat.type == "private":
        return
    if chat.bot_status == "restricted":
        raise bad_request("not enough rights to send text messages to the chat")
    if topic in chat.closed:
        raise bad_request("TOPIC_CLOSED")
    left = api.world.slow_mode_left(chat, api.world.bot.id)
    if left > 0:
        raise flood(left)


def _replied(chat: Chat, parameters: Parameters) -> int:
    given = parameters.parsed("reply_parameters", "reply parameters")
    if given is not None and not isinstance(given, dict):
        raise bad_request("object expected as reply parameters")
    given = given or {
        "message_id": parameters.integer("reply_to_message_id"),
        "allow_sending_without_reply": parameters.boolean("allow_sending_without_reply"),
    }
    wanted = Parameters(given, {}).integer("message_id")
    if wanted in chat.messages:
        return wanted
    if wanted and not given.get("allow_sending_without_reply"):
        raise bad_request("message to be replied not found")
    return 0


def _file(api: API, parameters: Parameters, key: str, folder: str) -> File:
    given = parameters.text(key)
    name = given.removeprefix("attach://") if given.startswith("attach://") else key
    if upload := parameters.uploads.get(name):
        return _stored(api, upload, folder)
    if not given:
        raise bad_request(f"there is no {key} in the request")
    if given.startswith(("http://", "https://")):
        raise bad_request("failed to get HTTP URL content")  # nothing here leaves this machine
    if found := api.world.files.known.get(given):
        return found
    raise bad_request("wrong file identifier/HTTP URL specified")


def _stored(api: API, upload: Upload, folder: str) -> File:
    size = len(upload.data)
    if not size:
        raise bad_request("file must be non-empty")
    if folder == "photos" and size > LARGEST_PHOTO:
        raise bad_request(
            f"file of size {size} bytes is too big for a photo; "
            f"the maximum size is {LARGEST_PHOTO} bytes"
        )
    if size > LARGEST_UPLOAD:
        raise bad_request("file is too big")
    if folder == "photos" and not all(picture_size(upload.data)):
        raise bad_request("IMAGE_PROCESS_FAILED")
    return api.world.store(upload.data, upload.name, upload.mime, folder)
