"""How fast and how fairly it speaks, beside its peers, on one machine in one run.

    python -m benchmarks.speaking decode    tokens/s and first token against transformers, llama.cpp
    python -m benchmarks.speaking warm      first token of a warm chat against a cold one
    python -m benchmarks.speaking overhead  what the engine takes beside the model
    python -m benchmarks.speaking flood     what others wait while one floods
    python -m benchmarks.speaking users     replies by preset and number of active chats
    python -m benchmarks.speaking tricks    cost of copy guard, guidance and best of four
    python -m benchmarks.speaking shelf     copying keys and values against computing them again
    python -m benchmarks.speaking all       everything

Weights are random: speed does not depend on what was learnt. --data and --group add a trained
version to `users`. decode uses every core; the others compute on as many threads, in the same
precision and by the same code as the bot does. None takes longer than its minutes (MINUTES, or
--minutes), unless two rounds do.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks.speaking import decode, flood, overhead, shelf, tricks, users, warm
from benchmarks.speaking.models import VARIANTS, possible, usual
from benchmarks.speaking.subject import Subject
from benchmarks.speaking.table import TABLES
from benchmarks.speaking.trained import trained
from benchmarks.speaking.weights import SHAPES, preset
from bot.cli.choosing import UsageError
from bot.config import EngineConfig
from lm.checkpoints.checkpoint import CheckpointError
from lm.device import default_device, physical_cores

Found = dict[str, Any]
QUICK = {"rounds": 1, "streams": [1, 4], "new": 16, "seconds": 1.0, "chats": [1, 16]}
MINUTES = {
    "decode": 8.0,
    "warm": 1.0,
    "overhead": 2.0,
    "flood": 2.5,
    "users": 3.0,
    "tricks": 2.0,
    "shelf": 1.0,
}
SECONDS = {"flood": 8.0, "users": 2.5}


def run_decode(options: argparse.Namespace) -> Found:
    """Beside the peers."""
    pythons = decode.contenders(options.llama_python, options.device)
    chosen = {n: p for n, p in pythons.items() if any(o in n for o in options.only or [""])}
    if not chosen:
        raise UsageError(f"--only {' '.join(options.only)}: none of {', '.join(pythons)}")
    return decode.decode(
        options.shape,
        chosen,
        streams=options.streams,
        prompt=options.prompt,
        new=options.new,
        rounds=options.rounds,
        threads=options.threads,
        device=options.device,
        minutes=options.minutes,
    )


def run_warm(options: argparse.Namespace) -> Found:
    """Contexts of --prompt tokens, and of four times as many."""
    contexts = [options.prompt, 4 * options.prompt]
    return warm.warm(_subject(options), contexts, options.rounds, options.minutes)


def run_overhead(options: argparse.Namespace) -> Found:
    """At every number of streams."""
    return overhead.overhead(
        _subject(options),
        options.streams,
        options.prompt,
        options.new,
        options.rounds,
        options.minutes,
    )


def run_flood(options: argparse.Namespace) -> Found:
    """In a window of --prompt tokens."""
    return flood.flood(
        _subject(options), options.prompt, options.rounds, options.seconds, options.minutes
    )


def run_users(options: argparse.Namespace) -> Found:
    """Every preset, and a trained version if one is named."""
    everyone = users.presets(options.presets, options.variant, options.device)
    if options.data is not None:
        everyone.append(trained(options.data, options.group, options.variant, options.device))
    return users.users(
        everyone,
        options.chats,
        slots=options.slots,
        rounds=options.rounds,
        seconds=options.seconds,
        device=options.device,
        paces=options.paces,
        minutes=options.minutes,
    )


def run_tricks(options: argparse.Namespace) -> Found:
    """At one stream and at sixteen, or at the numbers given."""
    streams = [count for count in options.streams if count <= 16] or [min(options.streams)]
    return tricks.tricks(
        _subject(options), streams, options.prompt, options.new, options.rounds, options.minutes
    )


def run_shelf(options: argparse.Namespace) -> Found:
    """The shape that is measured, and the presets."""
    shapes = [options.shape, *(preset(name, users.VOCABULARY) for name in options.presets)]
    subjects = [Subject(shape, options.variant, options.device) for shape in shapes]
    return shelf.shelf(subjects, [options.prompt], options.rounds, options.minutes)


MEASUREMENTS: dict[str, Callable[[argparse.Namespace], Found]] = {
    "decode": run_decode,
    "warm": run_warm,
    "overhead": run_overhead,
    "flood": run_flood,
    "users": run_users,
    "tricks": run_tricks,
    "shelf": run_shelf,
}


def told(name: str, options: argparse.Namespace) -> argparse.Namespace:
    """The options for a measurement, what was left open filled in; sets torch's threads."""
    cores = physical_cores() if name == "decode" else max(1, (os.cpu_count() or 1) // 2)
    usually = {"threads": cores, "minutes": MINUTES[name], "seconds": SECONDS.get(name)}
    found = {key: value for key, value in vars(options).items() if value is not None}
    torch.set_num_threads(found.get("threads", cores))
    return argparse.Namespace(**{**vars(options), **usually, **found})


def _subject(options: argparse.Namespace) -> Subject:
    return Subject(options.shape, options.variant, options.device)


def machine(options: argparse.Namespace) -> Found:
    """What it ran on."""
    name = platform.processor() or platform.machine()
    if options.device.type == "cuda":
        name = torch.cuda.get_device_name(options.device)
    return {
        "machine": f"{name}, {os.cpu_count()} cores",
        "torch": torch.__version__,
    }


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(
        prog="python -m benchmarks.speaking",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("what", nargs="?", default="all", choices=[*MEASUREMENTS, "all"])
    found.add_argument("--rounds", type=_positive, default=10, help="at most")
    found.add_argument("--minutes", type=float, help="at most, for each of what is measured")
    found.add_argument("--quick", action="store_true", help="one short round of little")
    found.add_argument("--json", type=Path, help="write the figures here, as they come")
    found.add_argument("--threads", type=_positive, help="every core for decode, else the bot's")
    found.add_argument("--device", type=torch.device, default=default_device())
    found.add_argument("--shape", choices=SHAPES, default="10M")
    found.add_argument("--variant", choices=VARIANTS, help="ours; what the bot serves with")
    found.add_argument("--streams", type=_positive, nargs="+", default=[1, 4, 16, 64])
    found.add_argument("--prompt", type=_positive, default=256, help="tokens of a context")
    found.add_argument("--new", type=_positive, default=64, help="tokens of a reply")
    found.add_argument("--only", nargs="+", help="decode: contenders whose name has one of these")
    found.add_argument(
        "--llama-python", default="", help="decode: a python that has llama-cpp-python"
    )
    found.add_argument("--presets", nargs="+", choices=users.PRESETS, default=users.PRESETS)
    found.add_argument("--chats", type=_positive, nargs="+", default=[1, 16, 64, 256])
    found.add_argument("--slots", type=_positive, default=EngineConfig().slots, help="users")
    found.add_argument("--paces", nargs="+", choices=users.PACES, default=["again"], help="users")
    found.add_argument("--seconds", type=float, help="users, flood: of a turn")
    found.add_argument("--data", type=Path, help="users: a data directory with a trained version")
    found.add_argument("--group", default="", help="users: its group")
    return found


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value}: has to be at least 1")
    return value


def main() -> None:
    """Measure, print, write; one line and status 1 when something is missing."""
    options = parser().parse_args()
    if options.quick:
        vars(options).update(QUICK, presets=options.presets[:2])
    options.shape = SHAPES[options.shape]
    options.variant = options.variant or usual(options.device)
    if not possible(options.variant, options.device):
        raise SystemExit(f"--variant {options.variant}: not to be had on this machine")
    results: Found = machine(options)
    console = Console(width=200)
    try:
        for name in MEASUREMENTS if options.what == "all" else [options.what]:
            results[name] = MEASUREMENTS[name](told(name, options))
            for table in TABLES[name](results[name]):
                console.print(table)
            if options.json is not None:
                options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    except (UsageError, CheckpointError, OSError) as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit("stopped; what was finished is kept") from None


if __name__ == "__main__":
    main()
