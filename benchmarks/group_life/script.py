"""What is replayed: the held-out episodes of the friends transcript, without one friend's lines.

Seasons 1 to 8 are learnt from; of season 9 the even episodes are replayed, as benchmarks/learning
does. A friend's lines are the truth: how often they spoke after each line of the others.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HELD_OUT = 9  # season
LONGEST = 4000  # characters of one line


@dataclass(frozen=True, slots=True)
class Line:
    """Something that somebody said."""

    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A line of somebody else, and what the friend said right after it."""

    line: Line
    words: tuple[str, ...] = ()

    @property
    def friend(self) -> int:
        """Messages of the friend."""
        return len(self.words)


def write_training(path: Path, target: Path) -> None:
    """The seasons to learn from, as a file that `understudy import` reads."""
    with path.open(encoding="utf-8") as file, target.open("w", encoding="utf-8") as out:
        out.writelines(row for row in file if _place(json.loads(row))[0] < HELD_OUT)


def learnt(path: Path) -> list[Line]:
    """The lines of those seasons."""
    with path.open(encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if _place(row)[0] < HELD_OUT]
    return [Line(row["speaker"], row["text"]) for row in rows]


def held_out(path: Path, most: int) -> list[Line]:
    """Lines of the episodes that are replayed, in their order.

    Of more than `most` lines every second, third, ... scene, so that they stay spread out.
    """
    scenes: dict[str, list[Line]] = {}
    with path.open(encoding="utf-8") as file:
        for row in map(json.loads, file):
            season, episode = _place(row)
            if season == HELD_OUT and not episode % 2 and row["text"].strip():
                line = Line(row["speaker"], row["text"][:LONGEST])
                scenes.setdefault(row["conversation"], []).append(line)
    step = math.ceil(sum(map(len, scenes.values())) / most)
    return [line for scene in list(scenes.values())[::step] for line in scene]


def most_talkative(lines: Sequence[Line], count: int) -> list[str]:
    """Who says most."""
    return [name for name, _ in Counter(line.speaker for line in lines).most_common(count)]


def gaps(lines: Sequence[Line], friend: str) -> list[Gap]:
    """The others' lines, each with how many of the friend's follow it."""
    found: list[Gap] = []
    for line in lines:
        if line.speaker != friend:
            found.append(Gap(line))
        elif found:
            found[-1] = Gap(found[-1].line, (*found[-1].words, line.text))
    return found


def _place(row: dict[str, str]) -> tuple[int, int]:
    """(season, episode)"""
    return int(row["conversation"][1:3]), int(row["conversation"][4:6])
