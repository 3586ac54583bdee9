"""Rules of byte-pair merging: the quick counts are the slow ones."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lm.corpus.merging import Merging, Pair, merged

WORDS = st.dictionaries(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=9).map(tuple),
    st.integers(1, 9),
    max_size=9,
)


def slow(words: dict[tuple[str, ...], int], least: int, merges: int) -> list[Pair]:
    """The same merges, everything counted anew for each."""
    found: list[Pair] = []
    rows = [(list(word), count) for word, count in words.items()]
    while len(found) < merges:
        pairs: Counter[Pair] = Counter()
        for pieces, count in rows:
            for pair in pairwise(pieces):
                pairs[pair] += count
        if not pairs or max(pairs.values()) < least:
            break
        found.append(max(pairs, key=lambda pair: (pairs[pair], pair)))
        rows = [(merged(pieces, found[-1]), count) for pieces, count in rows]
    return found


@given(WORDS, st.integers(1, 5))
def test_counts_are_kept_up_to_date(words: dict[tuple[str, ...], int], least: int) -> None:
    """Merge for merge what counting anew would choose, down to the least count."""
    merging, found = Merging(words), list[Pair]()
    while len(found) < 12 and (pair := merging.best(least)) is not None:
        found.append(pair)
        merging.merge(pair)
    assert found == slow(words, least, 12)


def test_a_row_of_the_same_is_paired_from_the_left() -> None:
    """aaa is aa and a: a piece that was merged is not merged again in the same pass."""
    assert merged(["a"] * 3, ("a", "a")) == ["aa", "a"]
    assert merged(["a", "b", "a", "b", "b"], ("a", "b")) == ["ab", "ab", "b"]
    assert merged([], ("a", "b")) == []
