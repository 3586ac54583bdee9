"""What the server finds in a text by itself: commands, mentions, links, hashtags.

Offsets and lengths count UTF-16 code units, as everywhere in the Bot API. Every pattern is bounded,
so time is linear in the text.
"""

from __future__ import annotations

import re

from playground.journal import Json

MOST = 100  # entities of one message, as on the official server
_DOMAINS = "com|org|net|io|dev|app|me|info|eu|de|uk|fr|es|it|nl|ru|ua|br|cn|jp|in|us|ai|gg|tv"
_LINK_END = r"(?::\d{1,5})?(?:[/?#][^\s<>\"]{0,2000})?"
_PATTERNS = (
    ("url", re.compile(rf"(?<![\w@/.-])https?://[\w.-]{{1,250}}{_LINK_END}", re.I)),
    (
        "email",
        re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[a-z0-9-]{1,63}\.){1,5}[a-z]{2,24}\b", re.I),
    ),
    (
        "url",
        re.compile(
            rf"(?<![\w@/.-])(?:[a-z0-9-]{{1,63}}\.){{1,5}}(?:{_DOMAINS})\b(?![.@]\w){_LINK_END}",
            re.I,
        ),
    ),
    (
        "bot_command",
        re.compile(r"(?<![\w/<>])/[a-zA-Z0-9_]{1,64}(?:@[a-zA-Z0-9_]{3,32})?(?![\w/<>])"),
    ),
    ("mention", re.compile(r"(?<!\w)@[a-zA-Z0-9_]{3,32}(?!\w)")),
    ("hashtag", re.compile(r"(?<![\w#])#(?=\w{0,255}[^\W\d_])\w{1,256}(?!\w)")),
    ("cashtag", re.compile(r"(?<!\w)\$[A-Z]{3,8}(?!\w)")),
)


def units(text: str) -> int:
    """The length of `text` in UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def find(text: str, given: list[Json] | None = None) -> list[Json]:
    """The entities of `text`: the given ones, and what is found outside of them."""
    given = given or []
    spans: list[tuple[int, int, str]] = []
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            start, end = match.start(), _end(kind, match)
            if not any(start < other_end and other < end for other, other_end, _ in spans):
                spans.append((start, end, kind))
            if len(spans) >= MOST:
                break
    found = given + [e for e in _in_units(text, spans) if not _touches(e, given)]
    return sorted(found, key=lambda e: (e["offset"], -e["length"]))[:MOST]


def _end(kind: str, match: re.Match[str]) -> int:
    # A full stop or bracket after a link belongs to the sentence, not to the link.
    return match.start() + len(match[0].rstrip(".,;:!?)'\"")) if kind == "url" else match.end()


def _in_units(text: str, spans: list[tuple[int, int, str]]) -> list[Json]:
    found: list[Json] = []
    at, offset = 0, 0
    for start, end, kind in sorted(spans):
        offset += units(text[at:start])
        at = start
        found.append({"type": kind, "offset": offset, "length": units(text[start:end])})
    return found


def _touches(entity: Json, others: list[Json]) -> bool:
    end = entity["offset"] + entity["length"]
    return any(
        entity["offset"] < other["offset"] + other["length"] and other["offset"] < end
        for other in others
    )
