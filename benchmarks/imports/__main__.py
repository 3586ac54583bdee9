"""Imports measured: `python -m benchmarks.imports [--messages N] [--peer-python PATH]`.

Prints messages a second and peak memory on generated exports, beside whatstk and chat-miner where
--peer-python names an environment that has them, and the table of formats and fixtures. Every read
is a process of its own; the parsers take turns, and the table has medians. Writes imports.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.imports.fixtures import Row, rows
from benchmarks.imports.generated import write_telegram, write_whatsapp

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
Figures = dict[str, Any]


def timed(python: str, parser: str, file: Path) -> Figures | None:
    """What one parser takes for one file, None where it is not installed or fails."""
    command = [python, str(Path(__file__).with_name("peer.py")), parser, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{parser} on {file.name}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    figures: Figures = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def median(runs: list[Figures]) -> Figures:
    """What one parser took for one file in the middle of several runs, each figure by itself."""
    return {key: statistics.median_low([run[key] for run in runs]) for key in runs[0]}


def speeds(count: int, peer_python: str, rounds: int) -> Iterator[Figures]:
    """Every parser on every generated file, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        for write, name, peers in (
            (write_whatsapp, "export.txt", ("whatstk", "chat-miner")),
            (write_telegram, "result.json", ("chat-miner",)),
        ):
            write(Path(folder) / f"small{Path(name).suffix}", 200)
            file = write(Path(folder) / name, count)
            runs: dict[str, list[Figures]] = {}
            for _ in range(rounds):
                for parser in ("understudy", *(peers if peer_python else ())):
                    python = sys.executable if parser == "understudy" else peer_python
                    if figures := timed(python, parser, file):
                        runs.setdefault(parser, []).append(figures)
            megabytes = file.stat().st_size >> 20
            for parser, figures_of in runs.items():
                yield {
                    "file": name,
                    "megabytes": megabytes,
                    "parser": parser,
                    "rounds": len(figures_of),
                    **median(figures_of),
                }


def speed_table(measured: list[Figures]) -> str:
    """Messages a second by the clock and by processor time, and memory."""
    lines = [
        "| file | parser | messages | s | CPU s | messages/CPU s | peak MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for m in measured:
        rate = m["messages"] / max(m["cpu_seconds"], 0.01)
        figures = f"{m['messages']:,} | {m['seconds']} | {m['cpu_seconds']} | {rate:,.0f}"
        what = f"{m['file']}, {m['megabytes']} MB | {m['parser']}"
        lines.append(f"| {what} | {figures} | {m['peak_mb']} |")
    return "\n".join(lines)


def fixture_table(found: list[Row]) -> str:
    """One line a fixture: right, or what differs."""
    lines = [
        "| fixture | format | messages | speakers | checked | | remark |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in found:
        verdict = "; ".join(row.wrong).replace("|", "/") if row.wrong else "as stated"
        lines.append(
            f"| {row.file} | {row.format or '-'} | {row.messages:,} | {row.speakers}"
            f" | {', '.join(row.checked)} | {verdict} | {row.note} |"
        )
    right = sum(not row.wrong for row in found)
    return "\n".join([*lines, "", f"{right} of {len(found)} as stated, the others as remarked"])


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000, help="in the generated exports")
    parser.add_argument("--peer-python", default="", help="a python with whatstk and chat-miner")
    parser.add_argument("--rounds", type=int, default=3, help="of all parsers in turns")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of the samples")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "imports.json")
    arguments = parser.parse_args()
    found = list(rows(arguments.data))
    print(fixture_table(found), end="\n\n")
    count, peers, rounds = arguments.messages, arguments.peer_python, arguments.rounds
    measured = list(speeds(count, peers, rounds)) if count else []
    print(speed_table(measured))
    result = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "speed": measured,
        "fixtures": [
            {"file": row.file, "format": row.format, "messages": row.messages, "wrong": row.wrong}
            for row in found
        ],
    }
    arguments.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
