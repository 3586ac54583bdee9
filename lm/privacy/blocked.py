"""The operator's own words and patterns that nobody is to learn.

Patterns are matched by RE2, which takes linear time for every pattern and text and refuses what
cannot be matched so (back references, look-around). Words are whole words, case does not matter.
"""

from __future__ import annotations

import importlib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lm.privacy.span import Finder, Span

MOST_WORDS, LONGEST_WORD = 1_000, 64  # of a block list; every word costs time with every text
MOST_MEMORY = 8 << 20  # bytes of one compiled pattern
KIND = re.compile(r"[a-z]{2,20}")


class PatternError(ValueError):
    """A pattern cannot be used. The message is one line that names it and says why."""


def blocked_words(words: Sequence[str]) -> Finder:
    """Finds these words."""
    longest_first = sorted({word.strip() for word in words} - {""}, key=len, reverse=True)
    spelled = "|".join(
        f"{_edge(w[0], '(?<!')}{re.escape(w)}{_edge(w[-1], '(?!')}" for w in longest_first
    )
    pattern = re.compile(spelled or r"(?!)", re.IGNORECASE)

    def find(text: str) -> Iterator[Span]:
        for match in pattern.finditer(text):
            yield Span(match.start(), match.end(), "blocked", match[0].casefold())

    return find


def _edge(char: str, look: str) -> str:
    """The boundary at that end of a word; scripts without spaces between words have none."""
    spaced = char.isalnum() and unicodedata.east_asian_width(char) not in "WF"
    return rf"{look}\w)" if spaced else ""


def extra_patterns(patterns: Mapping[str, str]) -> list[Finder]:
    """A finder for each kind and its pattern. Raises PatternError."""
    if not patterns:
        return []
    try:
        re2: Any = importlib.import_module("re2")
    except ImportError:
        raise PatternError("needs the package google-re2: pip install google-re2") from None
    options = re2.Options()
    options.max_mem, options.log_errors = MOST_MEMORY, False
    return [_matching(re2, options, kind, pattern) for kind, pattern in patterns.items()]


def _matching(re2: Any, options: Any, kind: str, pattern: str) -> Finder:
    if not KIND.fullmatch(kind):
        raise PatternError(f"{kind}: a kind is 2 to 20 letters from a to z")
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        why = error.args[0].decode() if isinstance(error.args[0], bytes) else error
        raise PatternError(f"{kind} = {pattern!r}: {why} (allowed is RE2's syntax)") from None
    if compiled.search("") is not None:
        raise PatternError(f"{kind} = {pattern!r}: it matches nothing at all everywhere")

    def find(text: str) -> Iterator[Span]:
        for match in compiled.finditer(text):
            if match.end() > match.start():
                yield Span(match.start(), match.end(), kind, match.group())

    return find
