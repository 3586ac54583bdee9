"""Units: durations as people read them, in the language of whom they are told to.

Sizes in bytes are in memory/footprint.py.
"""

from __future__ import annotations

from bot.wording import Wording

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400


def span(seconds: float, say: Wording) -> str:
    """A duration in its largest unit: "3 d", "5 h", "12 min", "40 s"."""
    if seconds >= DAY_S:
        return say("{n:.0f} d", n=seconds / DAY_S)
    if seconds >= HOUR_S:
        return say("{n:.0f} h", n=seconds / HOUR_S)
    if seconds >= MINUTE_S:
        return say("{n:.0f} min", n=seconds / MINUTE_S)
    return say("{n:.0f} s", n=seconds)


def left(seconds: float, say: Wording) -> str:
    """A duration to the second: "7 min 05 s", "40 s"."""
    minutes, rest = divmod(round(seconds), MINUTE_S)
    if minutes:
        return say("{minutes} min {seconds:02d} s", minutes=minutes, seconds=rest)
    return say("{n:.0f} s", n=rest)
