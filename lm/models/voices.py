"""How each speaker chooses words: a GPT's chances, moved towards what that speaker says more often.

Within a message of speaker s, p(t) is multiplied by (1 + c_s(t) / (PRIOR g(t)))^STRENGTH and made
to sum to 1 again: c_s counts the tokens of s, g is the share of t among everybody's. That is the
fast marginal adaptation of Kneser, Peters & Klakow ("Language model adaptation using dynamic
marginals", Eurospeech 1997) by a speaker's unigrams under a Dirichlet prior; what is the same for
all tokens is left out. Who is nobody in particular speaks as the GPT says. It knows no names.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lm.corpus.batches import Ids, Tokens

STRENGTH = 0.4  # 0.3 is likelier; this costs a GPT at most 0.001 nats a token, and tells speakers
# apart by twice as much as without (benchmarks/LOG.md)
PRIOR = 30_000.0  # tokens that everybody's share counts for, beside a speaker's own
UNSEEN = 0.5  # tokens: of what nobody said

Counts = np.ndarray[tuple[int, int], np.dtype[np.uint32]]


class Voices:
    """What is added to the scores of a GPT by who speaks. Immutable.

    counts: [1 + speakers, vocabulary] how often each said each token, SOMEONE before all others
    boosts: [1 + speakers, vocabulary] of ln p, before it is made to sum to 1; 0 for SOMEONE
    """

    def __init__(self, counts: Counts, end: int) -> None:
        """end: END, behind which BREAK, SOMEONE and the speakers come."""
        assert len(counts) == counts.shape[1] - end - 2, (counts.shape, end)
        self.counts, self.end = counts, end
        everybody = counts.sum(axis=0, dtype=np.int64) + UNSEEN
        expected = PRIOR * everybody / everybody.sum()
        boosts = STRENGTH * np.log1p(counts / expected)
        boosts[0] = 0.0
        self.boosts = torch.from_numpy(boosts.astype(np.float32))

    @classmethod
    def train(cls, sessions: Sequence[Ids], vocab_size: int, end: int) -> Voices:
        """Count the text and END of sessions as session_ids makes them."""
        counts = np.zeros((vocab_size - end - 2, vocab_size), dtype=np.uint32)
        for session in sessions:
            wordless = (session[1:] == end) & (session[:-1] > end)  # turns, of who has not agreed
            said = np.flatnonzero((session[1:] <= end) & ~wordless) + 1
            np.add.at(counts, (speaking(session, end)[said - 1], session[said]), 1)
        return cls(counts, end)

    def added(self, tokens: Tensor, at: Tensor) -> Tensor:
        """To scores [batch, n, vocabulary] behind places `at` [batch, n] of tokens [batch, time].

        All on the host.
        """
        rows = torch.from_numpy(speaking(tokens.numpy(), self.end))
        return self.boosts[rows.gather(1, at)]


def speaking(tokens: Tokens, end: int) -> Tokens:
    """Rows of Voices.boosts for what follows each of `tokens` [..., time]: whose message goes on.

    0 where none does, as for SOMEONE.
    """
    structure = np.where(tokens >= end, np.arange(tokens.shape[-1]), 0)
    latest = np.maximum.accumulate(structure, axis=-1)
    found: Tokens = np.maximum(np.take_along_axis(tokens, latest, axis=-1) - end - 2, 0)
    return found
