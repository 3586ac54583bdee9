"""Emoji in text, whole: with skin tones, joiners and flags (Unicode Technical Standard 51).

A symbol that is text by default (™, ↔) counts only where a variation selector makes it an emoji.
"""

from __future__ import annotations

import re
import unicodedata

_ALWAYS = (
    "\u231a\u231b\u23e9-\u23ec\u23f0\u23f3\u25fd\u25fe\u2614\u2615\u2648-\u2653\u267f\u2693\u26a1"
    "\u26aa\u26ab\u26bd\u26be\u26c4\u26c5\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd\u2705"
    "\u270a\u270b\u2728\u274c\u274e\u2753-\u2755\u2757\u2763\u2764\u2795-\u2797\u27b0\u27bf\u2b1b"
    "\u2b1c\u2b50\u2b55\u263a\u2639\u270c\u2600"
    "\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff"
)
_SELECTED = "\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f"
_SELECTED += "\u2b00-\u2bff\u3030\u303d\u3297\u3299\u00a9\u00ae"
_ONE = f"(?:[{_ALWAYS}]\ufe0f?|[{_SELECTED}]\ufe0f)[\U0001f3fb-\U0001f3ff]?[\U000e0020-\U000e007f]*"
_EMOJI = re.compile(
    f"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_ONE}(?:\u200d{_ONE}|\u200d[♀♂⚕]\ufe0f?)*"
)
_TONES = re.compile("[\U0001f3fb-\U0001f3ff]")


def emoji(text: str) -> list[str]:
    """Every emoji of a text in its order, without selectors and skin tones: kinds of emoji."""
    if text.isascii():
        return []
    return [_TONES.sub("", found).replace("\ufe0f", "") for found in _EMOJI.findall(text)]


def spoken(found: str) -> str:
    """An emoji in words, as Unicode calls it: for where it cannot be drawn."""
    names = [unicodedata.name(char, "") for char in found if char not in "\u200d\ufe0f"]
    if names and all(name.startswith("REGIONAL INDICATOR SYMBOL LETTER ") for name in names):
        return "flag " + "".join(name[-1] for name in names)
    return " ".join(name for name in names if name).casefold() or "emoji"
