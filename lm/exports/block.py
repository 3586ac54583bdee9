"""A block of rows as bytes: what columns.py puts away on a shelf and takes back; knows no shelf."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_CODES = "IIqIq"  # of the columns before the texts


class Block(NamedTuple):
    """What is put away of a block of rows, column by column; ids are a prefix and a number."""

    where: array[int]
    origins: array[int]
    origin_numbers: array[int]
    replies: array[int]
    reply_numbers: array[int]
    texts: list[str]


def pack(columns: Sequence[npt.NDArray[np.int64]], texts: Sequence[bytes]) -> bytes:
    """The numbers of each row, column by column, and its text in UTF-8."""
    joined = b"\0".join(texts)
    ends = len(joined) - np.count_nonzero(np.frombuffer(joined, np.uint8))
    assert ends == len(texts) - 1, "a text with NUL reached the columns"
    packed = (c.astype(code).tobytes() for code, c in zip(_CODES, columns, strict=True))
    return b"".join((*packed, joined))


def unpacked(block: bytes, count: int) -> Block:
    """A block of that many rows, as it was put away."""
    columns: list[array[int]] = []
    at = 0
    for code in _CODES:
        column = array(code)
        size = column.itemsize * count
        column.frombytes(block[at : at + size])
        columns.append(column)
        at += size
    where, origins, origin_numbers, replies, reply_numbers = columns
    texts = block[at:].decode().split("\0")
    return Block(where, origins, origin_numbers, replies, reply_numbers, texts)
