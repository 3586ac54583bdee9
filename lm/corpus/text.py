"""Text as people meant it: the one cleaning that typed and exported words both go through.

Knows no files, tokens or chats. Linear in the length of the text, whatever stands in it.
"""

from __future__ import annotations

import re
import unicodedata

# Control characters but tab and line feed, and the marks that exports sprinkle to steer the
# direction of text. Joiners and variation selectors stay: emoji and scripts need them.
_REMOVED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # all invisible
)
_BLANK = frozenset(" \u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {
    chr(selector) for selector in range(0xFE00, 0xFE10)
}  # what Unicode calls printable and nobody sees
_SHORT = 1_000  # characters: normalising these takes at most 2 ms, however they are combined
_LONGEST_MARKS = 100  # combining marks in one run; the worst words of living scripts have six


def clean(text: str) -> str:
    """Text without what nobody typed and nobody sees; "" when nothing visible remains.

    Halves of surrogate pairs become U+FFFD, line ends LF, characters NFC; NUL and other control
    characters and bidirectional controls go, and so does white space at both ends.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():
        if not text.isprintable():
            text = _REMOVED.sub("", text)
        return text.strip()
    if len(text) <= _SHORT and text.isprintable() and unicodedata.is_normalized("NFC", text):
        stripped = text.strip()
        if stripped and _visible(stripped[0]):
            return stripped
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = _normalised(_REMOVED.sub("", text)).strip()
    return text if any(map(_visible, text)) else ""


def _normalised(text: str) -> str:
    """NFC, except for a long text with absurd runs of marks: sorting those is quadratic."""
    if len(text) > _SHORT and _longest_run_of_marks(text) > _LONGEST_MARKS:
        return text
    return unicodedata.normalize("NFC", text)


def _longest_run_of_marks(text: str) -> int:
    longest = run = 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        longest = max(longest, run)
    return longest


def _visible(char: str) -> bool:
    """Whether a character shows anything by itself."""
    if char in _BLANK or char >= "\U000e0000":
        return False
    if "\U0001f300" <= char <= "\U0001faff":
        return True  # also an emoji that is newer than this Python
    return char.isprintable() or unicodedata.category(char) == "Co"  # somebody's own font
