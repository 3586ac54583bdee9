"""The floors that a network has to beat: models that learn the same tokens in seconds."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from lm.corpus.batches import Session, session_ids
from lm.corpus.tokenizer import Tokenizer
from lm.models.bigram import Bigram
from lm.models.kneser_ney import KneserNey
from lm.models.predictor import Predictor

BIGRAM, KNESER_NEY = "bigram", "5-gram Kneser-Ney"


def floors(
    tokenizer: Tokenizer, learned: Sequence[Session], ngrams: KneserNey | None = None
) -> dict[str, Predictor]:
    """The floors by name, over the sessions' tokens; `ngrams` if they have been counted before."""
    rows = [session_ids(tokenizer, session) for session in learned]
    torch.manual_seed(0)
    return {
        BIGRAM: Bigram.train_on(rows, tokenizer.vocab_size),
        KNESER_NEY: ngrams or KneserNey.train(rows, tokenizer.vocab_size),
    }
