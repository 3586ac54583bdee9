"""The journal: everything that happened, one JSON object a line, so that a restart keeps the group.

Records that belong together go to the file in one write, which a killed process makes wholly or
not at all; a line that a crash of the machine tore at the end is left out when reading. At start
the journal is rewritten without what was replaced since. Knows nothing of what records mean.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]


class Journal:
    """An append-only file of records that one process holds; without a path it keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file = -1
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = _locked(path.with_suffix(".lock"))

    def read(self) -> Iterator[Json]:
        """Every record of the file, oldest first."""
        if self._path is None or not self._path.exists():
            return
        with self._path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    return  # torn by a crash: what it says was never answered for
                try:
                    record = json.loads(line)
                except ValueError as error:
                    raise OSError(f"{self._path} line {number} is damaged: {error}") from error
                yield record

    def start(self, records: Iterable[Json]) -> None:
        """Replace the file's content by `records` and append from here on."""
        if self._path is None:
            return
        aside = self._path.with_suffix(".new")
        with open(aside, "wb", opener=_private) as file:
            file.writelines(map(_line, records))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._path)
        if self._file >= 0:
            os.close(self._file)
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND)

    def append(self, records: Iterable[Json]) -> None:
        """Add records that stand or fall together."""
        if self._file >= 0:
            data, before = b"".join(map(_line, records)), os.fstat(self._file).st_size
            try:
                while data:
                    data = data[os.write(self._file, data) :]
            except OSError:  # a full disk: half a line would spoil the next one
                os.ftruncate(self._file, before)
                raise

    def close(self) -> None:
        """Let another process have the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if self._path is not None:
            os.close(self._lock)


def _line(record: Json) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _locked(path: Path) -> int:
    lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise OSError(f"{path.parent} is in use by another playground") from None
    return lock
