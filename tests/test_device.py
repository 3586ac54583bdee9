"""Rules of the device: what a CPU computes in is what it is quicker in, not what it offers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lm.device import precision
from tests.small_talk import CPU

RATES = {torch.float32: 250e9, torch.bfloat16: 145e9}  # of a Xeon without tiles


@pytest.mark.parametrize(
    ("offered", "rates", "expected"),
    [
        ("avx512_bf16", RATES, torch.float32),
        ("avx512_bf16", {**RATES, torch.bfloat16: 440e9}, torch.bfloat16),
        ("avx2", {**RATES, torch.bfloat16: 440e9}, torch.float32),
    ],
)
def test_a_cpu_computes_in_what_it_is_quicker_in(
    monkeypatch: pytest.MonkeyPatch,
    offered: str,
    rates: dict[torch.dtype, float],
    expected: torch.dtype,
) -> None:
    """Instructions of bfloat16 are no promise; without any it is not even timed."""

    before = torch.get_rng_state()

    def rate(square: Tensor) -> float:
        return rates[square.dtype]

    monkeypatch.setattr("lm.device.capabilities", lambda: {offered: True})
    monkeypatch.setattr("lm.device._rate", rate)
    precision.cache_clear()
    try:
        assert precision(CPU) == expected
        assert torch.equal(torch.get_rng_state(), before)  # a training's draws are its own
    finally:
        precision.cache_clear()
