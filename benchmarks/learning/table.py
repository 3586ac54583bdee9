"""Tables of what the three measurements have written, ready to be pasted into a README."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from rich import box
from rich.table import Table

from benchmarks.learning.racers import moments
from benchmarks.learning.verdict import compared, sooner

NAMES = {
    "served": "Understudy (planned so)",
    "gpt": "its GPT alone",
    "longest run at that moment": "Understudy (longest plan, at that moment)",
    "lad-gpt": "lad-gpt, charged",
    "kneser_ney": "Kneser-Ney 5-gram",
    "bigram": "bigram",
}
JUDGED = {
    "ranking_pmi": "next message among 10",
    "speaker_id_1": "speaker known from 1 message",
    "speaker_id_20": "speaker known from 20 messages",
    "next_speaker_bits": "bits to name the next speaker",
    "next_speaker_gain": "of these saved against the best Markov chain",
    "persona_gain": "bits per byte that a wrong speaker costs",
}


def race_tables(results: dict[str, Any]) -> list[Table]:
    """Time to lad-gpt's best; bits at the same moments; what eval says; every moment."""
    return [_sooner(results), _compared(results), _judged(results), _moments(results)]


def _sooner(results: dict[str, Any]) -> Table:
    found = sooner(results)
    best = "lad-gpt: best" if all(entry.settled for entry in found) else "lad-gpt: best so far"
    reached = ("reached lad-gpt's best", "its GPT alone did")
    table = _table("run", *reached, best, "at", "within 0.5 % at", "sooner")
    for entry in found:
        ratio, near = entry.ratio, entry.near_ratio
        table.add_row(
            entry.run,
            _seconds(entry.reached),
            _seconds(entry.gpt_reached),
            f"{entry.best:.3f}",
            _seconds(entry.best_s),
            _seconds(entry.near_s),
            "-" if ratio is None or near is None else f"{ratio:.1f} x (strictly {near:.1f} x)",
        )
    return table


def _compared(results: dict[str, Any]) -> Table:
    found = compared(results)
    names = [name for name in NAMES if any(name in moment.figures for moment in found)]
    table = _table("minutes", *(NAMES[name] for name in names))
    for moment in found:
        figures = [_bits(moment.figures.get(name)) for name in names]
        table.add_row(f"{moment.minutes:g}", *figures)
    return table


def _judged(results: dict[str, Any]) -> Table:
    runs = [(name, run["judged"]) for name, run in results["runs"].items() if run.get("judged")]
    table = _table("as `understudy eval` says", *(name for name, _ in runs))
    for figure, title in JUDGED.items():
        cells = [judged[figure] for _, judged in runs]
        table.add_row(title, *(f"{c['value']:.3f} ({c['low']:.3f}-{c['high']:.3f})" for c in cells))
    return table


def _moments(results: dict[str, Any]) -> Table:
    runs = [(name, run) for name, run in results["runs"].items() if run["racer"] != "floors"]
    table = _table("seconds", *(name for name, _ in runs))
    columns = [_by_moment(run["points"]) for _, run in runs]
    for mark in sorted({mark for column in columns for mark in column}):
        table.add_row(f"{mark:.0f}", *(_bits(column.get(mark)) for column in columns))
    return table


def _by_moment(points: Sequence[dict[str, Any]]) -> dict[float, float]:
    """The figures by the moment at which each was due; what came out at the end counts too."""
    found = {}
    for p in points:
        passed = takewhile(float(p["seconds"]).__ge__, moments())
        found[max(passed, default=0.0)] = p["served"]
    return found


def speed_table(results: dict[str, Any]) -> Table:
    """Tokens per second and share of the peak by preset and contestant."""
    peak = f"{results['peak'] / 1e9:,.0f} GFLOP/s {results['precision']}"
    table = _table("preset", "training loop", "parameters", "tokens/s", f"share of {peak}")
    for row in results["rows"]:
        table.add_row(
            row["preset"],
            row["contestant"],
            f"{row['parameters'] / 1e6:.1f} M",
            f"{row['tokens_per_s']:,}",
            f"{row['share_of_peak']:.0%}",
        )
    return table


def sizes_table(results: dict[str, Any]) -> Table:
    """Bits per byte by the amount of chat."""
    table = _table(
        "messages", "preset", "bigram", "Kneser-Ney 5-gram", "GPT", "served", "GPT's weight"
    )
    for size in results["sizes"]:
        figures = [_bits(size[key]) for key in ("bigram", "kneser_ney", "gpt", "served")]
        share = f"{1 - sum(size['shares'][:-1]):.0%}"  # within messages
        table.add_row(f"{size['messages']:,}", size["preset"], *figures, share)
    return table


def _seconds(value: float | None) -> str:
    return "not yet" if value is None else f"{value:.0f} s"


def _bits(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _table(*columns: str) -> Table:
    table = Table(box=box.MARKDOWN)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table
