"""What every model can be asked without sampling: how likely is what was really said.

`Predictor` is the interface that the GPT and the n-gram floors share; the judges in lm/judging
know nothing else. Here is the GPT's side of it, which batches and pads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from lm.corpus.batches import Ids
from lm.device import autocast, precision, uploaded
from lm.models.gpt import GPT
from lm.models.voices import Voices

ROWS = 16  # rows per forward pass

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


class Predictor(Protocol):
    """Predicts the next token of token ids, row by row; nothing carries over between rows."""

    def nats(self, rows: Sequence[Ids], before: Sequence[Ids] = ()) -> list[Floats]:
        """-ln p(row[t] | row[:t]) for t = 1 .. len - 1: one array [len - 1] per row.

        before: what was said before each row, or of none; many models do not look back so far
        """
        ...

    def log_probs(self, rows: Sequence[Ids], at: Sequence[Sequence[int]]) -> list[Floats]:
        """ln p of every token that could follow row[: t + 1], for each t in `at` of that row.

        One array [len(at), vocabulary] per row.
        """
        ...


class GPTPredictor:
    """A GPT as a Predictor, in the precision that its device multiplies fastest."""

    def __init__(self, model: GPT, device: torch.device, voices: Voices | None = None) -> None:
        """`model` is on `device`; it is put into eval mode while it is asked.

        voices: what is added to its scores by who speaks, if anything
        """
        self._model, self._device, self._voices = model, device, voices

    def nats(self, rows: Sequence[Ids], before: Sequence[Ids] = ()) -> list[Floats]:
        """As Predictor says."""
        return [found[1] for found in self.nats_and_chances(rows, torch.empty(0, dtype=torch.long))]

    def nats_and_chances(self, rows: Sequence[Ids], common: Tensor) -> list[Floats]:
        """Nats of the GPT alone and as `nats`; ln of the highest p there and of some tokens' p.

        [3 + len(common), len(row) - 1] a row.
        """
        some = common.to(self._device)

        def read(i: int, tokens: Tensor, hidden: Tensor) -> Tensor:
            length = len(rows[i]) - 1
            targets = tokens[1 : length + 1]
            scores = self._model.logits(hidden[:length]).float()
            log_p = scores.log_softmax(dim=-1)
            alone = nats = -log_p.gather(1, targets[:, None])[:, 0]
            if self._voices is not None:
                log_p = self._voiced(scores, rows[i], torch.arange(length)).log_softmax(dim=-1)
                nats = -log_p.gather(1, targets[:, None])[:, 0]
            return torch.stack((alone, nats, log_p.amax(dim=-1), *log_p[:, some].unbind(dim=-1)))

        return self._read(rows, read)

    def log_probs(self, rows: Sequence[Ids], at: Sequence[Sequence[int]]) -> list[Floats]:
        """As Predictor says."""

        def read(i: int, tokens: Tensor, hidden: Tensor) -> Tensor:
            places = torch.tensor(list(at[i]), dtype=torch.long)
            scores = self._model.logits(hidden[places.to(self._device)]).float()
            return self._voiced(scores, rows[i], places).log_softmax(dim=-1)

        return self._read(rows, read)

    def _voiced(self, scores: Tensor, row: Ids, places: Tensor) -> Tensor:
        """Scores [places, vocabulary] with what the voices add to them."""
        if self._voices is None:
            return scores
        (added,) = self._voices.added(torch.from_numpy(row)[None], places[None])
        return scores + uploaded(added, self._device)

    @torch.no_grad()
    def _read(
        self, rows: Sequence[Ids], read: Callable[[int, Tensor, Tensor], Tensor]
    ) -> list[Floats]:
        """read(i, tokens [time], final hidden states [time, d]) of every row i."""
        training = self._model.training
        self._model.eval()
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))  # little padding
        found: dict[int, Floats] = {}
        for start in range(0, len(order), ROWS):
            indices = order[start : start + ROWS]
            padded = np.zeros((len(indices), len(rows[indices[-1]])), dtype=np.int64)
            for row, i in enumerate(indices):
                padded[row, : len(rows[i])] = rows[i]  # causal attention never sees what is behind
            tokens = torch.from_numpy(padded).to(self._device)
            positions = torch.arange(tokens.shape[1], device=self._device).expand_as(tokens)
            with autocast(self._device, precision(self._device)):
                hidden = self._model.hidden(tokens, positions)
                for row, i in enumerate(indices):
                    found[i] = read(i, tokens[row], hidden[row]).cpu().numpy()
        self._model.train(training)
        return [found[i] for i in range(len(rows))]
