"""What WhatsApp itself writes into an export: media, deletions, calls, notices, in any language.

A text is the app's own when the whole of it is one of its phrases, never a part. The phrases are
data in wording_europe.py and wording_asia.py; this module knows what they mean, and no headers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lm.corpus.media import PLACEHOLDERS
from lm.corpus.text import clean
from lm.exports.whatsapp.files import placeholder
from lm.exports.whatsapp.wording import Wording
from lm.exports.whatsapp.wording_asia import ASIA
from lm.exports.whatsapp.wording_europe import EUROPE

Codes = npt.NDArray[np.unsignedinteger[Any]]  # of characters

WORDING = {**EUROPE, **ASIA}
NOTICE = "notice"  # the kind of what the group itself says, where its name stands as the speaker
_LONGEST = 300  # characters looked at: the app's own sentences are shorter
_SHORT = 6  # characters that tell the beginning of nearly all ordinary texts from the app's
_BITS = 20  # of a hash of those: one other text in 700 has a phrase's


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
_BRIEF = tuple(start for start in _CALL_STARTS + _NOTICE_STARTS if len(start) < _SHORT)
_DELETED_BY = ("this message was deleted by admin", "este mensaje fue eliminado por")
_VERBS = tuple({v: None for w in WORDING.values() for v in w.verbs.split("|") if v})
_YOU = frozenset(you for w in WORDING.values() for you in w.you.split("|") if you)
_QUOTES = '"“”„«»「」『』'
_LOCATION = ("https://maps.google.com/?q=", "https://maps.google.com/maps?q=")
_ANDROID_FILE = re.compile(
    r"(?:IMG|VID|AUD|PTT|STK|DOC)-\d{8}-WA\d{4,8}\.\w{1,5} ?[(（][^()（）\d]{1,60}[)）]"
)
_FILE_NAME = re.compile(r"[^\n:：]{1,40}[:：] ?[^\n]{1,255}\.\w{1,5}")

# Characters of ordinary text that `clean` leaves as they are: visible, in normal form, and without
# the brackets and marks in which the app puts its own words.
_VISIBLE = (
    "!-'*-;=->?-~\u00a1-\u00ac\u00ae-\u00ff\u0100-\u0148\u014a-\u02af\u0391-\u03a9\u03ac-\u03ce"
    "\u0400-\u0482\u048a-\u052f\u05d0-\u05ea\u060c\u061b\u061f\u0621-\u064a\u0660-\u0669\u0671-\u06d3"
    "\u0904-\u0939\u093d-\u0950\u0960-\u096f\u0e01-\u0e37\u0e3f-\u0e47\u1ea0-\u1ef9"
    "\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2190-\u2328\u232b-\u23ff\u2460-\u27bf\u3001-\u3029"
    "\u3041-\u3096\u309b-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff07\uff09-\uff9f"
    "\U0001f000-\U0001faff"
)
_JOINERS = (0x200D, 0xFE0F)  # never the first character
_WITHIN = ") \0\n\u200d\ufe0f"  # what may stand in such a text, and ends it
_MAPS = b"//maps.g"  # in a location
_COLONS = (ord(":"), ord("："))  # at the end of a poll's first line
_FEED = ord("\n")
_LONG = 60_000  # bytes or characters


def _glanced() -> npt.NDArray[np.bool_]:
    """For every character whether texts that hold it may need no close look."""
    table = np.zeros(0x110000, np.bool_)
    for first, last, single in re.findall("(.)-(.)|(.)", _VISIBLE + _WITHIN, re.DOTALL):
        table[ord(first or single) : ord(last or single) + 1] = True
    return table


_GLANCED = _glanced()


def _written() -> Iterator[str]:
    """Every phrase that may be or begin a text, as it is translated: "GIF omitted", not "gif"."""
    for w in WORDING.values():
        yield from (phrase.rpartition(": ")[2] for phrase in w.media.split("|") if phrase)
        for phrases in (w.deleted, w.calls, w.notices, w.polls):
            yield from filter(None, phrases.split("|"))
    yield from (*_DELETED_BY, "null")


def _starts() -> frozenset[str]:
    """The first characters of every phrase that may be a whole text, as the app may write them."""
    cases = (str, str.lower, str.upper, str.capitalize, str.title)
    spelled = {case(phrase) for phrase in _written() for case in cases}
    spelled |= {f"{phrase}{end}" for phrase in spelled for end in (".", "。", ":\n", "：\n", ": ")}
    return frozenset(phrase[:_SHORT] for phrase in spelled)


_SPELLED = _starts()


def _hashes(starts: Codes) -> npt.NDArray[np.uint32]:
    """A number below 2**_BITS for every column of character codes, by multiplication."""
    numbers = np.zeros(starts.shape[1], np.uint32)
    for row in starts:
        numbers = (numbers + row) * np.uint32(0x9E3779B1)  # odd, near 2**32 / phi
    return numbers >> np.uint32(32 - _BITS)


def _hashed() -> npt.NDArray[np.bool_]:
    """Which of those numbers a phrase's beginning has."""
    table = np.zeros(1 << _BITS, np.bool_)
    padded = "".join(start.ljust(_SHORT, "\0") for start in _SPELLED).encode("utf-32-le")
    table[_hashes(np.frombuffer(padded, np.uint32).reshape(-1, _SHORT).T)] = True
    return table


_HASHED = _hashed()
_BRIEF_CODES = sorted({ord(start[0]) for start in _BRIEF})  # what follows those starts is anything


def ordinary(texts: list[bytes]) -> tuple[list[bytes], npt.NDArray[np.bool_]]:
    """Texts without blanks around them, and which of them are now as `own_words` gives them.

    In UTF-8, before and after. A glance is not enough for the others.
    """
    texts = list(map(bytes.strip, texts))
    joined = b"\0".join((*texts, b""))
    good, known = _glance(joined, len(texts))
    for place in np.flatnonzero(known & good).tolist():
        start = texts[place].decode()[:_SHORT]
        good[place] = start not in _SPELLED and not start.startswith(_BRIEF)
    if _MAPS in joined:
        for place, text in enumerate(texts):
            good[place] &= _MAPS not in text
    return texts, good


def _glance(joined: bytes, count: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which texts, each ended by NUL, are not too long, of usual characters, and no poll.

    And which of them begin with a phrase's beginning, or with something of the same hash.
    """
    if joined.isascii():
        codes: Codes = np.frombuffer(joined, np.uint8)
    else:
        codes = np.frombuffer(joined.decode(errors="replace").encode("utf-32-le"), np.uint32)
    ends = np.flatnonzero(codes == 0)
    if not count or len(ends) != count:  # a text that holds NUL itself
        return np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    sizes = np.diff(ends, prepend=-1)
    begins = ends + 1 - sizes
    good = (sizes > 1) & (sizes <= _LONG) & ~np.isin(codes[begins], _JOINERS)
    good[np.searchsorted(ends, np.flatnonzero(~_GLANCED.take(codes)))] = False
    feeds = np.flatnonzero(codes == _FEED)
    good[np.searchsorted(ends, feeds[np.isin(codes[feeds - 1], _COLONS)])] = False
    within = np.arange(_SHORT)[:, None]
    starts = np.where(within < sizes - 1, codes.take(begins + within, mode="clip"), 0)
    return good, _HASHED.take(_hashes(starts)) | np.isin(starts[0], _BRIEF_CODES)


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
