"""Bits per byte: how well a model predicts the messages that people really wrote next.

Counted are the text tokens and END of every message (END as one byte); speakers and BREAK are
given, not predicted. A context slides over a session in half steps and never leaves it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lm.corpus.batches import Ids, Session, session_ids
from lm.corpus.tokenizer import Tokenizer
from lm.models.gpt import GPT

ROWS = 16  # windows per forward pass

Window = tuple[Ids, int]  # tokens, and how many of its first targets an earlier window counted


@torch.no_grad()
def bits_per_byte(
    model: GPT,
    tokenizer: Tokenizer,
    sessions: Sequence[Session],
    context: int,
    device: torch.device,
) -> float:
    """Mean bits per UTF-8 byte of the sessions' messages. ValueError when there are none."""
    size = sum(len(m.text.encode()) + 1 for session in sessions for m in session)
    if not size:
        raise ValueError("nothing to evaluate on: 0 messages held out")
    given = torch.tensor(sorted(tokenizer.structural - {tokenizer.end}), device=device)
    windows = [w for s in sessions for w in _windows(session_ids(tokenizer, s), context)]
    windows.sort(key=lambda window: len(window[0]))  # equal lengths together: little padding
    training, nats = model.training, 0.0
    model.eval()
    for start in range(0, len(windows), ROWS):
        nats += _nats(model, windows[start : start + ROWS], given, tokenizer.end, device)
    model.train(training)
    return nats / math.log(2) / size


def _windows(ids: Ids, context: int) -> list[Window]:
    """Overlapping stretches of context + 1 tokens that together count every target once."""
    windows, counted = [], 0  # targets are ids[1:]
    while counted < len(ids) - 1:
        start = max(0, counted - context // 2)
        windows.append((ids[start : start + context + 1], counted - start))
        counted = min(start + context, len(ids) - 1)
    return windows


def _nats(
    model: GPT, windows: Sequence[Window], given: Tensor, pad: int, device: torch.device
) -> float:
    """Summed -ln p of the counted targets of a batch of windows."""
    longest = max(len(ids) for ids, _ in windows)
    rows = np.full((len(windows), longest), pad, dtype=np.int64)
    counted = np.zeros((len(windows), longest - 1), dtype=bool)
    for row, (ids, skip) in enumerate(windows):
        rows[row, : len(ids)] = ids  # padding stands behind: causal attention never sees it
        counted[row, skip : len(ids) - 1] = True
    tokens = torch.from_numpy(rows).to(device)
    positions = torch.arange(longest - 1, device=device).expand(len(windows), -1)
    targets = tokens[:, 1:]
    mask = torch.from_numpy(counted).to(device) & ~torch.isin(targets, given)
    scores = model.logits(model.hidden(tokens[:, :-1], positions)[mask])  # [counted, vocab]
    return float(F.cross_entropy(scores.float(), targets[mask], reduction="sum"))
