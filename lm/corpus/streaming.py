"""A reply's text while its tokens are still coming: only what will not change any more.

A token may end inside a character, and a mark may still join the letter before it, so the last
letter waits for the next one. What is handed out adds up to the text of all tokens.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from lm.corpus.text import clean
from lm.corpus.tokenizer import Tokenizer

BROKEN = "\N{REPLACEMENT CHARACTER}"


class Stream:
    """The text of one reply, piece by piece."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._shown = ""

    def feed(self, ids: Sequence[int]) -> str:
        """What can be shown beyond what was, now that these tokens have come."""
        self._ids += ids
        text = self._text()
        settled = len(text) - 1
        while settled > 0 and _joins(text[settled]):
            settled -= 1
        return self._show(text[: max(settled, 0)].rstrip())

    def finish(self) -> str:
        """The rest: no more tokens will come."""
        return self._show(self._text())

    def _text(self) -> str:
        return clean(self._tokenizer.decode(self._ids).replace(BROKEN, ""))

    def _show(self, text: str) -> str:
        if not text.startswith(self._shown):  # cleaned otherwise by what came later: wait
            return ""
        piece, self._shown = text[len(self._shown) :], text
        return piece


def _joins(char: str) -> bool:
    """Whether a character belongs to the one before it."""
    return unicodedata.category(char) in ("Mn", "Mc", "Me", "Cf", "Sk") or "ᅠ" <= char <= "ᇿ"
