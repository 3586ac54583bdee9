"""How well and how fast it learns, beside its peers, on the friends transcript.

    python -m benchmarks.learning race     time to quality against lad-gpt and the n-grams
    python -m benchmarks.learning speed    tokens per second against nanoGPT's loop
    python -m benchmarks.learning sizes    bits against the amount of chat, and the picture
    python -m benchmarks.learning table    what was measured last

Each prints tables and writes JSON beside this file.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import signal
import sys
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.learning.clock import RunningClock, StoppedTime
from benchmarks.learning.corpus import MissingDataError, friends
from benchmarks.learning.race import Results, Run, race, settings
from benchmarks.learning.racers import RACERS
from benchmarks.learning.sizes import SHARES, draw, measured
from benchmarks.learning.speed import HUNDRED_MILLION, speed
from benchmarks.learning.table import race_tables, sizes_table, speed_table
from lm.device import default_device, physical_cores
from lm.learning.plan import AUTO
from lm.learning.presets import PRESETS

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DATA = ROOT.parent / "shared" / "data" / "friends" / "messages.jsonl"
PICTURE = ROOT / "docs" / "corpus-size.png"


def run_race(options: argparse.Namespace) -> None:
    """All runs by turns; results in race.json."""
    friends(options.data)  # says at once what is missing
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no child is left stopped
    minutes = sorted({*options.short, options.minutes, *([60.0] if options.hour else [])})
    runs = [
        Run("floors", max(minutes)),
        Run("lad-gpt", options.lad_minutes),
        *(Run("ours", planned) for planned in minutes),
    ]
    path = options.out / "race.json"
    if options.fresh:
        path.unlink(missing_ok=True)
    results = Results(path, settings(options.data, options.threads))

    def command(run: Run, stopped: Path) -> list[str]:
        own = ["racer", run.racer, "--minutes", str(run.minutes), "--stopped", str(stopped)]
        shared = ["--data", str(options.data), "--threads", str(options.threads)]
        return [sys.executable, "-m", "benchmarks.learning", *own, *shared]

    failed = race(runs, results, command, options.slice)
    show(options)
    if failed:
        raise SystemExit(f"these runs failed: {', '.join(failed)}")


def run_racer(options: argparse.Namespace) -> None:
    """One child of a race: prints its points as JSON lines."""
    if sys.platform == "linux":  # a stopped process cannot see that its parent has died
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    corpus = friends(options.data)
    clock = RunningClock(StoppedTime(options.stopped) if options.stopped else None)

    def emit(line: dict[str, Any]) -> None:
        print(json.dumps(line), flush=True)

    RACERS[options.racer](corpus, options.minutes, clock, emit)


def run_speed(options: argparse.Namespace) -> None:
    """Every preset against nanoGPT; results in speed.json (speed-cuda.json on a GPU)."""
    device = default_device()
    presets = [PRESETS[name] for name in options.presets]
    if device.type == "cuda":
        presets.append(HUNDRED_MILLION)
    found = speed(
        friends(options.data),
        presets,
        device,
        rounds=options.rounds,
        seconds=options.seconds,
        compiled=not options.eager,
        tell=lambda line: print(line, file=sys.stderr, flush=True),
    )
    write(options.out / ("speed-cuda.json" if device.type == "cuda" else "speed.json"), found)
    show(options)


def run_sizes(options: argparse.Namespace) -> None:
    """Three sizes; results in sizes.json and the picture."""
    corpus, found = friends(options.data), []
    for share in SHARES:
        found.append(measured(corpus, share, options.minutes))
        print(f"{found[-1]['messages']:,} messages: {found[-1]['served']:.3f}", file=sys.stderr)
        write(options.out / "sizes.json", {"minutes": options.minutes, "sizes": found})
    draw(found, options.picture)
    show(options)


def show(options: argparse.Namespace) -> None:
    """Print the tables of whatever there is."""
    tables: list[Table] = []
    if found := _read(options.out / "race.json"):
        tables += race_tables(found)
    for name in ("speed.json", "speed-cuda.json"):
        if found := _read(options.out / name):
            tables.append(speed_table(found))
    if found := _read(options.out / "sizes.json"):
        tables.append(sizes_table(found))
    if not tables:
        raise SystemExit(f"nothing was measured yet in {options.out}")
    console = Console(width=200)
    for table in tables:
        console.print(table)


def write(path: Path, found: dict[str, Any]) -> None:
    """Write JSON."""
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def parser() -> argparse.ArgumentParser:
    """The command line."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--data", type=Path, default=DATA, help="the friends messages.jsonl")
    shared.add_argument("--threads", type=int, default=physical_cores())
    shared.add_argument("--out", type=Path, default=HERE, help="where the JSON files are")
    whole = argparse.ArgumentParser(
        prog="python -m benchmarks.learning",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = whole.add_subparsers(dest="command", required=True)

    one = commands.add_parser("race", parents=[shared], help=run_race.__doc__)
    one.add_argument("--minutes", type=float, default=20.0, help="plan of the long run")
    one.add_argument("--short", type=float, nargs="*", default=[5.0], help="plans of other runs")
    one.add_argument("--hour", action="store_true", help="also a run planned for 60 minutes")
    one.add_argument("--lad-minutes", type=float, default=25.0, help="at most, of lad-gpt")
    one.add_argument("--slice", type=float, default=20.0, help="seconds of a turn")
    one.add_argument("--fresh", action="store_true", help="keep nothing of an earlier race")
    one.set_defaults(run=run_race)

    one = commands.add_parser("racer", parents=[shared], help=run_racer.__doc__)
    one.add_argument("racer", choices=RACERS)
    one.add_argument("--minutes", type=float, required=True)
    one.add_argument("--stopped", type=Path, help="file of the time that it was stopped for")
    one.set_defaults(run=run_racer)

    one = commands.add_parser("speed", parents=[shared], help=run_speed.__doc__)
    one.add_argument("--presets", nargs="+", default=list(AUTO), choices=PRESETS)
    one.add_argument("--rounds", type=int, default=5)
    one.add_argument("--seconds", type=float, default=8.0, help="of a contestant's turn")
    one.add_argument("--eager", action="store_true", help="leave out torch.compile")
    one.set_defaults(run=run_speed)

    one = commands.add_parser("sizes", parents=[shared], help=run_sizes.__doc__)
    one.add_argument("--minutes", type=float, default=10.0, help="plan of each training")
    one.add_argument("--picture", type=Path, default=PICTURE)
    one.set_defaults(run=run_sizes)

    one = commands.add_parser("table", parents=[shared], help=show.__doc__)
    one.set_defaults(run=show)
    return whole


def main() -> None:
    """Run one of the commands; one line and status 1 when something is missing."""
    options = parser().parse_args()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)  # before it takes its minutes
    try:
        options.run(options)
    except MissingDataError as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit("stopped; what was finished is kept") from None


if __name__ == "__main__":
    main()
