"""What is served where it helps: a GPT, n-grams and what was said lately, mixed token by token.

Within a message p is the sum of what its parts say: the GPT, n-grams, those of each length by
themselves, and recency by each of its memories. Each has the share that weights.py gives it by
figures of the place: how sure the GPT is, how much the others have seen, and what kind of place
it is, by the GPT's chances of the most common tokens. The GPT speaks with the voice of who is
speaking (voices.py). Between messages p = (1 - w_turns) p_gpt + w_turns p_turns, the n-grams of
who spoke. It knows no text; an engine drives it as it drives a GPT.
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
from lm.models.gpt import GPT, Cache, ModelConfig, chosen
from lm.models.kneser_ney import REACH, KneserNey, contexts_of
from lm.models.predictor import Floats, GPTPredictor
from lm.models.token_cache import TOKEN_LAYER, latest, remember, seen
from lm.models.turn_ngrams import Mask, TurnNgrams
from lm.models.voices import Voices
from lm.models.weights import COMMON, EXPECTING, Weights, shares_by

RAREST = -20.0  # ln of a p, in a figure: what is rarer is as rare


class Parts(NamedTuple):
    """What the parts of a mixture say of targets, each by itself.

    nats:    [targets, PARTS] of GPT, n-grams, those of each length, and recency by each of its
             MEMORIES; a p of 0 is inf. Where a message is announced the n-grams are those of turns
    figures: [targets, FIGURES] of the places before them: ln of the GPT's highest p; ln of one more
             than how many kinds of tokens each part but the first two expects, and than how many
             tokens each memory does; ln of the GPT's p of common tokens
    due:     [targets] whether a message is announced there
    alone:   [targets] nats of the GPT without its voices, with which it is all of the above
    """

    nats: Floats
    figures: Floats
    due: Mask
    alone: Floats

    def shares(self, weights: Weights) -> Floats:
        """[targets, PARTS] of each part."""
        within = weights.shares(torch.from_numpy(self.figures)).numpy()
        between = 1 - weights.turns, weights.turns, *[0.0] * EXPECTING
        return np.where(self.due[:, None], np.array(between, np.float32), within)

    def mixed(self, weights: Weights) -> Floats:
        """nats [targets] of the mixture with these weights."""
        chances = np.exp(-self.nats.astype(np.float64))
        found: Floats = -np.log((chances * self.shares(weights)).sum(axis=-1)).astype(np.float32)
        return found


class Mixture(nn.Module):
    """A GPT, its voices, n-grams over the same token ids, of words and of turns, and recency."""

    def __init__(
        self,
        gpt: GPT,
        ngrams: KneserNey,
        weights: Weights,
        turns: TurnNgrams | None = None,
        voices: Voices | None = None,
    ) -> None:
        """Nothing is copied; `gpt` decides device and dtype.

        turns: needed where they have a weight; without, all places are as within a message
        voices: without, everybody chooses words as the GPT says
        """
        super().__init__()
        assert ngrams.config.vocab_size == gpt.config.vocab_size
        assert (turns is not None) == (weights.turns > 0)
        self.gpt, self.ngrams, self.weights = gpt, ngrams, weights
        self.turns, self.voices = turns, voices
        self._table = torch.tensor(weights.tables)
        self._common = torch.from_numpy(ngrams.common(COMMON))

    @property
    def config(self) -> ModelConfig:
        """The GPT's."""
        return self.gpt.config

    @property
    def cache_layers(self) -> tuple[tuple[int, int], ...]:
        """The GPT's, and one of token ids."""
        return (*self.gpt.cache_layers, TOKEN_LAYER)

    @property
    def ragged(self) -> bool:
        """The GPT's."""
        return self.gpt.ragged

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor,
        cache: Cache | None = None,
        ends: Tensor | None = None,
    ) -> Tensor:
        """ln p [batch, time, vocab_size] of the next token after each of tokens [batch, time].

        ends: as GPT says
        """
        span, at = seen(tokens, positions, cache, self.config.n_layers)
        at = chosen(at, ends)
        # In one piece, and before the GPT begins, so that nobody waits for that here.
        both = torch.cat((span, at), dim=1).cpu()
        read = both[:, : span.shape[1]], both[:, span.shape[1] :]
        scores = self.gpt(tokens, positions, cache, ends).float()
        if self.voices is not None:
            scores = scores + uploaded(self.voices.added(*read), scores.device)
        before = cache.before if cache is not None else ()
        return self._mixed(scores.softmax(dim=-1), span, at, read, before).log()

    def prefill(self, tokens: Tensor, positions: Tensor, cache: Cache) -> None:
        """Fill the cache as `forward` does, without computing scores."""
        self.gpt.prefill(tokens, positions, cache)
        remember(tokens, cache, self.config.n_layers)

    def _mixed(
        self,
        gpt: Tensor,
        span: Tensor,
        at: Tensor,
        read: tuple[Tensor, Tensor],
        before: Sequence[Ids],
    ) -> Tensor:
        """p of every token [batch, time, vocab_size] behind places `at`; the GPT's is given.

        read: span and at, on the host; before: of each row, or of none
        """
        matched = self.ngrams.match(latest(*read, REACH).reshape(-1, REACH).numpy())
        ngrams, kinds = (
            uploaded(torch.from_numpy(found).view(*at.shape, found.shape[1]), gpt.device)
            for found in (self.ngrams.distributions(matched), self.ngrams.kinds(matched))
        )
        alone = (
            [uploaded(torch.from_numpy(each), gpt.device) for each in one]
            for one in zip(*self.ngrams.by_length(matched), strict=True)
        )
        whole = span
        if before:
            whole = torch.cat((recency.side_by_side(before, span.device), span), dim=1)
        behind = at + whole.shape[1] - span.shape[1]
        heard = recency.followed(whole, span.shape[1], behind, gpt.shape[-1])
        came = torch.stack([counts.sum(dim=-1) for counts in heard], dim=-1)
        kinds_heard = torch.stack([(counts > 0).sum(dim=-1) for counts in heard], dim=-1)
        table, common = (uploaded(each, gpt.device) for each in (self._table, self._common))
        sure = gpt.amax(dim=-1, keepdim=True).log()
        kind = gpt[..., common].log().clamp_min(RAREST)
        expected = torch.cat((kinds, kinds_heard, came), dim=-1).log1p()
        shares = shares_by(table, torch.cat((sure, expected, kind), dim=-1))
        found = shares[..., :1] * gpt + shares[..., 1:2] * ngrams
        _, _, *others = shares.unbind(dim=-1)
        for share, (places, tokens, p) in zip(others[:REACH], alone, strict=True):
            where = places * gpt.shape[-1] + tokens  # each once
            found.view(-1).index_add_(0, where, share.reshape(-1)[places] * p)
        for share, counts, total in zip(others[REACH:], heard, came.unbind(dim=-1), strict=True):
            found += (share / total.clamp_min(1))[..., None] * counts
        if self.turns is not None:
            self._announce(self.turns, found, gpt, *read, before)
        return found

    def _announce(
        self,
        turns: TurnNgrams,
        found: Tensor,
        gpt: Tensor,
        span: Tensor,
        at: Tensor,
        before: Sequence[Ids],
    ) -> None:
        """Put p into `found` where it is behind the end of a message. span, at: on the host."""
        due = turns.due(span.gather(1, at).numpy())
        for row in np.flatnonzero(due.any(axis=1)).tolist():
            places = np.flatnonzero(due[row])
            said = before[row] if before else recency.NOTHING
            whole = np.concatenate((said, span[row].numpy()))
            p = turns.distributions(whole, len(said) + at[row].numpy()[places])
            theirs = uploaded(self.weights.turns * torch.from_numpy(p), gpt.device)
            where = uploaded(torch.from_numpy(places), gpt.device)
            found[row, where] = (1 - self.weights.turns) * gpt[row, where] + theirs

    def nats(
        self, rows: Sequence[Ids], before: Sequence[Ids] = (), skips: Sequence[int] = ()
    ) -> list[Floats]:
        """As Predictor says."""
        (found,) = self.parts(rows, [before], skips)
        return [parts.mixed(self.weights) for parts in found]

    def parts(
        self, rows: Sequence[Ids], befores: Sequence[Sequence[Ids]], skips: Sequence[int] = ()
    ) -> list[list[Parts]]:
        """What each part says of a row's targets as `nats` has them, row by row; needs no weights.

        befores: what was said before each row, or of none; for each of them all rows, and the GPT,
            which looks no further back, is asked once
        """
        skips = skips or [0] * len(rows)
        asked = self._predictor().nats_and_chances(rows, self._common, skips)
        said = [before or [recency.NOTHING] * len(rows) for before in befores]
        return [
            [
                self._parts(row, b, skip, *own)
                for row, b, skip, own in zip(rows, before, skips, asked, strict=True)
            ]
            for before in said
        ]

    def _parts(
        self,
        row: Ids,
        before: Ids,
        skip: int,
        alone: Floats,
        gpt: Floats,
        sure: Floats,
        *common: Floats,
    ) -> Parts:
        """Of one row; the GPT's nats are given, without its voices and with them, ln of its highest
        p, that of common tokens.
        """
        matched = self.ngrams.match(contexts_of(row)[skip:-1])
        ngrams = self.ngrams.chances(matched, row[skip + 1 :])
        whole = np.concatenate((before, row))
        heard, came, kinds = recency.chances(whole, len(before), skip)
        with np.errstate(divide="ignore"):
            others = -np.log(np.column_stack((ngrams, heard)))
        due: Mask = np.zeros(len(gpt), dtype=np.bool_)
        if self.turns is not None:
            due = self.turns.due(row[skip:-1])
            others[due, 0] = self.turns.nats(whole, len(before) + skip + np.flatnonzero(due))
        nats = np.column_stack((gpt, others))
        expected = np.column_stack((self.ngrams.kinds(matched), kinds, came))
        kind = np.maximum(np.stack(common, axis=-1), np.float32(RAREST))
        figures = np.column_stack((sure, np.log1p(expected), kind))
        return Parts(nats, figures, due, alone)

    def log_probs(
        self, rows: Sequence[Ids], at: Sequence[Sequence[int]], before: Sequence[Ids] = ()
    ) -> list[Floats]:
        """As Predictor says."""
        found = []
        said = before or [recency.NOTHING] * len(rows)
        asked = self._predictor().log_probs(rows, at)
        for row, places, ids, own in zip(rows, at, said, asked, strict=True):
            behind = torch.tensor(list(places), dtype=torch.long)[None]
            read = torch.from_numpy(row)[None], behind
            p = self._mixed(torch.from_numpy(own).exp()[None], *read, read, [ids])
            found.append(p[0].log().numpy())
        return found

    def _predictor(self) -> GPTPredictor:
        return GPTPredictor(self.gpt, self.gpt.embed_tokens.weight.device, self.voices)
