"""Words put together to a text as people write it: where spaces go, and where not.

A word-level tokenizer keeps no spaces, so these are the usual ones, as counted on English chat.
It knows pieces only; linear in their number.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

CLOSING = frozenset(".,!?;:…)]}%»”")  # stand close to what is before them
OPENING = frozenset("([{$€£#@¿¡«„“‘")  # stand close to what follows
JOINING = frozenset("-/'’")  # stand close to both: "don't", "tic-tac", "and/or"
WIDE = frozenset("，。！？；：、（）「」『』《》…")  # hold their own space
PAIRED = frozenset('"*')  # open, then close
EYES, MOUTHS = frozenset(":;"), frozenset("()")  # ":)" stands by itself
SYMBOLS = frozenset(("So", "Sk", "Mn", "Cf"))  # categories of emoji and of what they are made of


def sentence(pieces: Sequence[str]) -> str:
    """The text of words, digits and signs, one piece each."""
    out: list[str] = []
    opened: set[str] = set()
    for place, piece in enumerate(pieces):
        before = pieces[place - 1] if place else ""
        inside = before in opened or piece in opened or _in_number(pieces, place)
        face = piece in EYES and not MOUTHS.isdisjoint(pieces[place + 1 : place + 2])
        close = inside or (_close(before, piece) and not face)
        out += [piece] if close or not place else [" ", piece]
        opened ^= PAIRED & {piece}
    return "".join(out)


def _in_number(pieces: Sequence[str], place: int) -> bool:
    """Whether a digit goes on with a number: 10:30, 7.5 and 5,000, but not 5, 6."""
    if place < 2 or not (pieces[place].isdigit() and pieces[place - 2].isdigit()):
        return False
    thousands = pieces[place : place + 3]
    return pieces[place - 1] in ".:" or (
        pieces[place - 1] == "," and len(thousands) == 3 and all(map(str.isdigit, thousands))
    )


def _close(before: str, piece: str) -> bool:
    """Whether a piece stands close to the one before it, whatever else there is."""
    if piece in JOINING:
        return before[-1:].isalnum() or before in JOINING
    return (
        piece in CLOSING
        or before in OPENING
        or before in JOINING
        or piece in WIDE
        or before in WIDE
        or (before in EYES and piece in MOUTHS)
        or (before.isdigit() and piece.isdigit())
        or (_symbol(before) and _symbol(piece))
    )


def _symbol(piece: str) -> bool:
    """Whether it is an emoji or a part of one: those are written in a row."""
    return len(piece) == 1 and unicodedata.category(piece) in SYMBOLS
