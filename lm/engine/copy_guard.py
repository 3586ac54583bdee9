"""The copy guard: keeps a reply from carrying a rare sequence of what was learnt, word for word.

Memorisation-free decoding (Ippolito et al., arXiv 2210.17546): the token that would complete such
a sequence is refused, and another one is drawn. It is no promise of privacy: a paraphrase, the
same words cut into other tokens (in CAPITALS, say), and shorter sequences pass. It sees ids only.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from lm.corpus.rarity import FACTOR, RareSequences

_ALL = 2**64 - 1


class CopyGuard:
    """Knows the rare sequences of one checkpoint's training text."""

    def __init__(self, rare: RareSequences) -> None:
        self.rare = rare
        self._length = rare.length
        # Scalars come out of these five times faster than out of arrays.
        self._keys: list[int] = rare.keys.tolist()
        self._hashes = rare.hashes.data

    def __len__(self) -> int:
        """How many sequences it knows."""
        return len(self._hashes)

    @property
    def nbytes(self) -> int:
        """Bytes of memory, near enough: 8 a sequence, and a number of 32 bytes and its place."""
        return self._hashes.nbytes + self.rare.keys.nbytes + 40 * len(self._keys)

    def forbids(self, tokens: Sequence[int]) -> bool:
        """Whether the last of a reply's tokens complete a rare sequence.

        For any other sequence the probability of that is 2^-58 * len(self) at most; see `hashed`.
        """
        if len(tokens) < self._length:
            return False
        found, keys = 0, self._keys
        for token in tokens[-self._length :]:
            found = (found * FACTOR + keys[token]) & _ALL
        at = bisect_left(self._hashes, found)
        return at < len(self._hashes) and self._hashes[at] == found
