"""What is served where it helps: a GPT, n-grams and recency, mixed token by token.

p = (1 - w_ngrams - w_recency) p_gpt + w_ngrams p_ngrams + w_recency p_recency. One weight each: to
have them depend on how much of the context the n-grams know gained less than 0.1 %. It knows no
text; an engine drives it as it drives a GPT.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lm.corpus.batches import Ids
from lm.models import recency
from lm.models.gpt import GPT, Cache, ModelConfig
from lm.models.kneser_ney import REACH, KneserNey
from lm.models.predictor import Floats, GPTPredictor
from lm.models.token_cache import TOKEN_LAYER, latest, remember, seen

ROUNDS = 100  # of expectation and maximisation; the weights stand still long before
LEAST = 1e-4  # weight of a part: every token stays possible


class Weights(NamedTuple):
    """The shares of all but the GPT: together below 1, and without n-grams it is no mixture."""

    ngrams: float
    recency: float


class Mixture(nn.Module):
    """A GPT with n-grams over the same token ids and the recency of its context."""

    def __init__(self, gpt: GPT, ngrams: KneserNey, weights: Weights) -> None:
        """Nothing is copied; `gpt` decides device and dtype."""
        super().__init__()
        assert ngrams.config.vocab_size == gpt.config.vocab_size
        assert valid(weights), weights
        self.gpt, self.ngrams, self.weights = gpt, ngrams, weights

    @property
    def config(self) -> ModelConfig:
        """The GPT's."""
        return self.gpt.config

    @property
    def cache_layers(self) -> tuple[tuple[int, int], ...]:
        """The GPT's, and one of token ids."""
        return (*self.gpt.cache_layers, TOKEN_LAYER)

    def forward(self, tokens: Tensor, positions: Tensor, cache: Cache | None = None) -> Tensor:
        """ln p [batch, time, vocab_size] of the next token after each of tokens [batch, time]."""
        scores = self.gpt(tokens, positions, cache)
        span, at = seen(tokens, positions, cache, self.config.n_layers)
        return self._mixed(scores.float().softmax(dim=-1), span, at).log()

    def prefill(self, tokens: Tensor, positions: Tensor, cache: Cache) -> None:
        """Fill the cache as `forward` does, without computing scores."""
        self.gpt.prefill(tokens, positions, cache)
        remember(tokens, cache, self.config.n_layers)

    def _mixed(self, gpt: Tensor, span: Tensor, at: Tensor) -> Tensor:
        """p of every token [batch, time, vocab_size] behind places `at`; the GPT's is given."""
        ngrams = self.ngrams.after(latest(span, at, REACH))
        found = (1 - sum(self.weights)) * gpt + self.weights.ngrams * ngrams
        if self.weights.recency:
            found += self.weights.recency * recency.distribution(span, at, gpt.shape[-1])
        return found

    def nats(self, rows: Sequence[Ids]) -> list[Floats]:
        """As Predictor says."""
        return [mixed(parts, self.weights) for parts in zip(*self.parts(rows), strict=True)]

    def parts(self, rows: Sequence[Ids]) -> list[list[Floats]]:
        """`nats` of GPT, n-grams and recency, each by itself; a p of 0 is inf."""
        with np.errstate(divide="ignore"):
            repeated = [-np.log(recency.chances(torch.from_numpy(row)).numpy()) for row in rows]
        return [self._predictor().nats(rows), self.ngrams.nats(rows), repeated]

    def log_probs(self, rows: Sequence[Ids], at: Sequence[Sequence[int]]) -> list[Floats]:
        """As Predictor says."""
        found = []
        for row, places, own in zip(rows, at, self._predictor().log_probs(rows, at), strict=True):
            behind = torch.tensor(list(places), dtype=torch.long)[None]
            gpt = torch.from_numpy(own).exp()[None]
            found.append(self._mixed(gpt, torch.from_numpy(row)[None], behind)[0].log().numpy())
        return found

    def _predictor(self) -> GPTPredictor:
        return GPTPredictor(self.gpt, self.gpt.embed_tokens.weight.device)


def valid(weights: Sequence[float]) -> bool:
    """Whether these can be Weights. A little of the n-grams keeps every p above 0."""
    return len(weights) == 2 and weights[0] > 0 and weights[1] >= 0 and sum(weights) < 1


def mixed(parts: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """nats of a mixture from those of its parts, the first of which has what the others leave."""
    shares = (1 - sum(weights), *weights)
    chances = np.exp(-np.stack(parts, axis=-1).astype(np.float64))  # [tokens, parts]
    found: Floats = -np.log(chances @ np.array(shares)).astype(np.float32)
    return found


def fit_weights(parts: Sequence[Floats]) -> tuple[float, ...]:
    """The weights of all parts but the first under which held-out tokens are likeliest.

    parts: nats [tokens] of each part on the same tokens. Expectation maximisation (Jelinek &
    Mercer, "Interpolated estimation of Markov source parameters", 1980).
    """
    chances = np.exp(-np.stack(parts, axis=-1).astype(np.float64))  # [tokens, parts]
    weights = np.full(len(parts), 1 / len(parts))
    for _ in range(ROUNDS):
        shares = chances * weights
        weights = (shares / shares.sum(axis=-1, keepdims=True)).mean(axis=0)
    weights = np.maximum(weights, LEAST)
    return tuple((weights / weights.sum())[1:].tolist())
