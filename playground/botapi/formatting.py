"""parse_mode HTML: tags into a plain text and its entities, with Telegram's own errors.

One pass, linear in the text. Byte offsets in errors count UTF-8 bytes, as the official server's do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from playground.botapi.entities import units
from playground.botapi.errors import APIError, bad_request
from playground.journal import Json

_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}
_TOKEN = re.compile(
    r"<(?P<close>/?)(?P<tag>[a-zA-Z-]{1,16})(?P<attributes>[^<>]{0,4096})>"
    r"|&(?P<entity>#[0-9]{1,7}|#x[0-9a-fA-F]{1,6}|lt|gt|amp|quot);?"
)
_ATTRIBUTE = re.compile(r"([a-zA-Z-]{1,32})\s{0,8}=\s{0,8}(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}


@dataclass(slots=True)
class _Open:
    tag: str
    kind: str
    offset: int
    extra: Json


def parse_html(source: str) -> tuple[str, list[Json]]:
    """The text that `source` stands for, and its entities."""
    text: list[str] = []
    length, at = 0, 0
    opened: list[_Open] = []
    found: list[Json] = []
    for match in _TOKEN.finditer(source):
        plain = source[at : match.start()]
        _no_stray_bracket(source, plain, at)
        at = match.end()
        if match["entity"]:
            plain += _character(match)
        text.append(plain)
        length += units(plain)
        if match["tag"] and not match["close"]:
            opened.append(_opened(source, match, length))
        elif match["tag"]:
            found += _closed(source, match, opened, length)
    _no_stray_bracket(source, source[at:], at)
    text.append(source[at:])
    if opened:
        raise _error(f'Can\'t find end tag corresponding to start tag "{opened[-1].tag}"')
    return "".join(text), sorted(found, key=lambda e: (e["offset"], -e["length"]))


def _error(reason: str) -> APIError:
    return bad_request(f"can't parse entities: {reason}")


def _byte(source: str, index: int) -> int:
    return len(source[:index].encode())


def _no_stray_bracket(source: str, plain: str, at: int) -> None:
    if (index := plain.find("<")) >= 0:
        tag = re.match(r"<\s*([^\s<>]{0,32})", plain[index:])
        name = tag[1].lower() if tag else ""
        raise _error(f'Unsupported start tag "{name}" at byte offset {_byte(source, at + index)}')


def _character(match: re.Match[str]) -> str:
    name = match["entity"]
    if not name.startswith("#"):
        return _NAMED[name]
    code = int(name[2:], 16) if name[1] == "x" else int(name[1:])
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else match[0]


def _opened(source: str, match: re.Match[str], length: int) -> _Open:
    tag = match["tag"].lower()
    attributes = {
        m[1].lower(): m[2] or m[3] or m[4] or "" for m in _ATTRIBUTE.finditer(match["attributes"])
    }
    if tag not in _TAGS or (tag == "span" and attributes.get("class") != "tg-spoiler"):
        raise _error(f'Unsupported start tag "{tag}" at byte offset {_byte(source, match.start())}')
    kind, extra = _TAGS[tag], {}
    if tag == "a":
        extra = {"url": attributes.get("href", "")}
    elif tag == "code" and attributes.get("class", "").startswith("language-"):
        extra = {"language": attributes["class"].removeprefix("language-")}
    elif tag == "blockquote" and "expandable" in match["attributes"]:
        kind = "expandable_blockquote"
    return _Open(tag, kind, length, extra)


def _closed(source: str, match: re.Match[str], opened: list[_Open], length: int) -> list[Json]:
    tag, offset = match["tag"].lower(), _byte(source, match.start())
    if not opened:
        raise _error(f"Unexpected end tag at byte offset {offset}")
    last = opened.pop()
    if last.tag != tag:
        raise _error(
            f'Unmatched end tag at byte offset {offset}, expected "</{last.tag}>", found "</{tag}>"'
        )
    if last.tag == "code" and opened and opened[-1].tag == "pre":
        opened[-1].extra = last.extra  # <pre><code class="language-x"> is one block of code
        return []
    if length == last.offset or (last.kind == "text_link" and not last.extra["url"]):
        return []
    entity = {"type": last.kind, "offset": last.offset, "length": length - last.offset}
    return [entity | last.extra]
