"""A message's words: text or caption of a call, with its entities, checked and trimmed.

Limits count UTF-16 code units after formatting was taken out, as on the official server.
"""

from __future__ import annotations

from typing import Any

from playground.botapi.entities import find, units
from playground.botapi.errors import bad_request
from playground.botapi.formatting import parse_html
from playground.botapi.markdown import parse_markdown
from playground.botapi.parameters import Parameters
from playground.journal import Json

LONGEST_TEXT = 4096
LONGEST_CAPTION = 1024
_KINDS_TEXT = (
    "mention hashtag cashtag bot_command url email phone_number bold italic "
    "underline strikethrough spoiler blockquote expandable_blockquote code "
    "pre text_link text_mention custom_emoji"
)
_KINDS = frozenset(_KINDS_TEXT.split())


def text(parameters: Parameters) -> Json:
    """The content fields of a text message."""
    words, entities = _words(parameters, "text", "entities")
    if not words:
        raise bad_request("message text is empty")
    if units(words) > LONGEST_TEXT:
        raise bad_request("message is too long")
    content: Json = {"text": words}
    if entities:
        content["entities"] = entities
    if preview := parameters.parsed("link_preview_options", "link preview options"):
        content["link_preview_options"] = preview
    elif parameters.boolean("disable_web_page_preview"):
        content["link_preview_options"] = {"is_disabled": True}
    return content


def caption(parameters: Parameters) -> Json:
    """The caption fields of a message with media, none if it has no caption."""
    words, entities = _words(parameters, "caption", "caption_entities")
    if units(words) > LONGEST_CAPTION:
        raise bad_request("message caption is too long")
    if not words:
        return {}
    return {"caption": words} | ({"caption_entities": entities} if entities else {})


def written(words: str, key: str = "text") -> Json:
    """The content fields of what a member typed."""
    entities = find(words)
    name = "entities" if key == "text" else "caption_entities"
    return {key: words} | ({name: entities} if entities else {})


def _words(parameters: Parameters, key: str, entities_key: str) -> tuple[str, list[Json]]:
    source = parameters.text(key)
    mode = parameters.text("parse_mode").lower()
    given: list[Json] = []
    if mode == "html":
        source, given = parse_html(source)
    elif mode == "markdownv2":
        source, given = parse_markdown(source)
    elif mode not in ("", "none"):
        raise bad_request("unsupported parse_mode")
    else:
        given = _given(parameters.parsed(entities_key, "message entities"), units(source))
    return _trimmed(source, given)


def _given(entities: Any, length: int) -> list[Json]:
    if entities is None:
        return []
    if not isinstance(entities, list):
        raise bad_request("can't parse entities: expected an Array of MessageEntity")
    return [_entity(entity, length) for entity in entities[:100]]


def _entity(entity: Any, length: int) -> Json:
    if not isinstance(entity, dict):
        raise bad_request("can't parse entities: expected an Object")
    kind, start, size = entity.get("type"), entity.get("offset"), entity.get("length")
    if kind not in _KINDS:
        raise bad_request("can't parse entities: unsupported type specified")
    if not isinstance(start, int) or not isinstance(size, int) or start < 0 or size < 1:
        raise bad_request("can't parse entities: wrong offset or length specified")
    if start + size > length:
        raise bad_request(
            f"entity beginning at UTF-16 offset {start} ends after the end of the text "
            f"at UTF-16 offset {start + size}"
        )
    return dict(entity)


def _trimmed(source: str, given: list[Json]) -> tuple[str, list[Json]]:
    words = source.strip()
    cut = units(source[: len(source) - len(source.lstrip())])
    end = units(words)
    kept = []
    for entity in given:
        start = max(entity["offset"] - cut, 0)
        stop = min(entity["offset"] + entity["length"] - cut, end)
        if start < stop:
            kept.append(entity | {"offset": start, "length": stop - start})
    return words, find(words, kept)
