"""Byte-pair merging: words as rows of pieces, and the pair of neighbours that is most frequent.

Counts of pairs are kept up to date, so that a merge costs what it changes. It knows no texts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

Pair = tuple[str, str]


class Merging:
    """Words on their way to fewer and longer pieces (Sennrich et al., arXiv 1508.07909)."""

    def __init__(self, words: Mapping[tuple[str, ...], int]) -> None:
        """words: how often each stands in the text, by its pieces."""
        self._words = [*words]
        self._counts = [*words.values()]
        self._pairs: Counter[Pair] = Counter()
        self._places: dict[Pair, set[int]] = defaultdict(set)
        for place in range(len(self._words)):
            self._count(place, 1)

    def best(self, least: int) -> Pair | None:
        """The most frequent pair, by the alphabet among equals; None below `least`."""
        found = max(self._pairs.items(), key=lambda item: (item[1], item[0]), default=None)
        return None if found is None or found[1] < least else found[0]

    def merge(self, pair: Pair) -> None:
        """Make a pair one piece in every word."""
        for place in self._places.pop(pair):
            self._count(place, -1)
            self._words[place] = tuple(merged(self._words[place], pair))
            self._count(place, 1)
        self._pairs.pop(pair, None)

    def _count(self, place: int, sign: int) -> None:
        """Add or take away what one word contributes."""
        for pair in pairwise(self._words[place]):
            self._pairs[pair] += sign * self._counts[place]
            self._places[pair].add(place)  # stays when the pair has left: looking again is harmless


def merged(pieces: Sequence[str], pair: Pair) -> list[str]:
    """Every place of the pair as one piece, from the left."""
    out: list[str] = []
    joined = False  # whether the last piece came of a merge: it is no part of another
    for piece in pieces:
        joined = not joined and bool(out) and (out[-1], piece) == pair
        if joined:
            out[-1] += piece
        else:
            out.append(piece)
    return out
