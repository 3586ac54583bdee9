"""What a race says: how much sooner, and how many bits at the same moments.

Pure arithmetic over the results that race.py writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NEAR = 1.005  # lad-gpt is "near its best" within half a percent


@dataclass(frozen=True, slots=True)
class Sooner:
    """When one of our runs reached lad-gpt's best figure, against when lad-gpt did.

    reached: training seconds, None if it never did; gpt_reached: its GPT without the n-grams
    best_s, near_s: lad-gpt's own; settled: whether that run is over
    """

    run: str
    reached: float | None
    gpt_reached: float | None
    best: float
    best_s: float
    near_s: float
    settled: bool

    @property
    def ratio(self) -> float | None:
        """lad-gpt's time to its best over ours to the same."""
        return self.best_s / self.reached if self.reached else None

    @property
    def near_ratio(self) -> float | None:
        """The same with lad-gpt's time to within half a percent: the stricter figure."""
        return self.near_s / self.reached if self.reached else None


def sooner(results: dict[str, Any]) -> list[Sooner]:
    """One entry per run of ours; none while lad-gpt has no figure yet."""
    runs = results["runs"]
    peer = next((run for run in runs.values() if run["racer"] == "lad-gpt"), None)
    if peer is None or not peer["points"]:
        return []
    lad = peer["points"]
    best = min(p["served"] for p in lad)
    best_s = min(p["seconds"] for p in lad if p["served"] == best)
    near_s = min(p["seconds"] for p in lad if p["served"] <= NEAR * best)
    return [
        Sooner(
            name,
            _reached(run["points"], best, "served"),
            _reached(run["points"], best, "gpt"),
            best,
            best_s,
            near_s,
            peer["finished"],
        )
        for name, run in runs.items()
        if run["racer"] == "ours"
    ]


def _reached(points: list[dict[str, Any]], bits: float, figure: str) -> float | None:
    return min((p["seconds"] for p in points if p[figure] <= bits), default=None)


def at(run: dict[str, Any], seconds: float, figure: str = "served") -> float | None:
    """A run's figure as last measured by then; None if it had none or was still to go on."""
    points = [p for p in run["points"] if p["seconds"] <= seconds and figure in p]
    going_on = not run["finished"] and run["points"][-1:] and run["points"][-1]["seconds"] < seconds
    return None if going_on or not points else float(points[-1][figure])


@dataclass(frozen=True, slots=True)
class Moment:
    """Held-out bits per byte after so many minutes, by system; planned: of the run planned so."""

    minutes: float
    figures: dict[str, float | None]


def compared(results: dict[str, Any]) -> list[Moment]:
    """The figures after each number of minutes that one of our runs was planned for."""
    runs = results["runs"]
    planned = sorted(
        (run for run in runs.values() if run["racer"] == "ours"), key=lambda run: run["minutes"]
    )
    lad = next((run for run in runs.values() if run["racer"] == "lad-gpt"), None)
    floors = {
        p["model"]: p["served"]
        for run in runs.values()
        if run["racer"] == "floors"
        for p in run["points"]
    }
    found = []
    for run in planned:
        seconds = 60 * run["minutes"]
        end = run["points"][-1] if run["finished"] else {}
        figures = {"served": end.get("served"), "gpt": end.get("gpt")}
        figures |= {"longest run at that moment": at(planned[-1], seconds)}
        figures["lad-gpt"] = at(lad, seconds) if lad else None
        found.append(Moment(run["minutes"], {**figures, **floors}))
    return found
