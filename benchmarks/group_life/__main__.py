"""How well a persona behaves: held-out days replayed through the playground, in mode auto.

    python -m benchmarks.group_life --messages MESSAGES --data DIR

Its messages by hour are compared to the real friend's, the moments at which it spoke to theirs,
both beside mode chance at the same rate. DIR keeps the group and its small model from one run to
the next; without one it takes --training minutes longer. All replays run side by side, --minutes
in all and about half a minute for the start. Prints a table, writes JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.group_life import script
from benchmarks.group_life.figures import Figures, figures, together
from benchmarks.group_life.replay import LINE_S, ROOT, Replay, opened, play
from benchmarks.group_life.script import Line
from bot.memory.cast import is_called

GROUP = "friends"
BEAT_S = 0.75  # two idle cores keep up with twelve replays at that pace

Row = tuple[str, str, Figures]


def understudy(*arguments: str) -> None:
    """Run a command of this checkout."""
    subprocess.run([sys.executable, "-m", "bot.main", *arguments], check=True, cwd=ROOT)


def prepare(messages: Path, data: Path, minutes: float) -> None:
    """Import and train once."""
    if any(data.glob("groups/*/models/current")):
        return
    data.mkdir(parents=True, exist_ok=True)
    script.write_training(messages, data / "training.jsonl")
    understudy(
        *("import", str(data / "training.jsonl"), "--group", GROUP, "--consent", "all"),
        *("--data", str(data)),
    )
    understudy(
        *("train", "--group", GROUP, "--preset", "small", "--minutes", str(minutes)),
        *("--data", str(data)),
    )


def chance_of(lines: Sequence[Line], friend: str) -> int:
    """The N of /mode chance N with which a persona takes as many turns as its friend.

    Whoever is called answers anyway, which is part of those turns.
    """
    found = script.gaps(lines, friend)
    names = (friend.casefold(), friend.casefold().split(" ")[0])
    called = sum(is_called(gap.line.text, names) for gap in found) / len(found)
    turns = sum(gap.friend > 0 for gap in found) / len(found)
    return max(0, round(100 * (turns - called) / (1 - called)))


async def measure(
    lines: Sequence[Line], friends: Sequence[str], data: Path, beat: float
) -> list[Row]:
    """Replay for every friend in every mode, side by side."""
    names = list(dict.fromkeys((*friends, *(line.speaker for line in lines))))
    replays = [
        Replay(friend, mode, script.gaps(lines, friend))
        for friend in friends
        for mode in ("auto", f"chance {chance_of(lines, friend)}")
    ]
    async with opened(names, data, beat) as (playground, client):
        said = await asyncio.gather(*(play(playground, client, replay, beat) for replay in replays))
    return [
        (replay.friend, replay.mode, figures([gap.friend for gap in replay.gaps], each))
        for replay, each in zip(replays, said, strict=True)
    ]


def table(rows: Sequence[Row]) -> str:
    """The figures as Markdown, each mode's together at the end."""
    modes = sorted({mode.split(" ")[0] for _, mode, _ in rows})
    sums = {mode: together(each for _, its, each in rows if its.startswith(mode)) for mode in modes}
    lines = [
        f"| {platform.machine()}, {os.cpu_count()} cores | mode | an hour: friend | persona | ratio"
        " | messages a turn: friend | replies a trigger | F1 | stale | repeated |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for who, mode, f in (*rows, *(("all", *each) for each in sums.items())):
        lines.append(
            f"| {who} | {mode} | {f.an_hour(f.friend, LINE_S):.0f}"
            f" | {f.an_hour(f.persona, LINE_S):.0f} | {f.rate:.2f}"
            f" | {f.friend / max(1, f.friend_turns):.2f}"
            f" | {f.persona / max(1, f.persona_turns):.2f}"
            f" | {f.f1:.3f} | {f.stale} | {f.repeated} |"
        )
    gained = sums["auto"].f1 / max(1e-9, sums["chance"].f1)
    lines.append(f"| all | auto over chance | | | | | | {gained:.2f} times | | |")
    return "\n".join(lines)


def minutes(lines: Sequence[Line], beat: float) -> float:
    """That a replay of so many lines takes, about half a minute of it for the start."""
    return (30 + beat * len(lines)) / 60


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=Path, required=True, help="the friends transcript")
    parser.add_argument("--data", type=Path, required=True, help="where group and model are kept")
    parser.add_argument("--training", type=float, default=2, help="minutes, the first time")
    parser.add_argument("--minutes", type=float, default=9, help="of replaying, at most")
    parser.add_argument("--friends", type=int, default=6, help="so many are stood in for")
    parser.add_argument("--beat", type=float, default=BEAT_S, help="seconds that a line takes")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "group_life.json")
    options = parser.parse_args()
    prepare(options.messages, options.data, options.training)
    lines = script.held_out(options.messages, int(60 * options.minutes / options.beat))
    friends = script.most_talkative(script.learnt(options.messages), options.friends)
    print(
        f"{len(lines):,} lines, a line in {options.beat} s: {minutes(lines, options.beat):.0f} min"
    )
    rows = asyncio.run(measure(lines, friends, options.data, options.beat))
    print(table(rows))
    found = [{"friend": who, "mode": mode, **asdict(each)} for who, mode, each in rows]
    options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
