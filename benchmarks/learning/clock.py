"""Running time: the clock of a process that is stopped and resumed by another.

The parent stops a child with SIGSTOP and notes in a small shared file how long it was stopped; the
child's clock is the system's, less that, less what the child itself has taken out. Linux only in
one point: CLOCK_MONOTONIC has to be the same for both processes (it is on macOS too).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic  # bound here: as_system_time replaces the name in the module time
from unittest import mock

_FORMAT = "d"  # one float, seconds


class StoppedTime:
    """Seconds that a process was stopped for, in a file that two processes map."""

    def __init__(self, path: Path) -> None:
        """Map the file; it is made where there is none."""
        size = struct.calcsize(_FORMAT)
        if not path.exists() or path.stat().st_size != size:
            path.write_bytes(bytes(size))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), size)

    def add(self, seconds: float) -> None:
        """Note a pause; only the parent does, and only while the child is stopped."""
        struct.pack_into(_FORMAT, self._map, 0, self.seconds() + seconds)

    def seconds(self) -> float:
        """The sum of all pauses."""
        value: float = struct.unpack_from(_FORMAT, self._map, 0)[0]
        return value


class RunningClock:
    """Seconds of training: stands still while the process is stopped or `frozen`."""

    def __init__(self, stopped: StoppedTime | None = None) -> None:
        """Start at 0. Without `stopped` nobody stops this process."""
        self._stopped = stopped
        self._zero = self._raw()
        self._frozen_at: float | None = None

    def _raw(self) -> float:
        """Monotonic seconds without those that the process was stopped for."""
        if self._stopped is None:
            return monotonic()
        while True:  # again, if the process was stopped between the readings
            before, now = self._stopped.seconds(), monotonic()
            if before == self._stopped.seconds():
                return now - before

    def seconds(self) -> float:
        """Since the start."""
        return (self._raw() if self._frozen_at is None else self._frozen_at) - self._zero

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The clock stands still inside: what happens there is not training."""
        assert self._frozen_at is None
        self._frozen_at = self._raw()
        try:
            yield
        finally:
            self._zero += self._raw() - self._frozen_at
            self._frozen_at = None

    @contextmanager
    def as_system_time(self) -> Iterator[None]:
        """time.monotonic is this clock inside, so that a learner's schedule follows it too."""
        with mock.patch("time.monotonic", self.seconds):
            yield
