"""Where blocks of an export lie: in memory, and beyond that in a file without a name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lm.exports.columns import BLOCK, Columns
from lm.exports.shelf import Shelf


@pytest.mark.parametrize("in_memory", [0, 10, 1 << 20])
def test_every_block_is_what_was_put(in_memory: int) -> None:
    """Wherever it lies, in whatever order it is asked for."""
    shelf, blocks = Shelf(in_memory), [b"", b"a" * 7, b"\0", b"b" * 9, b"c"]
    for block in blocks:
        shelf.put(block)
    assert len(shelf) == len(blocks)
    assert [shelf.get(n) for n in (4, 0, 2, 3, 1)] == [blocks[n] for n in (4, 0, 2, 3, 1)]


def test_nothing_is_left_of_the_file() -> None:
    """It has no name while it is open, and is closed with its shelf."""
    before = set(os.listdir("/proc/self/fd"))
    shelf = Shelf(0)
    shelf.put(b"somebody's words")
    opened = set(os.listdir("/proc/self/fd")) - before
    (number,) = (n for n in opened if "deleted" in os.readlink(f"/proc/self/fd/{n}"))
    del shelf
    assert not Path(f"/proc/self/fd/{number}").exists()


def test_columns_on_disk_are_those_in_memory() -> None:
    """Every field of every row, in order of time and of blocks."""
    read = []
    for in_memory in (0, 1 << 30):
        columns = Columns(Shelf(in_memory))
        columns.speakers.number(("A", "k"))
        columns.conversations.number("c")
        for n in range(3 * BLOCK + 1):
            columns.add(0, f"é{n}", 10_000 - n // 2, 0, columns.id(f"telegram:1:{n}"))
        columns.freeze()
        read.append(list(columns.rows()))
    assert read[0] == read[1]
    assert [row.origin for row in read[0][:3]] == [
        f"telegram:1:{n}" for n in (3 * BLOCK, 3 * BLOCK - 2, 3 * BLOCK - 1)
    ]
