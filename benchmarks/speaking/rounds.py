"""Contenders by turns: each in a child process of its own, one asked at a time, round by round.

A child that waits for its turn waits for a line of its input, and uses no processor. Whatever else
disturbs the machine disturbs all alike; medians over rounds are compared, and ratios within them.
"""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.speaking.asking import Answer, Ask

ROOT = Path(__file__).parents[2]
PAUSE_S = 0.05  # between turns: threads that spin for more work give up
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Child:
    """A contender's process. It answers one line for one line."""

    def __init__(self, command: Sequence[str], threads: int) -> None:
        environment = {**os.environ, **dict.fromkeys(THREADS, str(threads))}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=ROOT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def ready(self) -> str | None:
        """Wait until it has loaded; what it says of itself, None if it could not."""
        return self._read()

    def turn(self, ask: Ask) -> Answer | None:
        """Its answer, None if it has died."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(ask.line() + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return None
        line = self._read()
        return None if line is None else Answer.of(line)

    def _read(self) -> str | None:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip() or None


@contextmanager
def children(commands: Mapping[str, Sequence[str]], threads: int) -> Iterator[dict[str, Child]]:
    """Start them one after the other, so that none loads while another does; end all after."""
    started: dict[str, Child] = {}
    try:
        for name, command in commands.items():
            child = Child(command, threads)
            started[name] = child
            said = child.ready()
            tell(f"{name}: {said or 'could not start, left out'}")
            if said is None:
                started.pop(name).__exit__(None, None, None)
        yield started
    finally:
        for child in started.values():
            child.__exit__(None, None, None)


def interleaved(
    racing: dict[str, Child],
    asks: Sequence[Callable[[int], Ask]],
    rounds: int,
    between: Callable[[], None] = lambda: None,
    minutes: float = math.inf,
) -> dict[str, list[list[Answer]]]:
    """Answers by contender, ask and round; round 0 warms up and is not counted.

    asks: each makes the ask of a round; between: called before each round
    A contender that dies is told of, and left out.
    """
    found: dict[str, list[list[Answer]]] = {name: [[] for _ in asks] for name in racing}
    for number in paced(rounds, minutes):
        between()
        for place, make in enumerate(asks):
            for name in [name for name in racing if name in found]:
                time.sleep(PAUSE_S)
                answer = racing[name].turn(make(number))
                if answer is None:
                    tell(f"{name}: died at {make(number)}, left out")
                    del found[name]
                elif number:
                    found[name][place].append(answer)
        tell(f"round {number} of {rounds}")
    return found


def paced(rounds: int, minutes: float, first: int = 0) -> Iterator[int]:
    """Numbers of rounds, 0 being a warm-up; after round 1 none is begun that would not fit."""
    began, longest = time.perf_counter(), 0.0
    for number in range(first, rounds + 1):
        now = time.perf_counter()
        if number > 1 and now + longest > began + 60 * minutes:
            tell(f"{number - 1} of {rounds} rounds fit into {minutes:.1f} minutes")
            return
        yield number
        longest = max(longest, time.perf_counter() - now)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios within rounds."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def tell(line: str) -> None:
    """One line for whoever waits."""
    print(line, file=sys.stderr, flush=True)
