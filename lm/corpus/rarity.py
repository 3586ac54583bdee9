"""Sequences of tokens that stand in one or two messages only, as hashes: what gives a person away.

Tokens that differ in case, digits or a leading space are one here, and messages are counted in
lower case too, which cuts them into other tokens. It keeps no text and no ids. Whoever has the
hashes and guesses a sequence can check the guess, as with any model of that text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain, islice
from typing import Any

import numpy as np

from lm.corpus.batches import MESSAGE_LIMIT
from lm.corpus.tokenizer import Tokenizer

LENGTH = {"bpe": 8, "word": 8, "character": 24}  # tokens; 8 of bpe have 27 characters in English
SOURCES = 2  # messages at most that hold a rare one; what more people say is a catch-phrase
MOST = 8_000_000  # hashes that are kept: 64 MB
PART = 4_000_000  # hashes about that are counted at once: 0.2 GB
CHUNK = 4_000  # messages that are cut into tokens at once
FACTOR = 0x9E3779B97F4A7C15  # odd, bits as good as random

Hashes = np.ndarray[tuple[int], np.dtype[np.uint64]]
Ids = np.ndarray[tuple[int], np.dtype[Any]]  # of any integer dtype
Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class RareSequences:
    """The rare sequences of a corpus.

    keys:   [vocabulary] a number for each token, the same for those that are one here
    hashes: [sequences] of the rare ones, rising; see `hashed`
    length: tokens of each
    """

    keys: Hashes
    hashes: Hashes
    length: int

    def tables(self) -> dict[str, Hashes]:
        """What is stored."""
        length = np.array([self.length], dtype=np.uint64)
        return {"keys": self.keys, "hashes": self.hashes, "length": length}

    @classmethod
    def of(cls, tables: Mapping[str, Any], vocab_size: int) -> RareSequences:
        """What was stored. ValueError when that is nothing of this kind for that vocabulary."""
        if set(tables) != {"keys", "hashes", "length"}:
            raise ValueError("rare sequences: other tables than expected")
        if any(table.ndim != 1 or table.dtype != np.uint64 for table in tables.values()):
            raise ValueError("rare sequences: a table that is no list of 64-bit numbers")
        keys, hashes, length = tables["keys"], tables["hashes"], tables["length"].tolist()
        if len(keys) != vocab_size or len(length) != 1 or length[0] not in LENGTH.values():
            raise ValueError("rare sequences: not of this vocabulary, or of another length")
        if len(hashes) > MOST or (hashes[1:] <= hashes[:-1]).any():
            raise ValueError("rare sequences: too many, or hashes that do not rise")
        return cls(keys, hashes, length[0])


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Messages as tokens, one behind the other.

    ids:     [tokens]
    lengths: [messages] tokens of each
    sources: [messages] the number of each
    """

    ids: Ids
    lengths: Ids
    sources: Ids

    def count(self, length: int) -> int:
        """How many sequences of that length it has; none runs on into the next message."""
        return int(np.maximum(self.lengths - (length - 1), 0).sum())

    def sequences(self, keys: Hashes, length: int) -> tuple[Hashes, Ids]:
        """[sequences] hash and source of each."""
        hashes = hashed(keys[self.ids], length)
        source = np.repeat(self.sources, self.lengths)  # [tokens]
        first, last = source[: len(hashes)], source[length - 1 :]
        inside = first == last
        return hashes[inside], first[inside]


