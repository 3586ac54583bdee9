"""What every model can be asked without sampling: how likely is what was really said.

`Predictor` is the interface that the GPT and the n-gram floors share; the judges in lm/judging
know nothing else. Here is the GPT's side of it, which batches and pads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from lm.corpus.batches import Ids
from lm.device import autocast, precision, uploaded
from lm.models.beginning import Beginning
from lm.models.gpt import GPT
from lm.models.voices import Voices

ROWS = 16  # rows per forward pass

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


class Predictor(Protocol):
    """Predicts the next token of token ids, row by row; nothing carries over between rows."""

    def nats(
        self, rows: Sequence[Ids], before: Sequence[Ids] = (), skips: Sequence[int] = ()
    ) -> list[Floats]:
        """-ln p(row[t] | row[:t]) for t = 1 + skip .. len - 1: one array [len - 1 - skip] per row.

        before: what was said before each row, or of none; many models do not look back so far
        skips: how many of each row's first targets are not asked for, or of none
        """
        ...

    def log_probs(
        self, rows: Sequence[Ids], at: Sequence[Sequence[int]], before: Sequence[Ids] = ()
    ) -> list[Floats]:
        """ln p of every token that could follow row[: t + 1], for each t in `at` of that row.

        One array [len(at), vocabulary] per row; `before` as for `nats`.
        """
        ...


class GPTPredictor:
    """A GPT as a Predictor, in the precision that its device multiplies fastest or in `dtype`."""

    def __init__(
        self,
        model: GPT,
        device: torch.device,
        voices: Voices | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """`model` is on `device`; it is put into eval mode while it is asked.

        voices: what is added to its scores by who speaks, if anything
        """
        self._model, self._device, self._voices = model, device, voices
        self._dtype = dtype or precision(device)

    def nats(
        self, rows: Sequence[Ids], before: Sequence[Ids] = (), skips: Sequence[int] = ()
    ) -> list[Floats]:
        """As Predictor says."""
        none = torch.empty(0, dtype=torch.long)
        return [found[1] for found in self.nats_and_chances(rows, none, skips)]

    def nats_and_chances(
        self, rows: Sequence[Ids], common: Tensor, skips: Sequence[int] = ()
    ) -> list[Floats]:
        """Nats of the GPT alone and as `nats`; ln of the highest p there and of some tokens' p.

        [3 + len(common), len(row) - 1 - skip] a row.
        """
        some = common.to(self._device)
        skips = skips or [0] * len(rows)

        def read(i: int, hidden: Tensor) -> Tensor:
            places = torch.arange(skips[i], len(rows[i]) - 1)
            targets = uploaded(torch.from_numpy(rows[i][skips[i] + 1 :]), self._device)[:, None]
            scores = self._model.logits(hidden[:-1]).float()
            log_p = scores.log_softmax(dim=-1)
            alone = nats = -log_p.gather(1, targets)[:, 0]
            if self._voices is not None:
                log_p = self._voiced(scores, rows[i], places).log_softmax(dim=-1)
                nats = -log_p.gather(1, targets)[:, 0]
            return torch.stack((alone, nats, log_p.amax(dim=-1), *log_p[:, some].unbind(dim=-1)))

        return self._read(rows, skips, read)

    def log_probs(
        self, rows: Sequence[Ids], at: Sequence[Sequence[int]], before: Sequence[Ids] = ()
    ) -> list[Floats]:
        """As Predictor says."""

        def read(i: int, hidden: Tensor) -> Tensor:
            places = torch.tensor(list(at[i]), dtype=torch.long)
            scores = self._model.logits(hidden[places.to(self._device)]).float()
            return self._voiced(scores, rows[i], places).log_softmax(dim=-1)

        return self._read(rows, [0] * len(rows), read)

    def _voiced(self, scores: Tensor, row: Ids, places: Tensor) -> Tensor:
        """Scores [places, vocabulary] with what the voices add to them."""
        if self._voices is None:
            return scores
        (added,) = self._voices.added(torch.from_numpy(row)[None], places[None])
        return scores + uploaded(added, self._device)

    @torch.no_grad()
    def _read(
        self, rows: Sequence[Ids], skips: Sequence[int], read: Callable[[int, Tensor], Tensor]
    ) -> list[Floats]:
        """read(i, final hidden states [len(row) - skip, d] from place `skip` on) of every row i.

        What is skipped and alike in several rows is computed once.
        """
        training = self._model.training
        self._model.eval()
        alike: dict[bytes, list[int]] = {}
        for i, (row, skip) in enumerate(zip(rows, skips, strict=True)):
            alike.setdefault(row[:skip].tobytes(), []).append(i)
        alone = [i for start, group in alike.items() if not start or len(group) == 1 for i in group]
        found: dict[int, Floats] = {}
        with autocast(self._device, self._dtype):
            for i, hidden in self._hidden(rows, alone, 0, None):
                found[i] = read(i, hidden[skips[i] :]).cpu().numpy()
            for start, group in alike.items():
                if start and len(group) > 1:
                    beginning, skip = Beginning(), skips[group[0]]
                    self._compute([rows[group[0]][:skip]], 0, beginning)
                    for i, hidden in self._hidden(rows, group, skip, beginning):
                        found[i] = read(i, hidden).cpu().numpy()
        self._model.train(training)
        return [found[i] for i in range(len(rows))]

    def _hidden(
        self, rows: Sequence[Ids], chosen: Sequence[int], skip: int, beginning: Beginning | None
    ) -> Iterator[tuple[int, Tensor]]:
        """Hidden states [len(row) - skip, d] of the chosen rows, in any order."""
        order = sorted(chosen, key=lambda i: len(rows[i]))  # little padding
        for start in range(0, len(order), ROWS):
            indices = order[start : start + ROWS]
            hidden = self._compute([rows[i][skip:] for i in indices], skip, beginning)
            for row, i in enumerate(indices):
                yield i, hidden[row, : len(rows[i]) - skip]

    def _compute(self, rows: Sequence[Ids], first: int, beginning: Beginning | None) -> Tensor:
        """Hidden states [rows, time, d] of rows whose first tokens stand at place `first`."""
        padded = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
        for row, ids in zip(padded, rows, strict=True):
            row[: len(ids)] = ids  # causal attention never sees what is behind
        tokens = torch.from_numpy(padded).to(self._device)
        positions = torch.arange(first, first + tokens.shape[1], device=self._device)
        return self._model.hidden(tokens, positions.expand_as(tokens), beginning)
