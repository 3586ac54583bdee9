"""What is served where it helps: a GPT, n-grams and recency, mixed token by token.

Within a message p = (1 - w_ngrams - w_recency) p_gpt + w_ngrams p_ngrams + w_recency p_recency;
between messages p = (1 - w_turns) p_gpt + w_turns p_turns, the n-grams of who spoke. One weight
each: to have them depend on how much of the context the n-grams know gained less than 0.1 %. It
knows no text; an engine drives it as it drives a GPT.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lm.corpus.batches import Ids
from lm.device import uploaded
from lm.models import recency
from lm.models.gpt import GPT, Cache, ModelConfig
from lm.models.kneser_ney import REACH, KneserNey
from lm.models.predictor import Floats, GPTPredictor
from lm.models.token_cache import TOKEN_LAYER, latest, remember, seen
from lm.models.turn_ngrams import Mask, TurnNgrams

ROUNDS = 100  # of expectation and maximisation; the weights stand still long before
LEAST = 1e-4  # weight of a part: every token stays possible


class Weights(NamedTuple):
    """The shares of all but the GPT: below 1 in any place, and without n-grams it is no mixture.

    ngrams, recency: within a message; turns: between messages
    """

    ngrams: float
    recency: float
    turns: float = 0.0


class Mixture(nn.Module):
    """A GPT with n-grams over the same token ids, of words and of turns, and recency."""

    def __init__(
        self, gpt: GPT, ngrams: KneserNey, weights: Weights, turns: TurnNgrams | None = None
    ) -> None:
        """Nothing is copied; `gpt` decides device and dtype.

        turns: needed where they have a weight; without, all places are as within a message
        """
        super().__init__()
        assert ngrams.config.vocab_size == gpt.config.vocab_size
        assert valid(weights), weights
        assert (turns is not None) == (weights.turns > 0)
        self.gpt, self.ngrams, self.weights, self.turns = gpt, ngrams, weights, turns

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
        span, at = seen(tokens, positions, cache, self.config.n_layers)
        # In one piece, and before the GPT begins, so that nobody waits for that here.
        both = torch.cat((span, at), dim=1).cpu()
        read = both[:, : span.shape[1]], both[:, span.shape[1] :]
        scores = self.gpt(tokens, positions, cache)
        return self._mixed(scores.float().softmax(dim=-1), span, at, read).log()

    def prefill(self, tokens: Tensor, positions: Tensor, cache: Cache) -> None:
        """Fill the cache as `forward` does, without computing scores."""
        self.gpt.prefill(tokens, positions, cache)
        remember(tokens, cache, self.config.n_layers)

    def _mixed(self, gpt: Tensor, span: Tensor, at: Tensor, read: tuple[Tensor, Tensor]) -> Tensor:
        """p of every token [batch, time, vocab_size] behind places `at`; the GPT's is given.

        read: span and at, on the host
        """
        ngrams = uploaded(self.ngrams.after(latest(*read, REACH)), gpt.device)
        found = (1 - self.weights.ngrams - self.weights.recency) * gpt
        found += self.weights.ngrams * ngrams
        if self.weights.recency:
            found += self.weights.recency * recency.distribution(span, at, gpt.shape[-1])
        if self.turns is not None:
            self._announce(self.turns, found, gpt, *read)
        return found

    def _announce(
        self, turns: TurnNgrams, found: Tensor, gpt: Tensor, span: Tensor, at: Tensor
    ) -> None:
        """Put p into `found` where it is behind the end of a message. span, at: on the host."""
        due = turns.due(span.gather(1, at).numpy())
        for row in np.flatnonzero(due.any(axis=1)).tolist():
            places = np.flatnonzero(due[row])
            p = turns.distributions(span[row].numpy(), at[row].numpy()[places])
            theirs = uploaded(self.weights.turns * torch.from_numpy(p), gpt.device)
            where = uploaded(torch.from_numpy(places), gpt.device)
            found[row, where] = (1 - self.weights.turns) * gpt[row, where] + theirs

    def nats(self, rows: Sequence[Ids]) -> list[Floats]:
        """As Predictor says."""
        parts = zip(*self.parts(rows), strict=True)
        return [
            mixed(each, self.weights, self.due(row)) for row, each in zip(rows, parts, strict=True)
        ]

    def due(self, row: Ids) -> Mask:
        """Whether a message is announced by each token of a row but its first: [len(row) - 1]."""
        if self.turns is None:
            return np.zeros(len(row) - 1, dtype=np.bool_)
        return self.turns.due(row[:-1])

    def parts(self, rows: Sequence[Ids]) -> list[list[Floats]]:
        """`nats` of GPT, n-grams and recency, each by itself; a p of 0 is inf.

        Where a message is announced the n-grams are those of turns.
        """
        ngrams = self.ngrams.nats(rows)
        if self.turns is not None:
            for row, nats in zip(rows, ngrams, strict=True):
                at = np.flatnonzero(self.due(row))
                nats[at] = self.turns.nats(row, at)
        with np.errstate(divide="ignore"):
            repeated = [-np.log(recency.chances(torch.from_numpy(row)).numpy()) for row in rows]
        return [self._predictor().nats(rows), ngrams, repeated]

    def log_probs(self, rows: Sequence[Ids], at: Sequence[Sequence[int]]) -> list[Floats]:
        """As Predictor says."""
        found = []
        for row, places, own in zip(rows, at, self._predictor().log_probs(rows, at), strict=True):
            behind = torch.tensor(list(places), dtype=torch.long)[None]
            gpt = torch.from_numpy(own).exp()[None]
            read = torch.from_numpy(row)[None], behind
            found.append(self._mixed(gpt, *read, read)[0].log().numpy())
        return found

    def _predictor(self) -> GPTPredictor:
        return GPTPredictor(self.gpt, self.gpt.embed_tokens.weight.device)


def valid(weights: Sequence[float]) -> bool:
    """Whether these can be Weights. A little of the n-grams keeps every p above 0."""
    if not 2 <= len(weights) <= 3:
        return False
    ngrams, recency, turns = Weights(*weights)
    return ngrams > 0 and recency >= 0 and ngrams + recency < 1 and 0 <= turns < 1


def mixed(parts: Sequence[Floats], weights: Weights, due: Mask) -> Floats:
    """nats [tokens] of a mixture from those of its parts, as Mixture.parts has them.

    due: [tokens] where messages are announced
    """
    within = 1 - weights.ngrams - weights.recency, weights.ngrams, weights.recency
    between = 1 - weights.turns, weights.turns, 0.0
    shares = np.where(due[:, None], between, within)
    chances = np.exp(-np.stack(parts, axis=-1).astype(np.float64))  # [tokens, parts]
    found: Floats = -np.log((chances * shares).sum(axis=-1)).astype(np.float32)
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
