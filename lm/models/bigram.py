"""A neural bigram: the next token from the latest one alone, the first floor of every tutorial.

A table of scores [vocabulary, vocabulary], kept as the product of two thin ones so that it is
trained in seconds. It knows no text; engine and judges cannot tell it from a GPT.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lm.corpus.batches import Ids
from lm.models.gpt import Cache, chosen
from lm.models.predictor import Floats
from lm.models.token_cache import NgramConfig

RANK = 128
STEPS, LR, WEIGHT_DECAY = 40, 0.1, 1.0
PIECE = 512  # rows of the table in memory at once

Pairs = tuple[Tensor, Tensor, Tensor]  # row of the context, token behind it, share of all pairs


class Bigram(nn.Module):
    """Scores of the next token: embedding of the latest one times an output matrix, plus bias."""

    ragged = True  # as the engine's Model says: reading tokens costs next to nothing

    def __init__(self, vocab_size: int) -> None:
        """Random weights."""
        super().__init__()
        self.config = NgramConfig(vocab_size, 1)
        self.embed_tokens = nn.Embedding(vocab_size, RANK)
        self.lm_head = nn.Linear(RANK, vocab_size)
        for weight in (self.embed_tokens.weight, self.lm_head.weight):
            nn.init.normal_(weight, std=0.1)

    @classmethod
    def train_on(cls, sessions: Sequence[Ids], vocab_size: int) -> Bigram:
        """Learn from sessions as session_ids makes them, by AdamW over all of them at every step.

        The loss is the cross-entropy of every token. It depends on counts of pairs alone, so a
        step costs one table instead of one row of scores for every token.
        """
        model = cls(vocab_size)
        contexts, pairs = _count(sessions, vocab_size)
        optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, STEPS)
        for _ in range(STEPS):
            optimizer.zero_grad()
            for rows, followed in zip(torch.split(contexts, PIECE), pairs, strict=True):
                torch.autograd.backward(model._loss(rows, followed))
            optimizer.step()
            schedule.step()
        return model.eval()

    def _loss(self, contexts: Tensor, pairs: Pairs) -> Tensor:
        """Share of these contexts [n] in the mean cross-entropy."""
        log_p = self._scores(contexts).log_softmax(dim=-1)  # [n, vocabulary]
        rows, tokens, shares = pairs
        return -(log_p[rows, tokens] * shares).sum()

    def _scores(self, tokens: Tensor) -> Tensor:
        out: Tensor = self.lm_head(self.embed_tokens(tokens))
        return out

    @property
    def cache_layers(self) -> tuple[tuple[int, int], ...]:
        """None: the latest token is all it needs."""
        return ()

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor,
        cache: Cache | None = None,
        ends: Tensor | None = None,
    ) -> Tensor:
        """Scores [batch, time, vocabulary] of the next token after each of tokens [batch, time].

        ends: as GPT says
        """
        return self._scores(chosen(tokens, ends))

    def prefill(self, tokens: Tensor, positions: Tensor, cache: Cache) -> None:
        """There is nothing to keep."""

    @torch.no_grad()
    def nats(
        self, rows: Sequence[Ids], before: Sequence[Ids] = (), skips: Sequence[int] = ()
    ) -> list[Floats]:
        """As Predictor says."""
        skips = skips or [0] * len(rows)
        return [self._nats(row[skip:]) for row, skip in zip(rows, skips, strict=True)]

    def _nats(self, row: Ids) -> Floats:
        tokens = torch.from_numpy(row).to(self.lm_head.weight.device)
        scores = self._scores(tokens[:-1])
        found: Floats = F.cross_entropy(scores, tokens[1:], reduction="none").cpu().numpy()
        return found

    @torch.no_grad()
    def log_probs(
        self, rows: Sequence[Ids], at: Sequence[Sequence[int]], before: Sequence[Ids] = ()
    ) -> list[Floats]:
        """As Predictor says."""
        device = self.lm_head.weight.device
        latest = [
            torch.from_numpy(row[list(p)]).to(device) for row, p in zip(rows, at, strict=True)
        ]
        return [self._scores(tokens).log_softmax(dim=-1).cpu().numpy() for tokens in latest]


def _count(sessions: Sequence[Ids], vocab_size: int) -> tuple[Tensor, list[Pairs]]:
    """Tokens that something follows [n], and for each PIECE of them what does."""
    first = np.concatenate([session[:-1] for session in sessions])
    second = np.concatenate([session[1:] for session in sessions])
    contexts, rows = np.unique(first, return_inverse=True)
    keys, counts = np.unique(rows * vocab_size + second, return_counts=True)
    rows, tokens = np.divmod(keys, vocab_size)
    pairs = []
    for start in range(0, len(contexts), PIECE):
        of = (rows >= start) & (rows < start + PIECE)
        shares = torch.from_numpy(counts[of] / len(first)).float()
        pairs.append((torch.from_numpy(rows[of] - start), torch.from_numpy(tokens[of]), shares))
    return torch.from_numpy(contexts), pairs
