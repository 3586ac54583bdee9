"""What WhatsApp itself writes into an export: media, deletions, calls, notices, in any language.

A text is the app's own when the whole of it is one of its phrases, never a part. The phrases are
data in wording_europe.py and wording_asia.py; this module knows what they mean, and no headers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from lm.corpus.media import PLACEHOLDERS
from lm.corpus.text import clean
from lm.exports.whatsapp.files import placeholder
from lm.exports.whatsapp.wording import Wording
from lm.exports.whatsapp.wording_asia import ASIA
from lm.exports.whatsapp.wording_europe import EUROPE

WORDING = {**EUROPE, **ASIA}
NOTICE = "notice"  # the kind of what the group itself says, where its name stands as the speaker
_LONGEST = 300  # characters looked at: the app's own sentences are shorter


def _phrases(of: Callable[[Wording], str]) -> dict[str, str]:
    """Phrases of a kind in small letters, with their language."""
    found: dict[str, str] = {}
    for language, wording in WORDING.items():
        for phrase in filter(None, of(wording).split("|")):
            found.setdefault(_plain(phrase), language)
    return found


def _plain(phrase: str) -> str:
    return clean(phrase[:_LONGEST]).strip(" .<>()\n。").casefold()


class Words(NamedTuple):
    """What a person said, or "" and the kind of thing that stands instead; the app's language."""

    text: str
    kind: str = ""
    language: str = ""


def _media() -> dict[str, Words]:
    """What stands for media, in small letters: a placeholder where the phrase names the kind."""
    found: dict[str, Words] = {}
    for phrase, language in _phrases(lambda w: w.media).items():
        kind, _, words = phrase.rpartition(": ")
        text = PLACEHOLDERS[kind] if kind else ""
        found.setdefault(words, Words(text, "" if text else "media", language))
    return found


_MEDIA, _DELETED = _media(), _phrases(lambda w: w.deleted)
_EDITED, _ATTACHED = _phrases(lambda w: w.edited), _phrases(lambda w: w.attached)
_FILES, _POLLS = _phrases(lambda w: w.files), _phrases(lambda w: w.polls)
_CALLS, _NOTICES = _phrases(lambda w: w.calls), _phrases(lambda w: w.notices)
_CALL_STARTS, _NOTICE_STARTS = tuple(_CALLS), tuple(_NOTICES)
STARTS = _CALL_STARTS + _NOTICE_STARTS  # casefolded; anything may follow
_DELETED_BY = ("this message was deleted by admin", "este mensaje fue eliminado por")
_VERBS = tuple({v: None for w in WORDING.values() for v in w.verbs.split("|") if v})
_YOU = frozenset(you for w in WORDING.values() for you in w.you.split("|") if you)
_QUOTES = '"“”„«»「」『』'
_LOCATION = ("https://maps.google.com/?q=", "https://maps.google.com/maps?q=")
_ANDROID_FILE = re.compile(
    r"(?:IMG|VID|AUD|PTT|STK|DOC)-\d{8}-WA\d{4,8}\.\w{1,5} ?[(（][^()（）\d]{1,60}[)）]"
)
_FILE_NAME = re.compile(r"[^\n:：]{1,40}[:：] ?[^\n]{1,255}\.\w{1,5}")


def written() -> Iterator[str]:
    """Every phrase that may be or begin a text, as it is translated: "GIF omitted", not "gif"."""
    for w in WORDING.values():
        yield from (phrase.rpartition(": ")[2] for phrase in w.media.split("|") if phrase)
        for phrases in (w.deleted, w.calls, w.notices, w.polls):
            yield from filter(None, phrases.split("|"))
    yield from (*_DELETED_BY, "null")


def names_a_person(prefix: str) -> bool:
    """Whether what stands before the first colon is a name: no sentence of the app quoting one."""
    quotes = sum(prefix.count(quote) for quote in _QUOTES)
    single = prefix.count("‘") > prefix.count("’")  # which is an apostrophe in names, too
    if quotes % 2:
        return False  # the colon stands inside a quotation
    return not (quotes or single) or not any(verb in prefix for verb in _VERBS)


