"""lm/models/predictor.py: what is asked for in part, and what rows share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lm.corpus.batches import Ids
from lm.models import predictor
from lm.models.bigram import Bigram
from lm.models.gpt import GPT
from lm.models.predictor import GPTPredictor, Predictor
from tests.test_mixture import CPU, ROWS, model
from tests.test_ngrams import VOCABULARY

MODELS: dict[str, Callable[[], Predictor]] = {
    "gpt": lambda: GPTPredictor(model().gpt, CPU),
    "voices": lambda: GPTPredictor(model().gpt, CPU, model().voices),
    "mixture": model,
    "kneser-ney": lambda: model().ngrams,
    "bigram": lambda: Bigram(VOCABULARY),
}


def going_on() -> tuple[list[Ids], list[int]]:
    """Rows in no order, and skips: some go on from one of two beginnings, some have one alone."""
    rows, skips = [], []
    for i in range(23):
        start, end = ROWS[i % 3], ROWS[3 + i]
        cut = len(start) - 2 - i % 3
        rows.append(np.concatenate((start[:cut], end[: 2 + i % 7])))
        skips.append(0 if i % 5 == 4 else cut)
    return rows, skips


@pytest.mark.parametrize("name", MODELS)
def test_what_is_skipped_changes_nothing_else(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other targets cost what they cost when all are asked for, whatever company they have."""
    monkeypatch.setattr(predictor, "precision", lambda device: torch.float32)
    rows, skips = going_on()
    before = [np.resize(ROWS[i], 9 * i) for i in range(len(rows))]
    asked = MODELS[name]()
    found = asked.nats(rows, before, skips)
    for row, said, skip, nats in zip(rows, before, skips, found, strict=True):
        (whole,) = asked.nats([row], [said])
        assert nats == pytest.approx(whole[skip:], abs=1e-4)


def test_what_rows_share_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A beginning of many rows goes through the GPT a single time."""
    computed, hidden = 0, GPT.hidden

    def counting(self: GPT, tokens: Tensor, *rest: Any) -> Tensor:
        nonlocal computed
        computed += tokens.numel()
        return hidden(self, tokens, *rest)

    monkeypatch.setattr(GPT, "hidden", counting)
    beginning = np.concatenate(ROWS[:4])[:60]
    rows = [np.append(beginning, [token, 3]) for token in range(10)]
    GPTPredictor(model().gpt, CPU).nats(rows, (), [len(beginning)] * 10)
    assert computed == len(beginning) + 10 * 2
