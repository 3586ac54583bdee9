"""Rules of the n-gram tables: what is counted, and which stored tables are refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from lm.corpus.batches import Ids
from lm.models.ngrams import ORDER, Ints, Ngrams

VOCABULARY = 12
BREAK = 0


def sessions(seed: int, count: int = 20) -> list[Ids]:
    """Skewed random tokens, so that some n-grams come often and most once."""
    draw = np.random.default_rng(seed)
    lengths = draw.integers(1, 30, count)
    return [np.append(BREAK, np.minimum(draw.geometric(0.3, n), VOCABULARY - 1)) for n in lengths]


def by_context(ngrams: Ngrams) -> dict[tuple[int, ...], dict[int, int]]:
    """The tables as what followed each context, oldest token first."""
    contexts: list[tuple[int, ...]] = [()]
    for parent, token in zip(ngrams.parents(), ngrams.oldest, strict=True):
        contexts.append((int(token), *contexts[parent]))
    found: dict[tuple[int, ...], dict[int, int]] = {context: {} for context in contexts}
    for at, token, count in zip(ngrams.contexts(), ngrams.tokens, ngrams.counts, strict=True):
        found[contexts[at]][int(token)] = int(count)
    return found


def test_counts_are_those_of_the_slow_way() -> None:
    """The longest n-grams and those that begin a session count as often as they come; others by
    how many different tokens stand before them. None crosses a session."""
    rows = sessions(1)
    raw = Counter(
        tuple(row[start : start + length].tolist())
        for row in (np.append(row, BREAK) for row in rows)
        for length in range(1, ORDER + 2)
        for start in range(len(row) - length + 1)
        if start or length > 1  # BREAK is given, not predicted, where a session begins
    )
    before = Counter(gram[1:] for gram in raw if len(gram) > 1)
    expected: dict[tuple[int, ...], dict[int, int]] = {}
    for gram, count in raw.items():
        if len(gram) <= ORDER:
            whole = len(gram) == ORDER or (gram[0] == BREAK and len(gram) > 1)
            expected.setdefault(gram[:-1], {})[gram[-1]] = count if whole else before[gram]
    assert by_context(Ngrams.count(rows, VOCABULARY)) == expected


@pytest.mark.parametrize("rows", [[[BREAK]], [[BREAK, 3]], [[BREAK, 3], [BREAK, 3, 3]]])
def test_the_shortest_text_can_be_counted(rows: list[list[int]]) -> None:
    """Sessions shorter than an n-gram are no special case, and what was counted is sound."""
    ngrams = Ngrams.count([np.array(row) for row in rows], VOCABULARY)
    assert Ngrams.of(ngrams.tables(), VOCABULARY).levels() == ngrams.levels()


def test_tables_are_small() -> None:
    """Each has the smallest dtype that holds it."""
    tables = Ngrams.count(sessions(2), VOCABULARY).tables()
    assert {table.dtype.itemsize for table in tables.values()} == {1}


def test_stored_tables_come_back() -> None:
    """Reading what was stored gives the same counts."""
    ngrams = Ngrams.count(sessions(3), VOCABULARY)
    assert by_context(Ngrams.of(ngrams.tables(), VOCABULARY)) == by_context(ngrams)


def change(name: str, at: int, value: int) -> Callable[[dict[str, Ints]], None]:
    def damage(tables: dict[str, Ints]) -> None:
        tables[name] = tables[name].copy()
        tables[name][at] = value

    return damage


def shorten(name: str) -> Callable[[dict[str, Ints]], None]:
    def damage(tables: dict[str, Ints]) -> None:
        tables[name] = tables[name][:-1]

    return damage


def hang(children: list[int], oldest: list[int]) -> Callable[[dict[str, Ints]], None]:
    """Contexts of that shape, each followed by token 1."""

    def damage(tables: dict[str, Ints]) -> None:
        ones = np.ones(len(children), dtype=np.uint8)
        tables |= {"sizes": ones, "tokens": ones, "counts": ones}
        tables["children"] = np.array(children, dtype=np.uint8)
        tables["oldest"] = np.array(oldest, dtype=np.uint8)

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda tables: tables.pop("sizes"), "other tables"),
        (lambda tables: tables.update(more=tables["sizes"]), "other tables"),
        (lambda tables: tables.update(sizes=tables["sizes"].astype(np.int64)), "whole numbers"),
        (lambda tables: tables.update(counts=tables["counts"].astype(np.float32)), "whole numbers"),
        (lambda tables: tables.update(counts=tables["counts"][:, None]), "whole numbers"),
        (lambda tables: tables.update({k: v[:0] for k, v in tables.items()}), "lengths"),
        (hang([0], []), "lengths"),
        (shorten("counts"), "lengths"),
        (shorten("oldest"), "lengths"),
        (change("children", 0, 0), "add up"),
        (change("sizes", 3, 250), "add up"),
        (change("counts", 5, 0), "count of 0"),
        (change("tokens", 5, VOCABULARY), "above 11"),
        (change("oldest", 5, 255), "above 11"),
        (change("tokens", 1, 0), "rise"),
        (change("oldest", 1, 0), "rise"),
        (hang([0, 1], [3]), "hang below none"),
        (hang([1, 0, 2, 0], [1, 1, 2]), "hang below none"),
        (hang([1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1]), "too deep"),
    ],
)  # fmt: skip
def test_unsound_tables_are_refused(
    damage: Callable[[dict[str, Ints]], None], message: str
) -> None:
    """Whatever is in the file, it is refused before anything is computed from it."""
    tables = Ngrams.count(sessions(4), VOCABULARY).tables()
    damage(tables)
    with pytest.raises(ValueError, match=message):
        Ngrams.of(tables, VOCABULARY)
