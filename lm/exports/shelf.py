"""Blocks of bytes: the first ones in memory, what does not fit there in a file without a name.

Nobody else can open that file, and it is gone with the process, whatever ends it. Knows nothing of
what the bytes mean; columns.py does.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from pathlib import Path

IN_MEMORY = 32 << 20  # bytes: some 300,000 messages
# A disk by convention, where /tmp is memory on many systems.
_FOLDER = Path("/var/tmp")  # noqa: S108  (the file in it has no name)


class Shelf:
    """Blocks by number, in the order in which they are put."""

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        """Keep up to `in_memory` bytes in memory."""
        self._left = in_memory
        self._blocks: list[bytes] = []
        self._places: list[tuple[int, int]] = []  # of those in the file: beginning, size
        self._file, self._size = -1, 0

    def __len__(self) -> int:
        """Number of blocks."""
        return len(self._blocks) + len(self._places)

    def put(self, block: bytes) -> None:
        """Keep a block. OSError where the disk is full."""
        if not self._places and len(block) <= self._left:
            self._left -= len(block)
            self._blocks.append(block)
            return
        if self._file < 0:
            self._open()
        rest = memoryview(block)
        while rest:
            rest = rest[os.pwrite(self._file, rest, self._size + len(block) - len(rest)) :]
        self._places.append((self._size, len(block)))
        self._size += len(block)

    def get(self, number: int) -> bytes:
        """The block of that number."""
        if number < len(self._blocks):
            return self._blocks[number]
        begin, size = self._places[number - len(self._blocks)]
        parts, done = [], 0
        while done < size and (part := os.pread(self._file, size - done, begin + done)):
            parts.append(part)
            done += len(part)
        assert done == size, f"block {number} has {done} of {size} bytes"
        return b"".join(parts)

    def _open(self) -> None:
        folder = _FOLDER if os.access(_FOLDER, os.W_OK) else None
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            self._file = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._file)
