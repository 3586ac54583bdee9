"""A text in pieces of a megabyte that begin with a line feed and end where a line ends.

So a pattern that begins with a line feed finds every line of a piece, at the speed of `re`. Knows
no format.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lm.exports.source import Source

SIZE = 1 << 20  # characters
MARKS = "\u061c\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # steer direction


class Piece(NamedTuple):
    """A part of a file, and the number of its last line, from 1."""

    text: str
    last_line: int


def pieces(source: Source) -> Iterator[Piece]:
    """All pieces. A line longer than one comes in several, only the first with its feed."""
    line = 0
    with source.text() as text:
        rest = "\n"
        while new := text.read(SIZE):
            cut = new.rfind("\n")
            whole, rest = (rest + new, "") if cut < 0 else (rest + new[:cut], new[cut:])
            line += whole.count("\n")
            yield Piece(tidy(whole), line)
        yield Piece(tidy(rest), line + rest.count("\n"))


def tidy(text: str) -> str:
    """Text without what cleaning removes anyway and what a pattern would stumble over."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").removesuffix("\r")
    if not text.isascii():
        for mark in MARKS:
            if mark in text:
                text = text.replace(mark, "")
    return text
