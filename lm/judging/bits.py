"""Bits per byte: how well a model predicts the messages that people really wrote next.

Counted are the text tokens and END of every message (END as one byte); speakers and BREAK are
given, not predicted. A context slides over a session in half steps and never leaves it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lm.corpus.batches import Ids, Session, session_ids
from lm.corpus.tokenizer import Tokenizer
from lm.models.predictor import Predictor

Window = tuple[Ids, int]  # tokens, and how many of its first targets an earlier window counted


def bits_per_byte(
    model: Predictor, tokenizer: Tokenizer, sessions: Sequence[Session], context: int
) -> float:
    """Mean bits per UTF-8 byte of the sessions' messages. ValueError when there are none."""
    size = sum(len(m.text.encode()) + 1 for session in sessions for m in session)
    if not size:
        raise ValueError("nothing to evaluate on: 0 messages held out")
    given = np.array(sorted(tokenizer.structural - {tokenizer.end}))
    found = windows([session_ids(tokenizer, session) for session in sessions], context)
    nats = 0.0
    for (ids, skip), row in zip(found, model.nats([ids for ids, _ in found]), strict=True):
        counted = ~np.isin(ids[1:], given)
        counted[:skip] = False
        nats += float(row[counted].sum(dtype=np.float64))
    return nats / math.log(2) / size


def windows(sessions: Sequence[Ids], context: int) -> list[Window]:
    """Overlapping stretches of context + 1 tokens that together count every target once."""
    found = []
    for ids in sessions:
        counted = 0  # targets are ids[1:]
        while counted < len(ids) - 1:
            start = max(0, counted - context // 2)
            found.append((ids[start : start + context + 1], counted - start))
            counted = min(start + context, len(ids) - 1)
    return found
