"""How tokens are spelt: the parts that a token has in common with others.

"Hello", " hello" and "hello" have all letters in common, "walking" and "talked" some. By such parts
a small text says more about each of its tokens. It knows no model and no weights.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from lm.corpus.tokenizer import Tokenizer

SHORTEST, LONGEST = 1, 6  # characters of a part; a word's beginning and end count as one each

Pairs = np.ndarray[tuple[int, int], np.dtype[np.int64]]


def spelling(tokenizer: Tokenizer) -> Pairs:
    """Which tokens have which parts: [pairs, 2] of a token's id and a part's number, by token.

    Parts are numbered from 0; each is one of at least two tokens, and no two of the same ones. They
    are the letters without their case, n-grams of these with both ends marked (Bojanowski et al.,
    arXiv 1607.04606), whether there is a space before and whether the first letter is a capital.
    Tokens of structure or space alone and pieces of a character have none.
    """
    owners: dict[tuple[str, str], list[int]] = defaultdict(list)
    for token in range(tokenizer.vocab_size):
        text = tokenizer.decode([token])
        if "\N{REPLACEMENT CHARACTER}" not in text and text.strip():
            for part in _parts(text):
                owners[part].append(token)
    shared = sorted({tuple(tokens) for tokens in owners.values() if len(tokens) > 1})
    pairs = [(token, number) for number, tokens in enumerate(shared) for token in tokens]
    return np.array(sorted(pairs), np.int64).reshape(-1, 2)


def _parts(text: str) -> set[tuple[str, str]]:
    """Kind and letters of each part of a text that is more than space."""
    word = text.strip()
    letters = word.lower()
    found = {("letters", letters), ("behind a space" if text[0].isspace() else "within", "")}
    if word[0].isupper():
        found.add(("capital", ""))
    marked = f"<{letters}>"
    for length in range(SHORTEST, min(LONGEST, len(marked) - 1) + 1):
        places = range(len(marked) - length + 1)
        found |= {("n-gram", marked[at : at + length]) for at in places}
    return found
