"""After the network, the n-grams: counts what was learnt from and mixes it in where that helps.

The weights are fitted on messages that neither part has learnt from. It stores nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lm.corpus.batches import Session, session_ids
from lm.corpus.tokenizer import Tokenizer
from lm.judging.bits import windows
from lm.models.gpt import GPT
from lm.models.kneser_ney import KneserNey
from lm.models.mixture import Mixture, Weights, fit_weights
from lm.models.mixture import mixed as together
from lm.models.predictor import Floats

WORTH = 0.005  # of the nats: a mixture that saves less is not worth its memory and time


def mixed(
    gpt: GPT,
    tokenizer: Tokenizer,
    learned: Sequence[Session],
    choosing: Sequence[Session],
) -> GPT | Mixture:
    """The GPT with n-grams of the learned sessions, or alone where they would not help it."""
    ngrams = KneserNey.train([session_ids(tokenizer, s) for s in learned], tokenizer.vocab_size)
    parts = _parts(Mixture(gpt, ngrams, Weights(0.5, 0.0)), tokenizer, choosing)
    weights = Weights(*fit_weights(parts))
    saved = 1 - together(parts, weights).sum(dtype=np.float64) / parts[0].sum(dtype=np.float64)
    return Mixture(gpt, ngrams, weights) if saved > WORTH else gpt


def _parts(mixture: Mixture, tokenizer: Tokenizer, sessions: Sequence[Session]) -> list[Floats]:
    """nats of text and END of the sessions, from each part of a mixture by itself."""
    streams = [session_ids(tokenizer, session) for session in sessions]
    found = windows(streams, mixture.config.context)
    given = sorted(tokenizer.structural - {tokenizer.end})
    counted = [~np.isin(ids[1:], given) & (np.arange(len(ids) - 1) >= skip) for ids, skip in found]
    parts = mixture.parts([ids for ids, _ in found])
    return [
        np.concatenate([row[mask] for row, mask in zip(rows, counted, strict=True)])
        for rows in parts
    ]
