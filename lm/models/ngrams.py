"""Counts of the n-grams of token ids, as flat tables: a trie of contexts and what followed each.

A context is read backwards from its newest token, so that each one hangs below itself without its
oldest token. Contexts are numbered level by level; 0 is the empty one. It knows no probabilities
and no text; the tables are what a checkpoint stores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lm.corpus.batches import Ids

ORDER = 5  # tokens of the longest n-gram

Ints = np.ndarray[tuple[int], np.dtype[Any]]  # of any integer dtype


@dataclass(frozen=True)
class Ngrams:
    """What a stream of token ids is made of.

    children: [contexts] how many contexts hang below each (they are one token older)
    oldest:   [contexts - 1] the oldest token of each context but the empty one; rises from one
              sibling to the next
    sizes:    [contexts] how many different tokens followed each
    tokens:   [n-grams] those tokens, context by context, rising
    counts:   [n-grams] how often, for the longest n-grams and for those that begin a session;
              behind how many different tokens, for the others
    """

    children: Ints
    oldest: Ints
    sizes: Ints
    tokens: Ints
    counts: Ints

    @classmethod
    def count(cls, sessions: Sequence[Ids], vocab_size: int) -> Ngrams:
        """Count the n-grams of sessions that each begin with BREAK, and are followed by one.

        No n-gram crosses from one session into another.
        """
        stream = np.concatenate([np.append(session, session[0]) for session in sessions])
        age = np.concatenate([np.arange(len(session) + 1) for session in sessions])
        targets = np.flatnonzero(age > 0)
        levels = [np.zeros(1, dtype=np.int64)]  # of each level: parent * vocab_size + oldest
        nodes = [np.zeros(len(targets), dtype=np.int64)]  # of each level: every target's context
        for reach in range(1, ORDER):
            long = age[targets] >= reach
            keys = nodes[-1][long] * vocab_size + stream[targets[long] - reach]
            known, found = np.unique(keys, return_inverse=True)
            node = np.full(len(targets), -1)
            node[long] = found + sum(map(len, levels))
            levels.append(known)
            nodes.append(node)
        parents, oldest = np.divmod(np.concatenate(levels[1:]), vocab_size)
        entries = _entries(nodes, stream[targets], age[targets], parents, vocab_size)
        keys = np.concatenate([keys for keys, _ in entries])
        contexts, tokens = np.divmod(keys, vocab_size)
        counts = np.concatenate([counts for _, counts in entries])
        total = len(parents) + 1
        return cls(
            *map(
                _small,
                (
                    np.bincount(parents, minlength=total),
                    oldest,
                    np.bincount(contexts, minlength=total),
                    tokens,
                    counts,
                ),
            )
        )

    def tables(self) -> dict[str, Ints]:
        """The tables by name, in the smallest dtypes that hold them."""
        return dict(vars(self))

    @classmethod
    def of(cls, tables: Mapping[str, Ints], vocab_size: int) -> Ngrams:
        """Tables that were stored. ValueError when they are no such trie over that vocabulary."""
        if set(tables) != set(cls.__annotations__):
            raise ValueError("n-grams: other tables than expected")
        if any(t.ndim != 1 or t.dtype.kind != "u" or t.itemsize > 4 for t in tables.values()):
            raise ValueError("n-grams: a table that is no list of whole numbers")
        found = cls(**tables)
        found._check(vocab_size)
        return found

    def _check(self, vocab_size: int) -> None:
        """ValueError unless numbers agree, ids are in the vocabulary, and lists rise."""
        contexts, ngrams = len(self.children), len(self.tokens)
        agree = len(self.sizes) == contexts == len(self.oldest) + 1 and len(self.counts) == ngrams
        if contexts < 2 or not ngrams or not agree:
            raise ValueError("n-grams: tables of different lengths")
        if self.children.sum(dtype=np.int64) != contexts - 1 or (
            self.sizes.sum(dtype=np.int64) != ngrams
        ):
            raise ValueError("n-grams: tables that do not add up")
        if not self.sizes.all() or not self.counts.all():
            raise ValueError("n-grams: a count of 0")
        for ids in (self.oldest, self.tokens):
            if len(ids) and int(ids.max()) >= vocab_size:
                raise ValueError(f"n-grams: a token id above {vocab_size - 1}")
        parents = self.parents()
        if (parents >= np.arange(1, contexts)).any() or len(self.levels()) > ORDER:
            raise ValueError("n-grams: contexts that hang below none, or too deep")
        for groups, ids in ((parents, self.oldest), (self.contexts(), self.tokens)):
            if (np.diff(groups * vocab_size + ids) <= 0).any():
                raise ValueError("n-grams: token ids that do not rise")

    def parents(self) -> Ids:
        """[contexts - 1] what each context but the empty one hangs below."""
        return np.repeat(np.arange(len(self.children)), self.children)

    def contexts(self) -> Ids:
        """[n-grams] the context of each."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    def levels(self) -> list[int]:
        """How many contexts have 0, 1, ... tokens; one level more than ORDER if there are more."""
        below = np.cumsum(self.children, dtype=np.int64)
        found, end = [1], 1
        while end < len(self.children) and len(found) <= ORDER:
            last = int(below[end - 1]) + 1  # behind the children of everything up to here
            if last <= end:
                break
            found.append(last - end)
            end = last
        return found


def _entries(
    nodes: list[Ids], targets: Ids, age: Ids, parents: Ids, vocab_size: int
) -> list[tuple[Ids, Ids]]:
    """Of each level, the n-grams as context * vocab_size + token, rising, and their counts."""
    known = nodes[-1] >= 0
    longest = nodes[-1][known] * vocab_size + targets[known]
    found = [np.unique(longest, return_counts=True)]
    for reach in range(ORDER - 2, -1, -1):
        contexts, tokens = np.divmod(found[0][0], vocab_size)
        continued = parents[contexts - 1] * vocab_size + tokens  # once per different older token
        first = age == reach  # a session begins here: no older token
        begun = nodes[reach][first] * vocab_size + targets[first]
        found.insert(0, np.unique(np.concatenate((continued, begun)), return_counts=True))
    return found


def _small(table: Ids) -> Ints:
    """The same numbers in the smallest unsigned dtype, of at most 4 bytes."""
    return table.astype(np.min_scalar_type(int(table.max(initial=0))))
