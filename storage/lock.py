"""The lock on a data directory: it serves one running bot, and a second one is refused.

flock is released by the kernel when its process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class DataInUseError(Exception):
    """Another process runs on this data directory."""


@contextmanager
def hold(data: Path) -> Iterator[None]:
    """Hold the directory for as long as the block runs. Raises DataInUseError when it is taken."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = data / "lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            raise DataInUseError(
                f"{data} is in use by another understudy (process {owner}): "
                "stop that one, or choose another --data directory"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
