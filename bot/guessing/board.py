"""How a round looks: its lines, its buttons, and who guessed how much.

Pure: from stored records to words. What is right is shown only when the round is over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from bot.house import Buttons
from bot.speaking.voice.speech import defuse
from bot.wording import Wording
from storage.guesses import Line, Player, Tally

REAL, MADE_UP = "✍️", "🎭"
SHOWN = 12  # players
A_ROW = 2  # lines whose buttons share a row
Z = 1.959964  # of the normal distribution, for 95 %


def buttons(round: int, lines: Sequence[Line], say: Wording) -> Buttons:
    """Two buttons for each line, and one that ends the round."""
    pairs = [
        [(f"{line.number} {mark}", f"guess:{round}:{line.number}:{kind}")]
        for line in lines
        for mark, kind in ((REAL, "real"), (MADE_UP, "made"))
    ]
    cells = [cell for pair in pairs for cell in pair]
    rows = [cells[start : start + 2 * A_ROW] for start in range(0, len(cells), 2 * A_ROW)]
    return [*rows, [(say("show who wrote what"), f"reveal:{round}")]]


def question(
    lines: Sequence[Line], names: Mapping[int, str], players: Sequence[Player], say: Wording
) -> str:
    """An open round: the lines without marks, and how far everybody is."""
    count = sum(line.is_real for line in lines)
    title = say(
        "🎲 Real or understudy? {real} of these lines were written by your friends, {made} I"
        " made up. {pen} means: really written. {mask} means: made up.",
        real=count,
        made=len(lines) - count,
        pen=REAL,
        mask=MADE_UP,
    )
    shown = [f"{line.number}. {_whose(line, names)}: {defuse(line.text)}" for line in lines]
    far = [f"{defuse(each.name)} {each.guessed}/{len(lines)}" for each in players[:SHOWN]]
    return "\n".join([title, "", *shown, *(["", " · ".join(far)] if far else [])])


def solution(
    lines: Sequence[Line],
    names: Mapping[int, str],
    players: Sequence[Player],
    tally: Tally,
    say: Wording,
) -> str:
    """A round that is over: who wrote what, the score board, and the test so far."""
    shown = [
        f"{REAL if line.is_real else MADE_UP} {_whose(line, names)}: {defuse(line.text)}"
        for line in lines
    ]
    title = say("🎲 {pen} was really written, {mask} was me.", pen=REAL, mask=MADE_UP)
    board = [
        say(
            "{name}: {right} of {guessed} right",
            name=defuse(each.name),
            right=each.right,
            guessed=each.guessed,
        )
        for each in players[:SHOWN]
    ]
    return "\n".join([title, "", *shown, "", *board, standing(tally, say)])


def standing(tally: Tally, say: Wording) -> str:
    """The blind test so far in one line."""
    if not tally.guesses:
        return say("Nobody has guessed yet.")
    low, high = wilson(tally.right, tally.guesses)
    return say.many(
        "Blind test so far: {share:.0%} of {n:,} guess right (95% interval {low:.0%} to"
        " {high:.0%}; chance is 50%).",
        "Blind test so far: {share:.0%} of {n:,} guesses right (95% interval {low:.0%} to"
        " {high:.0%}; chance is 50%).",
        tally.guesses,
        share=tally.right / tally.guesses,
        low=low,
        high=high,
    )


def wilson(right: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share of `count` > 0 guesses, from 0 to 1.

    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927. It
    takes guesses as independent, of which those about one line are not quite.
    """
    share, z2 = right / count, Z * Z
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = Z / (1 + z2 / count) * math.sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def _whose(line: Line, names: Mapping[int, str]) -> str:
    return defuse(names.get(line.speaker, "?"))
