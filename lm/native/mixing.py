"""A mixture whose decode steps are mixed by lm/native's own code, where its GPT's are native too.

Everything else is the mixture as it is. It knows no text and no sampling.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lm.corpus.batches import Ids
from lm.engine.slots import Batch
from lm.models.gpt import Cache, chosen
from lm.models.kneser_ney import KneserNey
from lm.models.mixture import Mixture
from lm.models.recency import NOTHING
from lm.models.token_cache import TOKEN_LAYER, remember
from lm.models.voices import Voices
from lm.models.weights import FIGURES, PARTS
from lm.native.decoder import NativeGPT

DTYPES = (np.int64, np.int64, np.int64, np.float32, np.float64, np.float32)


class NativeMixture(Mixture):
    """A mixture that shares another's parts. A row's scores have the same bits in any batch."""

    def __init__(self, gpt: NativeGPT, mixture: Mixture) -> None:
        super().__init__(gpt, mixture.ngrams, mixture.weights, mixture.turns, mixture.voices)
        self.gpt: NativeGPT = gpt
        self._tables = _addresses(mixture.ngrams)
        self._voices = _voices(mixture.voices)
        assert self._table.shape == (PARTS - 1, 1 + FIGURES), self._table.shape
        assert (self._table.dtype, self._common.dtype) == (torch.float32, torch.int64)
        vocabulary = np.arange(self.config.vocab_size)
        due = [] if self.turns is None else vocabulary[self.turns.due(vocabulary)].tolist()
        self._announcing = frozenset(due)

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor,
        cache: Cache | None = None,
        ends: Tensor | None = None,
    ) -> Tensor:
        """As Mixture says."""
        whole = ends is None and isinstance(cache, Batch) and cache.time > 1
        if not isinstance(cache, Batch) or whole or not self.gpt.drives(cache):
            return super().forward(tokens, positions, cache, ends)
        scores: Tensor = self.gpt(tokens, positions, cache, ends)
        due = [token in self._announcing for token in chosen(tokens, ends)[:, 0].tolist()]
        self._mix(tokens, cache, scores, due)
        for row in [row for row, announces in enumerate(due) if announces]:
            new = tokens[row : row + 1, : cache.counts[row]]
            self._announced(new, cache.only(row), scores[row : row + 1])
        return scores

    def _mix(self, tokens: Tensor, cache: Batch, scores: Tensor, due: list[bool]) -> None:
        """Remember tokens; scores [rows, 1, vocab_size] become ln p, of the GPT alone where due."""
        keys = cache.slots.keys[self.config.n_layers]
        count, _, span, _ = keys.shape
        assert keys.shape == (count, 1, span, TOKEN_LAYER[1]), keys.shape
        assert keys.is_contiguous(), keys.stride()
        before = [np.ascontiguousarray(ids, np.int64) for ids in cache.before or _none(cache)]
        self.gpt.mix(
            self._tables,
            self._voices,
            self._table.data_ptr(),
            self._common.data_ptr(),
            tokens.contiguous().data_ptr(),
            cache.time,
            cache.rows,
            cache.at,
            cache.counts,
            cache.bases,
            cache.base_lengths,
            due,
            [ids.ctypes.data for ids in before],
            [len(ids) for ids in before],
            keys.data_ptr(),
            count,
            span,
            scores.data_ptr(),
        )

    def _announced(self, tokens: Tensor, cache: Batch, scores: Tensor) -> None:
        """One row's scores [1, 1, vocab_size], ln p of the GPT, become those of the mixture."""
        assert self.turns is not None
        span = remember(tokens, cache, self.config.n_layers)
        gpt = scores.exp()
        self._announce(self.turns, scores, gpt, span, cache.positions[:, -1:], cache.before)
        scores.log_()


def _none(cache: Batch) -> list[Ids]:
    return [NOTHING] * len(cache.rows)


def _voices(voices: Voices | None) -> tuple[int, int]:
    """Where the boosts lie, which `voices` keeps, or 0; END."""
    if voices is None:
        return 0, 0
    assert voices.boosts.dtype == torch.float32
    assert voices.boosts.is_contiguous()
    return voices.boosts.data_ptr(), voices.end


def _addresses(ngrams: KneserNey) -> tuple[int, ...]:
    """How many contexts there are, and where the tables lie; `ngrams` keeps them."""
    for table, dtype in zip(ngrams.tables, DTYPES, strict=True):
        assert table.dtype == dtype, table.dtype
        assert table.flags.c_contiguous
    return len(ngrams.tables[0]), *(table.ctypes.data for table in ngrams.tables)
