"""The race: children train by turns on the same machine, each on a clock of its own running time.

Exactly one child runs at a time, for a slice of seconds; the others are stopped (SIGSTOP), so that
whatever else disturbs the machine disturbs all alike. What is measured goes to a JSON file after
every turn; a race that is run again keeps the runs that were finished.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.learning.clock import StoppedTime

Points = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Run:
    """One child of a race: which racer, planned for how many minutes of training."""

    racer: str
    minutes: float

    @property
    def name(self) -> str:
        """As the results call it."""
        return self.racer if self.racer == "floors" else f"{self.racer} {self.minutes:g}"


class Child:
    """A child process that only runs while it is its turn. Linux: it dies with its parent."""

    def __init__(self, command: Callable[[Path], Sequence[str]], folder: Path) -> None:
        """command(file of the stopped time) starts it, at its first turn."""
        self._command, self._folder = command, folder
        self._stopped = StoppedTime(folder / "stopped")
        self._out = folder / "out.jsonl"
        self._process: subprocess.Popen[bytes] | None = None
        self._since = 0.0

    def turn(self, seconds: float) -> int | None:
        """Let it run for so long; its exit status if it ended."""
        if self._process is None:
            self._process = self._start()
        else:
            self._stopped.add(time.monotonic() - self._since)
            os.kill(self._process.pid, signal.SIGCONT)
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.kill(self._process.pid, signal.SIGSTOP)
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            self._since = time.monotonic()
            return None

    def lines(self) -> Points:
        """Everything it has reported so far; a line that is half written is not."""
        if not self._out.exists():
            return []
        whole = self._out.read_bytes().rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def kill(self) -> None:
        """End it, stopped or not."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {"GOMP_SPINCOUNT": "1000", **os.environ}  # as `understudy train` sets it
        with self._out.open("wb") as out:
            return subprocess.Popen(
                self._command(self._folder / "stopped"), stdout=out, env=environment
            )


class Results:
    """What a race has measured, in a JSON file that always holds the latest."""

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        """Read what an earlier race left there under the same settings."""
        self._path = path
        self.runs: dict[str, Any] = {}
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            before = {}
        if before.get("settings") == settings:
            self.runs = {k: v for k, v in before["runs"].items() if v["finished"]}
        self._settings = settings

    def note(self, run: Run, lines: Points, *, finished: bool) -> None:
        """Replace what is known of a run, and write the file."""
        self.runs[run.name] = {
            "racer": run.racer,
            "minutes": run.minutes,
            "finished": finished,
            "plan": next((line for line in lines if line["event"] == "plan"), {}),
            "points": [line for line in lines if line["event"] == "point"],
            "judged": next((line for line in lines if line["event"] == "judged"), {}),
        }
        aside = self._path.with_suffix(".partial")
        record = {"settings": self._settings, "runs": self.runs}
        aside.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        aside.replace(self._path)


def settings(data: Path, threads: int) -> dict[str, Any]:
    """What has to be the same for two races to be one."""
    return {
        "data": hashlib.sha256(data.read_bytes()).hexdigest()[:16],
        "threads": threads,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "torch": torch.__version__,
    }


def race(
    runs: Sequence[Run],
    results: Results,
    command: Callable[[Run, Path], Sequence[str]],
    slice_s: float = 20.0,
) -> list[str]:
    """Let all runs that are not finished yet take turns; names of those that failed."""
    failed = []
    with tempfile.TemporaryDirectory(prefix="understudy-race-") as folder:
        children = {}
        for run in runs:
            if run.name not in results.runs:
                own = Path(folder) / run.name.replace(" ", "-")
                own.mkdir()
                children[run] = Child(_bound(command, run), own)
        try:
            while children:
                for run, child in list(children.items()):
                    status = child.turn(slice_s)
                    results.note(run, child.lines(), finished=status == 0)
                    _tell(run, child.lines(), status)
                    if status is not None:
                        del children[run]
                    if status:
                        failed.append(run.name)
        finally:
            for child in children.values():
                child.kill()
    return failed


def _bound(
    command: Callable[[Run, Path], Sequence[str]], run: Run
) -> Callable[[Path], Sequence[str]]:
    return lambda stopped: command(run, stopped)


def _tell(run: Run, lines: Points, status: int | None) -> None:
    """One line for whoever waits."""
    end = "" if status is None else " (finished)" if status == 0 else f" (failed: {status})"
    text = f"{run.name}: starting"
    if points := [line for line in lines if line["event"] == "point"]:
        text = f"{run.name}: {points[-1]['served']:.3f} bits after {points[-1]['seconds']:.0f} s"
    print(text + end, file=sys.stderr, flush=True)
