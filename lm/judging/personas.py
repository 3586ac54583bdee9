"""Each persona's own figures: bits per byte, persona gain and identification, with intervals.

It is given what every message cost (bits.py) and asks no model itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lm.corpus.batches import RARE, Ids
from lm.judging import identification
from lm.judging.identification import Asked
from lm.judging.intervals import Estimate, Floats, Ints, ratio


@dataclass(frozen=True, slots=True)
class Persona:
    """One speaker's figures.

    gain, identified: persona gain and identification from one message, None for speakers with
    too few held-out messages to be candidates
    """

    speaker: str
    messages: int
    bpb: Estimate
    gain: Estimate | None
    identified: Estimate | None


def each_persona(
    tokens: Ids,
    bits: Floats,
    sizes: Floats,
    near: Ints,
    names: Mapping[int, str],
    asked: Asked | None,
) -> tuple[Persona, ...]:
    """Speakers with at least RARE messages, most frequent first, then everybody else together.

    tokens, bits, sizes, near: [messages], who said each (token), what it cost, its bytes and its
    cluster. names: by token.
    """
    counts = Counter(token for token in tokens.tolist() if token in names)
    shown = [token for token, count in counts.most_common() if count >= RARE]
    found = []
    for token in shown:
        said = tokens == token
        bpb = ratio(bits[said], sizes[said], near[said])
        gain, identified = None, None
        if asked is not None and token in asked.candidates:
            place = asked.candidates.index(token)
            gain, identified = (
                identification.gain(asked, place),
                identification.recall(asked, place),
            )
        found.append(Persona(names[token], int(said.sum()), bpb, gain, identified))
    others = ~np.isin(tokens, shown) & (sizes > 0)  # who has not agreed has turns without words
    if others.any():
        bpb = ratio(bits[others], sizes[others], near[others])
        found.append(Persona("everybody else", int(others.sum()), bpb, None, None))
    return tuple(found)
