"""Rules of the plan: what suits a corpus and a machine, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from lm.learning.plan import (
    AUTO_SECONDS,
    choose,
    flops_per_token,
    for_learning,
    needed,
    parameters,
    vocabulary,
)
from lm.learning.presets import PRESETS
from lm.models.gpt import GPT
from tests.small_talk import MACHINE

FAST = replace(MACHINE, peak=1e13, memory=64e9)
SLOW = replace(MACHINE, peak=2e10)
NONE = AUTO_SECONDS  # what there is when nobody gives a limit


def test_presets_fit_the_text() -> None:
    """Little text gets a small model, much text a large one where there is time for it."""
    assert choose("auto", 5_000, FAST, NONE).name == "tiny"
    assert choose("auto", 100_000, FAST, NONE).name == "small"
    assert choose("auto", 600_000, FAST, NONE).name == "base"
    assert choose("auto", 9_000_000, FAST, NONE).name == "large"


def test_a_slow_machine_gets_a_smaller_model() -> None:
    """What would take hours is not chosen unless somebody allows the hours."""
    assert choose("auto", 3_000_000, SLOW, NONE).name in ("tiny", "small")
    assert choose("auto", 3_000_000, SLOW, 1e6).name == "large"
    assert choose("large", 3_000_000, SLOW, NONE).name == "large"


def test_what_does_not_fit_is_refused_with_what_would() -> None:
    """The error names both amounts of memory and a preset that fits."""
    small = replace(MACHINE, memory=1.1 * needed(PRESETS["base"], 3_000_000, MACHINE))
    with pytest.raises(
        ValueError, match=r"large needs about .* GB .* are free.*--preset base fits"
    ):
        choose("large", 3_000_000, small, NONE)
    assert choose("auto", 3_000_000, replace(small, peak=1e13), NONE).name == "base"
    with pytest.raises(ValueError, match="close other programs"):
        choose("auto", 3_000_000, replace(MACHINE, memory=1e6), NONE)


def test_a_wrong_name_is_told_the_right_ones() -> None:
    """An unknown preset is an error that lists all."""
    with pytest.raises(ValueError, match=r"huge.*auto, tiny, small, base, large, lad-gpt"):
        choose("huge", 1, MACHINE, NONE)


def test_every_preset_is_a_model() -> None:
    """Every shape is one that can be built, and the parameters are counted without building it."""
    for preset in PRESETS.values():
        config = preset.config(300)
        built = GPT(replace(config, n_layers=1))
        assert parameters(replace(config, n_layers=1)) == sum(w.numel() for w in built.parameters())
        assert flops_per_token(config) > 6 * parameters(config)


def test_the_vocabulary_follows_the_text() -> None:
    """Small corpora see large vocabularies too rarely."""
    sizes = [vocabulary(PRESETS["base"], n) for n in (50_000, 999_999, 1_000_000)]
    assert sizes == [2048, 2048, 4096]


@pytest.mark.parametrize(("turns", "weight"), [(1 / 16, 5.0), (1 / 4, 1.0), (1 / 2, 1.0)])
def test_who_speaks_next_is_a_quarter_of_the_loss(turns: float, weight: float) -> None:
    """Where few tokens announce a speaker each counts more, and nowhere less than a word does."""
    assert PRESETS["base"].turn_weight(turns) == pytest.approx(weight)
    assert PRESETS["lad-gpt"].turn_weight(turns) == 1.0


def test_long_trainings_keep_no_more_time_for_judging() -> None:
    """A twentieth of what is allowed, a minute and a half at most; something is always learnt."""
    assert [for_learning(seconds) for seconds in (600, 1800, 3600)] == [570, 1710, 3510]
    assert for_learning(-3.0) == 1.0
    assert math.isinf(for_learning(math.inf))
