"""Held-out bits from what a model pays per token, so that fitting a mixture costs no second pass.

The counting is that of lm/judging/bits.py (text and END, speakers given); bits per character count
every token, structure included, over the characters of the texts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lm.corpus.batches import Ids, Session, session_ids
from lm.corpus.tokenizer import Tokenizer
from lm.judging.bits import counted, lately, windows
from lm.learning.mixing import WORTH, Known
from lm.models.mixture import Mixture
from lm.models.predictor import Floats, Predictor


@dataclass(frozen=True, slots=True)
class Figures:
    """Held-out bits per byte (text and END) and per character (every token)."""

    byte: float
    character: float


class Reading:
    """Held-out sessions as one tokenizer and one context have it: windows, each target once.

    rows: the windows; counted: [targets] whether bits per byte are of it
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        sessions: Sequence[Session],
        context: int,
        said: Sequence[Session] = (),
    ) -> None:
        """Encode; the context slides over a session in half steps.

        said: all that was said, in order and these sessions among it
        """
        self.tokenizer, self.sessions, self.said = tokenizer, sessions, said
        streams = [session_ids(tokenizer, session) for session in sessions]
        found = windows(streams, context, lately(tokenizer, sessions, said))
        self.rows: list[Ids] = [each.ids for each in found]
        self._before = [each.before for each in found]
        self._skips = [each.skip for each in found]
        self.counted = counted(tokenizer, streams)
        texts = [message.text for session in sessions for message in session]
        self._bytes = sum(len(text.encode()) + 1 for text in texts)  # END counts as one
        self._characters = sum(map(len, texts))

    def nats(self, model: Predictor) -> Floats:
        """What the rows' targets cost, without those that an earlier window counted: [targets]."""
        return np.concatenate(model.nats(self.rows, self._before, self._skips))

    def figures(self, nats: Floats, charge: float = 0.0) -> Figures:
        """Of nats [targets]. charge: bits for what the tokenizer loses of the texts."""
        spent = float(nats[self.counted].sum(dtype=np.float64)) / math.log(2) + charge
        whole = float(nats.sum(dtype=np.float64)) / math.log(2) + charge
        return Figures(spent / self._bytes, whole / self._characters)

    def judged(self, model: Predictor, charge: float = 0.0) -> Figures:
        """A model's figures."""
        return self.figures(self.nats(model), charge)


@dataclass(frozen=True, slots=True)
class Served:
    """Figures of what would be served, and of its GPT alone.

    shares: of all parts but the GPT, on average; () where it would be served alone
    """

    served: Figures
    gpt: Figures
    shares: tuple[float, ...]


def served(mixture: Mixture, development: Sequence[Session], test: Reading) -> Served:
    """As lm/learning/mixing.py decides on development, judged on test.

    The weights that `mixture` has are unused; without those of its parts nothing is asked twice.
    """
    known, judged = (
        Known(mixture, test.tokenizer, part, test.said) for part in (development, test.sessions)
    )
    weights = known.weights()
    gpt = test.figures(judged.parts.alone)
    if known.saved(weights) <= WORTH:
        return Served(gpt, gpt, ())
    return Served(test.figures(judged.nats(weights)), gpt, judged.shares(weights))
