"""A text in pieces of 512 KB of UTF-8 that begin with a line feed and end where a line ends.

So a pattern that begins with a line feed finds every line of a piece, at the speed of `re`, and
what it finds in bytes it finds in half the time that text would take. Knows no format.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lm.exports.source import Source, encoding_of

SIZE = 1 << 19  # bytes, characters of UTF-16: read fastest, of 128 KB to 1 MB
_FEED = ord("\n")  # counted by NumPy in an eighth of the time that bytes.count takes
MARKS = "\u061c\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # steer direction


class Piece(NamedTuple):
    """A part of a file, and the number of its last line, from 1."""

    text: bytes
    last_line: int


def pieces(source: Source) -> Iterator[Piece]:
    """All pieces. A line longer than one comes in several, only the first with its feed."""
    line = 0
    rest = b"\n"
    for new in _chunks(source):
        cut = new.rfind(b"\n")
        whole, rest = (rest + new, b"") if cut < 0 else (rest + new[:cut], new[cut:])
        line += int(np.count_nonzero(np.frombuffer(whole, np.uint8) == _FEED))
        yield Piece(_unix(whole), line)
    yield Piece(_unix(rest), line + rest.count(b"\n"))


def _chunks(source: Source) -> Iterator[bytes]:
    """A file as UTF-8 without the mark at its beginning; what is invalid in it stays."""
    with source.open() as binary:
        if encoding_of(binary) == "utf-16":
            text = io.TextIOWrapper(binary, "utf-16", errors="replace", newline="\n")
            while part := text.read(SIZE):
                yield part.encode()
            return
        mark = "\ufeff".encode()
        while chunk := binary.read(SIZE):
            yield chunk.removeprefix(mark)
            mark = b""


def _unix(piece: bytes) -> bytes:
    """A piece with line feeds alone; one that ends before the feed keeps no carriage return."""
    return piece.replace(b"\r\n", b"\n").removesuffix(b"\r") if b"\r" in piece else piece


def tidy(text: str) -> str:
    """Text without what cleaning removes anyway and what a pattern would stumble over."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").removesuffix("\r")
    if not text.isascii():
        for mark in MARKS:
            if mark in text:
                text = text.replace(mark, "")
    return text
