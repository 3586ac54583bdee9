"""Tokens per second and time to the first token, beside transformers and llama.cpp.

Every contender continues the same random prompts by the same number of tokens, in a process of
its own, by turns. What the machine allows is measured before each round, in the same run.
"""

from __future__ import annotations

import importlib.util
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.speaking import limits
from benchmarks.speaking.asking import Answer, Ask
from benchmarks.speaking.load import percentile
from benchmarks.speaking.models import VARIANTS, possible
from benchmarks.speaking.rounds import children, interleaved, ratio, tell
from benchmarks.speaking.weights import Shape, export

OURS = "understudy"
LLAMA = ("f32", "bf16", "q8_0")  # kinds of weights that llama.cpp is measured with
SEEDS = 1000  # apart, from round to round
BEST = 0.9  # of the rounds were slower than the best tenth


def contenders(llama_python: str, device: torch.device) -> dict[str, str]:
    """Python by contender: all that can run here. Says what is left out, and why."""
    found = {f"{OURS}:{v}": sys.executable for v in VARIANTS if possible(v, device)}
    optional: list[tuple[str, Sequence[str], str]] = [
        (
            "transformers",
            [f"{p}:{cache}" for p in ("fp32", "bf16") for cache in ("dynamic", "static")],
            sys.executable,
        ),
        ("llama_cpp", LLAMA, llama_python or sys.executable),
        ("xllamacpp", LLAMA, sys.executable),
    ]
    if device.type == "cuda":
        optional.append(("vllm", ["bf16"], sys.executable))
    kinds = {"xllamacpp": "llama-server", "llama_cpp": "llama-batch"}
    for package, variants, python in optional:
        if not _has(python, package):
            tell(f"{package} is left out: {python} has no such package")
            continue
        if package == "xllamacpp" and any(name.startswith("llama-batch") for name in found):
            continue  # the same library with fewer instructions, and over HTTP
        kind = kinds.get(package, package)
        found |= {f"{kind}:{variant}": python for variant in variants}
    return found


def _has(python: str, package: str) -> bool:
    if python == sys.executable:
        return importlib.util.find_spec(package) is not None
    probe = f"import importlib.util, sys; sys.exit(not importlib.util.find_spec({package!r}))"
    try:
        return subprocess.run([python, "-c", probe], check=False).returncode == 0
    except OSError:
        return False


def decode(
    shape: Shape,
    pythons: dict[str, str],
    *,
    streams: Sequence[int],
    prompt: int,
    new: int,
    rounds: int,
    threads: int,
    device: torch.device,
    minutes: float = math.inf,
) -> dict[str, Any]:
    """Measure all of them; weights are written to a temporary folder and deleted."""
    began = time.perf_counter()
    reached: list[limits.Limits] = []

    def measure_limits() -> None:
        reached.append(limits.measure(device))

    with tempfile.TemporaryDirectory(prefix="understudy-speaking-") as name:
        folder = Path(name)
        shape = export(folder, shape, LLAMA)
        asks = [partial(_ask, count, prompt, new, shape.config.vocab_size) for count in streams]
        most = _ask(max(streams), prompt, new, shape.config.vocab_size, 0).line()
        options = ["--folder", name, "--most", most]
        options += ["--threads", str(threads), "--device", device.type]
        module = "benchmarks.speaking.contenders"
        commands = {n: [python, "-m", module, n, *options] for n, python in pythons.items()}
        with children(commands, threads) as racing:
            left = minutes - (time.perf_counter() - began) / 60
            answers = interleaved(racing, asks, rounds, measure_limits, left)
    best = reached[0]
    for other in reached[1:]:
        best = best.best(other)
    context = prompt + new // 2
    return {
        "shape": {"name": shape.name, **asdict(shape.config)},
        "streams": list(streams),
        "prompt": prompt,
        "new": new,
        "threads": threads,
        "limits": asdict(best),
        "ceilings": [c for n in streams for c in limits.ceilings(shape.config, best, n, context)],
        "contenders": {name: _figures(streams, given) for name, given in answers.items()},
    }


def _ask(streams: int, prompt: int, new: int, vocabulary: int, number: int) -> Ask:
    return Ask(streams, prompt, new, vocabulary, seed=SEEDS * number + streams)


def _figures(streams: Sequence[int], given: Sequence[Sequence[Answer]]) -> list[dict[str, Any]]:
    """One entry per number of streams."""
    found = []
    for count, answers in zip(streams, given, strict=True):
        speeds = [a.decoded / a.decode_s for a in answers]
        firsts = [statistics.median(a.first_s) for a in answers]
        found.append(
            {
                "streams": count,
                "tokens_per_s": statistics.median(speeds),
                "best": percentile(speeds, BEST),
                "first_s": statistics.median(firsts),
                "whole_s": statistics.median(a.whole_s for a in answers),
                "rounds": speeds,
            }
        )
    return found


def compared(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Our variants over llama.cpp's bf16, the best llama.cpp and the best transformers.

    The best is by its median at that number of streams; ratios are medians of ratios in rounds.
    """
    every = found["contenders"]
    rivals = {
        "llama.cpp bf16": [n for n in every if n.startswith("llama") and n.endswith(":bf16")],
        "llama.cpp": [n for n in every if n.startswith("llama")],
        "transformers": [n for n in every if n.startswith("transformers")],
        "vllm": [n for n in every if n.startswith("vllm")],
    }
    rows = []
    for ours in (name for name in every if name.startswith(OURS)):
        for rival, names in rivals.items():
            ratios = []
            for place in range(len(found["streams"]) if names else 0):
                best = max((every[n][place] for n in names), key=_speed)
                ratios.append(ratio(every[ours][place]["rounds"], best["rounds"]))
            if ratios:
                rows.append({"ours": ours, "rival": rival, "ratios": ratios})
    return rows


def _speed(figures: dict[str, Any]) -> float:
    return float(figures["tokens_per_s"])
