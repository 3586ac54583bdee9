"""How good will it be? Held-out bits against the amount of chat, for GPT, n-grams and both mixed.

Each size is the newest share of the seasons learnt from, cut between conversations; all sizes are
judged on the same episodes. The picture goes into docs/.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.learning.clock import RunningClock
from benchmarks.learning.corpus import Corpus
from benchmarks.learning.racers import floors, ours

SHARES = (1 / 16, 1 / 4, 1.0)
LABELS = {
    "kneser_ney": "5-gram (Kneser-Ney)",
    "gpt": "GPT alone",
    "served": "what is served: both, and what was said lately",
}


def shortened(corpus: Corpus, share: float) -> Corpus:
    """The newest conversations that make up that share of all."""
    return replace(corpus, train=corpus.train[-max(1, round(share * len(corpus.train))) :])


def measured(corpus: Corpus, share: float, minutes: float) -> dict[str, Any]:
    """Figures of one size after a training planned for so many minutes."""
    some = shortened(corpus, share)
    lines: list[dict[str, Any]] = []
    floors(some, minutes, RunningClock(), lines.append)
    floor = {line["model"]: line["served"] for line in lines if line["event"] == "point"}
    ours(some, minutes, RunningClock(), lines.append, judged=False)
    plan = next(line for line in lines if line["event"] == "plan")
    return {
        "share": share,
        "messages": sum(len(session) for session in some.train),
        "characters": some.characters,
        "preset": plan["preset"],
        "seconds": lines[-1]["seconds"],
        **{key: lines[-1][key] for key in ("gpt", "served", "shares")},
        **floor,
    }


def draw(sizes: Sequence[dict[str, Any]], path: Path) -> None:
    """The picture: messages across, bits per byte up, one line per model."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    messages = [size["messages"] for size in sizes]
    for (key, label), style in zip(LABELS.items(), ("s--", "^--", "o-"), strict=True):
        bits = [size[key] for size in sizes]
        axes.plot(messages, bits, style, label=label, linewidth=2.5 if key == "served" else 1.5)
    for count, size in zip(messages, sizes, strict=True):
        axes.annotate(
            f"{size['served']:.2f}", (count, size["served"]), (0, -14),
            textcoords="offset points", ha="center",
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xticks(messages, [f"{count:,}" for count in messages])
    axes.minorticks_off()
    axes.margins(y=0.15)
    axes.set_xlabel("messages in the chat that it learnt from")
    axes.set_ylabel("bits per byte of what was said next (lower is better)")
    axes.set_title("The longer the chat, the better it guesses what comes next")
    axes.grid(alpha=0.3)
    axes.legend()
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=150)
