"""lad-gpt as published (github.com/bernhard-pfann/lad-gpt, config.py and src/model.py), rebuilt.

Word tokens in one flat stream, a block of 32, six layers 256 wide with six heads of 42, learned
positions, LayerNorm before, ReLU, dropout 0.2, AdamW at a constant 3e-4, fp32, the last weights.
It knows no clock; one call of `step` is one of its 5,000 published iterations.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lm.corpus.batches import Ids, Session, session_ids
from lm.corpus.tokenizer import Tokenizer
from lm.judging.bits import windows
from lm.models.predictor import Floats

PUBLISHED_STEPS = 5_000
ROWS = 64  # windows per forward pass when it is asked


@dataclass(frozen=True, slots=True)
class LadConfig:
    """The figures of its config.py."""

    block: int = 32
    width: int = 256
    heads: int = 6
    layers: int = 6
    dropout: float = 0.2
    batch: int = 32
    lr: float = 3e-4


class Head(nn.Module):
    """One causal head with projections of its own; dropout acts on the attention weights."""

    def __init__(self, config: LadConfig) -> None:
        super().__init__()
        size = config.width // config.heads
        self.query = nn.Linear(config.width, size, bias=False)
        self.key = nn.Linear(config.width, size, bias=False)
        self.value = nn.Linear(config.width, size, bias=False)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """x: [batch, time, width]; returns [batch, time, width // heads]."""
        q, k, v = self.query(x), self.key(x), self.value(x)
        scores = q @ k.transpose(1, 2) / math.sqrt(k.shape[-1])  # [batch, time, time]
        future = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(1)
        weights = self.dropout(scores.masked_fill(future, -math.inf).softmax(dim=-1))
        attended: Tensor = weights @ v
        return attended


class Block(nn.Module):
    """Heads, then a ReLU network of four times the width, each normalised before."""

    def __init__(self, config: LadConfig) -> None:
        super().__init__()
        width, joined = config.width, config.width // config.heads * config.heads
        self.norm_heads, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.heads = nn.ModuleList(Head(config) for _ in range(config.heads))
        self.join = nn.Sequential(nn.Linear(joined, width), nn.Dropout(config.dropout))
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width),
            nn.ReLU(),
            nn.Linear(4 * width, width),
            nn.Dropout(config.dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        """x: [batch, time, width], and so is the result."""
        normal = self.norm_heads(x)
        x = x + self.join(torch.cat([head(normal) for head in self.heads], dim=-1))
        out: Tensor = x + self.mlp(self.norm_mlp(x))
        return out


class LadGPT(nn.Module):
    """Its model: tokens [batch, time <= block] to scores [batch, time, vocabulary]."""

    def __init__(self, vocabulary: int, config: LadConfig) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, config.width)
        self.positions = nn.Embedding(config.block, config.width)
        self.blocks = nn.Sequential(*(Block(config) for _ in range(config.layers)))
        self.norm = nn.LayerNorm(config.width)
        self.output = nn.Linear(config.width, vocabulary)
        self.apply(_initialise)

    def forward(self, tokens: Tensor) -> Tensor:
        """Scores of the next token after each token."""
        x = self.tokens(tokens) + self.positions.weight[: tokens.shape[1]]
        out: Tensor = self.output(self.norm(self.blocks(x)))
        return out


def _initialise(module: nn.Module) -> None:
    """normal(0, 0.02) for every matrix, zero for the biases of linear layers."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)


def stream(tokenizer: Tokenizer, sessions: Sequence[Session]) -> Tensor:
    """Contact, words, END of every message in one flat stream [tokens]; it knows no sessions."""
    ids = [session_ids(tokenizer, session)[1:] for session in sessions]  # without BREAK
    return torch.from_numpy(np.concatenate(ids))


def flat(sessions: Sequence[Session]) -> list[Session]:
    """All sessions as the one that it takes them for."""
    return [[message for session in sessions for message in session]]


class LadTraining:
    """Its training loop on a flat stream [tokens], one step at a time."""

    def __init__(self, data: Tensor, vocabulary: int, config: LadConfig, seed: int = 1) -> None:
        torch.manual_seed(seed)
        self._data, self._config = data, config
        self.model = LadGPT(vocabulary, config).train()
        self._adamw = torch.optim.AdamW(self.model.parameters(), lr=config.lr)
        self.steps = 0

    def step(self) -> float:
        """One iteration on windows drawn anywhere; its loss in nats per token."""
        block = self._config.block
        starts = torch.randint(len(self._data) - block, (self._config.batch,))
        rows = torch.stack([self._data[i : i + block + 1] for i in starts.tolist()])
        loss = F.cross_entropy(self.model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
        self._adamw.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self._adamw.step()
        self.steps += 1
        return loss.item()


class LadPredictor:
    """Its model as a Predictor: rows of any length are read in windows of its block."""

    def __init__(self, model: LadGPT, block: int) -> None:
        """The model is put into eval mode while it is asked (as published it never is)."""
        self._model, self._block = model, block

    def nats(
        self, rows: Sequence[Ids], before: Sequence[Ids] = (), skips: Sequence[int] = ()
    ) -> list[Floats]:
        """As Predictor says; the block slides over a long row in half steps."""
        found = [windows([row], self._block) for row in rows]
        paid = iter(self._windows([each.ids for some in found for each in some]))
        whole = [np.concatenate([next(paid)[each.skip :] for each in some]) for some in found]
        return [nats[s:] for nats, s in zip(whole, skips or [0] * len(rows), strict=True)]

    def log_probs(
        self, rows: Sequence[Ids], at: Sequence[Sequence[int]], before: Sequence[Ids] = ()
    ) -> list[Floats]:
        """As Predictor says; a token is predicted from the last tokens that fit the block."""
        return [
            np.stack([self._next(row[max(0, t + 1 - self._block) : t + 1]) for t in places])
            for row, places in zip(rows, at, strict=True)
        ]

    def _windows(self, rows: Sequence[Ids]) -> Iterator[Floats]:
        """Nats of each row's targets; a row has at most block + 1 tokens."""
        for start in range(0, len(rows), ROWS):
            some = rows[start : start + ROWS]
            tokens = _padded(some)
            scores, targets = self._scores(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten()
            nats = F.cross_entropy(scores, targets, reduction="none").view(len(some), -1).numpy()
            yield from (nats[i, : len(row) - 1].copy() for i, row in enumerate(some))

    def _next(self, ids: Ids) -> Floats:
        """ln p of every token after ids [at most block]: [vocabulary]."""
        scores = self._scores(torch.from_numpy(ids[None]))[0, -1]
        found: Floats = scores.log_softmax(-1).numpy()
        return found

    @torch.no_grad()
    def _scores(self, tokens: Tensor) -> Tensor:
        training = self._model.training
        scores: Tensor = self._model.eval()(tokens)
        self._model.train(training)
        return scores


def _padded(rows: Sequence[Ids]) -> Tensor:
    """Rows of different lengths as one tensor [rows, longest]; zeros stand behind, unseen."""
    padded = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = row
    return torch.from_numpy(padded)