def rare_sequences(
    tokenizer: Tokenizer, texts: Iterable[str], most: int = MOST, part: int = PART
) -> RareSequences:
    """The sequences of `texts`, one for each message, that at most SOURCES of them hold.

    Where more than `most` could be rare, only every n-th place of the corpus counts, as few as
    needed: of a message nothing longer than LENGTH + n - 2 tokens is then without a hash, and
    every message is guarded alike. (Leaving out messages instead would leave people unguarded.)
    `part`: about how many are counted at once; that and the ids, 2 bytes each, are the memory.
    """
    length, keys = LENGTH[tokenizer.kind], token_keys(tokenizer)
    chunks = list(_chunks(tokenizer, texts))
    total = sum(chunk.count(length) for chunk in chunks)
    stride, parts = max(1, -(-total // most)), max(1, -(-total // part))
    found = [_rare(*_part(chunks, keys, length, stride, number, parts)) for number in range(parts)]
    return RareSequences(keys, np.sort(np.concatenate(found)), length)


def token_keys(tokenizer: Tokenizer) -> Hashes:
    """[vocabulary] 64 bits of BLAKE2 of each token in lower case, digits as 0, no space before it.

    Pieces of a character and structural tokens have no case; they are only ever themselves.
    """
    return np.array([_key(_form(tokenizer, i)) for i in range(tokenizer.vocab_size)], np.uint64)


def hashed(keys: Hashes, length: int) -> Hashes:
    """[n - length + 1] of keys [n]: for each place, the hash of the `length` keys from there on.

    A polynomial in FACTOR modulo 2^64 (Karp and Rabin, 1987). The keys being random, two
    different sequences collide with a probability of 2^-64; reordered ones, of 2^-58 at most.
    """
    count = max(0, len(keys) - length + 1)
    found = np.zeros(count, dtype=np.uint64)
    for start in range(length):
        found = found * np.uint64(FACTOR) + keys[start : start + count]
    return found


def _form(tokenizer: Tokenizer, i: int) -> str:
    """What of a token counts."""
    name = str(tokenizer.backend.id_to_token(i))
    text = tokenizer.decode([i]) if tokenizer.kind == "bpe" else name
    if i in tokenizer.structural or i == tokenizer.unknown or "\N{REPLACEMENT CHARACTER}" in text:
        return f"\0{name}"
    return _DIGIT.sub("0", text.casefold()).removeprefix(" ") or text


def _key(form: str) -> int:
    digest = blake2b(form.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _chunks(tokenizer: Tokenizer, texts: Iterable[str]) -> Iterator[_Chunk]:
    """All texts as tokens, as many of each as are learnt of a message; then in lower case."""
    length, numbered = LENGTH[tokenizer.kind], enumerate(texts)
    while said := dict(islice(numbered, CHUNK)):
        rows = _rows(tokenizer, said.values())
        yield _chunk(tokenizer, said, rows)
        # Nothing else cuts by case. Capitals are left out: 8 of their tokens have 10 characters,
        # and of later messages in capitals 84 % would be refused, where now it is 4 %.
        if tokenizer.kind == "bpe":
            long = (number for number, row in zip(said, rows, strict=True) if len(row) >= length)
            lower = {number: said[number].lower() for number in long}
            lower = {number: text for number, text in lower.items() if text != said[number]}
            yield _chunk(tokenizer, lower, _rows(tokenizer, lower.values()))


def _rows(tokenizer: Tokenizer, texts: Iterable[str]) -> list[list[int]]:
    limit = MESSAGE_LIMIT[tokenizer.kind]
    return [row[:limit] for row in tokenizer.encode_batch([*texts])]


def _chunk(tokenizer: Tokenizer, sources: Iterable[int], rows: Sequence[Sequence[int]]) -> _Chunk:
    small = np.min_scalar_type(tokenizer.vocab_size)
    return _Chunk(
        np.fromiter(chain.from_iterable(rows), small),
        np.fromiter(map(len, rows), np.int32),
        np.fromiter(sources, np.uint32),
    )


def _part(
    chunks: Sequence[_Chunk], keys: Hashes, length: int, stride: int, number: int, parts: int
) -> tuple[Hashes, Ids, Flags]:
    """One of `parts` shares of all sequences, by hash: hashes, sources, at a place that counts."""
    found = [(keys[:0], np.zeros(0, np.uint32), np.zeros(0, np.bool_))]
    place = 0
    for chunk in chunks:
        hashes, sources = chunk.sequences(keys, length)
        counts = (np.arange(place, place + len(hashes)) % stride) == 0
        place += len(hashes)
        mine = hashes % np.uint64(parts) == number
        found.append((hashes[mine], sources[mine], counts[mine]))
    hashes, sources, counts = (np.concatenate(column) for column in zip(*found, strict=True))
    return hashes, sources, counts


def _rare(hashes: Hashes, sources: Ids, counts: Flags) -> Hashes:
    """The hashes with SOURCES different sources at most and a place that counts, rising."""
    order = np.lexsort((sources, hashes))
    hashes, sources, counts = hashes[order], sources[order], counts[order]
    first = np.append(True, hashes[1:] != hashes[:-1])[: len(hashes)]
    another = first | np.append(True, sources[1:] != sources[:-1])[: len(hashes)]
    at = np.flatnonzero(first)
    rare = np.add.reduceat(another, at, dtype=np.int64) <= SOURCES
    return hashes[at[rare & np.logical_or.reduceat(counts, at)]]
