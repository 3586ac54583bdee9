"""After the network, the n-grams: counts what was learnt from and mixes it in where that helps.

The weights are fitted on messages that neither part has learnt from. It stores nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lm.corpus.batches import Session, session_ids
from lm.corpus.tokenizer import Tokenizer
from lm.judging.bits import counted, lately, windows
from lm.models.gpt import GPT
from lm.models.kneser_ney import KneserNey
from lm.models.mixture import Mixture, Parts
from lm.models.predictor import Floats
from lm.models.turn_ngrams import TurnNgrams
from lm.models.voices import Voices
from lm.models.weights import Weights, fit, fit_weights

UNFITTED = Weights.constant(0.5, turns=0.5)
WORTH = 0.005  # of the nats: a mixture that saves less is not worth its memory and time


def mixed(
    gpt: GPT,
    tokenizer: Tokenizer,
    learned: Sequence[Session],
    choosing: Sequence[Session],
    said: Sequence[Session],
) -> GPT | Mixture:
    """The GPT with n-grams of the learned sessions, or alone where they would not help it.

    said: all sessions in order, those to choose by among them
    """
    rows = [session_ids(tokenizer, session) for session in learned]
    ngrams = KneserNey.train(rows, tokenizer.vocab_size)
    turns = TurnNgrams.train(rows, tokenizer.vocab_size, tokenizer.end)
    voices = Voices.train(rows, tokenizer.vocab_size, tokenizer.end)
    known = Known(Mixture(gpt, ngrams, UNFITTED, turns, voices), tokenizer, choosing, said)
    weights = known.weights()
    return Mixture(gpt, ngrams, weights, turns, voices) if known.saved(weights) > WORTH else gpt


class Known:
    """What each part of a mixture says of sessions that none has learnt from.

    parts:   of all targets, every one once, with what was said before
    counted: [targets] whether bits per byte are of it
    """

    def __init__(
        self,
        mixture: Mixture,
        tokenizer: Tokenizer,
        sessions: Sequence[Session],
        said: Sequence[Session],
    ) -> None:
        """Ask every part once. The weights that `mixture` has do not matter.

        said: all that was said, in order and these sessions among it
        """
        streams = [session_ids(tokenizer, session) for session in sessions]
        found = windows(streams, mixture.config.context, lately(tokenizer, sessions, said))
        rows, skips, before = zip(*found, strict=True)
        self.parts, self._unheard = (
            Parts(*map(np.concatenate, zip(*asked, strict=True)))
            for asked in mixture.parts(rows, (before, ()), skips)
        )
        self.counted = counted(tokenizer, streams)

    def weights(self) -> Weights:
        """The likeliest within messages, of text and END, and between them.

        Once with what was said before and once as if nothing had been: what only ever saw long
        memories would be far off in a new chat (benchmarks/LOG.md).
        """
        nats, figures, due, _ = self.parts
        turns = fit_weights([*nats[due, :2].T])
        nats, figures = (
            np.concatenate((heard[self.counted], unheard[self.counted]))
            for heard, unheard in ((nats, self._unheard.nats), (figures, self._unheard.figures))
        )
        return Weights(fit(nats, figures), *turns)

    def nats(self, weights: Weights) -> Floats:
        """[targets] of the mixture with these weights."""
        return self.parts.mixed(weights)

    def shares(self, weights: Weights) -> tuple[float, ...]:
        """Of all parts but the GPT in text and END, and of turns between, on average."""
        _, *others = self.parts.shares(weights)[self.counted].mean(axis=0).tolist()
        return (*others, weights.turns)

    def saved(self, weights: Weights) -> float:
        """The share of the GPT's nats of text and END that the mixture saves."""
        own = self.parts.alone[self.counted].sum(dtype=np.float64)
        return float(1 - self.nats(weights)[self.counted].sum(dtype=np.float64) / own)
