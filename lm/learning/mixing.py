"""After the network, the n-grams: counts what was learnt from and mixes it in where that helps.

The weights are fitted on messages that neither part has learnt from. It stores nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lm.corpus.batches import Session, session_ids
from lm.corpus.tokenizer import Tokenizer
from lm.judging.bits import windows
from lm.models.gpt import GPT
from lm.models.kneser_ney import KneserNey
from lm.models.mixture import Mixture, Weights, fit_weights
from lm.models.mixture import mixed as together
from lm.models.predictor import Floats
from lm.models.turn_ngrams import TurnNgrams

UNFITTED = Weights(0.5, 0.0, 0.5)
WORTH = 0.005  # of the nats: a mixture that saves less is not worth its memory and time


def mixed(
    gpt: GPT,
    tokenizer: Tokenizer,
    learned: Sequence[Session],
    choosing: Sequence[Session],
) -> GPT | Mixture:
    """The GPT with n-grams of the learned sessions, or alone where they would not help it."""
    rows = [session_ids(tokenizer, session) for session in learned]
    ngrams = KneserNey.train(rows, tokenizer.vocab_size)
    turns = TurnNgrams.train(rows, tokenizer.vocab_size, tokenizer.end)
    known = Known(Mixture(gpt, ngrams, UNFITTED, turns), tokenizer, choosing)
    weights = known.weights()
    return Mixture(gpt, ngrams, weights, turns) if known.saved(weights) > WORTH else gpt


class Known:
    """What each part of a mixture says of sessions that none has learnt from.

    parts:   nats [targets] of each, as Mixture.parts has them; every target once
    counted: [targets] whether it is text or the END of some; bits per byte are of those (bits.py)
    due:     [targets] whether a message is announced there
    """

    def __init__(self, mixture: Mixture, tokenizer: Tokenizer, sessions: Sequence[Session]) -> None:
        """Ask every part once. The weights that `mixture` has do not matter."""
        streams = [session_ids(tokenizer, session) for session in sessions]
        found = windows(streams, mixture.config.context)
        rows, skips = [ids for ids, _ in found], [skip for _, skip in found]
        self.parts = [joined(part, skips) for part in mixture.parts(rows)]
        targets = joined([row[1:] for row in rows], skips)
        before = joined([row[:-1] for row in rows], skips)
        structural = np.array(sorted(tokenizer.structural))
        wordless = (targets == tokenizer.end) & np.isin(before, structural)
        self.counted = (~np.isin(targets, structural) | (targets == tokenizer.end)) & ~wordless
        self.due = joined([mixture.due(row) for row in rows], skips)

    def weights(self) -> Weights:
        """The likeliest within messages, of text and END, and between them."""
        within = [part[self.counted] for part in self.parts]
        between = [part[self.due] for part in self.parts[:2]]
        return Weights(*fit_weights(within), *fit_weights(between))

    def nats(self, weights: Weights) -> Floats:
        """[targets] of the mixture with these weights."""
        return together(self.parts, weights, self.due)

    def saved(self, weights: Weights) -> float:
        """The share of the GPT's nats of text and END that the mixture saves."""
        own = self.parts[0][self.counted].sum(dtype=np.float64)
        return float(1 - self.nats(weights)[self.counted].sum(dtype=np.float64) / own)


def joined(rows: Sequence[Any], skips: Sequence[int]) -> Any:
    """Arrays of windows as one, without what an earlier window has had."""
    return np.concatenate([row[skip:] for row, skip in zip(rows, skips, strict=True)])