def is_event(text: str, names: set[str]) -> bool:
    """Whether a text says what happened to the group: "Alice added Bob"."""
    for verb in _VERBS:
        name, found, _ = text[:_LONGEST].partition(verb)
        if found and (name in names or name in _YOU):
            return True
    return False


def own_words(raw: str) -> Words:
    """What a person said in a text that may be, or end in, the app's own words."""
    tail = clean(raw.rpartition("\u200e")[2]) if "\u200e" in raw else ""
    text, media = _without_suffixes(clean(raw), marked=bool(tail))
    first, _, caption = text.partition("\n")
    if first.endswith((")", "）")) and _names_file(first):
        name = first[: max(first.rfind("("), first.rfind("（"))]
        text, media = caption.strip(), Words(placeholder(name))
    if tail and (named := _MEDIA.get(_plain(tail))):
        text, media = _before(text, tail), named
    if not text:
        return media or Words("", "empty")
    words = _whole(text)
    if words is None and not media and raw.startswith("\u200e"):
        words = Words("", "system")  # iPhones begin with this mark what nobody typed, everywhere
    return words or Words(text, language=media.language if media else "")


def _names_file(line: str) -> bool:
    """Whether a line is a file's name and "(file attached)", which Androids write.

    A name that phones give is enough in any language.
    """
    if _ANDROID_FILE.fullmatch(line):
        return True
    return _plain(re.split("[(（]", line[-100:])[-1]) in _FILES


def _without_suffixes(text: str, marked: bool) -> tuple[str, Words | None]:
    """Text without the app's own <...> at its end, and what stands for a file that one names.

    marked: an iPhone's mark stands before the last part, so that <...> is the app's in any language
    """
    media: Words | None = None
    for _ in range(2):  # a file and "edited"
        kept, bracket, inner = text.rpartition("<")
        if not bracket or not text.endswith(">") or len(inner) > _LONGEST:
            break
        said, _, name = inner[:-1].replace("：", ":").partition(":")
        attached = _plain(said) in _ATTACHED
        attached = attached or (marked and _FILE_NAME.fullmatch(inner[:-1]) is not None)
        if not attached and _plain(inner) not in _EDITED:
            break
        text, media = kept.rstrip(), Words(placeholder(name)) if attached else media
    return text, media


def _before(text: str, tail: str) -> str:
    """The caption before a placeholder; the name and pages of a document are no caption."""
    caption = text.removesuffix(tail).rstrip()
    return "" if "•" in caption else caption


def _whole(text: str) -> Words | None:
    """What a text is that the app wrote as a whole, None for what a person wrote."""
    start = text[:_LONGEST].casefold()
    plain = _plain(text) if len(text) < _LONGEST else ""
    if plain in _MEDIA:
        return _MEDIA[plain]
    if plain in _DELETED or start.startswith(_DELETED_BY):
        return Words("", "deleted", _DELETED.get(plain, ""))
    if plain == "null":
        return Words("", "empty")
    for kind, starts, phrases in (
        ("call", _CALL_STARTS, _CALLS),
        (NOTICE, _NOTICE_STARTS, _NOTICES),
    ):
        if start.startswith(starts):
            language = next(phrases[phrase] for phrase in starts if start.startswith(phrase))
            return Words("", kind, language)
    return _titled(text, start)


def _titled(text: str, start: str) -> Words | None:
    """A poll, which is its question, and a location: what has a word and a colon in front."""
    first, colon, rest = start.replace("：", ":").partition(":")
    if colon and first.rstrip() in _POLLS and rest.startswith("\n"):
        question = text.split("\n", 2)[1].strip()
        return Words(question, "" if question else "empty", _POLLS[first.rstrip()])
    if colon and len(first) < 40 and "\n" not in first and rest.strip().startswith(_LOCATION):
        return Words(PLACEHOLDERS["location"])
    return None
