"""A glance at many texts at once: which are ordinary, and nothing that the app may have said.

Nearly all are, which arrays tell far sooner; phrases.py looks closely at the others.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from lm.exports.whatsapp.phrases import STARTS, written

Codes = npt.NDArray[np.unsignedinteger[Any]]  # of characters

_SHORT = 6  # characters that tell the beginning of nearly all ordinary texts from the app's
_BITS = 20  # of a hash of those: one other text in 700 has a phrase's

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
_USUAL, _JOINER, _COLON, _FIRST = 1, 2, 4, 8  # kinds of characters; the last begins a brief phrase
_BRIEF = tuple(start for start in STARTS if len(start) < _SHORT)  # what follows these is anything
_LONG = 60_000  # bytes or characters


def _kinds() -> npt.NDArray[np.uint8]:
    """What each character is: whether texts that hold it may need no close look, and more."""
    table = np.zeros(0x110000, np.uint8)
    for first, last, single in re.findall("(.)-(.)|(.)", _VISIBLE + _WITHIN, re.DOTALL):
        table[ord(first or single) : ord(last or single) + 1] = _USUAL
    table[_JOINERS,] |= _JOINER
    table[_COLONS,] |= _COLON
    table[[ord(start[0]) for start in _BRIEF]] |= _FIRST
    return table


_KINDS = _kinds()


def _starts() -> frozenset[str]:
    """The first characters of every phrase that may be a whole text, as the app may write them."""
    cases = (str, str.lower, str.upper, str.capitalize, str.title)
    spelled = {case(phrase) for phrase in written() for case in cases}
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
    kinds = _KINDS.take(codes)
    first = kinds[begins]
    good = (sizes > 1) & (sizes <= _LONG) & (first & _JOINER == 0)
    good[np.searchsorted(ends, np.flatnonzero(kinds & _USUAL == 0))] = False
    feeds = np.flatnonzero(codes == _FEED)
    good[np.searchsorted(ends, feeds[kinds[feeds - 1] & _COLON > 0])] = False
    within = np.arange(_SHORT)[:, None]
    starts = np.where(within < sizes - 1, codes.take(begins + within, mode="clip"), 0)
    return good, _HASHED.take(_hashes(starts)) | (first & _FIRST > 0)
