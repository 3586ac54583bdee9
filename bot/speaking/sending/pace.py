"""How long a persona lets others wait, as its friend does, within what is bearable.

Pure: habits and a uniform number in [0, 1) in, seconds out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from bot.initiative.habits import LIVELY_S, Habits

MINUTE_S = 60.0
SHORT_LULL_S = 0.3  # where nothing is known of somebody's pace
FAST = 0.8  # of somebody's lines in a row are waited for
LETTER_S = 0.04  # that is seen being typed


def answer_pause(habits: Habits, speaker: int, longest_s: float, dice: float) -> float:
    """Seconds until a speaker answers somebody; 0 where their pace is not known."""
    return bounded(draw(habits.answers.get(speaker, ()), dice), longest_s)


def burst_pause(habits: Habits, speaker: int, longest_s: float, dice: float) -> float:
    """Seconds between two messages of a speaker in a row; 0 where that is not known."""
    return bounded(draw(habits.in_a_row(speaker), dice), longest_s)


def lull(habits: Habits, speaker: int | None, longest_s: float) -> float:
    """Seconds of silence after which a speaker's lines in a row are probably over."""
    known = habits.in_a_row(speaker)
    return min(longest_s, draw(known, FAST) if known else SHORT_LULL_S)


def typing_time(text: str, pause: float) -> float:
    """Seconds for which a text is seen being typed, out of a pause."""
    return min(pause / 2, LETTER_S * len(text))


def draw(pauses: Sequence[float], dice: float) -> float:
    """The quantile `dice` of sorted pauses.

    Where an app kept whole minutes, those are spread: of two messages in the same minute nobody
    knows how many seconds were between them.
    """
    if not pauses:
        return 0.0
    place = dice * len(pauses)
    found = pauses[int(place)]
    if all(pause % MINUTE_S == 0 for pause in pauses):
        same = [place - i for i, pause in enumerate(pauses) if pause == found]
        found += MINUTE_S * same[0] / len(same)
    return found


def bounded(seconds: float, longest_s: float) -> float:
    """Seconds that never exceed `longest_s`, in the order of what was given.

    Pauses of a talk run from one second to minutes, so they are compared by their logarithms.
    """
    return min(seconds, longest_s * math.log1p(seconds) / math.log1p(LIVELY_S))
